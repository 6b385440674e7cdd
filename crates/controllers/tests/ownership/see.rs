//! What is there, in words that are the same each time.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Event;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};

use crate::case::{Kind, Thing};
use crate::play::Seen;

/// Names of the case by uid.
pub type Known = BTreeMap<String, String>;

/// How the objects of a case are named in the cluster.
pub struct Names {
    pub home: String,
    pub away: String,
    pub known: Known,
}

impl Names {
    /// The name of an object; what is in no namespace needs one that no other case has.
    pub fn of(&self, thing: &Thing) -> String {
        if thing.kind == Kind::ClusterRole { format!("{}-{}", self.home, thing.name) } else { thing.name.to_owned() }
    }

    pub fn namespace(&self, thing: &Thing) -> &str {
        match thing {
            Thing { kind: Kind::ClusterRole, .. } => "",
            Thing { away: true, .. } => &self.away,
            _ => &self.home,
        }
    }

    /// A text without what is another each time.
    fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (uid, name) in &self.known {
            text = text.replace(uid, &format!("<uid of {name}>"));
        }
        text.replace(&format!("{}-away", self.home), "<away>")
            .replace(&format!("{}-", self.home), "")
            .replace(&self.home, "<home>")
    }
}

pub fn api(client: &Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    let (api_version, kind, plural) = kind.names();
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

/// The objects of the case, and what was told of their references.
pub async fn all(client: &Client, names: &Names) -> Seen {
    let mut seen = Vec::new();
    for kind in Kind::ALL {
        let namespaces: &[&str] =
            if kind == Kind::ClusterRole { &[""] } else { &[names.home.as_str(), names.away.as_str()] };
        for namespace in namespaces {
            let found = api(client, kind, namespace).list_metadata(&ListParams::default()).await.unwrap();
            let ours = found.items.iter().filter(|object| names.known.contains_key(&object.uid().unwrap()));
            seen.extend(ours.map(|object| {
                let owners = object.owner_references().iter().map(|owner| {
                    let blocking = if owner.block_owner_deletion == Some(true) { ", blocking" } else { "" };
                    format!(" owned by {} {}{blocking};", owner.kind, names.plain(&owner.name))
                });
                let owners: String = owners.collect();
                let deleting = if object.metadata.deletion_timestamp.is_some() { " deleting;" } else { "" };
                let finalizers: String = object.finalizers().iter().map(|name| format!(" {name};")).collect();
                let text =
                    format!("{} {}:{owners}{deleting}{finalizers}", kind.names().1, names.plain(&object.name_any()));
                text.trim_end_matches([':', ';']).to_owned()
            }));
        }
    }
    seen.extend(events(client, names).await);
    seen.sort();
    seen
}

async fn events(client: &Client, names: &Names) -> Seen {
    let mut seen = Vec::new();
    for namespace in [names.home.as_str(), &names.away, "default"] {
        let found = Api::<Event>::namespaced(client.clone(), namespace).list(&ListParams::default()).await.unwrap();
        let ours = found.iter().filter(|event| {
            let about = &event.involved_object;
            event.reason.as_deref() == Some("OwnerRefInvalidNamespace")
                && about.uid.as_ref().is_some_and(|uid| names.known.contains_key(uid))
        });
        seen.extend(ours.map(|event| {
            let kind = event.involved_object.kind.as_deref().unwrap_or_default();
            let name = names.plain(event.involved_object.name.as_deref().unwrap_or_default());
            let message = names.plain(event.message.as_deref().unwrap_or_default());
            let severity = event.type_.as_deref().unwrap_or_default();
            format!("{severity} about {kind} {name}: {message}")
        }));
    }
    seen.dedup();
    seen
}
