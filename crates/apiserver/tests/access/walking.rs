//! Every form of route, by every method, as everybody.

use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::cluster::{Answered, Asked, Cluster, Recorded};

/// Methods, some of which nothing has.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "MEND"];

const PEOPLE: &[&str] = &[
    "root",
    "auditor",
    "admin",
    "edit",
    "view",
    "named",
    "itself",
    "stranger",
    "system:anonymous",
    "system:serviceaccount:walk:maker",
];

/// Every form of path that names objects, and odd ones beside them.
const OBJECTS: &[&str] = &[
    "/api/v1/secrets",
    "/api/v1/secrets?watch=true",
    "/api/v1/secrets/one",
    "/api/v1/namespaces/walk/secrets",
    "/api/v1/namespaces/walk/secrets/",
    "/api/v1/namespaces/walk/secrets?watch=true",
    "/api/v1/namespaces/walk/secrets?watch=1",
    "/api/v1/namespaces/walk/secrets?watch",
    "/api/v1/namespaces/walk/secrets?watch=False",
    "/api/v1/namespaces/walk/secrets?watch=0",
    "/api/v1/namespaces/walk/secrets?fieldSelector=metadata.name%3Done",
    "/api/v1/namespaces/walk/secrets?fieldSelector=metadata.name%3Done&watch=true",
    "/api/v1/namespaces/walk/secrets?fieldSelector=metadata.name%3Dtwo",
    "/api/v1/namespaces/walk/secrets?fieldSelector=metadata.name!%3Done",
    "/api/v1/namespaces/walk/secrets?fieldSelector=metadata.name%3D%3Done,metadata.namespace%3Dwalk",
    "/api/v1/namespaces/walk/secrets/one",
    "/api/v1/namespaces/walk/secrets/two",
    "/api/v1/namespaces/walk/secrets/one?watch=true",
    "/api/v1/namespaces/walk/secrets/one/status",
    "/api/v1/namespaces/other/secrets",
    "/api/v1/namespaces/other/secrets/one",
    "/api/v1/watch/secrets",
    "/api/v1/watch/namespaces/walk/secrets",
    "/api/v1/watch/namespaces/walk/secrets/one",
    "/api/v1/watch/namespaces/walk/secrets/two",
    "/api/v1/watch/namespaces/walk/secrets?watch=false",
    "/api/v1/watch/namespaces/other/secrets",
    "/api/v1/watch/namespaces/walk/secrets?fieldSelector=metadata.name%3Done",
    "/api/v1/watch/namespaces",
    "/api/v1/watch/namespaces/walk",
    "/api/v1/watch/namespaces/walk/pods/p/log",
    "/api/v1/proxy/namespaces/walk/pods/p",
    "/api/v1/namespaces",
    "/api/v1/namespaces?watch=true",
    "/api/v1/namespaces/walk",
    "/api/v1/namespaces/other",
    "/api/v1/namespaces/walk/status",
    "/api/v1/namespaces/walk/finalize",
    "/api/v1/nodes",
    "/api/v1/nodes/n",
    "/api/v1/nodes/n/status",
    "/api/v1/namespaces/walk/nodes",
    "/api/v1/watch/nodes/n",
    "/api/v1/pods",
    "/api/v1/namespaces/walk/pods",
    "/api/v1/namespaces/walk/pods/p",
    "/api/v1/namespaces/walk/pods/p/status",
    "/api/v1/namespaces/walk/pods/p/log",
    "/api/v1/namespaces/walk/pods/p/exec",
    "/api/v1/namespaces/walk/pods/p/attach",
    "/api/v1/namespaces/walk/pods/p/portforward",
    "/api/v1/namespaces/walk/pods/p/binding",
    "/api/v1/namespaces/walk/pods/p/eviction",
    "/api/v1/namespaces/walk/pods/p/scale",
    "/api/v1/namespaces/walk/serviceaccounts/absent/token",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/namespaces/walk/deployments",
    "/apis/apps/v1/namespaces/walk/deployments/d",
    "/apis/apps/v1/namespaces/walk/deployments/d/status",
    "/apis/apps/v1/namespaces/walk/deployments/d/scale",
    "/apis/apps/v1/watch/namespaces/walk/deployments/d",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/view",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/walk/roles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/walk/roles/absent",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/walk/rolebindings",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authentication.k8s.io/v1/tokenreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    "/apis/authorization.k8s.io/v1/namespaces/walk/localsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x",
    "/api/v1/namespaces/walk/secrets/one/status/more",
    "/api/v1/namespaces/walk/secrets/one/a/b/c",
    "/api/v1/namespaces/other/secrets/one/a/b/c",
    "/api/v1/namespaces/other/secrets/one%2Fa",
    "/api/v1/namespaces/other/secrets/one,metadata.namespace!=a/b/c/d",
    "/api/v1/namespaces/walk/secrets/../../other/secrets",
    "/api/v1/namespaces/walk/secrets/%2e%2e",
    "/api/v1/namespaces/walk/secrets//one",
    "/api/v1//secrets",
    "/api/a%2Fb",
    "/api/v1/namespaces/walk/finalize/more",
    "/api/v1/namespaces/walk/pods/p/log/more",
    "/api/v1/watch/namespaces/other/secrets/one/a/b",
    "/apis/apps/v1/namespaces/walk/deployments/d/scale/more",
    "/apis/apps/v1/namespaces/other/deployments/d/scale/more",
    "/apis/unknown.io/v1/namespaces/other/unknowns/u/a/b",
    "/api/v1/unknowns",
    "/api/v1/namespaces/walk/unknowns/u",
    "/api/v2/pods",
];

