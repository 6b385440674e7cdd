//! Which objects of a collection a request means.

mod field;
mod label;

use serde_json::Value;

use crate::{
    query::Query,
    resource::Resource,
    status::{ApiError, ApiResult},
};

pub use field::FieldSelector;
pub use label::LabelSelector;

/// How many keys and values selectors may name together. A list compares each of its objects with all of them, and a watch
/// keeps them for as long as it lasts, with thousands of others.
const MOST_TERMS: usize = 256;
/// How many bytes a selector may have.
const LONGEST: usize = 8 * 1024;

/// The selector that a query gives.
fn given<'a>(query: &'a Query, name: &str) -> ApiResult<&'a str> {
    let text = query.get(name).unwrap_or_default();
    if text.len() > LONGEST {
        let length = text.len();
        return Err(ApiError::bad_request(format!("{name} has {length} bytes, and no more than {LONGEST} are read")));
    }
    Ok(text)
}

/// What narrows a list or a watch.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Reads `labelSelector` and `fieldSelector` of a query.
    pub fn parse(query: &Query, resource: &Resource) -> ApiResult<Self> {
        let (labels, fields) = (given(query, "labelSelector")?, given(query, "fieldSelector")?);
        let (labels, fields) = (LabelSelector::parse(labels)?, FieldSelector::parse(fields, resource)?);
        let terms = labels.terms() + fields.terms();
        if terms > MOST_TERMS {
            let remedy = "ask several times, or select by another label";
            return Err(ApiError::bad_request(format!(
                "the selectors have {terms} terms, and no more than {MOST_TERMS} are looked at; {remedy}"
            )));
        }
        Ok(Self { labels, fields })
    }

    /// Only the object of this name.
    #[must_use]
    pub fn and_name(mut self, name: &str) -> Self {
        self.fields.require("metadata.name", name);
        self
    }

    /// Whether every object is meant.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it looks at nothing but names, namespaces and labels.
    pub fn looks_at_marks_only(&self) -> bool {
        self.fields.looks_at_names_only()
    }

    /// The one name that can match, where the selection holds one.
    pub fn name(&self) -> Option<&str> {
        self.fields.required("metadata.name")
    }

    /// Whether the object is meant.
    pub fn matches(&self, resource: &Resource, object: &Value) -> bool {
        self.labels.matches(crate::object::labels(object)) && self.fields.matches(resource, object)
    }
}
