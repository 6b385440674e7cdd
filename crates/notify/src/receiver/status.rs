//! The status of Receivers: whether they take webhooks, and at which path.

use std::sync::Arc;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::notification::v1::{Receiver, ReceiverStatus};
use cowherd_api::{Condition, ConditionStatus, supported};
use cowherd_runtime::conditions::told;
use cowherd_runtime::{Health, Key, Metrics, Recorder, Shard, broken_off, caught};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::filter::{WrongFilter, wrong_filters};
use super::measured::Told;
use super::requests::wrong_references;
use super::rounds::Rounds;
use super::{Receivers, path, token};
use crate::COMPONENT;
use crate::kept::{Kept, Of, Room};

const READY: &str = "Ready";
const STALLED: &str = "Stalled";
const RECONCILING: &str = "Reconciling";
const SUCCEEDED: &str = "Succeeded";
const TOKEN_NOT_FOUND: &str = "TokenNotFound";
const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
const UNSUPPORTED: &str = "UnsupportedFeature";
const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
const INVALID_EXPRESSION: &str = "InvalidCELExpression";
const VALIDATION_FAILED: &str = "ValidationFailed";

/// Of how many Receivers it is known what their filters are.
const VERDICTS: Room = Room { of_namespace: 10_000, in_all: 100_000 };

/// What is said of a bug.
const BROKEN: &str = "looking at it broke off; this is a bug in cowherd";

