//! Which kinds a cluster serves, asked for as they are needed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
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
