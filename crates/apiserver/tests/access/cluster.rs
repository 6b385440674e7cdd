//! A cluster with people in it, ours or a real one, and what was recorded of the real one.

use std::{collections::BTreeMap, path::PathBuf};

use cowherd_apiserver::{ApiServer, Config, User};
use cowherd_store::{Options, Store};
use http::{HeaderValue, Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

const RBAC: &str = "rbac.authorization.k8s.io";

/// A cluster with the namespaces `walk` and `other`, and people with rights in `walk`.
pub struct Cluster {
    /// Whoever may do everything.
    pub admin: Client,
    /// Nobody, until a request brings a token.
    pub nobody: Client,
    _directory: Option<TempDir>,
}

/// What a request was answered with.
#[derive(Debug)]
pub struct Answered {
    /// The code of HTTP.
    pub code: u16,
    /// The document; `null` for one that is not read because it may not end.
    pub document: Value,
    /// What is said beside it, in the headers.
    pub warnings: Vec<String>,
}

impl Answered {
    /// `message` of a refusal; empty for other answers.
    pub fn message(&self) -> &str {
        if self.code < 400 { "" } else { self.document["message"].as_str().unwrap_or_default() }
    }
}

/// A request that is sent to both.
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub body: Value,
}

impl Asked<'_> {
    /// Sends the request. Bodies of what may be a stream are left unread.
    pub async fn of(&self, client: &Client) -> Answered {
        self.try_of(client).await.unwrap()
    }

    /// The same of a server that may break the connection off.
    pub async fn try_of(&self, client: &Client) -> kube::Result<Answered> {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let kind = if self.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut request = Request::builder().method(method).uri(self.path);
        if !self.headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let body = if self.body.is_null() { Vec::new() } else { serde_json::to_vec(&self.body).unwrap() };
        let response = client.send(request.body(kube::client::Body::from(body)).unwrap()).await?;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("warning").into_iter();
        let warnings = warnings.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()).collect();
        let streams = code == 200 && self.path.contains("watch");
        if streams || self.method == "HEAD" {
            return Ok(Answered { code, document: Value::Null, warnings });
        }
        let bytes = response.into_body().collect_bytes().await.unwrap();
        Ok(Answered { code, document: serde_json::from_slice(&bytes).unwrap_or_default(), warnings })
    }
}

/// What was recorded of a real cluster, by what was asked.
pub struct Recorded {
    path: PathBuf,
    answers: BTreeMap<String, Value>,
    real: Option<Cluster>,
}

impl Recorded {
    /// The recording of that name; asks the real cluster where there is one.
    pub async fn open(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.jsonl"));
        if let Ok(kubeconfig) = std::env::var("COWHERD_KUBERNETES") {
            return Self { path, answers: BTreeMap::new(), real: Some(Cluster::real(&kubeconfig).await) };
        }
        let lines = std::fs::read_to_string(&path).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answers = lines.map(|line| (line["asked"].as_str().unwrap().to_owned(), line["answer"].clone()));
        Self { path, answers: answers.collect(), real: None }
    }

    /// The real cluster, where one is asked.
    pub fn real(&self) -> Option<&Cluster> {
        self.real.as_ref()
    }

    /// What the real cluster answers to this.
    pub async fn answer<F: Future<Output = Value>>(&mut self, asked: &str, ask: impl FnOnce(Cluster) -> F) -> Value {
        if let Some(real) = &self.real {
            let real = Cluster { admin: real.admin.clone(), nobody: real.nobody.clone(), _directory: None };
            let answer = ask(real).await;
            let before = self.answers.insert(asked.to_owned(), answer);
            assert!(before.is_none(), "asked twice: {asked}");
        }
        self.answers.get(asked).unwrap_or_else(|| panic!("no answer was recorded to {asked}")).clone()
    }

    /// Makes what is asked about, where a real cluster is asked.
    pub async fn prepare(&self, prepare: impl AsyncFnOnce(&Cluster)) {
        if let Some(real) = &self.real {
            prepare(real).await;
        }
    }

    /// Writes what the real cluster said, where one was asked.
    pub fn keep(self) {
        if self.real.is_some() {
            let line = |(asked, answer)| json!({"asked": asked, "answer": answer}).to_string() + "\n";
            std::fs::write(self.path, self.answers.into_iter().map(line).collect::<String>()).unwrap();
        }
    }
}

