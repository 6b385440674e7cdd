//! Field selectors: `metadata.name=web,spec.nodeName!=`.

use serde_json::Value;

use crate::{
    object,
    resource::Resource,
    status::{ApiError, ApiResult},
};

/// What fields of an object must be; everything must hold.
#[derive(Clone, Debug, Default)]
pub struct FieldSelector(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads a selector as it stands in a query; only fields that the resource can be selected by are known.
    pub fn parse(text: &str, resource: &Resource) -> ApiResult<Self> {
        let mut requirements = Vec::new();
        for term in split(text) {
            let (field, equal, value) = operator(&term).ok_or_else(|| {
                ApiError::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'"))
            })?;
            let known = matches!(field, "metadata.name" | "metadata.namespace") || resource.is_selectable(field);
            if !known {
                return Err(ApiError::bad_request(resource.not_selectable(field)));
            }
            requirements.push(Requirement { field: field.to_owned(), value: unescape(value), equal });
        }
        Ok(Self(requirements))
    }

    /// Adds that the field must have this value.
    pub fn require(&mut self, field: &str, value: &str) {
        self.0.push(Requirement { field: field.to_owned(), value: value.to_owned(), equal: true });
    }

    /// The value that the field must have, if the selector says so.
    pub fn required(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|known| known.equal && known.field == field).map(|known| known.value.as_str())
    }

    /// Whether it looks at nothing but name and namespace.
    pub fn looks_at_names_only(&self) -> bool {
        self.0.iter().all(|known| matches!(known.field.as_str(), "metadata.name" | "metadata.namespace"))
    }

    /// Whether anything matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields it names.
    pub fn terms(&self) -> usize {
        self.0.len()
    }

    /// Whether this object matches.
    pub fn matches(&self, resource: &Resource, value: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let equal = match requirement.field.as_str() {
                "metadata.name" => object::name(value) == requirement.value,
                "metadata.namespace" => object::namespace(value) == requirement.value,
                field => resource.selectable_field(value, field).unwrap_or_default() == requirement.value,
            };
            equal == requirement.equal
        })
    }
}

/// Splits at the commas that no backslash stands before.
fn split(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ',' && !escaped {
            terms.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(term) = terms.last_mut() {
            term.push(c);
        }
    }
    terms.retain(|term| !term.trim().is_empty());
    terms
}

fn operator(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find(['=', '!'])?;
    let (field, rest) = term.split_at_checked(at)?;
    let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
        (false, value)
    } else {
        (true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?)
    };
    Some((field.trim(), equal, value.trim()))
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_split_at_commas_that_are_not_escaped() {
        assert_eq!(split(r"a=1,b!=x\,y,"), ["a=1", r"b!=x\,y"]);
        assert_eq!(operator("spec.nodeName!="), Some(("spec.nodeName", false, "")));
        assert_eq!(operator("a==b"), Some(("a", true, "b")));
        assert_eq!(operator("a"), None);
        assert_eq!(unescape(r"x\,y"), "x,y");
    }
}
