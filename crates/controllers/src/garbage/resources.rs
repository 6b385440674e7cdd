//! What the API serves: by which resource an owner reference's version and kind are reached.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::ApiResource;
use kube::core::DynamicObject;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a kind whose objects cannot be listed keeps owners waiting that may have dependents of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A resource and whether its objects are in namespaces.
#[derive(Clone, Debug)]
pub struct Served {
    pub resource: ApiResource,
    pub namespaced: bool,
}

impl Served {
    /// The API of the resource, in this namespace where it has any.
    pub fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.resource)
        } else {
            Api::all_with(client.clone(), &self.resource)
        }
    }
}

/// All resources that the API serves, and those whose objects are not all known yet.
pub struct Resources {
    state: Mutex<State>,
    first_synced: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// By version, as in `apps/v1`, and kind.
    served: HashMap<(String, String), Served>,
    discovered: bool,
    /// The watches that have not listed yet, and since when.
    unlisted: HashMap<(String, String), Instant>,
}

impl Default for Resources {
    fn default() -> Self {
        Self { state: Mutex::default(), first_synced: watch::Sender::new(false) }
    }
}

impl Resources {
    /// The resource of a version and kind, if it is served.
    pub fn get(&self, api_version: &str, kind: &str) -> Option<Served> {
        self.state().served.get(&(api_version.to_owned(), kind.to_owned())).cloned()
    }

    /// Takes note of what is served.
    pub fn replace(&self, served: HashMap<(String, String), Served>) {
        {
            let mut state = self.state();
            state.served = served;
            state.discovered = true;
        }
        self.judge();
    }

    /// Takes note of what is served of one group.
    pub fn replace_group(&self, group: &str, served: HashMap<(String, String), Served>) {
        {
            let mut state = self.state();
            state.served.retain(|_, known| known.resource.group != group);
            state.served.extend(served);
        }
        self.judge();
    }

    /// A watch of a version and kind was started.
    pub fn watched(&self, api_version: &str, kind: &str) {
        self.state().unlisted.insert((api_version.to_owned(), kind.to_owned()), Instant::now());
    }

    /// A watch has listed, or is no more.
    pub fn listed(&self, api_version: &str, kind: &str) {
        self.state().unlisted.remove(&(api_version.to_owned(), kind.to_owned()));
        self.judge();
    }

    /// Whether all dependents are known, but for those of kinds that cannot be listed.
    pub fn are_synced(&self) -> bool {
        let state = self.state();
        state.discovered && state.unlisted.values().all(|since| since.elapsed() > PATIENCE)
    }

    /// Waits until all dependents were known once.
    pub async fn first_synced(&self) {
        let mut synced = self.first_synced.subscribe();
        loop {
            // The sender lives as long as this does; a kind that cannot be listed is waited for no longer in the end.
            let _ = tokio::time::timeout(Duration::from_secs(1), synced.wait_for(|synced| *synced)).await;
            if *synced.borrow() || self.are_synced() {
                return;
            }
        }
    }

    fn judge(&self) {
        if self.are_synced() {
            self.first_synced.send_if_modified(|synced| !std::mem::replace(synced, true));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
