//! The roles and bindings that Kubernetes has from its start: made where they are missing, and given back what was taken
//! from them, unless they say `autoupdate: "false"`.

use std::{collections::HashMap, sync::Arc};

use cowherd_store::{Change, Entry, Expected, ListOptions, WriteError};
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::mark::{self, Mark};
use crate::{
    authorization::{Rule, missing_rules},
    following,
    object::{self, as_map, at},
    resource::{Resource, group_prefix},
    rest::{Live, WriteOptions, begun, change_internally, create_object, live, read_failed, remove},
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// A document a line, as `cargo xtask rbac` recorded them of a real control plane.
const RECORDED: &str = include_str!("../../data/rbac.jsonl");
/// What tells them from those of other programs.
const FINGERPRINT: u64 = mark::fingerprint(RECORDED);
/// The annotation of what is given back.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const GROUP: &str = "rbac.authorization.k8s.io";
const PLURALS: [(&str, &str); 4] = [
    ("ClusterRole", "clusterroles"),
    ("ClusterRoleBinding", "clusterrolebindings"),
    ("Role", "roles"),
    ("RoleBinding", "rolebindings"),
];

/// Makes and mends the roles and bindings. At almost every start nothing is to do, and at the first all is to be made, so
/// nothing is looked at where nothing has changed since the last start, otherwise only what has, and what is missing is
/// written at once.
pub async fn run(server: &ApiServer) -> ApiResult<()> {
    let looked_at = Mark::read(server, FINGERPRINT).await?;
    if looked_at.as_ref().is_some_and(|mark| mark.covers_all(server.policies().extent())) {
        return Ok(());
    }
    let mut kinds = HashMap::new();
    for (kind, plural) in PLURALS {
        kinds.insert(kind, server.built_in(GROUP, "v1", plural)?);
    }
    let found = server.store().list(&group_prefix(GROUP), ListOptions::default()).await.map_err(read_failed)?;
    let fresh = found.entries.is_empty();
    let known: HashMap<String, Entry> = found.entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();

    let (mut missing, mut changed) = (Vec::new(), Vec::new());
    for line in RECORDED.lines() {
        let head: Head<'_> = serde_json::from_str(line).map_err(ApiError::internal)?;
        let Some(resource) = kinds.get(head.kind) else { continue };
        let key = resource.key(head.metadata.namespace, head.metadata.name);
        match known.get(&key) {
            None => missing.push((resource, key, line)),
            Some(entry) if looked_at.as_ref().is_some_and(|mark| mark.covers(entry.modified)) => {}
            Some(entry) if is_as_recorded(&entry.value, line) => {}
            Some(entry) => changed.push((resource, entry, line)),
        }
    }
    let work = changed.into_iter().map(|(resource, entry, line)| async move {
        let document = serde_json::from_str(line).map_err(ApiError::internal)?;
        settle(server, resource, &live(resource, entry)?, document).await
    });
    try_join_all(work).await?;
    let mark = match fresh {
        true => Mark::with_what_is_written(FINGERPRINT, missing.len()),
        false => Mark::at(FINGERPRINT, found.revision, known.len()),
    };
    if missing.is_empty() { remember(server, &mark) } else { make(server, missing, mark).await }
}

/// Writes the mark alone. Nobody waits for what only the next start asks for.
fn remember(server: &ApiServer, mark: &Mark) -> ApiResult<()> {
    let (store, change) = (server.store().clone(), mark.change()?);
    tokio::spawn(async move {
        if let Err(error) = store.commit(vec![change]).await {
            tracing::debug!(%error, "the next start looks at roles and bindings again");
        }
    });
    Ok(())
}

/// The roles and bindings that every cluster has from the start, as Kubernetes makes them.
pub fn default_roles() -> Vec<Value> {
    RECORDED.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Which object a document is about.
#[derive(Deserialize)]
struct Head<'a> {
    kind: &'a str,
    #[serde(borrow)]
    metadata: Named<'a>,
}

#[derive(Deserialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(default)]
    namespace: &'a str,
}