/// Every form of path that names a document, and odd ones beside them.
const DOCUMENTS: &[&str] = &[
    "/",
    "/api",
    "/api/",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/unknown.io",
    "/healthz",
    "/livez",
    "/readyz",
    "/readyz/ping",
    "/version",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/apis/apps/v1",
    "/unknown",
];

/// What an answer comes to, whatever the body that was sent.
fn outcome(answered: &Answered) -> &'static str {
    match answered.code {
        401 => "unauthorized",
        403 => "forbidden",
        404 if answered.document["details"].get("name").is_none() => "no such path",
        405 => "no such method",
        _ => "served",
    }
}

async fn walk(cluster: &Cluster, method: &str, path: &str) -> Value {
    let dry = match (path.contains('?'), path.contains("watch"), method) {
        (_, true, "GET") | (false, _, "GET" | "HEAD") => String::new(),
        (true, ..) => "&dryRun=All".to_owned(),
        (false, ..) => "?dryRun=All".to_owned(),
    };
    let path = format!("{path}{dry}");
    let mut outcomes = Map::new();
    for user in PEOPLE {
        let body = if matches!(method, "POST" | "PUT" | "PATCH") { json!({}) } else { Value::Null };
        let headers = vec![("impersonate-user", user.as_bytes())];
        let answered = Asked { method, path: &path, headers, body }.of(&cluster.admin).await;
        outcomes.insert((*user).to_owned(), outcome(&answered).into());
    }
    Value::Object(outcomes)
}

/// What is known to be otherwise than in Kubernetes: which documents there are, and that they have no method but GET.
fn expected(path: &str, method: &str, real: &Value) -> Value {
    let is_document = DOCUMENTS.contains(&path);
    let reads =
        method == "GET" || (method == "HEAD" && ["/healthz", "/livez", "/readyz", "/readyz/ping"].contains(&path));
    let ours = |outcome: &str| match outcome {
        "served" if is_document && !reads => "no such method".to_owned(),
        other => other.to_owned(),
    };
    let outcomes = real.as_object().unwrap().iter();
    outcomes
        .map(|(user, outcome)| (user.clone(), Value::from(ours(outcome.as_str().unwrap()))))
        .collect::<Map<_, _>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_method_and_person_has_the_outcome_of_kubernetes() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("walk").await;
    let mut others = Vec::new();
    let pairs = OBJECTS.iter().chain(DOCUMENTS).flat_map(|path| METHODS.iter().map(move |method| (*method, *path)));
    let walks = futures::stream::iter(pairs).map(|(method, path)| {
        let ours = &ours;
        async move { (method, path, walk(ours, method, path).await) }
    });
    let walks: Vec<_> = walks.buffered(8).collect().await;
    for (method, path, ours) in walks {
        let asked = format!("{method} {path}");
        let real = recorded.answer(&asked, |real| async move { walk(&real, method, path).await }).await;
        let expected = expected(path, method, &real);
        if ours != expected {
            others.push(format!("{asked}\n  ours {ours}\n  real {expected}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}
