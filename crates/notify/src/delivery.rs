//! Tells one service of one event, on the word of one Alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::notification::v1beta3::{Alert, Provider};
use cowherd_api::supported;
use cowherd_apply::mask::Mask;
use cowherd_runtime::events::{Type, reference};
use cowherd_runtime::{Key, Recorder};
use cowherd_source::Caller;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use tokio::time::{Instant, timeout};

use crate::AccessOf;
use crate::alert::{self, Concern};
use crate::commit_status;
use crate::event::Event;
use crate::kept::{Kept, Of};
use crate::patterns::{Patterns, WrongExpression};
use crate::provider::{self, Failure};
use crate::secrets::{Prepared, prepare};
use crate::sending::{Sending, Sends};
use crate::store::Store;
use crate::thinking::{Spent, TooLong};

const DISPATCH_FAILED: &str = "NotificationDispatchFailed";
const INVALID_CONFIG: &str = "InvalidConfig";
const SOURCE_FETCH_FAILED: &str = "SourceFetchFailed";
const METADATA_APPEND_FAILED: &str = "MetadataAppendFailed";

/// What an Alert has told.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) alert: Arc<Alert>,
    pub(crate) event: Arc<Event>,
    /// How long the expressions of its namespace took for the event.
    pub(crate) spent: Arc<Spent>,
}

/// What all deliveries share.
pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) access: AccessOf,
    pub(crate) no_cross_namespace_refs: bool,
    pub(crate) sends: Sends,
    pub(crate) caller: Caller,
    pub(crate) providers: Store<Provider>,
    /// The expressions of Alerts, compiled.
    pub(crate) patterns: Arc<Kept<Patterns>>,
}

/// How far a delivery came.
enum Ended {
    /// The service was told, or there was nothing to be told.
    Well,
    /// Nothing was sent; why, as people are told.
    Undispatched(String),
    /// It was sent, and did not arrive.
    Unsent(Failure, Mask),
}

impl Desk {
    /// Says something of an Alert. Never waits.
    pub(crate) fn tell(&self, alert: &Alert, severity: Type, reason: &str, message: &str) {
        self.recorder.about(reference(alert, &()), severity, reason, message);
    }

    /// Tells the Provider of the Alert of the event, if the Alert is about it. What goes wrong is an event of the Alert.
    pub(crate) async fn deliver(&self, delivery: Delivery) {
        let (alert, object) = (delivery.alert.clone(), delivery.event.object());
        let message = match self.attempt(&delivery).await {
            Ended::Well => return,
            Ended::Undispatched(told) => format!("failed to dispatch notification for {object}: {told}"),
            Ended::Unsent(failure, mask) => {
                // What a server said may be what it was sent.
                format!("failed to send notification for {object}: {}", failure.told(&mask))
            }
        };
        let (namespace, name) = (alert.namespace().unwrap_or_default(), alert.name_any());
        tracing::error!(alert = format!("{namespace}/{name}"), "{message}");
        self.tell(&alert, Type::Warning, DISPATCH_FAILED, &message);
    }

