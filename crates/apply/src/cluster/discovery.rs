//! Which kinds a cluster serves, asked for as they are needed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResourceList};
use kube::Client;
use kube::core::ApiResource;

/// A kind as the cluster serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    /// Group, version, kind and plural.
    pub(crate) resource: ApiResource,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Whether its objects can be listed and watched.
    pub(crate) watchable: bool,
    /// Whether its objects have a status that is written on its own.
    pub(crate) has_status: bool,
}

type Group = Arc<HashMap<String, Arc<Kind>>>;

/// The kinds of the API versions that were asked for.
pub(super) struct Kinds {
    client: Client,
    known: Mutex<HashMap<(String, String), Group>>,
}

impl Kinds {
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// The kind; an API version that is not known to have it is asked for again.
    pub(super) async fn find(&self, group: &str, version: &str, kind: &str) -> kube::Result<Option<Arc<Kind>>> {
        let key = (group.to_owned(), version.to_owned());
        if let Some(found) = self.known().get(&key).and_then(|kinds| kinds.get(kind).cloned()) {
            return Ok(Some(found));
        }
        let list = match self.list(group, version).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let kinds = Arc::new(read(group, version, list));
        let found = kinds.get(kind).cloned();
        self.known().insert(key, kinds);
        Ok(found)
    }

    /// The kind in whichever version the cluster serves, the one that it prefers first; `None` where it serves none.
    pub(super) async fn find_any(&self, group: &str, kind: &str) -> kube::Result<Option<Arc<Kind>>> {
        let versions = match self.versions(group).await {
            Ok(versions) => versions,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        for version in versions {
            if let Some(found) = self.find(group, &version, kind).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The versions of a group that are served.
    async fn versions(&self, group: &str) -> kube::Result<Vec<String>> {
        if group.is_empty() {
            return Ok(self.client.list_core_api_versions().await?.versions);
        }
        let request = http::Request::get(format!("/apis/{group}")).body(Vec::new());
        let found: APIGroup = self.client.request(request.map_err(kube::Error::HttpError)?).await?;
        let preferred = found.preferred_version.into_iter().chain(found.versions);
        let mut versions: Vec<String> = preferred.map(|version| version.version).collect();
        let mut known = HashSet::new();
        versions.retain(|version| known.insert(version.clone()));
        Ok(versions)
    }

    /// Asks the cluster again when the version is next needed.
    pub(super) fn forget(&self, group: &str, version: &str) {
        self.known().remove(&(group.to_owned(), version.to_owned()));
    }

    async fn list(&self, group: &str, version: &str) -> kube::Result<APIResourceList> {
        match group {
            "" => self.client.list_core_api_resources(version).await,
            group => self.client.list_api_group_resources(&format!("{group}/{version}")).await,
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Group>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(group: &str, version: &str, list: APIResourceList) -> HashMap<String, Arc<Kind>> {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let status = |name: &str| format!("{name}/status");
    let statuses: HashSet<String> = list.resources.iter().map(|resource| resource.name.clone()).collect();
    let objects = list.resources.into_iter().filter(|resource| !resource.name.contains('/'));
    objects
        .map(|found| {
            let can = |verb: &str| found.verbs.iter().any(|known| known == verb);
            let kind = Kind {
                namespaced: found.namespaced,
                watchable: can("list") && can("watch"),
                has_status: statuses.contains(&status(&found.name)),
                resource: ApiResource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    api_version: api_version.clone(),
                    kind: found.kind.clone(),
                    plural: found.name,
                },
            };
            (found.kind, Arc::new(kind))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// An API that answers one question after the other so, and keeps what it was asked.
    fn played(answers: Vec<(u16, Value)>) -> (Kinds, Arc<Mutex<Vec<String>>>) {
        let (asked, answers) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(VecDeque::from(answers))));
        let questions = asked.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            questions.lock().unwrap().push(request.uri().path().to_owned());
            let (code, body) = answers.lock().unwrap().pop_front().expect("no more questions");
            let answer = http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            std::future::ready(answer)
        });
        (Kinds::new(Client::new(service, "default")), asked)
    }

    fn resources(list: &[(&str, &str, bool, &[&str])]) -> Value {
        let resource = |(name, kind, namespaced, verbs): &(&str, &str, bool, &[&str])| json!({ "name": name, "kind": kind, "namespaced": namespaced, "singularName": "", "verbs": verbs });
        let resources: Vec<Value> = list.iter().map(resource).collect();
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "x/v1", "resources": resources })
    }

    #[tokio::test]
    async fn a_kind_is_what_the_cluster_says_of_it_and_its_parts_are_no_kinds() {
        let all = ["get", "list", "watch"];
        let list = [
            ("pods/status", "Pod", true, &["get"] as &[&str]),
            ("pods/eviction", "Eviction", true, &["create"]),
            ("pods", "Pod", true, &all),
            ("nodes", "Node", false, &all),
            ("bindings", "Binding", true, &["create"]),
            ("secrets", "Secret", true, &["list"]),
            ("events", "Event", true, &["watch"]),
        ];
        let (kinds, asked) = played(vec![(200, resources(&list)); 3]);
        for (kind, namespaced, watchable, has_status) in [
            ("Pod", true, true, true),
            ("Node", false, true, false),
            ("Binding", true, false, false),
            ("Secret", true, false, false),
            ("Event", true, false, false),
        ] {
            let found = kinds.find("", "v1", kind).await.unwrap().unwrap();
            assert_eq!(
                (found.namespaced, found.watchable, found.has_status),
                (namespaced, watchable, has_status),
                "{kind}"
            );
            assert_eq!((found.resource.api_version.as_str(), found.resource.kind.as_str()), ("v1", kind));
        }
        assert_eq!(*asked.lock().unwrap(), ["/api/v1"], "one answer says it of all of them");
        assert_eq!(kinds.find("", "v1", "Eviction").await.unwrap(), None);
        let found = kinds.find("farm.example", "v1", "Pod").await.unwrap().unwrap();
        assert_eq!((found.resource.api_version.as_str(), found.resource.plural.as_str()), ("farm.example/v1", "pods"));
        assert_eq!(*asked.lock().unwrap(), ["/api/v1", "/api/v1", "/apis/farm.example/v1"]);
    }

    #[tokio::test]
    async fn what_is_not_served_is_asked_for_again_and_what_is_not_answered_is_an_error() {
        let status = |code: u16, reason: &str| {
            let status =
                json!({ "kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code });
            (code, status)
        };
        let list = [("cows", "Cow", true, &["list"] as &[&str])];
        let served = (200, resources(&list));
        let (kinds, asked) =
            played(vec![status(404, "NotFound"), status(500, "InternalError"), served.clone(), served]);
        assert_eq!(kinds.find("farm.example", "v1", "Cow").await.unwrap(), None);
        assert!(kinds.find("farm.example", "v1", "Cow").await.is_err());
        for _ in 0..2 {
            assert!(kinds.find("farm.example", "v1", "Cow").await.unwrap().is_some());
        }
        assert_eq!(asked.lock().unwrap().len(), 3);
        kinds.forget("farm.example", "v2");
        assert!(kinds.find("farm.example", "v1", "Cow").await.unwrap().is_some());
        assert_eq!(asked.lock().unwrap().len(), 3);
        kinds.forget("farm.example", "v1");
        assert!(kinds.find("farm.example", "v1", "Cow").await.unwrap().is_some());
        assert_eq!(asked.lock().unwrap().len(), 4);
    }
}
