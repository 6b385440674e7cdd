//! Turns what is watched into signals.

use std::collections::HashSet;
use std::pin::pin;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::Drift;
use cowherd_runtime::{Pulse, interruption};
use futures::StreamExt;
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::Signal;
use crate::NamespacedName;

/// Tells of all Kustomizations of the cluster.
pub(crate) async fn kustomizations(client: Client, signals: mpsc::UnboundedSender<Signal>, pulse: Pulse) {
    let api: Api<DeserializeGuard<Kustomization>> = Api::all(client);
    let mut events = pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match &event {
            Ok(_) => pulse.well(),
            Err(error) => pulse.unwell(interruption(error)),
        }
        let signal = match event {
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed.insert(NamespacedName::of(&object));
                seen(object)
            }
            Ok(Event::InitDone) => Some(Signal::Listed(std::mem::take(&mut listed))),
            Ok(Event::Apply(object)) => seen(object),
            Ok(Event::Delete(object)) => Some(Signal::Gone(NamespacedName::of(&object))),
            Err(error) => {
                tracing::debug!(%error, "the watch of Kustomizations was interrupted");
                None
            }
        };
        if let Some(signal) = signal
            && signals.send(signal).is_err()
        {
            return;
        }
    }
}

fn seen(DeserializeGuard(object): DeserializeGuard<Kustomization>) -> Option<Signal> {
    match object {
        Ok(object) => Some(Signal::Seen(Box::new(object))),
        Err(invalid) => {
            tracing::warn!(name = invalid.metadata.name, error = invalid.error, "a Kustomization cannot be read");
            None
        }
    }
}

/// Passes drift on.
pub(crate) async fn drift(mut drifts: mpsc::UnboundedReceiver<Drift>, signals: mpsc::UnboundedSender<Signal>) {
    while let Some(drift) = drifts.recv().await {
        if signals.send(Signal::Drift(drift)).is_err() {
            return;
        }
    }
}
