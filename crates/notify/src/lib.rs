//! Tells the world of events, and takes its word that something changed: from what the agents record to a message at a provider, as
//! Flux's Alerts and Providers say, and from a webhook to the request for a reconciliation, as its Receivers say.
//!
//! [`Notifications`] takes events from anywhere and never waits. [`run`] decides which Alerts are about an event, and tells
//! their Providers: each namespace has a lane of its own, with a bound, so that a service that hangs is in nobody's way but that of
//! the tenant who named it. [`receiver`] answers webhooks.
//!
//! Services are reached as sources are: where the policy lets tenants go, and nowhere else. What Secrets hold is in no log, event or
//! error.

mod alert;
mod commit_status;
mod delivery;
mod described;
mod event;
mod kept;
mod lanes;
mod patterns;
mod provider;
pub mod receiver;
mod repeats;
mod secrets;
mod sending;
mod store;
mod thinking;

pub use commit_status::wrong_expression;
pub use event::{COMMIT_STATUS, Event, Severity, UPDATE};
pub use sending::Sends;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cowherd_api::flux::notification::v1beta3::{Alert, Provider};
use cowherd_runtime::{Health, Metrics, Recorder, Shard, caught};
use cowherd_source::{Access, Caller};
use kube::{Client, ResourceExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use alert::Concern;
use delivery::{Delivery, Desk};
use kept::Kept;
use lanes::Lanes;
use repeats::Repeats;
use store::Store;
use thinking::Spent;

/// Who says what happens to Alerts and Receivers.
pub(crate) const COMPONENT: &str = "notification-controller";
/// How many events may wait for somebody to look at them. What is told beyond that is lost, and counted.
const WAITING: usize = 4096;
/// How long the same event is not told again, unless said otherwise; Flux's own.
pub const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// What may be reached on the word of a namespace.
pub type AccessOf = Arc<dyn Fn(&str) -> Access + Send + Sync>;

/// How events are told.
#[derive(Clone)]
pub struct Config {
    /// Reads Alerts, Providers, their Secrets and the labels of what events are about; writes events about Alerts.
    pub client: Client,
    /// Where services may be, for those who name them.
    pub access: AccessOf,
    /// Whether an Alert is told of events of its own namespace only.
    pub no_cross_namespace_refs: bool,
    /// How long the same event is not told again.
    pub rate_limit_interval: Duration,
    /// How much is sent at a time, by all of the process.
    pub sends: Sends,
    /// Of which Alerts and Providers metrics tell.
    pub shard: Shard,
    /// Is told which loops are well.
    pub health: Health,
    /// Where it is counted how often they are started again.
    pub metrics: Metrics,
}

/// Takes events from anywhere. Clones are the same.
#[derive(Clone, Debug)]
pub struct Notifications {
    events: mpsc::Sender<Event>,
    lost: Arc<AtomicU64>,
}

/// What was taken.
pub struct Inbox {
    events: mpsc::Receiver<Event>,
    lost: Arc<AtomicU64>,
}

/// Where events go in, and where they come out.
pub fn notifications() -> (Notifications, Inbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    (Notifications { events: sender, lost: lost.clone() }, Inbox { events: receiver, lost })
}

impl Notifications {
    /// Takes an event. Never waits: where too many wait already, it is lost, and that is logged.
    pub fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Tells Providers of events, until nobody can tell of any more.
pub async fn run(config: Config, mut inbox: Inbox) {
    let (health, metrics) = (&config.health, &config.metrics);
    let alerts = Store::<Alert>::follow_and_tell(&config.client, &config.shard, health, metrics);
    let providers = Store::<Provider>::follow_and_tell(&config.client, &config.shard, health, metrics);
    let desk = Arc::new(Desk {
        recorder: Recorder::new(config.client.clone(), COMPONENT, health, metrics),
        client: config.client.clone(),
        access: config.access.clone(),
        no_cross_namespace_refs: config.no_cross_namespace_refs,
        sends: config.sends.clone(),
        caller: Caller::default(),
        providers: providers.clone(),
        patterns: Arc::new(Kept::new(patterns::ROOM)),
    });
    let (mut lanes, mut repeats) = (Lanes::new(desk), Repeats::new(config.rate_limit_interval));
    // What happens meanwhile waits, so that nothing is missed of which an Alert was there.
    alerts.synced().await;
    providers.synced().await;
    while let Some(event) = inbox.events.recv().await {
        let lost = inbox.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "events were told to nobody because too many happened at once");
        }
        let event = event.tidied();
        if !repeats.admits(&event.identity(), Instant::now()) {
            continue;
        }
        let event = Arc::new(event.without_token());
        let mut spent = HashMap::<String, Arc<Spent>>::new();
        for alert in alerts.all() {
            // Others have their turn between any two of them.
            tokio::task::coop::consume_budget().await;
            let namespace = alert.namespace().unwrap_or_default();
            // A bug with one Alert keeps no other from its events.
            match caught(async { alert::concern(&alert, &event) }).await {
                Ok(Concern::None) => {}
                Ok(_) => {
                    let spent = spent.entry(namespace.clone()).or_default().clone();
                    lanes.put(&namespace, Delivery { alert, event: event.clone(), spent });
                }
                Err(panic) => {
                    let name = alert.name_any();
                    tracing::error!(alert = format!("{namespace}/{name}"), panic, "looking at an Alert panicked");
                }
            }
        }
    }
}
