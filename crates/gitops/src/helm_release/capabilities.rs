//! What the cluster is capable of: `.Capabilities` of templates, and what `lookup` finds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cowherd_helm::Capabilities;
use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::Lookup;
use futures::{StreamExt, stream};
use kube::Api;
use kube::Client;
use kube::api::{ApiResource, DynamicObject, ListParams};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// How many of the lists of kinds are asked for at the same time.
const AT_ONCE: usize = 8;

/// How many versions of groups a cluster may serve: real ones have a few hundred.
const MOST_VERSIONS: usize = 5000;

/// How many objects `lookup` gives at most where it is asked for all of a kind.
const MOST: u32 = 500;

/// What the cluster is capable of, as Helm finds it out: its version, the API versions that it serves, and their kinds.
pub(super) async fn discover(client: &Client) -> kube::Result<Capabilities> {
    let version = client.apiserver_version().await?.git_version;
    let core = client.list_core_api_versions().await?.versions;
    let groups = client.list_api_groups().await?.groups;
    let of_groups =
        groups.into_iter().flat_map(|group| group.versions.into_iter().map(|version| version.group_version));
    let all: Vec<(bool, String)> =
        core.into_iter().map(|version| (true, version)).chain(of_groups.map(|version| (false, version))).collect();
    if all.len() > MOST_VERSIONS {
        return Err(kube::Error::Service(
            format!("the cluster serves more than {MOST_VERSIONS} versions of groups").into(),
        ));
    }
    let lists = stream::iter(all).map(|(is_core, version)| async move {
        let list = match is_core {
            true => client.list_core_api_resources(&version).await,
            false => client.list_api_group_resources(&version).await,
        };
        // What does not answer at the moment is not there.
        let kinds: Vec<String> =
            list.map(|list| list.resources).unwrap_or_default().into_iter().map(|found| found.kind).collect();
        (version, kinds)
    });
    let mut versions = Vec::new();
    let mut lists = lists.buffered(AT_ONCE);
    while let Some((version, kinds)) = lists.next().await {
        versions.extend(kinds.iter().map(|kind| format!("{version}/{kind}")));
        versions.push(version);
    }
    versions.sort_unstable();
    versions.dedup();
    let kube_version = KubeVersion::parse(&version).unwrap_or_default();
    Ok(Capabilities { kube_version, api_versions: versions, ..Capabilities::default() })
}

/// How often one render may look something up.
const LOOKUPS: usize = 1000;

/// Looks objects up on behalf of who makes the release.
pub(super) struct InCluster {
    client: Client,
    handle: Handle,
    lookups: AtomicUsize,
    /// Until when it is looked, if not as long as it takes.
    until: Option<Instant>,
}

impl InCluster {
    /// What the client may see. To be made where there is a runtime, and used on a thread on which one may wait.
    /// `within`: how long all of it may take.
    pub(super) fn new(client: Client, within: Option<Duration>) -> Self {
        let until = within.map(|within| Instant::now() + within);
        Self { client, handle: Handle::current(), lookups: AtomicUsize::new(0), until }
    }
}

impl Lookup for InCluster {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        if self.lookups.fetch_add(1, Ordering::Relaxed) >= LOOKUPS {
            return Err(format!("a render may look up {LOOKUPS} objects, and this one wants more"));
        }
        let found = self.find(api_version, kind, namespace, name);
        self.handle.block_on(async {
            match self.until {
                Some(until) => timeout_at(until, found).await.unwrap_or_else(|_| {
                    Err("the cluster takes too long to answer all that the templates look up there".to_owned())
                }),
                None => found.await,
            }
        })
    }
}

impl InCluster {
    async fn find(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let parts = [namespace, name].into_iter().chain(api_version.split('/'));
        if !parts.into_iter().all(cowherd_apply::is_path_segment) {
            return Err(format!("lookup of {kind:?}: no object can have this name"));
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let list = match group {
            "" => self.client.list_core_api_resources(version).await,
            _ => self.client.list_api_group_resources(api_version).await,
        };
        let resources = match list {
            Ok(list) => list.resources,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
            Err(error) => return Err(told(&error)),
        };
        let Some(found) = resources.into_iter().find(|found| found.kind == kind && !found.name.contains('/')) else {
            return Ok(None);
        };
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: found.name,
        };
        let api: Api<DynamicObject> = match namespace {
            namespace if found.namespaced && !namespace.is_empty() => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            _ => Api::all_with(self.client.clone(), &resource),
        };
        let answer = if name.is_empty() {
            let listed = api.list(&ListParams::default().limit(MOST)).await;
            listed.map(|list| serde_json::to_value(list).ok())
        } else {
            api.get_opt(name).await.map(|object| object.and_then(|object| serde_json::to_value(object).ok()))
        };
        answer.map_err(|error| told(&error))
    }
}

fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
