//! What goes with an object that is deleted: the objects of a Namespace, the instances of a definition.

use std::collections::HashSet;

use cowherd_apply::ObjectId;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, ListParams};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt};

/// How many objects are asked for at once.
const PAGE: u32 = 500;
/// How many objects are enough to know.
const ENOUGH: usize = 20;

type Metadata = PartialObjectMeta<kube::api::DynamicObject>;

/// What would go with the object that is not among `leaving`; nothing for objects of other kinds.
pub(super) async fn of(client: &Client, id: &ObjectId, leaving: &HashSet<&ObjectId>) -> kube::Result<Vec<ObjectId>> {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => of_namespace(client, &id.name, leaving).await,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => of_definition(client, &id.name, leaving).await,
        _ => Ok(Vec::new()),
    }
}

async fn of_namespace(client: &Client, name: &str, leaving: &HashSet<&ObjectId>) -> kube::Result<Vec<ObjectId>> {
    let mut found = Vec::new();
    let discovered = Discovery::new(client.clone()).run().await?;
    for group in discovered.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let is_listed = capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::LIST);
            if is_listed && !comes_by_itself(&resource) && found.len() < ENOUGH {
                let api = Api::namespaced_with(client.clone(), name, &resource);
                collect(&api, &resource, leaving, &mut found).await?;
            }
        }
    }
    Ok(found)
}

async fn of_definition(client: &Client, name: &str, leaving: &HashSet<&ObjectId>) -> kube::Result<Vec<ObjectId>> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let Some(definition) = definitions.get_opt(name).await? else { return Ok(Vec::new()) };
    let Some(version) = definition.spec.versions.iter().find(|version| version.served) else {
        return Ok(Vec::new());
    };
    let names = &definition.spec.names;
    let kind = GroupVersionKind::gvk(&definition.spec.group, &version.name, &names.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &names.plural);
    let mut found = Vec::new();
    let api = Api::all_with(client.clone(), &resource);
    match collect(&api, &resource, leaving, &mut found).await {
        // It is not served (yet), so it has no instances.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(found),
        result => result.map(|()| found),
    }
}

/// What every namespace has without anybody wanting it, or what only tells of other objects.
fn comes_by_itself(resource: &ApiResource) -> bool {
    matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        ("" | "events.k8s.io", "Event")
            | ("", "Endpoints")
            | ("discovery.k8s.io", "EndpointSlice")
            | ("coordination.k8s.io", "Lease")
    )
}

/// Adds the objects that neither leave with the others, nor belong to an object, nor come by themselves.
async fn collect(
    api: &Api<kube::api::DynamicObject>,
    resource: &ApiResource,
    leaving: &HashSet<&ObjectId>,
    found: &mut Vec<ObjectId>,
) -> kube::Result<()> {
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list_metadata(&params).await?;
        for object in &page.items {
            let id = id(resource, object);
            let is_owned = !object.owner_references().is_empty();
            if !is_owned && !is_made_for_every_namespace(&id) && !leaving.contains(&id) {
                found.push(id);
            }
        }
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() && found.len() < ENOUGH => params = params.continue_token(&token),
            _ => return Ok(()),
        }
    }
}

fn id(resource: &ApiResource, object: &Metadata) -> ObjectId {
    ObjectId {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        group: resource.group.clone(),
        kind: resource.kind.clone(),
    }
}

fn is_made_for_every_namespace(id: &ObjectId) -> bool {
    matches!(
        (id.group.as_str(), id.kind.as_str(), id.name.as_str()),
        ("", "ConfigMap", "kube-root-ca.crt") | ("", "ServiceAccount", "default")
    )
}
