//! Between the inventory in a status and the objects that it names.

use cowherd_api::flux::kustomize::v1::{KustomizationStatus, ResourceInventory, ResourceRef};
use cowherd_apply::Versioned;
use cowherd_apply::inventory::{EntryId, parse};

/// The objects in the inventory.
pub(crate) fn read(status: &KustomizationStatus) -> Vec<Versioned> {
    let entries = status.inventory.iter().flat_map(|inventory| &inventory.entries);
    let parsed = entries.map(|entry| parse(&entry.id, &entry.v));
    parsed
        .filter_map(|entry| entry.inspect_err(|error| tracing::warn!(%error, "an inventory is damaged")).ok())
        .collect()
}

/// The inventory of the objects.
pub(crate) fn write(objects: &[Versioned]) -> ResourceInventory {
    let entry = |object: &Versioned| ResourceRef { id: EntryId(&object.id).to_string(), v: object.version.clone() };
    ResourceInventory { entries: objects.iter().map(entry).collect() }
}
