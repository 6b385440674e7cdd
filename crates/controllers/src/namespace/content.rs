//! What is in a namespace, of every kind that the API serves.

use std::collections::BTreeMap;

use cowherd_runtime::Error;
use kube::api::{ApiResource, DeleteParams, ListParams};
use kube::core::DynamicObject;
use kube::core::PartialObjectMeta as Metadata;
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt};

/// The HTTP status where a resource cannot be listed.
const NOT_ALLOWED: u16 = 405;

/// What is still there after everything was asked to go.
#[derive(Default)]
pub struct Remaining {
    resources: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

impl Remaining {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Which resources are left, in Kubernetes' words.
    pub fn resources_message(&self) -> Option<String> {
        message("Some resources are remaining: ", &self.resources, "has", "resource instances")
    }

    /// Which finalizers keep them, in Kubernetes' words.
    pub fn finalizers_message(&self) -> Option<String> {
        message(
            "Some content in the namespace has finalizers remaining: ",
            &self.finalizers,
            "in",
            "resource instances",
        )
    }
}

fn message(start: &str, counts: &BTreeMap<String, usize>, verb: &str, noun: &str) -> Option<String> {
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {verb} {count} {noun}")).collect();
    (!parts.is_empty()).then(|| format!("{start}{}", parts.join(", ")))
}

/// Deletes everything in the namespace and says what is left.
pub async fn delete(client: &Client, namespace: &str) -> Result<Remaining, Error> {
    let mut remaining = Remaining::default();
    for resource in namespaced_resources(client).await? {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        if list(&api).await?.is_empty() {
            continue;
        }
        api.delete_collection(&DeleteParams::background(), &ListParams::default()).await?;
        for object in list(&api).await? {
            let name = if resource.group.is_empty() {
                resource.plural.clone()
            } else {
                format!("{}.{}", resource.plural, resource.group)
            };
            *remaining.resources.entry(name).or_default() += 1;
            for finalizer in object.finalizers() {
                *remaining.finalizers.entry(finalizer.clone()).or_default() += 1;
            }
        }
    }
    Ok(remaining)
}

async fn list(api: &Api<DynamicObject>) -> Result<Vec<Metadata<DynamicObject>>, Error> {
    match api.list_metadata(&ListParams::default()).await {
        Ok(found) => Ok(found.items),
        // A custom resource may go while its namespace does.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.code == NOT_ALLOWED => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

async fn namespaced_resources(client: &Client) -> Result<Vec<ApiResource>, Error> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut resources = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let supported =
                capabilities.supports_operation(verbs::LIST) && capabilities.supports_operation(verbs::DELETE);
            if capabilities.scope == Scope::Namespaced && supported {
                resources.push(resource);
            }
        }
    }
    // Events last: what goes before may write some.
    resources.sort_by_key(|resource| resource.kind == "Event");
    Ok(resources)
}
