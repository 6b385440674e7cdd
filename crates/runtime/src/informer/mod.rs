//! What controllers know of the objects of one kind: kept current by one watch and by their own writes.

mod cache;
mod departed;
mod index;
mod shared;
mod subscribers;
mod watch;
mod watching;

use std::fmt::Debug;
use std::hash::Hash;

use kube::Resource;
use serde::de::DeserializeOwned;

pub use cache::Informer;
pub use index::Index;
pub(crate) use shared::Informers;
pub use subscribers::Subscription;
pub use watch::{Sink, follow, follow_and_relist, interruption};
pub use watching::watching;

/// An object that an informer can hold.
pub trait Object:
    Resource<DynamicType: Clone + Eq + Hash + Send + Sync> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
}

impl<K> Object for K where
    K: Resource<DynamicType: Clone + Eq + Hash + Send + Sync>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static
{
}

/// The resource version as a number, which is how Kubernetes' storage counts them; nothing where it is none.
pub fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}