/// Writes what is missing, all of it at once, and the mark with it. Where another server does the same at this moment,
/// nothing happens here, and what there is then is looked at by the next start.
async fn make(server: &ApiServer, missing: Vec<(&Arc<Resource>, String, &str)>, mark: Mark) -> ApiResult<()> {
    let now = crate::clock::now();
    let options = WriteOptions::internal("kube-apiserver");
    let mut changes = Vec::with_capacity(missing.len() + 1);
    for (resource, key, line) in missing {
        let document = serde_json::from_str(line).map_err(ApiError::internal)?;
        let mut object = begun(resource, document, &options, &now)?;
        changes.push(Change::put(key, resource.encode(&mut object)?, Expected::Absent));
    }
    changes.push(mark.change()?);
    let keys = following::keys(&changes);
    match server.store().commit(changes).await {
        Ok(done) => server.following().reached_all(keys, &done).await,
        Err(WriteError::Conflict { key, .. }) => tracing::info!(key, "another server makes the roles of the start"),
        Err(error) => return Err(ApiError::internal(error)),
    }
    Ok(())
}

async fn settle(server: &ApiServer, resource: &Arc<Resource>, known: &Live, document: Value) -> ApiResult<()> {
    let says_no = at(&known.object, &["metadata", "annotations", AUTOUPDATE]).is_some_and(|value| value == "false");
    if says_no {
        return Ok(());
    }
    if known.object.get("roleRef") != document.get("roleRef") {
        // A binding to another role is another binding.
        remove(server, resource, known).await.map_err(|_| ApiError::internal("a role binding changed at the start"))?;
        let options = WriteOptions::internal("kube-apiserver");
        return create_object(server, resource, document, &options).await.map(drop);
    }
    let mut mended = known.object.clone();
    mend(&mut mended, &document);
    if mended != known.object {
        let key = resource.key(object::namespace(&document), object::name(&document));
        change_internally(server, resource, &key, |object| mend(object, &document)).await?;
    }
    Ok(())
}

/// What a document says of a role or binding.
#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    metadata: Words,
    aggregation_rule: Option<Value>,
    role_ref: Option<Value>,
    subjects: Option<Value>,
    #[serde(borrow)]
    rules: Option<Text<'a>>,
}

#[derive(PartialEq, Deserialize)]
struct Words {
    annotations: Option<Value>,
    labels: Option<Value>,
}

/// Whether a stored object says just what a document says, as almost all do at almost every start. What a role gathers is
/// said by others, and is long.
fn is_as_recorded(object: &[u8], document: &str) -> bool {
    let (Ok(mut said), Ok(mut recorded)) =
        (serde_json::from_slice::<Said<'_>>(object), serde_json::from_str::<Said<'_>>(document))
    else {
        return false;
    };
    if recorded.aggregation_rule.is_some() {
        (said.rules, recorded.rules) = (None, None);
    }
    said == recorded
}

/// A value that is read when it is compared.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] &'a RawValue);

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        let read = |text: &Self| serde_json::from_str::<Value>(text.0.get()).ok();
        read(self) == read(other)
    }
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
        let missing = lacking(&Rule::of_role(object), Rule::of_role(document));
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

