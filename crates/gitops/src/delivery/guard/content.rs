//! What goes with an object that is deleted: the objects of a Namespace, the instances of a definition.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cowherd_apply::ObjectId;
use cowherd_text::listed_of;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt};
use sha2::{Digest, Sha256};

use super::held::{NAMED, count};
use crate::OWNERS as OWNERS_HERE;
use crate::owner::OwnerName;
use crate::target::Target;

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// How many of those are noted whose the objects are.
const OWNERS: usize = 64;

type Metadata = PartialObjectMeta<DynamicObject>;

/// With whose eyes it is looked.
pub(super) struct Reader<'a> {
    /// Sees everything.
    pub(super) client: &'a Client,
    /// Who is told of it: what the account of that target may not list is counted, and not named.
    pub(super) of: Option<&'a Target>,
}

impl Reader<'_> {
    async fn may_name(&self, resource: &ApiResource, namespace: &str) -> kube::Result<bool> {
        let Some(target) = self.of else { return Ok(true) };
        target.applier.may_list(resource, namespace, target.account.as_ref()).await
    }
}

/// What would go with an object: any number of objects, of which a few are kept by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// The first by name.
    named: BTreeSet<ObjectId>,
    count: usize,
    /// What tells these objects from any others, in whichever order they were found.
    sum: u128,
    /// Some of those whose the objects are, of owners here.
    owners: BTreeSet<OwnerName>,
    /// Whether some belong to no owner here.
    is_of_others: bool,
}

impl Content {
    fn add(&mut self, id: ObjectId, may_name: bool) {
        let digest = Sha256::digest(id.to_string());
        let number = digest.iter().take(16).fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
        if may_name {
            self.named.insert(id);
        }
        if self.named.len() > NAMED {
            self.named.pop_last();
        }
    }