    async fn attempt(&self, delivery: &Delivery) -> Ended {
        let (alert, event) = (delivery.alert.as_ref(), delivery.event.as_ref());
        let namespace = alert.namespace().unwrap_or_default();
        let is_denied = self.no_cross_namespace_refs && event.namespace() != namespace;
        match alert::concern(alert, event) {
            Concern::None => return Ended::Well,
            Concern::Whole => {}
            // Whoever may not be told is not told what it is called either.
            Concern::Labelled(_) if is_denied => return Ended::Well,
            Concern::Labelled(selectors) => match self.labels(event).await {
                Ok(labels) if alert::has_labels(&labels, &selectors) => {}
                Ok(_) => return Ended::Well,
                Err(error) => {
                    tracing::error!(%error, object = event.object(), "the labels of an object cannot be read");
                    let message = format!("error getting source object {}", event.object());
                    self.tell(alert, Type::Warning, SOURCE_FETCH_FAILED, &message);
                    return Ended::Well;
                }
            },
        }
        if alert.spec.event_sources.len() > alert::MOST_SOURCES {
            let message = format!(
                "spec.eventSources has more than {0} sources; the first {0} of them count",
                alert::MOST_SOURCES
            );
            self.tell(alert, Type::Warning, INVALID_CONFIG, &message);
        }
        match self.is_admitted(delivery).await {
            Ok(true) => {}
            Ok(false) => return Ended::Well,
            Err(told) => return Ended::Undispatched(told),
        }
        if is_denied {
            return Ended::Undispatched(format!(
                "discarding event, access denied to cross-namespace sources: alert '{namespace}/{}' can't process event from \
                 '{}', cross-namespace references have been blocked",
                alert.name_any(),
                event.object()
            ));
        }
        let name = &alert.spec.provider_ref.name;
        let Some(provider) = self.providers.get(&Key::new(&namespace, name)) else {
            let cause = format!("failed to read provider: there is no Provider '{name}' in the namespace of the Alert");
            return Ended::Undispatched(cause);
        };
        if is_wanted(&provider, event) { self.send(delivery, &provider).await } else { Ended::Well }
    }

    /// Whether the lists of the Alert leave the message of the event; why nobody knows.
    async fn is_admitted(&self, delivery: &Delivery) -> Result<bool, String> {
        if !Patterns::has(&delivery.alert) {
            return Ok(true);
        }
        let (kept, of) = (self.patterns.clone(), delivery.clone());
        let looked = self.think(delivery, move || looked_for(&kept, &of)).await?;
        let (is_admitted, wrong) = looked.map_err(|error| error.to_string())?;
        for wrong in wrong {
            self.tell(&delivery.alert, Type::Warning, INVALID_CONFIG, &wrong.to_string());
        }
        Ok(is_admitted)
    }

    /// Does something that takes its time on the word of the Alert's namespace.
    async fn think<T: Send + 'static>(
        &self,
        delivery: &Delivery,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let namespace = delivery.alert.namespace().unwrap_or_default();
        self.sends.thinking.run(&namespace, work).await.map_err(|error| error.to_string())
    }

    /// What the status of a commit is called, if the Provider tells of any.
    async fn commit_status(&self, delivery: &Delivery, event: &Event, provider: &Provider) -> Result<String, Failure> {
        if !commit_status::is_expressed(provider) {
            return commit_status::name(provider, &delivery.alert, event);
        }
        let (of, event, provider) = (delivery.clone(), event.clone(), provider.clone());
        let named =
            self.think(delivery, move || of.spent.within(|_| Ok(commit_status::name(&provider, &of.alert, &event))));
        let named = named.await.map_err(Failure::new)?;
        named.unwrap_or_else(|error| Err(Failure::new(error.to_string())))
    }

    async fn send(&self, delivery: &Delivery, provider: &Provider) -> Ended {
        let (alert, event) = (delivery.alert.as_ref(), delivery.event.as_ref());
        let name = provider.name_any();
        let unusable = |cause: String| {
            Ended::Undispatched(format!("failed to initialize notifier for provider '{name}': {cause}"))
        };
        let spec = serde_json::to_value(&provider.spec).unwrap_or_default();
        if let Some(refused) = supported::refused(supported::PROVIDER, &spec).next() {
            return unusable(refused.to_string());
        }
        let (event, conflicts) = alert::told(alert, event);
        self.tell_conflicts(alert, conflicts);
        let commit_status = match self.commit_status(delivery, &event, provider).await {
            Ok(name) => name,
            Err(failure) => return unusable(failure.told(&Mask::default())),
        };
        let prepared = match prepare(
            &self.client,
            provider,
            alert,
            commit_status,
            &(self.access)(&alert.namespace().unwrap_or_default()),
        )
        .await
        {
            Ok(prepared) => prepared,
            Err((failure, mask)) => return unusable(failure.told(&mask)),
        };
        let Prepared { settings, terms, timeout: time, mask } = prepared;
        let sending =
            Sending { caller: self.caller.clone(), terms, sends: self.sends.clone(), until: Instant::now() + time };
        match timeout(time, provider::tell(&settings, &event, &sending)).await {
            Ok(Ok(())) => Ended::Well,
            Ok(Err(failure)) => Ended::Unsent(failure, mask),
            Err(_) => {
                let cause =
                    format!("it took longer than {} s, which is the timeout of the Provider", time.as_secs_f32());
                Ended::Unsent(Failure::new(cause), mask)
            }
        }
    }

    /// Says which metadata is said more than once.
    fn tell_conflicts(&self, alert: &Alert, conflicts: BTreeMap<String, String>) {
        if !conflicts.is_empty() {
            let message = "metadata key conflicts detected (please refer to the Alert API docs and Flux RFC 0008 for more information)";
            let about = reference(alert, &());
            self.recorder.annotated(about, Type::Warning, METADATA_APPEND_FAILED, message, conflicts);
        }
    }

    /// The labels of what an event is about.
    async fn labels(&self, event: &Event) -> kube::Result<BTreeMap<String, String>> {
        let version = event.involved_object.api_version.as_deref().unwrap_or_default();
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, event.kind()));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), event.namespace(), &resource);
        let object = api.get_metadata(event.name()).await?;
        Ok(object.metadata.labels.unwrap_or_default())
    }
}