/// Keeps the status of the Receivers of a shard, for ever.
pub async fn reconcile(client: Client, receivers: Receivers, shard: Shard, health: Health, metrics: Metrics) {
    let recorder = Recorder::new(client.clone(), COMPONENT, &health, &metrics);
    let (keeper, mut rounds) = (Keeper { recorder, client, verdicts: Kept::new(VERDICTS) }, Rounds::default());
    let (mut told, mut changes) = (Told::new(&metrics), receivers.0.changes());
    receivers.0.synced().await;
    loop {
        changes.mark_unchanged();
        let keeper = &keeper;
        let mut ours = receivers.all();
        ours.retain(|receiver| shard.has(receiver.metadata.labels.as_ref()));
        told.tell(&ours);
        let told = &told;
        let look = |receiver: Arc<Receiver>| async move {
            let measured = told.begin(&receiver);
            let is_well = keeper.keep(&receiver).await;
            measured.end(is_well);
            is_well
        };
        let next = rounds.look(&ours, look).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = until(next) => {}
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Writes down how a Receiver is.
struct Keeper {
    client: Client,
    recorder: Recorder,
    /// What is wrong with the filters of Receivers.
    verdicts: Kept<Option<WrongFilter>>,
}

impl Keeper {
    /// Brings the status up to date; whether all is well with the Receiver, or only its spec can change that.
    async fn keep(&self, receiver: &Receiver) -> bool {
        let found = caught(self.judge(receiver)).await.unwrap_or_else(|panic| {
            tracing::error!(receiver = %Key::of(receiver), panic, "judging a Receiver panicked");
            Found::Broken
        });
        let before = receiver.status.clone().unwrap_or_default();
        let status = found.status(receiver, &before);
        if status != before && !self.write(receiver, &status).await {
            return false;
        }
        if ready(&before).map(|ready| (ready.status, &ready.message))
            != ready(&status).map(|ready| (ready.status, &ready.message))
        {
            self.tell(receiver, &found);
        }
        !matches!(found, Found::NoToken(_) | Found::Broken)
    }

    async fn judge(&self, receiver: &Receiver) -> Found {
        let spec = serde_json::to_value(&receiver.spec).unwrap_or_default();
        if let Some(refused) = supported::refused(supported::RECEIVER, &spec).next() {
            return Found::Refused(UNSUPPORTED, refused.to_string());
        }
        if let Some(wrong) = wrong_references(&receiver.spec.resources, &receiver.namespace().unwrap_or_default()) {
            return Found::Refused(VALIDATION_FAILED, wrong);
        }
        match self.wrong_filter(receiver, spec).await.as_deref() {
            Some(None) => {}
            Some(Some(WrongFilter { field, problem })) => {
                return Found::Refused(INVALID_EXPRESSION, format!("spec.{field} {problem}"));
            }
            None => return Found::Broken,
        }
        match token(&self.client, receiver).await {
            Ok(token) => Found::Path(path(receiver, &token)),
            Err(error) => Found::NoToken(error.to_string()),
        }
    }

    /// What is wrong with the filters of a Receiver, which is found out once for each generation of it, on a thread of its own;
    /// nothing where that broke off.
    async fn wrong_filter(&self, receiver: &Receiver, spec: Value) -> Option<Arc<Option<WrongFilter>>> {
        let of = Of::object(receiver);
        if let Some(known) = self.verdicts.get(&of) {
            return Some(known);
        }
        let judged = tokio::task::spawn_blocking(move || wrong_filters(&spec).into_iter().next()).await;
        let judged = judged.map_err(|error| {
            let error = broken_off(error);
            tracing::error!(receiver = %Key::of(receiver), error, "judging the filters of a Receiver broke off");
        });
        let verdict = Arc::new(judged.ok()?);
        self.verdicts.keep(of, 1, verdict.clone());
        Some(verdict)
    }

    async fn write(&self, receiver: &Receiver, status: &ReceiverStatus) -> bool {
        let api: Api<Receiver> = Api::namespaced(self.client.clone(), &receiver.namespace().unwrap_or_default());
        // A field that is not there any more has to be taken away.
        let patch = json!({ "metadata": { "uid": receiver.uid() }, "status": {
            "conditions": status.conditions,
            "webhookPath": status.webhook_path,
            "observedGeneration": status.observed_generation,
            "lastHandledReconcileAt": status.last_handled_reconcile_at,
        } });
        let params = PatchParams { field_manager: Some(COMPONENT.to_owned()), ..PatchParams::default() };
        match api.patch_status(&receiver.name_any(), &params, &Patch::Merge(patch)).await {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.is_not_found() => true,
            Err(error) => {
                tracing::warn!(receiver = %Key::of(receiver), %error, "the status of a Receiver cannot be written");
                false
            }
        }
    }

    fn tell(&self, receiver: &Receiver, found: &Found) {
        let name = Key::of(receiver);
        match found {
            Found::Path(_) => {
                let every =
                    receiver.spec.interval.clone().map_or_else(|| "10m".to_owned(), |interval| interval.to_string());
                let message = format!("Reconciliation finished, next run in {every}");
                tracing::info!(receiver = %name, "{message}");
                self.recorder.normal(receiver, SUCCEEDED, &message);
            }
            Found::Refused(reason, cause) => {
                tracing::error!(receiver = %name, "{cause}");
                self.recorder.warning(receiver, reason, &terminal(cause));
            }
            Found::NoToken(cause) => {
                tracing::error!(receiver = %name, "{cause}");
                self.recorder.warning(receiver, "Failed", cause);
            }
            Found::Broken => self.recorder.warning(receiver, "Failed", BROKEN),
        }
    }
}

/// How a Receiver is.
enum Found {
    /// It takes webhooks at this path.
    Path(String),
    /// It asks for what cannot be done, for this reason.
    Refused(&'static str, String),
    /// It has no token.
    NoToken(String),
    /// Nobody knows, for a bug.
    Broken,
}

impl Found {
    /// What the status says of it.
    fn status(&self, receiver: &Receiver, before: &ReceiverStatus) -> ReceiverStatus {
        let mut status = ReceiverStatus { last_handled_reconcile_at: requested(receiver), ..before.clone() };
        let generation = receiver.metadata.generation.unwrap_or_default();
        let set = |type_: &str, value: ConditionStatus, reason: &str, message: &str| {
            let known = before.conditions.iter().find(|known| known.type_ == type_ && known.status == value);
            let since = known.map(|known| known.last_transition_time.clone());
            Condition {
                type_: type_.to_owned(),
                status: value,
                observed_generation: Some(generation),
                last_transition_time: since.unwrap_or_else(now),
                reason: reason.to_owned(),
                message: told(message),
            }
        };
        match self {
            Self::Path(path) => {
                let message = format!("Receiver initialized for path: {path}");
                status.conditions = vec![set(READY, ConditionStatus::True, SUCCEEDED, &message)];
                status.webhook_path = Some(path.clone());
                status.observed_generation = Some(generation);
            }
            Self::Refused(reason, cause) => {
                let message = terminal(cause);
                status.conditions = vec![
                    set(READY, ConditionStatus::False, reason, &message),
                    set(STALLED, ConditionStatus::True, reason, &message),
                ];
                status.webhook_path = None;
                status.observed_generation = Some(generation);
            }
            Self::NoToken(cause) => {
                let progress = "Reconciliation in progress";
                status.conditions = vec![
                    set(READY, ConditionStatus::False, TOKEN_NOT_FOUND, cause),
                    set(RECONCILING, ConditionStatus::True, PROGRESSING_WITH_RETRY, progress),
                ];
                status.webhook_path = None;
            }
            // What was so before may still be.
            Self::Broken => {
                let progress = "Reconciliation in progress";
                status.conditions = vec![
                    set(READY, ConditionStatus::False, RECONCILIATION_FAILED, BROKEN),
                    set(RECONCILING, ConditionStatus::True, PROGRESSING_WITH_RETRY, progress),
                ];
            }
        }
        status
    }
}

fn terminal(cause: &str) -> String {
    format!("Reconciliation failed terminally due to configuration error: {cause}")
}

pub(super) fn ready(status: &ReceiverStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == READY)
}

pub(super) fn requested(receiver: &Receiver) -> Option<String> {
    receiver.metadata.annotations.as_ref()?.get(RECONCILE_REQUESTED_AT).cloned()
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn receiver() -> Receiver {
        serde_json::from_value(json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
            "metadata": { "name": "r", "namespace": "n", "generation": 3, "annotations": { RECONCILE_REQUESTED_AT: "x" } },
            "spec": { "type": "generic", "resources": [] } }))
        .unwrap()
    }

    #[test]
    fn the_status_says_at_which_path_it_is_or_why_at_none() {
        let well = Found::Path("/hook/abc".into()).status(&receiver(), &ReceiverStatus::default());
        assert_eq!((well.webhook_path.as_deref(), well.observed_generation), (Some("/hook/abc"), Some(3)));
        assert_eq!(well.last_handled_reconcile_at.as_deref(), Some("x"));
        assert_eq!(Found::Path("/hook/abc".into()).status(&receiver(), &well), well, "nothing is news");
        let lost = Found::NoToken("no".into()).status(&receiver(), &well);
        assert_eq!((lost.webhook_path.as_deref(), ready(&lost).unwrap().reason.as_str()), (None, TOKEN_NOT_FOUND));
        let refused = Found::Refused(UNSUPPORTED, "no".into()).status(&receiver(), &lost);
        assert_eq!(refused.conditions[1].type_, STALLED);
        let broken = Found::Broken.status(&receiver(), &well);
        assert_eq!(
            (broken.webhook_path.as_deref(), ready(&broken).unwrap().message.as_str()),
            (Some("/hook/abc"), BROKEN)
        );
        assert_eq!(ready(&refused).unwrap().last_transition_time, ready(&lost).unwrap().last_transition_time);
    }

    /// An API without Receivers, whose watches tell nothing; what is asked of it is written down.
    fn api() -> (Client, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let uri = request.uri().to_string();
            seen.lock().unwrap().push(uri.clone());
            async move {
                if uri.contains("watch=true") {
                    std::future::pending::<()>().await;
                }
                let list = json!({ "kind": "ReceiverList", "apiVersion": "notification.toolkit.fluxcd.io/v1",
                    "metadata": { "resourceVersion": "5" }, "items": [] });
                let body = kube::client::Body::from(list.to_string().into_bytes());
                Ok::<_, std::convert::Infallible>(http::Response::new(body))
            }
        });
        (Client::new(service, "default"), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_webhooks_and_who_keeps_the_status_read_one_copy_of_receivers() {
        let (client, asked) = api();
        let (health, metrics, all) = (Health::default(), Metrics::default(), Shard::default());
        let receivers = Receivers::follow(&client, &all, &health, &metrics);
        let _hooks = super::super::Hooks::new(client.clone(), &receivers, false);
        let reconciling = reconcile(client, receivers, all, health, metrics);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(60), reconciling).await.is_err(), "it goes on");
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked.iter().filter(|uri| uri.contains("watch=true")).count(), 1, "{asked:?}");
        assert_eq!(asked.len(), 2, "a list, and then a watch: {asked:?}");
    }
}
