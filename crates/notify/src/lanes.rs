//! A lane for each namespace: what its Alerts have to be told waits there, and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::events::Type;
use cowherd_runtime::{Key, broken_off, caught};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinSet;

use crate::delivery::{Delivery, Desk};

/// How much may wait in a lane.
const WAITING: usize = 256;
/// How much of a lane is under way at a time.
const AT_ONCE: usize = 4;
/// How long a lane is kept where nothing comes.
const IDLE: Duration = Duration::from_secs(60);

/// The lanes of all namespaces. They end with this.
pub(crate) struct Lanes {
    desk: Arc<Desk>,
    lanes: HashMap<String, mpsc::Sender<Delivery>>,
    tasks: JoinSet<()>,
}

impl Lanes {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, lanes: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Puts something into the lane of a namespace. Never waits: where too much waits already it is lost, and the Alert is told.
    pub(crate) fn put(&mut self, namespace: &str, delivery: Delivery) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(error = broken_off(error), "a lane broke off; what waited in it is told to nobody");
            }
        }
        let outcome = match self.lanes.get(namespace) {
            Some(lane) => lane.try_send(delivery),
            None => Err(TrySendError::Closed(delivery)),
        };
        match outcome {
            Ok(()) => {}
            Err(TrySendError::Full(delivery)) => self.lose(&delivery),
            Err(TrySendError::Closed(delivery)) => self.begin(namespace, delivery),
        }
    }

    fn begin(&mut self, namespace: &str, delivery: Delivery) {
        self.lanes.retain(|_, lane| !lane.is_closed());
        let (lane, inbox) = mpsc::channel(WAITING);
        // There is room in what is new.
        let _ = lane.try_send(delivery);
        self.lanes.insert(namespace.to_owned(), lane);
        self.tasks.spawn(run(self.desk.clone(), inbox));
    }

    fn lose(&self, delivery: &Delivery) {
        let message = format!(
            "failed to dispatch notification for {}: {WAITING} others of the namespace wait already for services that are slow",
            delivery.event.object()
        );
        self.desk.tell(&delivery.alert, Type::Warning, "NotificationDispatchFailed", &message);
    }
}

/// Tells a service of an event. A bug in that is told as all else that keeps a service from being told.
async fn deliver(desk: &Desk, delivery: Delivery) {
    let (alert, object) = (delivery.alert.clone(), delivery.event.object());
    if let Err(panic) = caught(desk.deliver(delivery)).await {
        tracing::error!(alert = %Key::of(alert.as_ref()), panic, "telling a service of an event panicked");
        let message = format!("failed to dispatch notification for {object}: it broke off; this is a bug in cowherd");
        desk.tell(&alert, Type::Warning, "NotificationDispatchFailed", &message);
    }
}

/// Does what comes, and ends when nothing has come for a while.
async fn run(desk: Arc<Desk>, mut inbox: mpsc::Receiver<Delivery>) {
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await;
            continue;
        }
        match tokio::time::timeout(IDLE, inbox.recv()).await {
            Ok(Some(delivery)) => {
                let desk = desk.clone();
                under_way.spawn(async move { deliver(&desk, delivery).await });
            }
            Ok(None) => break,
            // What was sent until now is done before it ends.
            Err(_) => inbox.close(),
        }
    }
    while under_way.join_next().await.is_some() {}
}
