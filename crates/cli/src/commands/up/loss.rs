//! What would be pruned if another repository, branch or path was followed than before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use anyhow::Result;
use cowherd_api::flux::annotations::{DISABLED, PRUNE};
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{ObjectId, inventory};
use cowherd_gitops::{NamespacedName, Plan};
use cowherd_review::{Cluster, Side, State, Unit};
use kube::api::{ApiResource, DynamicObject, ListParams, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::clusters::surroundings;
use crate::blocking::blocking;
use crate::bootstrap::ROOT;
use crate::cluster::explain;
use crate::followed::Followed;
use crate::resource::Resource;
use crate::served;
use crate::target::Kind;

/// How many objects, and how many Kustomizations, are named.
const NAMED: usize = 10;

/// What would be pruned of what was applied.
#[derive(Debug, Default)]
pub struct Loss {
    /// How many objects were applied.
    applied: usize,
    /// Those that would go.
    pruned: BTreeSet<ObjectId>,
    /// The Kustomizations of whose objects that cannot be told, and why.
    unknown: BTreeMap<String, String>,
}

impl Loss {
    /// What would go if `other`, whose files are in `tree`, was followed; of files that are not at hand nothing is known.
    ///
    /// # Errors
    /// When the control plane cannot be asked.
    pub async fn of(client: &Client, other: &Followed, side: Option<Side>) -> Result<Self> {
        let applied = Applied::read(client).await?;
        let Some(side) = side.filter(|_| !applied.is_nothing()) else {
            let why = "its files are not at hand".to_owned();
            return Ok(applied.loss_of_all(why));
        };
        let cluster = described(client, other, side).await?;
        let mut loss = applied.without(&cluster);
        loss.keep_what_is_spared(client).await?;
        Ok(loss)
    }

    /// What would go, of which nothing is known but that it may be all.
    ///
    /// # Errors
    /// When the control plane cannot be asked.
    pub async fn unknown(client: &Client, why: &str) -> Result<Self> {
        Ok(Applied::read(client).await?.loss_of_all(why.to_owned()))
    }

    /// Whether nothing was applied, so that there is nothing to lose.
    pub fn is_of_nothing(&self) -> bool {
        self.applied == 0
    }

    /// In a sentence without an end.
    pub fn words(&self) -> String {
        let objects = match self.applied {
            1 => "the 1 object that was applied from it".to_owned(),
            count => format!("the {count} objects that were applied from it"),
        };
        let mut words = match (self.pruned.len(), self.unknown.is_empty()) {
            (0, true) => format!("nothing of {objects} would be pruned: the other describes all of it"),
            (0, false) => format!("of {objects}, what the other does not describe would be pruned"),
            (count, _) => {
                format!("{count} of {objects} would be pruned: {}", cowherd_text::listed(&self.pruned, NAMED))
            }
        };
        if !self.unknown.is_empty() {
            let each = self.unknown.iter().map(|(name, why)| format!("{name} ({why})"));
            words.push_str(&format!(
                "; which it is cannot be told of what these have: {}",
                cowherd_text::listed(each, NAMED)
            ));
        }
        words
    }

    /// Takes out what says that it is not to be pruned.
    async fn keep_what_is_spared(&mut self, client: &Client) -> Result<()> {
        let kinds: BTreeSet<(String, String)> =
            self.pruned.iter().map(|id| (id.kind.clone(), id.group.clone())).collect();
        let mut spared = HashSet::new();
        for (kind, group) in kinds {
            let word = format!("{kind}.{group}");
            // Of a kind that is not served any more nothing is there.
            let Ok(found) = served::find(client, word.trim_end_matches('.')).await else { continue };
            spared.extend(spared_of(client, &found.resource, &kind, &group).await?);
        }
        self.pruned.retain(|id| !spared.contains(id));
        Ok(())
    }
}

/// The objects of a kind that say they are not to be pruned.
async fn spared_of(client: &Client, resource: &ApiResource, kind: &str, group: &str) -> Result<Vec<ObjectId>> {
    let all: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let all = all.list_metadata(&ListParams::default()).await.map_err(explain)?;
    let says_so = |object: &&PartialObjectMeta<DynamicObject>| {
        let said = [object.annotations().get(PRUNE), object.labels().get(PRUNE)];
        said.into_iter().flatten().any(|value| value.eq_ignore_ascii_case(DISABLED))
    };
    let id = |object: &PartialObjectMeta<DynamicObject>| ObjectId {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        group: group.to_owned(),
        kind: kind.to_owned(),
    };
    Ok(all.items.iter().filter(says_so).map(id).collect())
}

/// What grows from the other.
async fn described(client: &Client, other: &Followed, side: Side) -> Result<Cluster> {
    let mut context = surroundings(&other.url)?;
    // Values of variables that the cluster has.
    for kind in ["ConfigMap", "Secret"] {
        let holders: Api<DynamicObject> = Api::all_with(client.clone(), &served::find(client, kind).await?.resource);
        let holders = holders.list(&ListParams::default()).await.map_err(explain)?;
        let holders = holders.items.into_iter().filter_map(|mut holder| {
            holder.types = Some(kube::core::TypeMeta { api_version: "v1".to_owned(), kind: kind.to_owned() });
            serde_json::to_value(holder).ok()
        });
        context.given.extend(holders);
    }
    let path = other.path.clone();
    // It renders, which blocks the thread.
    Ok(blocking(move || Cluster::read(&side, &path, &context, None)).await??)
}

/// A Kustomization that applied something.
struct Applier {
    name: NamespacedName,
    inventory: Vec<ObjectId>,
    /// Whether its objects go with it.
    deletes: bool,
}

/// What the root applied, and what those of it that are Kustomizations applied in turn; the root first.
struct Applied(Vec<Applier>);

impl Applied {
    async fn read(client: &Client) -> Result<Self> {
        let all = match Kind::Kustomization.api_everywhere(client).list(&ListParams::default()).await {
            Ok(all) => all.items,
            // A start that got nowhere has not even brought the kind.
            Err(kube::Error::Api(status)) if status.is_not_found() => Vec::new(),
            Err(error) => return Err(explain(error)),
        };
        let all = all.into_iter().map(|object| Resource { kind: Kind::Kustomization, object });
        let by_id: BTreeMap<String, Resource> = all.map(|one| (one.id(), one)).collect();
        let mut queue = vec![format!("{ROOT}/{ROOT}")];
        let (mut met, mut appliers) = (BTreeSet::new(), Vec::new());
        while let Some(id) = queue.pop() {
            let Some(kustomization) = by_id.get(&id).filter(|_| met.insert(id.clone())) else { continue };
            let inventory: Vec<ObjectId> = entries(kustomization).collect();
            let is_kustomization =
                |id: &&ObjectId| id.kind == Kind::Kustomization.name() && id.group == Kind::Kustomization.group();
            let kustomizations = inventory.iter().filter(is_kustomization);
            queue.extend(kustomizations.map(|object| format!("{}/{}", object.namespace, object.name)));
            let name = NamespacedName::new(kustomization.namespace(), kustomization.name());
            appliers.push(Applier { name, inventory, deletes: deletes(kustomization) });
        }
        Ok(Self(appliers))
    }

    fn objects(&self) -> BTreeSet<&ObjectId> {
        self.0.iter().flat_map(|applier| &applier.inventory).collect()
    }

    fn is_nothing(&self) -> bool {
        self.0.iter().all(|applier| applier.inventory.is_empty())
    }

    fn loss_of_all(&self, why: String) -> Loss {
        let root = format!("{ROOT}/{ROOT}");
        Loss { applied: self.objects().len(), pruned: BTreeSet::new(), unknown: BTreeMap::from([(root, why)]) }
    }

    /// What goes where these Kustomizations come to be what `cluster` has.
    fn without(&self, cluster: &Cluster) -> Loss {
        let described: HashSet<&ObjectId> =
            cluster.units.values().flat_map(|unit| unit.objects()).map(|object| object.id()).collect();
        let root = NamespacedName::new(ROOT, ROOT);
        let unit_of = |name: &NamespacedName| -> Option<&Arc<Unit>> {
            match *name == root {
                true => cluster.units.values().find(|unit| unit.parent.is_none()),
                false => cluster.units.get(name),
            }
        };
        let mut loss = Loss { applied: self.objects().len(), ..Loss::default() };
        for applier in &self.0 {
            let unit = unit_of(&applier.name);
            let prunes = match unit.map(|unit| (&unit.state, &unit.plan)) {
                // Until it can be made, it stays as it is.
                Some((State::Failed(problem), _)) => {
                    loss.unknown.insert(applier.name.to_string(), problem.text.clone());
                    continue;
                }
                Some((State::Elsewhere(_), _)) => continue,
                Some((State::Made(_), plan)) => plan.as_ref().is_some_and(Plan::prunes),
                None => applier.deletes && applier.name != root,
            };
            // What it lives in is never pruned.
            let is_home = |id: &ObjectId| id.kind == "Namespace" && id.name == applier.name.namespace;
            let gone = applier.inventory.iter().filter(|id| prunes && !described.contains(id) && !is_home(id));
            loss.pruned.extend(gone.cloned());
        }
        loss
    }
}

fn entries(kustomization: &Resource) -> impl Iterator<Item = ObjectId> {
    let entries = kustomization.at("/status/inventory/entries").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| Some(inventory::parse(entry["id"].as_str()?, "").ok()?.id))
}

/// Whether the objects of a Kustomization go with it: not those of one that is suspended.
fn deletes(kustomization: &Resource) -> bool {
    let read = serde_json::to_value(&kustomization.object).and_then(serde_json::from_value::<Kustomization>);
    let plan = read.ok().and_then(|kustomization| Plan::read(&kustomization).ok());
    plan.is_some_and(|plan| plan.deletes_with_it()) && !kustomization.suspended()
}
