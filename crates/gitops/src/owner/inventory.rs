//! The objects that an owner has, as its status lists them.

use cowherd_apply::Versioned;
use cowherd_apply::inventory::{EntryId, parse};

/// The objects of an owner, as the texts that a status has of them: the id and the version of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inventory(pub(crate) Vec<(Box<str>, Box<str>)>);

impl Inventory {
    /// The inventory of the objects.
    pub(crate) fn of(objects: &[Versioned]) -> Self {
        let entry = |object: &Versioned| (EntryId(&object.id).to_string().into(), object.version.as_str().into());
        Self(objects.iter().map(entry).collect())
    }

    /// The objects. Entries that cannot be read are passed over.
    pub(crate) fn objects(&self) -> Vec<Versioned> {
        let parsed = self.0.iter().map(|(id, version)| parse(id, version));
        parsed
            .filter_map(|entry| entry.inspect_err(|error| tracing::warn!(%error, "an inventory is damaged")).ok())
            .collect()
    }
}
