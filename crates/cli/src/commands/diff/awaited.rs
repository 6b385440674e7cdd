//! Deletions that wait until it is known what others describe: who cannot be built may describe what another one drops.

use std::collections::BTreeMap;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Action, Diff, ObjectId};
use cowherd_text::listed;
use kube::ResourceExt;

use super::trees;

/// How many Kustomizations a note names.
const NAMED: usize = 3;
/// The reason of the condition `Ready` of who could not be built.
const BUILD_FAILED: &str = "BuildFailed";

/// What is compared: who deletes what, and who may describe it.
#[derive(Default)]
pub struct Awaited {
    deletions: Vec<(Kustomization, Vec<ObjectId>)>,
    /// Of which Kustomizations it is not known what they describe, and why.
    unknown: BTreeMap<String, (Kustomization, &'static str)>,
    /// Those that could be built.
    known: Vec<String>,
}

impl Awaited {
    /// What the revision says of a Kustomization was found out.
    pub fn built(&mut self, kustomization: &Kustomization, diffs: &[Diff]) {
        self.known.push(id(kustomization));
        let deleted = diffs.iter().filter(|diff| diff.action == Action::Deleted);
        let deleted: Vec<ObjectId> = deleted.map(|diff| diff.object.id.clone()).collect();
        if !deleted.is_empty() {
            self.deletions.push((kustomization.clone(), deleted));
        }
    }

    /// A Kustomization cannot be built at the revision.
    pub fn unbuilt(&mut self, kustomization: Kustomization) {
        self.unknown.insert(id(&kustomization), (kustomization, "cannot be built at this revision"));
    }

    /// Those of the cluster that fail now, of which the revision was not asked, are not better known.
    pub fn fail_now<'a>(&mut self, live: impl Iterator<Item = &'a Kustomization>) {
        for kustomization in live.filter(|one| cannot_be_built(one)) {
            let name = id(kustomization);
            if !self.known.contains(&name) {
                self.unknown.entry(name).or_insert_with(|| (kustomization.clone(), "cannot be built now"));
            }
        }
    }

    /// What is to be said of the deletions.
    pub fn notes(&self) -> Vec<(ObjectId, String)> {
        let mut notes = Vec::new();
        for (pruner, objects) in &self.deletions {
            let others = self.unknown.values().filter(|(other, _)| may_hold(other, pruner));
            let said: Vec<String> = others.map(|(other, why)| told(other, pruner, why)).collect();
            if !said.is_empty() {
                let note = format!("waits until it is known whether it moves to {}", listed(said, NAMED));
                notes.extend(objects.iter().map(|object| (object.clone(), note.clone())));
            }
        }
        notes
    }
}

fn id(kustomization: &Kustomization) -> String {
    format!("{}/{}", kustomization.namespace().unwrap_or_default(), kustomization.name_any())
}

fn cannot_be_built(kustomization: &Kustomization) -> bool {
    let conditions = kustomization.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|one| one.type_ == "Ready" && one.reason == BUILD_FAILED)
}

/// Whether a revision may move objects from one to the other.
fn may_hold(other: &Kustomization, pruner: &Kustomization) -> bool {
    id(other) != id(pruner) && trees::named(other) == trees::named(pruner)
}

fn told(other: &Kustomization, pruner: &Kustomization, why: &str) -> String {
    let account = |one: &Kustomization| {
        one.spec.service_account_name.clone().filter(|name| !name.is_empty()).map(|name| (one.namespace(), name))
    };
    let theirs = account(other).filter(|theirs| Some(theirs) != account(pruner).as_ref());
    let unless = theirs.map_or(String::new(), |(_, name)| format!(", unless its account {name} may not write it"));
    format!("Kustomization {}, which {why}{unless}", id(other))
}
