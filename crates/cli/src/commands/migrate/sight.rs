//! Whether all may be seen that a takeover is about. What may not is told together, before anything else is looked at.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};

use crate::cluster::{explain, unseen};
use crate::target::Kind;

/// Refuses to go on for who may not see, in all namespaces, what Flux keeps and who does it.
///
/// # Errors
/// When that is so, or the cluster gives no answer.
pub async fn check(client: &Client) -> Result<()> {
    let mut refused = Vec::new();
    for resource in resources() {
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        match all.list_metadata(&ListParams::default().limit(1)).await {
            Err(kube::Error::Api(status)) if status.is_forbidden() => refused.push((name(&resource), status)),
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            found => drop(found.map_err(explain)?),
        }
    }
    unseen(refused).map_or(Ok(()), Err)
}

/// What is looked at.
fn resources() -> impl Iterator<Item = ApiResource> {
    let own = [ApiResource::erase::<Deployment>(&()), ApiResource::erase::<CustomResourceDefinition>(&())];
    let kinds = Kind::SOURCES.into_iter().chain(Kind::OWNERS).chain(Kind::NOTIFICATIONS).chain(Kind::IMAGES);
    own.into_iter().chain(kinds.map(Kind::api_resource))
}

/// What the API calls a kind where it refuses it.
pub fn name(resource: &ApiResource) -> String {
    format!("{}.{}", resource.plural, resource.group)
}
