//! What clients ask of an API, as rights: verbs on resources.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::Method;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// A verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub verb: String,
    pub group: String,
    /// With its subresource: `kustomizations/status`.
    pub resource: String,
}

impl Right {
    fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), group: group.to_owned(), resource: resource.to_owned() }
    }

    /// Whether the other one is used where this is given.
    fn covers(&self, used: &Self) -> bool {
        let fits = |given: &str, used: &str| given == "*" || given == used;
        fits(&self.verb, &used.verb) && fits(&self.group, &used.group) && fits(&self.resource, &used.resource)
    }

    /// What a request needs; nothing where it is about no resource.
    fn of(request: &http::Request<Body>) -> Option<Self> {
        let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        let (group, rest) = match parts[..] {
            ["api", _, ref rest @ ..] => ("", rest),
            ["apis", group, _, ref rest @ ..] => (group, rest),
            _ => return None,
        };
        let (resource, name) = match *rest {
            [] => return None,
            ["namespaces", _, resource, ref more @ ..] => (resource, more),
            [resource, ref more @ ..] => (resource, more),
        };
        let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
        let verb = match (request.method(), name) {
            (&Method::GET, [_, ..]) => "get",
            (&Method::GET, []) if is_watch => "watch",
            (&Method::GET, []) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, _) => "delete",
            (method, _) => panic!("nobody asks by {method}"),
        };
        let subresource = name.get(1).map(|subresource| format!("/{subresource}")).unwrap_or_default();
        Some(Self::new(verb, group, &format!("{resource}{subresource}")))
    }
}

/// What was asked by one client.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    used: BTreeSet<Right>,
    refused: BTreeSet<String>,
}

impl Asked {
    /// The client, whose requests are taken down from now on.
    pub fn by(&self, client: Client) -> Client {
        let asked = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (asked, client) = (asked.clone(), client.clone());
            async move {
                // What is asked for an account is that account's to be allowed.
                let for_another = request.headers().contains_key("impersonate-user");
                let right = if for_another {
                    Some(Right::new("impersonate", "", "serviceaccounts"))
                } else {
                    Right::of(&request)
                };
                let told = format!("{} {}", request.method(), request.uri());
                let response = client.send(request).await?;
                let mut log = asked.0.lock().unwrap();
                if response.status() == 403 && !for_another {
                    log.refused.insert(told);
                } else {
                    // An apply that makes an object has to be allowed to make it.
                    let made = right.clone().filter(|right| right.verb == "patch" && response.status() == 201);
                    log.used.extend(made.map(|right| Right { verb: "create".to_owned(), ..right }));
                    log.used.extend(right);
                }
                Ok::<_, kube::Error>(response)
            }
        });
        Client::new(service, "default")
    }

    /// What was asked and not refused.
    pub fn used(&self) -> BTreeSet<Right> {
        self.0.lock().unwrap().used.clone()
    }

    /// What was refused, by method and address.
    pub fn refused(&self) -> Vec<String> {
        self.0.lock().unwrap().refused.iter().cloned().collect()
    }

    /// Those of the rights that nothing asked for.
    pub fn spare(&self, given: &[Right]) -> Vec<Right> {
        let used = self.used();
        given.iter().filter(|right| !used.iter().any(|used| right.covers(used))).cloned().collect()
    }
}

/// Every right that a role gives which `deploy/agent.yaml` holds.
pub fn given(role: &str) -> Vec<Right> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/agent.yaml");
    let text = std::fs::read(file).unwrap();
    let documents = cowherd_yaml::parse_documents(&text, &Default::default()).unwrap();
    let is_role = |value: &Value| value["kind"] == "ClusterRole" && value["metadata"]["name"] == role;
    let found = documents.iter().find(|document| is_role(&document.value));
    let rules = found.unwrap_or_else(|| panic!("there is no role {role}")).value["rules"].as_array().unwrap();
    let mut rights = Vec::new();
    for rule in rules {
        let texts = |field: &str| rule[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        for verb in texts("verbs") {
            for group in texts("apiGroups") {
                rights.extend(texts("resources").map(|resource| Right::new(verb, group, resource)));
            }
        }
    }
    rights
}
