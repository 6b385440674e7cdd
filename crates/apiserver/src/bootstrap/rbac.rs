//! The roles and bindings that Kubernetes has from its start: made where they are missing, and given back what was taken
//! from them, unless they say `autoupdate: "false"`.

use std::{collections::HashMap, sync::Arc};

use cowherd_store::ListOptions;
use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    authorization::{Rule, missing_rules},
    object::{self, as_map, at},
    resource::Resource,
    rest::{Live, WriteOptions, change_internally, create_object, live, read_failed, remove},
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// A document a line, as `cargo xtask rbac` recorded them of a real control plane.
const RECORDED: &str = include_str!("../../data/rbac.jsonl");
/// The annotation of what is given back.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const GROUP: &str = "rbac.authorization.k8s.io";
const PLURALS: [(&str, &str); 4] = [
    ("ClusterRole", "clusterroles"),
    ("ClusterRoleBinding", "clusterrolebindings"),
    ("Role", "roles"),
    ("RoleBinding", "rolebindings"),
];

/// Makes and mends the roles and bindings, all at the same time: the store flushes once for all who wait.
pub async fn run(server: &ApiServer) -> ApiResult<()> {
    let mut kinds = HashMap::new();
    for (kind, plural) in PLURALS {
        let resource = server.built_in(GROUP, "v1", plural)?;
        let known = known(server, &resource).await?;
        kinds.insert(kind, (resource, known));
    }
    let documents: Vec<Value> =
        RECORDED.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(ApiError::internal)?;
    let work = documents.into_iter().filter_map(|document| {
        let (resource, known) = kinds.get(object::text_at(&document, &["kind"]))?;
        let key = resource.key(object::namespace(&document), object::name(&document));
        Some(settle(server, resource, known.get(&key), document))
    });
    try_join_all(work).await?;
    Ok(())
}

/// What there is of a resource, by its keys.
async fn known(server: &ApiServer, resource: &Resource) -> ApiResult<HashMap<String, Live>> {
    let page = server.store().list(&resource.collection_prefix(None), ListOptions::default()).await;
    let entries = page.map_err(read_failed)?.entries;
    entries.into_iter().map(|entry| Ok((entry.key.clone(), live(resource, &entry)?))).collect()
}

async fn settle(server: &ApiServer, resource: &Arc<Resource>, known: Option<&Live>, document: Value) -> ApiResult<()> {
    let Some(known) = known else { return make(server, resource, document).await };
    let says_no = at(&known.object, &["metadata", "annotations", AUTOUPDATE]).is_some_and(|value| value == "false");
    if says_no || is_as_recorded(&known.object, &document) {
        return Ok(());
    }
    if known.object.get("roleRef") != document.get("roleRef") {
        // A binding to another role is another binding.
        remove(server, resource, known).await.map_err(|_| ApiError::internal("a role binding changed at the start"))?;
        return make(server, resource, document).await;
    }
    let mut mended = known.object.clone();
    mend(&mut mended, &document);
    if mended != known.object {
        let key = resource.key(object::namespace(&document), object::name(&document));
        change_internally(server, resource, &key, |object| mend(object, &document)).await?;
    }
    Ok(())
}

async fn make(server: &ApiServer, resource: &Arc<Resource>, document: Value) -> ApiResult<()> {
    create_object(server, resource, document, &WriteOptions::internal("kube-apiserver")).await.map(drop)
}

/// Whether the object says just what the document says, as almost all do at almost every start.
fn is_as_recorded(object: &Value, document: &Value) -> bool {
    let same = |path: &[&str]| at(object, path) == at(document, path);
    ["rules", "aggregationRule", "roleRef", "subjects"].iter().all(|field| same(&[field]))
        && ["labels", "annotations"].iter().all(|field| same(&["metadata", field]))
}

/// Adds what is missing of a document. What somebody has added or said otherwise stays.
fn mend(object: &mut Value, document: &Value) {
    for field in ["annotations", "labels"] {
        let Some(Value::Object(wanted)) = at(document, &["metadata", field]) else { continue };
        let known = object::metadata_mut(object).entry(field).or_insert(Value::Null);
        for (key, value) in wanted {
            as_map(known).entry(key).or_insert_with(|| value.clone());
        }
    }
    if let Some(wanted) = at(document, &["aggregationRule", "clusterRoleSelectors"]) {
        // The rules of such a role are gathered from others.
        let rule = as_map(object).entry("aggregationRule").or_insert(Value::Null);
        add_missing(as_map(rule).entry("clusterRoleSelectors").or_insert(Value::Null), wanted);
    } else if document.get("rules").is_some() {
        let missing = missing_rules(&Rule::of_role(object), &Rule::of_role(document));
        let missing = serde_json::to_value(missing).unwrap_or_default();
        add_missing(as_map(object).entry("rules").or_insert(Value::Null), &missing);
    }
    if let Some(wanted) = document.get("subjects") {
        add_missing(as_map(object).entry("subjects").or_insert(Value::Null), wanted);
    }
}

/// Adds the items to a list that it lacks.
fn add_missing(list: &mut Value, wanted: &Value) {
    let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    let known = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<Value> = wanted.iter().filter(|item| !known.contains(item)).cloned().collect();
    match list {
        Value::Array(list) => list.extend(missing),
        list => *list = Value::Array(missing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_added_and_what_was_added_stays() {
        let document = json!({
            "metadata": {"name": "r", "labels": {"a": "1"}, "annotations": {AUTOUPDATE: "true"}},
            "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}],
        });
        let mut role = json!({
            "metadata": {"name": "r", "labels": {"a": "2", "b": "3"}},
            "rules": [
                {"verbs": ["get"], "apiGroups": [""], "resources": ["*"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]},
            ],
        });
        mend(&mut role, &document);
        let mended = json!({
            "metadata": {"name": "r", "labels": {"a": "2", "b": "3"}, "annotations": {AUTOUPDATE: "true"}},
            "rules": [
                {"verbs": ["get"], "apiGroups": [""], "resources": ["*"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]},
                {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]},
            ],
        });
        assert_eq!(role, mended);
        mend(&mut role, &document);
        assert_eq!(role, mended);
    }

    #[test]
    fn a_role_that_gathers_gets_its_selectors_back_and_a_binding_its_subjects() {
        let selector = |label: &str| json!({"matchLabels": {label: "true"}});
        let document = json!({
            "metadata": {"name": "r"}, "aggregationRule": {"clusterRoleSelectors": [selector("a")]},
            "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
        });
        let mut role = json!({
            "metadata": {"name": "r"}, "aggregationRule": {"clusterRoleSelectors": [selector("b")]}, "rules": [],
        });
        mend(&mut role, &document);
        assert_eq!(role["aggregationRule"]["clusterRoleSelectors"], json!([selector("b"), selector("a")]));
        assert_eq!(role["rules"], json!([]));
        let subject = |name: &str| json!({"kind": "Group", "name": name});
        let mut binding = json!({"metadata": {"name": "b"}, "subjects": [subject("x")]});
        mend(&mut binding, &json!({"metadata": {"name": "b"}, "subjects": [subject("y"), subject("x")]}));
        assert_eq!(binding["subjects"], json!([subject("x"), subject("y")]));
        assert!(binding.get("rules").is_none());
    }
}