/// What a role lacks of the rules that it shall have; all of them, where what it has is too much to be compared.
fn lacking(held: &[Rule], wanted: Vec<Rule>) -> Vec<Rule> {
    let held: Vec<&Rule> = held.iter().collect();
    missing_rules(&held, &wanted, usize::MAX).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Config;

    async fn server(directory: &tempfile::TempDir) -> ApiServer {
        let store = cowherd_store::Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
        ApiServer::open(store, Config::default()).await.unwrap()
    }

    /// An object without what is another one at each making.
    fn comparable(mut object: Value) -> Value {
        let metadata = object::metadata_mut(&mut object);
        metadata.retain(|field, _| !matches!(field.as_str(), "uid" | "creationTimestamp" | "resourceVersion"));
        for manager in metadata["managedFields"].as_array_mut().unwrap() {
            as_map(manager).remove("time");
        }
        object
    }

    #[tokio::test]
    async fn what_is_written_at_once_is_what_a_request_would_have_made() {
        let directory = tempfile::tempdir().unwrap();
        let server = server(&directory).await;
        let options = WriteOptions::internal("kube-apiserver");
        for line in RECORDED.lines() {
            let mut document: Value = serde_json::from_str(line).unwrap();
            let plural = PLURALS.iter().find(|(kind, _)| document["kind"] == *kind).unwrap().1;
            let resource = server.built_in(GROUP, "v1", plural).unwrap();
            // The one of that name is there already.
            document["metadata"]["name"] = format!("again-{}", object::name(&document)).into();
            let ours = begun(&resource, document.clone(), &options, &crate::clock::now()).unwrap();
            let requested = create_object(&server, &resource, document, &options).await.unwrap();
            assert_eq!(comparable(ours), comparable(requested));
        }
    }

    #[tokio::test]
    async fn only_what_was_written_since_is_looked_at_again() {
        let directory = tempfile::tempdir().unwrap();
        let server = server(&directory).await;
        let made = server.store().revision().await.unwrap();
        run(&server).await.unwrap();
        assert_eq!(server.store().revision().await.unwrap(), made, "nothing is to do");

        let roles = server.built_in(GROUP, "v1", "clusterroles").unwrap();
        let key = roles.key("", "system:node");
        change_internally(&server, &roles, &key, |role| role["rules"] = json!([])).await.unwrap();
        run(&server).await.unwrap();
        let mended = crate::rest::load(&server, &roles, &key).await.unwrap().unwrap();
        assert!(!mended.object["rules"].as_array().unwrap().is_empty());

        // What was mended is looked at once more, and then no longer.
        run(&server).await.unwrap();
        let is_known =
            async || Mark::read(&server, FINGERPRINT).await.unwrap().unwrap().covers_all(server.policies().extent());
        let is_remembered = async || {
            while !is_known().await {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        is_remembered().await;
        let settled = server.store().revision().await.unwrap();
        run(&server).await.unwrap();
        assert_eq!(server.store().revision().await.unwrap(), settled);
        // What is the clusters' own is looked past once.
        let own = json!({"kind": "ClusterRole", "metadata": {"name": "own"}, "rules": []});
        create_object(&server, &roles, own, &WriteOptions::internal("test")).await.unwrap();
        assert!(!is_known().await);
        run(&server).await.unwrap();
        is_remembered().await;
        let known = crate::rest::load(&server, &roles, &key).await.unwrap().unwrap();
        assert!(remove(&server, &roles, &known).await.is_ok());
        assert!(!is_known().await, "what is gone was not written since");
        run(&server).await.unwrap();
        assert!(crate::rest::load(&server, &roles, &key).await.unwrap().is_some(), "it is made again");

        let other = Mark::at(mark::fingerprint("other documents"), settled, 0);
        server.store().commit(vec![other.change().unwrap()]).await.unwrap();
        assert_eq!(Mark::read(&server, FINGERPRINT).await.unwrap(), None, "other documents are another matter");
    }

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
    fn what_says_as_much_as_a_document_is_as_recorded() {
        let role = |rules: Value, gathers: bool| {
            let rule = gathers.then(|| json!({"clusterRoleSelectors": []}));
            json!({"metadata": {"name": "r", "labels": {"a": "b"}, "uid": "u"}, "rules": rules, "aggregationRule": rule})
        };
        let is_same =
            |object: &Value, document: &Value| is_as_recorded(object.to_string().as_bytes(), &document.to_string());
        let (one, other) = (json!([{"verbs": ["get"]}]), json!([{"verbs": ["list"]}]));
        assert!(is_same(&role(one.clone(), false), &role(one.clone(), false)));
        assert!(!is_same(&role(other.clone(), false), &role(one.clone(), false)));
        assert!(is_same(&role(other.clone(), true), &role(one.clone(), true)), "that is gathered");
        assert!(!is_same(&role(other, false), &role(one.clone(), true)));
        let mut unlabelled = role(one.clone(), false);
        unlabelled["metadata"]["labels"] = Value::Null;
        assert!(!is_same(&unlabelled, &role(one, false)) && !is_as_recorded(b"{", "{}"));
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
