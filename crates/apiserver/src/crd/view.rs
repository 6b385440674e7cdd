//! The definitions that the log tells of, on their way to the catalog.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use cowherd_store::Revision;
use tokio::sync::Notify;

use super::CustomResource;
use crate::{catalog::Catalog, following::View, resource::Resource};

/// How many mistakes of a stored definition are named.
const ERRORS: usize = 3;

/// Keeps a catalog at what the log says of definitions.
pub struct Definitions {
    pub catalog: Arc<Catalog>,
    /// The resource of definitions.
    pub resource: Arc<Resource>,
    pub news: News,
}

/// The names of definitions that have changed, for whoever takes care of them. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<(Mutex<BTreeSet<String>>, Notify)>);

impl News {
    /// Has all of these looked at.
    pub fn add_all(&self, names: impl IntoIterator<Item = String>) {
        names.into_iter().for_each(|name| self.add(&name));
    }

    fn add(&self, name: &str) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.0.1.notify_one();
    }

    /// Waits for names, and takes all there are.
    pub async fn take(&self) -> BTreeSet<String> {
        loop {
            let names = std::mem::take(&mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
            if !names.is_empty() {
                return names;
            }
            self.0.1.notified().await;
        }
    }
}

impl View for Definitions {
    fn prefix(&self) -> String {
        self.resource.collection_prefix(None)
    }

    fn seen(&mut self, key: &str, value: Option<Bytes>, revision: Revision) -> Result<(), String> {
        let name = key.strip_prefix(&self.resource.collection_prefix(None)).unwrap_or(key);
        let taken = match value {
            None => {
                self.catalog.undefine(name, revision);
                Ok(())
            }
            Some(value) => self.define(name, &value, revision),
        };
        self.news.add(name);
        taken
    }
}

impl Definitions {
    /// Serves what is defined.
    fn define(&self, name: &str, value: &[u8], revision: Revision) -> Result<(), String> {
        let object = self.resource.decode(value, revision);
        let object = object.map_err(|error| format!("a definition was stored that cannot be read: {error}"))?;
        let definition = CustomResource::read(&object);
        let definition = definition.map_err(|errors| {
            format!("a definition was stored that cannot be served: {}", cowherd_text::clauses(&errors, ERRORS))
        })?;
        self.catalog.define(name, definition);
        Ok(())
    }
}
