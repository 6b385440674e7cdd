//! Writes what was observed of an object into its status, and tells everyone who needs to know.

use std::collections::BTreeMap;

use cowherd_api::ConditionStatus::{False, True};
use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject};
use serde_json::Value;

use super::Means;
use super::kind::{Common, Done, Failed, Kind, Outcome};
use crate::NamespacedName;
use crate::conditions::{Conditions, READY, RECONCILING, STALLED, SUCCEEDED, find};
use crate::events::{self, Happened, Type};
use crate::status::{Place, Precondition, Written};

/// What was told of an object so far.
pub(super) struct Report<K: Kind> {
    means: Means,
    name: NamespacedName,
    /// The status as it was last written, or found.
    status: K::Status,
    precondition: Precondition,
}

impl<K: Kind> Report<K> {
    pub(super) fn new(means: Means, name: NamespacedName, object: &K) -> Self {
        Self { means, name, status: object.status(), precondition: found_with(object) }
    }

    /// The status as it was last written, or found.
    pub(super) fn status(&self) -> K::Status {
        self.status.clone()
    }

    /// This is what a reconciliation came to.
    pub(super) async fn tell(&mut self, object: &K, outcome: Outcome<K::Status>) {
        match outcome {
            Outcome::Done(done) => self.succeeded(object, done).await,
            Outcome::Failed(failed) => self.failed(object, failed).await,
            Outcome::NotYet => {}
        }
    }

    async fn succeeded(&mut self, object: &K, done: Done<K::Status>) {
        let Done { mut status, message, news, warnings, .. } = done;
        let before = self.ready();
        let is_news = before.as_ref().is_none_or(|(was_ready, said)| !was_ready || *said != message);
        self.handled(object, &mut status);
        let mut conditions = conditions::<K>(object, &mut status);
        conditions.set(READY, True, SUCCEEDED, &message);
        [STALLED, RECONCILING].into_iter().for_each(|gone| conditions.remove(gone));
        *K::common(&mut status).observed_generation = object.meta().generation;
        if is_news || news.is_some() {
            let said = news.unwrap_or(message);
            self.record(object, Type::Normal, SUCCEEDED, &said);
            tracing::info!(kind = K::NAME, object = %self.name, "{said}");
        }
        for warning in warnings {
            self.record(object, Type::Warning, "UpdateIncomplete", &warning);
            tracing::warn!(kind = K::NAME, object = %self.name, "{warning}");
        }
        self.write(object, status).await;
    }

    /// Something failed; what was known before stays.
    async fn failed(&mut self, object: &K, failed: Failed<K::Status>) {
        let Failed { mut status, reason, message, is_final } = failed;
        let before = self.ready();
        let is_news = before.is_none_or(|(was_ready, said)| was_ready || said != message);
        self.handled(object, &mut status);
        let mut conditions = conditions::<K>(object, &mut status);
        match is_final {
            true => conditions.stall(reason, &message),
            false => conditions.fail(reason, &message),
        }
        if is_final {
            *K::common(&mut status).observed_generation = object.meta().generation;
        }
        if is_news {
            self.record(object, Type::Warning, reason, &message);
            tracing::error!(kind = K::NAME, object = %self.name, reason, "{message}");
        }
        self.write(object, status).await;
    }

    /// Whether it was ready, and what was said of that; nothing where nothing was said.
    fn ready(&self) -> Option<(bool, String)> {
        let mut status = self.status.clone();
        let ready = find(K::common(&mut status).conditions, READY)?;
        let is_known = ready.status == True || ready.status == False;
        is_known.then(|| (ready.status == True, ready.message.clone()))
    }

    /// What was asked for is done.
    fn handled(&self, object: &K, status: &mut K::Status) {
        if let Some(requested) = object.annotations().get(RECONCILE_REQUESTED_AT) {
            *K::common(status).last_handled_reconcile_at = Some(requested.clone());
        }
    }

    fn record(&self, object: &K, severity: Type, reason: &str, message: &str) {
        let given = object.annotations().iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let annotations: BTreeMap<String, String> = events::given(given).collect();
        let happened = Happened { about: events::reference(object, &()), severity, reason, message, annotations };
        self.means.shared.recorder.tell(K::COMPONENT, happened);
    }

    /// Writes the status, unless it is there already.
    async fn write(&mut self, object: &K, status: K::Status) {
        let seen = || object.status();
        self.precondition.see(object.resource_version().as_deref(), seen);
        if status == self.status && status == seen() {
            return;
        }
        let place = Place { resource: ApiResource::erase::<K>(&()), name: self.name.clone() };
        self.precondition.sends(&status);
        let is_ours =
            |live: &DynamicObject| read::<K>(live).is_some_and(|live| self.precondition.is_ours(&live.status()));
        let client = &self.means.shared.client;
        let value = |status: &K::Status| serde_json::to_value(status).unwrap_or_default();
        let patch = replacing(&value(&seen()), replacing(&value(&self.status), value(&status)));
        let written =
            crate::status::write(client, &place, K::MANAGER, (K::FIELDS, &patch), &self.precondition, is_ours);
        let (found, is_written) = match written.await {
            Ok(Written::Done(object)) => (object, true),
            Ok(Written::Overtaken(live)) => {
                tracing::warn!(
                    kind = K::NAME, object = %self.name,
                    "somebody else wrote the status meanwhile; what they wrote counts"
                );
                (live, false)
            }
            Err(error) => {
                tracing::debug!(kind = K::NAME, object = %self.name, %error, "the status could not be written");
                return;
            }
        };
        if let Some(found) = read::<K>(&found) {
            self.precondition = found_with(&found);
            self.status = if is_written { status } else { found.status() };
        }
    }
}

/// What makes the new of the old where it is merged into it: what is in the new no more is taken away, however deep it is.
fn replacing(old: &Value, new: Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(mut new)) => {
            for (key, old) in old {
                let replaced = new.remove(key).map_or(Value::Null, |new| replacing(old, new));
                new.insert(key.clone(), replaced);
            }
            Value::Object(new)
        }
        (_, new) => new,
    }
}

fn conditions<'s, K: Kind>(object: &K, status: &'s mut K::Status) -> Conditions<'s> {
    let Common { conditions, .. } = K::common(status);
    Conditions { list: conditions, generation: object.meta().generation.unwrap_or_default() }
}

fn found_with<K: Kind>(object: &K) -> Precondition {
    Precondition::found(object.meta().uid.as_deref(), object.meta().resource_version.as_deref(), &object.status())
}

fn read<K: Kind>(object: &DynamicObject) -> Option<K> {
    serde_json::to_value(object).and_then(serde_json::from_value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_more_is_taken_away_however_deep_it_is() {
        let old = json!({ "latestRef": { "name": "a", "tag": "1", "digest": "d" }, "observedPolicies": { "a": {}, "b": {} } });
        let new = json!({ "latestRef": { "name": "a", "tag": "2" }, "observedPolicies": { "b": {}, "c": {} } });
        let expected = json!({ "latestRef": { "name": "a", "tag": "2", "digest": null },
            "observedPolicies": { "a": null, "b": {}, "c": {} } });
        assert_eq!(replacing(&old, new), expected);
    }
}