    /// The next object is this one's.
    fn note(&mut self, of: Of) {
        match of {
            Of::Owner(owner) if self.owners.len() < OWNERS => drop(self.owners.insert(owner)),
            Of::Owner(_) | Of::Release => {}
            Of::Others => self.is_of_others = true,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether some of it belongs to no owner here.
    pub(super) fn is_of_others(&self) -> bool {
        self.is_of_others
    }

    /// Whose it is, of owners here; not all, where there are many.
    pub(super) fn owners(&self) -> impl Iterator<Item = &OwnerName> {
        self.owners.iter()
    }

    /// So many of them by name, and the number of the others.
    pub(super) fn names(&self, most: usize) -> String {
        if self.named.is_empty() && self.count > 0 {
            return format!("{}, which the account may not list", count(self.count));
        }
        listed_of(&self.named, self.count, most)
    }

    /// What differs for any other objects.
    pub(super) fn mark(&self) -> String {
        format!("{} {:x}", self.count, self.sum)
    }
}

impl<'a> FromIterator<&'a ObjectId> for Content {
    fn from_iter<I: IntoIterator<Item = &'a ObjectId>>(objects: I) -> Self {
        let mut content = Self::default();
        objects.into_iter().for_each(|id| content.add(id.clone(), true));
        content
    }
}

/// Whose an object is.
enum Of {
    /// This owner has applied it.
    Owner(OwnerName),
    /// It is the record of a release, which goes with that.
    Release,
    /// Nobody here.
    Others,
}

impl Of {
    /// As the labels say.
    fn labels(labels: &BTreeMap<String, String>) -> Self {
        let owner = OWNERS_HERE.iter().find_map(|kind| {
            let text = |label: &str| labels.get(label).filter(|text| !text.is_empty());
            let (name, namespace) = (text(kind.ownership.name_label)?, text(kind.ownership.namespace_label)?);
            Some(OwnerName::new(kind, namespace, name))
        });
        match owner {
            Some(owner) => Self::Owner(owner),
            None if labels.get("owner").is_some_and(|owner| owner == "helm") => Self::Release,
            None => Self::Others,
        }
    }
}

/// Whether anything can go with the object.
pub(super) fn may_hold(id: &ObjectId) -> bool {
    matches!(
        (id.group.as_str(), id.kind.as_str()),
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// What would go with the object that is not among `leaving`; nothing for objects of other kinds.
pub(super) async fn of(reader: &Reader<'_>, id: &ObjectId, leaving: &HashSet<&ObjectId>) -> kube::Result<Content> {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => of_namespace(reader, &id.name, leaving).await,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => of_definition(reader, &id.name, leaving).await,
        _ => Ok(Content::default()),
    }
}

async fn of_namespace(reader: &Reader<'_>, name: &str, leaving: &HashSet<&ObjectId>) -> kube::Result<Content> {
    let mut found = Content::default();
    let discovered = Discovery::new(reader.client.clone()).run().await?;
    for group in discovered.groups_alphabetical() {
        for (resource, capabilities) in group.recommended_resources() {
            let is_listed = capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::LIST);
            if is_listed && !comes_by_itself(&resource) {
                collect((reader, &resource, name), leaving, &mut found).await?;
            }
        }
    }
    Ok(found)
}

async fn of_definition(reader: &Reader<'_>, name: &str, leaving: &HashSet<&ObjectId>) -> kube::Result<Content> {
    let definitions: Api<CustomResourceDefinition> = Api::all(reader.client.clone());
    let Some(definition) = definitions.get_opt(name).await? else { return Ok(Content::default()) };
    let Some(version) = definition.spec.versions.iter().find(|version| version.served) else {
        return Ok(Content::default());
    };
    let names = &definition.spec.names;
    let kind = GroupVersionKind::gvk(&definition.spec.group, &version.name, &names.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &names.plural);
    let mut found = Content::default();
    match collect((reader, &resource, ""), leaving, &mut found).await {
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

/// Adds the objects of a namespace, or of all, that neither leave with the others, nor belong to an object, nor come by themselves, nor are being
/// deleted anyway.
async fn collect(
    (reader, resource, namespace): (&Reader<'_>, &ApiResource, &str),
    leaving: &HashSet<&ObjectId>,
    found: &mut Content,
) -> kube::Result<()> {
    let client = reader.client.clone();
    let api: Api<DynamicObject> = match namespace {
        "" => Api::all_with(client, resource),
        namespace => Api::namespaced_with(client, namespace, resource),
    };
    let mut may_name = None;
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list_metadata(&params).await?;
        for object in &page.items {
            let id = id(resource, object);
            let goes_anyway = !object.owner_references().is_empty() || object.metadata.deletion_timestamp.is_some();
            if !goes_anyway && !is_made_for_every_namespace(&id) && !leaving.contains(&id) {
                let may_name = match may_name {
                    Some(known) => known,
                    None => *may_name.insert(reader.may_name(resource, namespace).await?),
                };
                found.add(id, may_name);
                found.note(Of::labels(object.labels()));
            }
        }
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => params = params.continue_token(&token),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: usize) -> ObjectId {
        ObjectId {
            kind: "Secret".into(),
            namespace: "prod".into(),
            name: format!("{number:04}"),
            ..ObjectId::default()
        }
    }

    #[test]
    fn content_is_the_same_in_whichever_order_it_is_found_and_another_with_any_other_object() {
        let all: Vec<ObjectId> = (0..1000).map(object).collect();
        let content: Content = all.iter().collect();
        assert_eq!(content, all.iter().rev().collect());
        let others = [&all[..999], &[object(1000)]].concat();
        let other: Content = others.iter().collect();
        assert_eq!(content.names(NAMED), other.names(NAMED));
        assert_ne!(content.mark(), other.mark());
        assert!(content.names(2).ends_with("Secret/prod/0001, and 998 more"), "{}", content.names(2));
        assert_eq!(content.named.len(), NAMED);
    }
}
