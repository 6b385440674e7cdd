//! Manifests to a cluster: order, server-side apply, inventory, prune, drift, health.
//!
//! An [`Applier`] brings sets of objects to one cluster. What it sends follows what changed: of each object that it
//! applied it keeps a digest, and a watch of metadata tells when the object is no longer as it was applied, so an
//! object that is as it should be costs no request. It knows nothing of where manifests come from.

mod applier;
mod change;
mod clients;
mod cluster;
mod diff;
mod error;
pub mod health;
mod intruders;
pub mod inventory;
pub mod mask;
mod memory;
mod object;
pub mod order;
mod owner;
mod single;
mod unmasked;
mod unserved;
mod wait;
mod watching;

pub use applier::{Applier, Coming, Desired, Heir, Options, Owners, Pruned, Stale, Stays};
pub use change::{Action, Change, ChangeSet};
pub use clients::Clients;
pub use cluster::{Account, is_refused};
pub use diff::{Diff, FieldChange, Foreseen, compare};
pub use error::{ApplyError, Partial};
pub use health::actors::{Actors, needs_a_controller};
pub use health::assumed::{Assumed, Assumption, AssumptionError};
pub use memory::{Cause, Drift};
pub use object::{ContentDigest, Manifest, ManifestError, ObjectId, Versioned, is_path_segment};
pub use owner::{OWNER_NAME, OWNER_NAMESPACE, Owner, Ownership};
pub use single::Propagation;
pub use unmasked::Unmasked;
pub use unserved::Unserved;
pub use wait::{Expectation, Tally, Unhealthy};
pub use watching::{RELIST, Sight};