/// Whether the lists of an Alert leave the message of an event, and what is wrong with them. Blocks the thread.
fn looked_for(kept: &Kept<Patterns>, delivery: &Delivery) -> Result<(bool, Vec<WrongExpression>), TooLong> {
    let Delivery { alert, event, spent } = delivery;
    spent.within(|until| {
        let of = Of::object(alert.as_ref());
        let patterns = match kept.get(&of) {
            Some(patterns) => patterns,
            None => {
                let patterns = Arc::new(Patterns::compile(alert, until)?);
                kept.keep(of, patterns.size(), patterns.clone());
                patterns
            }
        };
        Ok((patterns.admit(&event.message), patterns.wrong.clone()))
    })
}

/// Whether a service is told of an event of this sort.
fn is_wanted(provider: &Provider, event: &Event) -> bool {
    let kind = provider.spec.kind.as_str();
    if provider.spec.suspend.unwrap_or_default() {
        return false;
    }
    if provider::is_of_commits(kind) {
        return event.names_commit() || event.is_commit_status() || event.is_error();
    }
    provider::is_generic(kind) || !event.is_commit_status()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Severity;
    use crate::event::tests::event;

    #[test]
    fn commits_have_statuses_and_others_have_none() {
        let status = event(&[("kustomize.toolkit.fluxcd.io/commit_status", "update")]);
        let error = Event { severity: Severity::Error, ..event(&[]) };
        let commit = event(&[("event.toolkit.fluxcd.io/commit", "abc")]);
        for (kind, wanted) in [
            ("github", [false, true, true, true]),
            ("bitbucketserver", [false, true, true, true]),
            ("slack", [true, false, true, true]),
            ("generic", [true, true, true, true]),
            ("generic-hmac", [true, true, true, true]),
        ] {
            let provider = |suspend: bool| -> Provider {
                serde_json::from_value(
                    json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider",
                    "metadata": { "name": "p" }, "spec": { "type": kind, "suspend": suspend } }),
                )
                .unwrap()
            };
            let of =
                |provider: &Provider| [&event(&[]), &status, &error, &commit].map(|event| is_wanted(provider, event));
            assert_eq!(of(&provider(false)), wanted, "{kind}");
            assert_eq!(of(&provider(true)), [false; 4]);
        }
    }
}
