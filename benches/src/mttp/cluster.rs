//! The cluster in which the apps are, and what says of each app where it comes from.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::Way;
use super::packages::{FIRST, Packages, SECOND};

const NAMESPACE: &str = "mttp";
/// How many requests are under way at a time.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(1200);
/// How long the server may take to answer that nothing more happens.
const WATCH: u32 = 290;

/// The objects of one namespace of a cluster.
pub struct Cluster {
    client: Client,
    way: Way,
}

impl Cluster {
    /// The cluster that a client reaches.
    pub fn new(client: Client, way: Way) -> Self {
        Self { client, way }
    }

    /// Makes what all apps share.
    pub async fn prepare(&self, packages: &Packages) -> Result<()> {
        let namespace = GroupVersionKind::gvk("", "v1", "Namespace");
        let namespaces: Api<DynamicObject> =
            Api::all_with(self.client.clone(), &ApiResource::from_gvk_with_plural(&namespace, "namespaces"));
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        namespaces.patch(NAMESPACE, &PatchParams::apply("bench").force(), &Patch::Apply(body)).await?;
        if self.way == Way::HelmRelease {
            let body = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
                "metadata": { "name": "charts", "namespace": NAMESPACE },
                "spec": { "type": "oci", "url": packages.charts(), "insecure": true, "interval": "1h" } });
            let repositories = self.api("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories");
            self.until_served(&repositories).await?;
            repositories.patch("charts", &PatchParams::apply("bench").force(), &Patch::Apply(body)).await?;
        }
        if self.way == Way::Kustomization {
            self.until_served(&self.sources()).await?;
        }
        self.until_served(&self.owners()).await
    }

    /// Makes this many apps of the first version.
    pub async fn create(&self, packages: &Packages, count: usize) -> Result<()> {
        let making = stream::iter(0..count).map(|number| async move {
            let name = name(number);
            if self.way == Way::Kustomization {
                make(&self.sources(), &repository(&name, packages)).await?;
                make(&self.owners(), &kustomization(&name)).await
            } else {
                make(&self.owners(), &release(&name)).await
            }
        });
        making.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Has all apps be of the second version.
    pub async fn upgrade(&self, count: usize) -> Result<()> {
        let (api, patch) = match self.way {
            Way::Kustomization => (self.sources(), json!({ "spec": { "ref": { "tag": SECOND } } })),
            Way::HelmRelease => (self.owners(), json!({ "spec": { "chart": { "spec": { "version": SECOND } } } })),
        };
        let (api, patch) = (&api, &patch);
        let changing = stream::iter(0..count).map(|number| async move {
            anyhow::Ok(api.patch(&name(number), &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)?)
        });
        changing.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Waits until this many apps say that they run a version.
    pub async fn all_run(&self, count: usize, version: &str) -> Result<()> {
        let mut running = HashSet::new();
        self.follow(&mut |event| {
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event
                && self.runs(&object, version)
            {
                running.insert(object.name_any());
            }
            running.len() >= count
        })
        .await
    }

    /// Takes the apps away, and waits until they are gone.
    pub async fn clear(&self, count: usize) -> Result<()> {
        let owners = self.owners();
        for api in
            [Some(&owners), (self.way == Way::Kustomization).then(|| self.sources()).as_ref()].into_iter().flatten()
        {
            api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
        let end = Instant::now() + PATIENCE;
        while !owners.list_metadata(&ListParams::default().limit(1)).await?.items.is_empty() {
            if Instant::now() > end {
                bail!("the {count} apps are not gone");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    fn runs(&self, object: &DynamicObject, version: &str) -> bool {
        let status = &object.data["status"];
        let is_current = status["observedGeneration"].as_i64() == object.metadata.generation;
        let conditions = status["conditions"].as_array();
        let is_ready =
            conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
        let at = match self.way {
            Way::Kustomization => status["lastAppliedRevision"].as_str(),
            Way::HelmRelease => status["history"][0]["chartVersion"].as_str(),
        };
        is_current && is_ready && at.is_some_and(|at| at.split(['@', '+']).next() == Some(version))
    }

    /// Follows the owners until what happened to them suffices.
    async fn follow(&self, suffices: &mut impl FnMut(WatchEvent<DynamicObject>) -> bool) -> Result<()> {
        let api = self.owners();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let list = api.list(&ListParams::default()).await?;
            for item in list.items {
                if suffices(WatchEvent::Added(item)) {
                    return Ok(());
                }
            }
            let version = list.metadata.resource_version.unwrap_or_default();
            let mut events = api.watch(&WatchParams::default().timeout(WATCH), &version).await?.boxed();
            while let Some(event) = tokio::time::timeout(PATIENCE, events.try_next()).await?? {
                if suffices(event) {
                    return Ok(());
                }
            }
        }
        bail!("the apps do not run in time")
    }

    /// Waits until the definitions are there.
    async fn until_served(&self, api: &Api<DynamicObject>) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match api.list_metadata(&ListParams::default().limit(1)).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(error).context("Flux's kinds are not served"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn sources(&self) -> Api<DynamicObject> {
        self.api("source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories")
    }

    fn owners(&self) -> Api<DynamicObject> {
        match self.way {
            Way::Kustomization => self.api("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
            Way::HelmRelease => self.api("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
        }
    }

    fn api(&self, group: &str, version: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }
}

fn name(number: usize) -> String {
    format!("app-{number}")
}

async fn make(api: &Api<DynamicObject>, object: &Value) -> Result<()> {
    api.create(&PostParams::default(), &serde_json::from_value(object.clone())?).await?;
    Ok(())
}

fn repository(name: &str, packages: &Packages) -> Value {
    json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "interval": "1h", "url": packages.manifests(), "insecure": true, "ref": { "tag": FIRST } } })
}

fn kustomization(name: &str) -> Value {
    json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "interval": "1h", "retryInterval": "5s", "prune": true, "path": "./", "targetNamespace": NAMESPACE,
            "postBuild": { "substitute": { "app": name } },
            "sourceRef": { "kind": "OCIRepository", "name": name } } })
}

fn release(name: &str) -> Value {
    let chart = json!({ "chart": "app", "version": FIRST, "interval": "1h",
        "sourceRef": { "kind": "HelmRepository", "name": "charts" } });
    json!({ "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "interval": "1h", "releaseName": name, "chart": { "spec": chart } } })
}
