//! Which rights are given, and which are used.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// A verb on a resource.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    verb: String,
    group: String,
    /// With its subresource: `kustomizations/status`.
    resource: String,
}

/// What was asked of an API server.
pub struct Used {
    /// What was allowed.
    pub rights: BTreeSet<Right>,
    /// What was not, in words.
    pub refused: Vec<String>,
}

impl Used {
    /// Whether a right was used; one on everything is used by any request of that verb.
    pub fn uses(&self, right: &Right) -> bool {
        let fits = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        self.rights.iter().any(|used| {
            used.verb == right.verb && fits(&right.group, &used.group) && fits(&right.resource, &used.resource)
        })
    }
}

/// What the requests of an audit log needed.
pub fn used(log: &[Value]) -> Used {
    let mut used = Used { rights: BTreeSet::new(), refused: Vec::new() };
    for event in log {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let object = |field: &str| event["objectRef"][field].as_str().unwrap_or_default().to_owned();
        // What is asked for an account is that account's to be allowed.
        let is_for_another = event["impersonatedUser"].is_object();
        if is_for_another {
            used.rights.insert(Right {
                verb: "impersonate".into(),
                group: String::new(),
                resource: "serviceaccounts".into(),
            });
        } else if event["responseStatus"]["code"] == 403 {
            used.refused.push(format!("{} {}", text("verb"), text("requestURI")));
        } else if event["objectRef"].is_object() {
            let (resource, subresource) = (object("resource"), object("subresource"));
            let resource = if subresource.is_empty() { resource } else { format!("{resource}/{subresource}") };
            // Who applies what is not there yet has to be allowed to create it.
            let has_created = text("verb") == "patch" && event["responseStatus"]["code"] == 201;
            for verb in [text("verb")].into_iter().chain(has_created.then(|| "create".to_owned())) {
                used.rights.insert(Right { verb, group: object("apiGroup"), resource: resource.clone() });
            }
        }
    }
    used
}

/// Every right that the roles of a file give, one for each verb, group and resource.
pub fn given(file: &Path) -> Vec<Right> {
    let text = std::fs::read_to_string(file).unwrap();
    let documents = cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default()).unwrap();
    let mut rights = Vec::new();
    for rule in documents.iter().filter_map(|document| document.value["rules"].as_array()).flatten() {
        let texts = |field: &str| rule[field].as_array().cloned().unwrap_or_default().into_iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for (verb, group, resource) in texts("verbs").flat_map(|verb| {
            texts("apiGroups").flat_map(move |group| {
                let verb = verb.clone();
                texts("resources").map(move |resource| (verb.clone(), group.clone(), resource))
            })
        }) {
            rights.push(Right { verb: text(&verb), group: text(&group), resource: text(&resource) });
        }
    }
    rights
}
