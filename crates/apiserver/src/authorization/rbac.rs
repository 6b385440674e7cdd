//! What roles and their bindings allow.

use cowherd_store::ListOptions;
use serde_json::Value;

use super::Attributes;
use crate::{
    identity::User,
    object::{at, text_at},
    rest,
    selector::LabelSelector,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// The group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Whether a role that is bound to the user allows this.
pub async fn allows(server: &ApiServer, user: &User, attributes: &Attributes) -> ApiResult<bool> {
    for rule in rules(server, user, &attributes.namespace).await? {
        if rule_allows(&rule, attributes) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every rule that holds for the user in a namespace; of the cluster alone where the namespace is empty.
pub async fn rules(server: &ApiServer, user: &User, namespace: &str) -> ApiResult<Vec<Value>> {
    let mut rules = Vec::new();
    for binding in list(server, "clusterrolebindings", None).await? {
        if binds(&binding, user, "") {
            rules.extend(role_rules(server, &binding, "").await?);
        }
    }
    if !namespace.is_empty() {
        for binding in list(server, "rolebindings", Some(namespace)).await? {
            if binds(&binding, user, namespace) {
                rules.extend(role_rules(server, &binding, namespace).await?);
            }
        }
    }
    Ok(rules)
}

async fn list(server: &ApiServer, plural: &str, namespace: Option<&str>) -> ApiResult<Vec<Value>> {
    let resource = server.built_in(GROUP, "v1", plural)?;
    let page = server.store().list(&resource.collection_prefix(namespace), ListOptions::default()).await;
    let entries = page.map_err(ApiError::internal)?.entries;
    entries.iter().map(|entry| resource.decode(&entry.value, entry.modified)).collect()
}

fn binds(binding: &Value, user: &User, namespace: &str) -> bool {
    let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten();
    subjects.into_iter().any(|subject| {
        let name = text_at(subject, &["name"]);
        match text_at(subject, &["kind"]) {
            "User" => name == user.name,
            "Group" => user.is_in(name),
            "ServiceAccount" => {
                let own = text_at(subject, &["namespace"]);
                let namespace = if own.is_empty() { namespace } else { own };
                user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
                    == Some((namespace, name))
            }
            _ => false,
        }
    })
}

/// The rules of the role that a binding names. One that is not there allows nothing.
async fn role_rules(server: &ApiServer, binding: &Value, namespace: &str) -> ApiResult<Vec<Value>> {
    let name = text_at(binding, &["roleRef", "name"]);
    let (plural, namespace) = match text_at(binding, &["roleRef", "kind"]) {
        "Role" if !namespace.is_empty() => ("roles", namespace),
        "ClusterRole" => ("clusterroles", ""),
        _ => return Ok(Vec::new()),
    };
    let resource = server.built_in(GROUP, "v1", plural)?;
    let Some(role) = rest::load(server, &resource, &resource.key(namespace, name)).await? else {
        return Ok(Vec::new());
    };
    if at(&role.object, &["aggregationRule"]).is_some() {
        return aggregated(server, &role.object).await;
    }
    Ok(rules_of(&role.object))
}

fn rules_of(role: &Value) -> Vec<Value> {
    role.get("rules").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The rules of every role that an aggregating one selects.
async fn aggregated(server: &ApiServer, role: &Value) -> ApiResult<Vec<Value>> {
    let selectors = at(role, &["aggregationRule", "clusterRoleSelectors"]).and_then(Value::as_array);
    let selectors: Vec<LabelSelector> = selectors
        .into_iter()
        .flatten()
        .filter_map(|selector| LabelSelector::parse(&cowherd_kinds::labels::format_selector(selector)).ok())
        .filter(|selector| !selector.is_empty())
        .collect();
    let mut rules = Vec::new();
    for role in list(server, "clusterroles", None).await? {
        let selected = selectors.iter().any(|selector| selector.matches(crate::object::labels(&role)));
        if selected && at(&role, &["aggregationRule"]).is_none() {
            rules.extend(rules_of(&role));
        }
    }
    Ok(rules)
}

fn rule_allows(rule: &Value, attributes: &Attributes) -> bool {
    let has = |field: &str, wanted: &str| texts(rule, field).any(|text| text == "*" || text == wanted);
    if !has("verbs", &attributes.verb) {
        return false;
    }
    if let Some(path) = &attributes.path {
        return texts(rule, "nonResourceURLs").any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => pattern == path,
        });
    }
    let resource = if attributes.subresource.is_empty() {
        attributes.resource.clone()
    } else {
        format!("{}/{}", attributes.resource, attributes.subresource)
    };
    let any_parent = format!("*/{}", attributes.subresource);
    let names = || texts(rule, "resourceNames");
    has("apiGroups", &attributes.group)
        && (has("resources", &resource)
            || (!attributes.subresource.is_empty() && texts(rule, "resources").any(|text| text == any_parent)))
        && (names().next().is_none() || names().any(|name| name == attributes.name))
}

fn texts<'a>(rule: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let rule = json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments", "*/scale"]});
        assert!(rule_allows(&rule, &asks("get", "apps", "deployments", "", "web")));
        assert!(rule_allows(&rule, &asks("get", "apps", "statefulsets", "scale", "web")));
        assert!(!rule_allows(&rule, &asks("get", "apps", "deployments", "status", "web")));
        assert!(!rule_allows(&rule, &asks("list", "apps", "deployments", "", "")));
        assert!(!rule_allows(&rule, &asks("get", "", "deployments", "", "web")));
        let rule = json!({"verbs": ["*"], "apiGroups": [""], "resources": ["*"], "resourceNames": ["one"]});
        assert!(rule_allows(&rule, &asks("delete", "", "secrets", "", "one")));
        assert!(!rule_allows(&rule, &asks("delete", "", "secrets", "", "two")));
        assert!(!rule_allows(&rule, &asks("list", "", "secrets", "", "")));
        let rule = json!({"verbs": ["get"], "nonResourceURLs": ["/metrics", "/debug/*"]});
        let path = |path: &str| Attributes { verb: "get".into(), path: Some(path.into()), ..Attributes::default() };
        assert!(rule_allows(&rule, &path("/debug/x")) && !rule_allows(&rule, &path("/metrics/x")));
    }
}
