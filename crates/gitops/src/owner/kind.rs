//! What is different between the kinds of owners.

use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};

use cowherd_apply::Ownership;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject};
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Owner, OwnerName, Status};
use crate::delivery::Story;
use crate::metrics::Described;

/// A kind of owner.
pub(crate) struct OwnerKind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    /// What shows that an object was applied by one of the kind.
    pub(crate) ownership: Ownership,
    /// The component that events name.
    pub(crate) component: &'static str,
    /// The field manager with which statuses are written.
    pub(crate) status_manager: &'static str,
    /// The finalizer that its owners have, so that they do not go before it was cleaned up after them.
    pub(crate) finalizer: &'static str,
    /// Whether a prune of all that an owner had, or of what holds something of others, waits until somebody approves of it.
    pub(crate) minds_losses: bool,
    /// Whether the Kustomizations that go with one of its owners leave what they have brought.
    pub(crate) relinquishes: bool,
    /// The fields that a status can have. Those that are not written are removed.
    pub(crate) status_fields: &'static [&'static str],
    /// Reads an object of the kind.
    pub(crate) read: fn(DynamicObject) -> serde_json::Result<(Owner, Status)>,
    /// A status in the words of the kind.
    pub(crate) write_status: fn(&Status) -> serde_json::Result<Value>,
    /// The fields that name the source, for messages.
    pub(crate) source_field: &'static str,
    /// The reason that is given while the source has nothing.
    pub(crate) without_source: &'static str,
    /// Whether it waits for the content that is asked for, instead of going on with what the source had before.
    pub(crate) needs_latest: bool,
    /// Whether its revisions are those of repositories, whose hosts can be told what became of a commit.
    pub(crate) has_commits: bool,
    /// What is done for its owners, where that is something else than to apply what they describe.
    pub(crate) story: Option<&'static dyn Story>,
}

impl OwnerKind {
    pub(crate) fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// How the API names the objects of the kind.
    pub(crate) fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// The kind as commands name it.
    pub(crate) fn word(&self) -> String {
        self.kind.to_ascii_lowercase()
    }

    fn id(&self) -> (&str, &str) {
        (self.group, self.kind)
    }
}

impl PartialEq for OwnerKind {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for OwnerKind {}

impl Hash for OwnerKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl PartialOrd for OwnerKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OwnerKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}

impl Debug for OwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

/// Reads an object as one of the kind of `K`.
pub(crate) fn read<K: Owning>(object: DynamicObject) -> serde_json::Result<(Owner, Status)> {
    let object: K = serde_json::from_value(serde_json::to_value(object)?)?;
    Ok(Owning::read(object, None))
}

/// An object of the API that is an owner.
pub(crate) trait Owning:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Described
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Its kind.
    const KIND: &'static OwnerKind;

    /// What it says, and what its status says. What was `known` of it before need not be read again where it holds.
    fn read(self, known: Option<&Owner>) -> (Owner, Status);
}

/// An owner of some kind that was seen.
pub(crate) trait Sighting: Send {
    /// Which one.
    fn name(&self) -> OwnerName;

    /// See [`Owning::read`].
    fn read(self: Box<Self>, known: Option<&Owner>) -> (Owner, Status);
}

impl<K: Owning> Sighting for K {
    fn name(&self) -> OwnerName {
        OwnerName::of(self)
    }

    fn read(self: Box<Self>, known: Option<&Owner>) -> (Owner, Status) {
        Owning::read(*self, known)
    }
}
