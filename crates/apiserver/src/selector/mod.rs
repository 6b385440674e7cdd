//! Which objects of a collection a request means.

mod field;
mod label;

use serde_json::Value;

use crate::{query::Query, resource::Resource, status::ApiResult};

pub use field::FieldSelector;
pub use label::LabelSelector;

/// What narrows a list or a watch.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Reads `labelSelector` and `fieldSelector` of a query.
    pub fn parse(query: &Query, resource: &Resource) -> ApiResult<Self> {
        let labels = LabelSelector::parse(query.get("labelSelector").unwrap_or_default())?;
        let fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default(), resource)?;
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
