//! What the API serves: all of it, or what is in one group.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResource, APIResourceList};
use kube::Client;
use kube::api::ApiResource;
use kube::discovery::{Discovery, Scope, verbs};

use super::graph::Kind;
use super::resources::Served;

/// What is served.
#[derive(Default)]
pub struct Found {
    /// Everything, by version and kind.
    pub served: HashMap<(String, String), Served>,
    /// What is watched of it, each kind in the version that its group prefers.
    pub collectable: HashMap<Kind, ApiResource>,
}

impl Found {
    fn add(&mut self, resource: ApiResource, namespaced: bool, is_preferred: bool, verbs: &[String]) {
        let kind = Kind { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
        let needed = [verbs::LIST, verbs::WATCH, verbs::DELETE];
        let can_be_watched = needed.iter().all(|verb| verbs.iter().any(|known| known == verb));
        // Events own nothing and expire by themselves.
        if is_preferred && can_be_watched && resource.kind != "Event" {
            self.collectable.insert(kind.clone(), resource.clone());
        }
        self.served.insert((kind.api_version, kind.kind), Served { resource, namespaced });
    }
}

/// Everything that is served.
pub async fn everything(client: &Client) -> Result<Found, kube::Error> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut found = Found::default();
    for group in discovery.groups() {
        let preferred = group.preferred_version_or_latest();
        for version in group.versions() {
            for (resource, capabilities) in group.versioned_resources(version) {
                let namespaced = capabilities.scope == Scope::Namespaced;
                found.add(resource, namespaced, version == preferred, &capabilities.operations);
            }
        }
    }
    Ok(found)
}

/// What is served of one group; nothing where the group is not served.
pub async fn of_group(client: &Client, group: &str) -> Result<Found, kube::Error> {
    let mut found = Found::default();
    let Some(served) = get::<APIGroup>(client, &format!("/apis/{group}")).await? else { return Ok(found) };
    let preferred = served.preferred_version.as_ref().or(served.versions.first()).map(|one| one.group_version.clone());
    for version in served.versions {
        let list = get::<APIResourceList>(client, &format!("/apis/{}", version.group_version)).await?;
        // What is below another resource is named as such.
        let resources = list.into_iter().flat_map(|list| list.resources).filter(|one| !one.name.contains('/'));
        for APIResource { name, kind, namespaced, verbs, .. } in resources {
            let resource = ApiResource {
                group: group.to_owned(),
                version: version.version.clone(),
                api_version: version.group_version.clone(),
                kind,
                plural: name,
            };
            found.add(resource, namespaced, preferred.as_ref() == Some(&version.group_version), &verbs);
        }
    }
    Ok(found)
}

/// What is at the path, if anything is.
async fn get<T: serde::de::DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    match client.request(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
