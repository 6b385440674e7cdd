//! Between the inventory in a status and the objects that it names.

use cowherd_api::flux::kustomize::v1::{KustomizationStatus, ResourceInventory, ResourceRef};
use cowherd_apply::Versioned;
use cowherd_apply::inventory::{EntryId, parse, union};

use super::{Context, Job};

/// The objects in the inventory.
pub(crate) fn read(status: &KustomizationStatus) -> Vec<Versioned> {
    let entries = status.inventory.iter().flat_map(|inventory| &inventory.entries);
    let parsed = entries.map(|entry| parse(&entry.id, &entry.v));
    parsed
        .filter_map(|entry| entry.inspect_err(|error| tracing::warn!(%error, "an inventory is damaged")).ok())
        .collect()
}

/// The objects in the inventory of a job, to which those are added that others gave to its Kustomization.
pub(super) fn with_given(context: &Context, job: &mut Job) -> Vec<Versioned> {
    let objects = read(&job.status);
    let given = context.gate.take_given(&job.name);
    if given.is_empty() {
        return objects;
    }
    let all = union(&objects, &given);
    // As long as the process lives, the status is kept, whether it can be written or not.
    job.status.inventory = Some(write(&all));
    all
}

/// The inventory of the objects.
pub(crate) fn write(objects: &[Versioned]) -> ResourceInventory {
    let entry = |object: &Versioned| ResourceRef { id: EntryId(&object.id).to_string(), v: object.version.clone() };
    ResourceInventory { entries: objects.iter().map(entry).collect() }
}
