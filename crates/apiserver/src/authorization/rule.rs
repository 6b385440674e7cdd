//! A rule of a role: what it allows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::Attributes;

/// What stands for everything.
pub const ALL: &str = "*";

/// What may be done with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// What may be done.
    pub verbs: Vec<String>,
    /// The groups of the resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// The resources; after a slash, a subresource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The only objects with which it may be done; with all where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths that are no resources; a star at the end stands for whatever follows.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// The rules of a role. One that cannot be read allows nothing.
    pub fn of_role(role: &Value) -> Vec<Self> {
        let rules = role.get("rules").and_then(Value::as_array).into_iter().flatten();
        rules.filter_map(|rule| Self::deserialize(rule).ok()).collect()
    }

    /// The rules of a list of them, as it is stored. One that cannot be read allows nothing.
    pub fn of_text(list: &str) -> Vec<Self> {
        let rules: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
        rules.into_iter().filter_map(|rule| serde_json::from_str(rule.get()).ok()).collect()
    }

    /// Everything there is.
    pub fn everything() -> [Self; 2] {
        let all = || vec![ALL.to_owned()];
        [
            Self { verbs: all(), api_groups: all(), resources: all(), ..Self::default() },
            Self { verbs: all(), non_resource_urls: all(), ..Self::default() },
        ]
    }

    /// How many bytes it has, roughly.
    pub fn size(&self) -> usize {
        let lists = [&self.verbs, &self.api_groups, &self.resources, &self.resource_names, &self.non_resource_urls];
        lists.into_iter().flatten().map(|text| text.len() + 3).sum()
    }

    /// Whether the rule allows this.
    pub fn allows(&self, asked: &Attributes) -> bool {
        if !names(&self.verbs, &asked.verb) {
            return false;
        }
        match &asked.path {
            Some(path) => self.non_resource_urls.iter().any(|pattern| url_covers(pattern, path)),
            None => {
                names(&self.api_groups, &asked.group)
                    && resource_is_named(&self.resources, &asked.full_resource())
                    && (self.resource_names.is_empty() || self.resource_names.contains(&asked.name))
            }
        }
    }
}

/// Whether a list names this, or everything.
pub fn names(list: &[String], wanted: &str) -> bool {
    list.iter().any(|known| known == ALL || known == wanted)
}

/// Whether a list of resources names this one: itself, everything, or its subresource of whatever there is.
pub fn resource_is_named(list: &[String], wanted: &str) -> bool {
    let of_any = wanted.split_once('/').map(|(_, subresource)| format!("*/{subresource}"));
    names(list, wanted) || of_any.is_some_and(|of_any| list.contains(&of_any))
}

/// Whether a pattern of paths means this path, or every path that this pattern means.
pub fn url_covers(pattern: &str, path: &str) -> bool {
    pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(value: Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    fn asks(verb: &str, group: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        Attributes {
            verb: verb.into(),
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: name.into(),
            ..Attributes::default()
        }
    }

    #[test]
    fn a_rule_allows_what_it_names() {
        let rule = rule(json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments", "*/scale"]}));
        assert!(rule.allows(&asks("get", "apps", "deployments", "", "web")));
        assert!(rule.allows(&asks("get", "apps", "statefulsets", "scale", "web")));
        assert!(!rule.allows(&asks("get", "apps", "deployments", "status", "web")));
        assert!(!rule.allows(&asks("list", "apps", "deployments", "", "")));
        assert!(!rule.allows(&asks("get", "", "deployments", "", "web")));
        assert!(!rule.allows(&asks("get", "apps", "scale", "", "web")));
    }

    #[test]
    fn a_star_stands_for_everything_but_the_names() {
        let rule =
            rule(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["one", "three"]}));
        assert!(rule.allows(&asks("delete", "apps", "secrets", "", "one")));
        assert!(rule.allows(&asks("delete", "", "pods", "log", "three")));
        assert!(!rule.allows(&asks("delete", "", "secrets", "", "two")));
        assert!(!rule.allows(&asks("list", "", "secrets", "", "")));
    }

    #[test]
    fn paths_are_allowed_by_themselves_or_by_how_they_begin() {
        let rule = rule(json!({"verbs": ["get"], "nonResourceURLs": ["/metrics", "/debug/*"]}));
        let path = |path: &str| Attributes { verb: "get".into(), path: Some(path.into()), ..Attributes::default() };
        assert!(rule.allows(&path("/metrics")) && rule.allows(&path("/debug/x")));
        assert!(!rule.allows(&path("/metrics/x")) && !rule.allows(&path("/debug")));
        assert!(!rule.allows(&Attributes { verb: "post".into(), ..path("/metrics") }));
        assert!(!rule.allows(&asks("get", "", "metrics", "", "")));
    }

    #[test]
    fn what_cannot_be_read_allows_nothing() {
        let role = json!({"rules": [{"verbs": "get", "apiGroups": [""], "resources": ["pods"]}, {"verbs": ["list"]}]});
        assert_eq!(Rule::of_role(&role), [rule(json!({"verbs": ["list"]}))]);
        assert_eq!(Rule::of_text(&role["rules"].to_string()), Rule::of_role(&role));
        assert!(["", "null", "{}", "[1]"].iter().all(|list| Rule::of_text(list).is_empty()));
        assert!(!rule(json!({"verbs": ["list"]})).allows(&asks("list", "", "pods", "", "")));
    }

    #[test]
    fn a_rule_reads_as_it_was_written() {
        let written = json!({
            "verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"],
        });
        assert_eq!(serde_json::to_value(rule(written.clone())).unwrap(), written);
        let [all, paths] = Rule::everything();
        let [all, paths] = [all, paths].map(|rule| serde_json::to_value(rule).unwrap());
        assert_eq!(all, json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        assert_eq!(paths, json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
}