impl Cluster {
    /// One of ours.
    pub async fn ours() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (server, _) = open(&directory).await;
        let nobody = server.client_as(User::anonymous(), "test");
        let cluster = Self { admin: server.client(), nobody, _directory: Some(directory) };
        cluster.people().await;
        cluster
    }

    /// A real one, by the kubeconfig of somebody who may do everything.
    pub async fn real(kubeconfig: &str) -> Self {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
        let mut without = config.clone();
        without.auth_info = Default::default();
        let cluster = Self {
            admin: Client::try_from(config).unwrap(),
            nobody: Client::try_from(without).unwrap(),
            _directory: None,
        };
        cluster.people().await;
        cluster
    }

    /// Asks as the admin.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answered {
        Asked { method, path, headers: Vec::new(), body }.of(&self.admin).await
    }

    /// Asks as somebody else, in whose name the admin asks.
    pub async fn ask_as(&self, user: &str, method: &str, path: &str, body: Value) -> Answered {
        Asked { method, path, headers: vec![("impersonate-user", user.as_bytes())], body }.of(&self.admin).await
    }

    async fn make(&self, path: &str, object: Value) {
        let answered = self.ask("POST", path, object).await;
        assert!(matches!(answered.code, 201 | 409), "{answered:?}");
    }

    async fn role(&self, name: &str, rules: Value) {
        let path = format!("/apis/{RBAC}/v1/namespaces/walk/roles");
        self.make(&path, role("Role", name, rules)).await;
    }

    async fn cluster_role(&self, name: &str, rules: Value) {
        self.make(&format!("/apis/{RBAC}/v1/clusterroles"), role("ClusterRole", name, rules)).await;
    }

    async fn bind(&self, user: &str, kind: &str, role: &str) {
        let name = format!("{}-{role}", user.rsplit(':').next().unwrap());
        let path = format!("/apis/{RBAC}/v1/namespaces/walk/rolebindings");
        self.make(&path, binding("RoleBinding", &name, (kind, role), user)).await;
    }

    async fn bind_everywhere(&self, user: &str, role: &str) {
        let path = format!("/apis/{RBAC}/v1/clusterrolebindings");
        let name = format!("walk-{user}-{role}");
        self.make(&path, binding("ClusterRoleBinding", &name, ("ClusterRole", role), user)).await;
    }

    /// Makes everybody who takes part.
    async fn people(&self) {
        for name in ["walk", "other"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.make("/api/v1/namespaces", namespace).await;
        }
        for name in ["default", "maker", "actor"] {
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
            self.make("/api/v1/namespaces/walk/serviceaccounts", account).await;
        }
        let core = |verbs: &[&str], resources: &[&str], names: &[&str]| json!([{"apiGroups": [""], "resources": resources, "verbs": verbs, "resourceNames": names}]);
        let rbac = |verbs: &[&str], resources: &[&str], names: &[&str]| json!([{"apiGroups": [RBAC], "resources": resources, "verbs": verbs, "resourceNames": names}]);
        self.bind_everywhere("root", "cluster-admin").await;
        self.bind_everywhere("auditor", "view").await;
        for user in ["admin", "edit", "view"] {
            self.bind(user, "ClusterRole", user).await;
        }
        self.role("maker", core(&["create"], &["secrets"], &[])).await;
        self.bind("system:serviceaccount:walk:maker", "Role", "maker").await;
        self.role("named", core(&["get", "list", "watch", "delete"], &["secrets"], &["one"])).await;
        self.bind("named", "Role", "named").await;
        self.role("itself", core(&["get", "update"], &["namespaces"], &[])).await;
        self.bind("itself", "Role", "itself").await;
        // Those who may write roles and bindings.
        let write = ["create", "update", "patch", "delete", "deletecollection"];
        self.role("writer", rbac(&write, &["roles", "rolebindings"], &[])).await;
        self.role("reader", core(&["get", "list"], &["pods", "*/log"], &[])).await;
        self.role("big", core(&["*"], &["*"], &[])).await;
        for user in ["writer", "escalator", "binder"] {
            self.bind(user, "Role", "writer").await;
            self.bind(user, "Role", "reader").await;
        }
        self.role("escalator", rbac(&["escalate"], &["roles"], &["reader", "made"])).await;
        self.bind("escalator", "Role", "escalator").await;
        self.role("binder", rbac(&["bind"], &["roles", "clusterroles"], &["big", "view", "absent"])).await;
        self.bind("binder", "Role", "binder").await;
        self.role("everything", rbac(&["*"], &["roles", "rolebindings"], &[])).await;
        self.bind("star", "Role", "everything").await;
        self.bind("nobody-bound", "Role", "big").await;
        self.cluster_role("walk-writer", rbac(&write, &["clusterroles", "clusterrolebindings"], &[])).await;
        self.bind_everywhere("clusterwriter", "walk-writer").await;
        self.cluster_role("walk-paths", json!([{"nonResourceURLs": ["/metrics", "/debug/*"], "verbs": ["get"]}])).await;
        self.bind_everywhere("clusterwriter", "walk-paths").await;
        let gathering = json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": "walk-gathering"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"gather": "walk"}}]}, "rules": [],
        });
        self.make(&format!("/apis/{RBAC}/v1/clusterroles"), gathering).await;
        // Somebody who may act for some.
        let of = |group: &str, resource: &str, names: &[&str]| json!({"apiGroups": [group], "resources": [resource], "verbs": ["impersonate"], "resourceNames": names});
        let acting = json!([
            of("", "users", &["jane"]),
            of("", "groups", &["herders", "system:authenticated"]),
            of("", "serviceaccounts", &["maker"]),
            of("authentication.k8s.io", "userextras/scopes", &["view"]),
            of("authentication.k8s.io", "uids", &["7"]),
        ]);
        self.cluster_role("walk-actor", acting).await;
        self.bind_everywhere("system:serviceaccount:walk:actor", "walk-actor").await;
    }
}

/// A server of ours on a directory, with its store.
pub async fn open(directory: &TempDir) -> (ApiServer, Store) {
    let store = Store::open(directory.path().join("state.redb"), Options::default()).unwrap();
    (ApiServer::open(store.clone(), Config::default()).await.unwrap(), store)
}

pub fn role(kind: &str, name: &str, rules: Value) -> Value {
    json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name}, "rules": rules})
}

pub fn binding(kind: &str, name: &str, (role_kind, role): (&str, &str), user: &str) -> Value {
    let subject = match user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        Some((namespace, name)) => json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}),
        None => json!({"apiGroup": RBAC, "kind": "User", "name": user}),
    };
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role}, "subjects": [subject],
    })
}
