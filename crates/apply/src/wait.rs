//! Waits until objects are healthy, or gone, by watching them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cowherd_text::listed;
use futures::future::join_all;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::wait::{await_condition, conditions};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::applier::Applier;
use crate::cluster::Kind;
use crate::error::ApplyError;
use crate::health::{self, Health, Judge, Status};
use crate::object::{ObjectId, Versioned};
use crate::unmasked::Unmasked;
use crate::watching::{Up, judge};

/// How often an object is looked for that no watch shows.
const LOOK: Duration = Duration::from_secs(1);

/// How often an object is looked at, for its health, that no watch shows.
const LOOK_AT_HEALTH: Duration = Duration::from_secs(5);

/// How many objects are looked at at once.
const AT_ONCE: usize = 8;

/// An object whose health is waited for.
#[derive(Clone)]
struct Observed {
    kind: Arc<Kind>,
    id: ObjectId,
    /// Whether a watch shows it.
    up: Up,
    /// What decides how far it is, if kstatus's rules do not.
    judge: Option<Judge>,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The object.
    pub object: Versioned,
    /// Whether it is as well if the object is gone, like a Job that is deleted once it is done.
    pub may_be_gone: bool,
    /// What decides whether it is as it should be, if kstatus's rules do not.
    pub judge: Option<Judge>,
    uid: Option<String>,
}

impl Expectation {
    /// That the object is as it should be.
    pub fn healthy(object: Versioned) -> Self {
        Self { object, may_be_gone: false, judge: None, uid: None }
    }

    /// That the object is as it should be, or that it was and is gone.
    pub fn healthy_or_gone(object: Versioned) -> Self {
        Self { object, may_be_gone: true, judge: None, uid: None }
    }

    /// That the object with this uid does not exist any more.
    pub fn gone(object: Versioned, uid: Option<String>) -> Self {
        Self { object, may_be_gone: true, judge: None, uid }
    }

    /// The same, where something else than kstatus's rules may decide.
    #[must_use]
    pub fn judged_by(self, judge: Option<Judge>) -> Self {
        Self { judge, ..self }
    }
}

/// Objects that did not become healthy.
#[derive(Clone, PartialEq, Eq)]
pub struct Unhealthy {
    /// Whether the time was up; otherwise objects failed for good.
    pub timed_out: bool,
    /// The objects and how far they got.
    pub objects: Vec<(ObjectId, Health)>,
}

/// How many objects an error names: a set of thousands would not fit into a condition.
const NAMED: usize = 20;

/// How many there are, and not what they say.
impl fmt::Debug for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unhealthy({} objects)", self.objects.len())
    }
}

impl Unhealthy {
    /// What people are told, once through a mask: objects say of themselves what they like.
    pub fn text(&self) -> Unmasked {
        let objects = self.objects.iter().map(|(id, health)| match &*health.message {
            "" => format!("{id} status: '{}'", health.status),
            message => format!("{id} status: '{}': {message}", health.status),
        });
        let why = if self.timed_out { "timeout waiting for" } else { "failed early due to stalled resources" };
        Unmasked::of(&format!("{why}: [{}]", listed(objects, NAMED)))
    }
}

/// How many of a set of objects are healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The healthy ones.
    pub ready: usize,
    /// All of them.
    pub total: usize,
}

impl Applier {
    /// Waits until all objects are healthy.
    ///
    /// # Errors
    /// [`ApplyError::Unhealthy`] as soon as one of them failed for good, or when the time is up;
    /// [`ApplyError::Superseded`] when `cancelled` completes.
    pub async fn wait(
        &self,
        expected: &[Expectation],
        timeout: Duration,
        cancelled: impl Future<Output = ()>,
    ) -> Result<(), ApplyError> {
        self.wait_and_tell(expected, timeout, cancelled, |_| ()).await
    }

    /// Waits as [`Applier::wait`] does, and tells whenever more objects are healthy.
    ///
    /// # Errors
    /// As [`Applier::wait`].
    pub async fn wait_and_tell(
        &self,
        expected: &[Expectation],
        timeout: Duration,
        cancelled: impl Future<Output = ()>,
        mut tell: impl FnMut(Tally),
    ) -> Result<(), ApplyError> {
        if expected.is_empty() {
            return Ok(());
        }
        // Ends the watches of single objects when it is dropped.
        let mut watches = JoinSet::new();
        let mut observed = Vec::new();
        for expectation in expected {
            observed.extend(self.observe(expectation, &mut watches).await?);
        }
        let applier = self.clone();
        watches.spawn(async move { applier.look_where_nothing_shows(&observed).await });
        let waiting = Waiting::new(self, expected);
        let deadline = tokio::time::sleep(timeout);
        tokio::pin!(deadline, cancelled);
        let mut told = None;
        loop {
            let seen: Vec<(&Expectation, Health)> =
                expected.iter().map(|expectation| (expectation, self.health_of(expectation))).collect();
            let is_fine = |expectation: &Expectation, health: &Health| {
                health.status == Status::Current || (expectation.may_be_gone && health.status == Status::NotFound)
            };
            let unfinished = |failed_only: bool| -> Vec<(ObjectId, Health)> {
                let rest = seen.iter().filter(|(expectation, health)| {
                    !is_fine(expectation, health) && (!failed_only || health.status == Status::Failed)
                });
                rest.map(|(expectation, health)| (expectation.object.id.clone(), health.clone())).collect()
            };
            let rest = unfinished(false);
            let tally = Tally { ready: expected.len() - rest.len(), total: expected.len() };
            if told != Some(tally) {
                told = Some(tally);
                tell(tally);
            }
            if rest.is_empty() {
                return Ok(());
            }
            let failed = unfinished(true);
            if !failed.is_empty() {
                return Err(Unhealthy { timed_out: false, objects: failed }.into());
            }
            tokio::select! {
                () = waiting.notify.notified() => {}
                () = &mut deadline => return Err(Unhealthy { timed_out: true, objects: rest }.into()),
                () = &mut cancelled => return Err(ApplyError::Superseded),
            }
        }
    }

    /// Sees to it that the memory learns of the object's health, as long as a watch shows it.
    async fn observe(
        &self,
        expectation: &Expectation,
        watches: &mut JoinSet<()>,
    ) -> Result<Option<Observed>, ApplyError> {
        let id = &expectation.object.id;
        let ours = self.inner.memory.is_applied(id);
        let judge = expectation.judge.clone();
        if ours && judge.is_none() && !health::changes(&id.group, &id.kind) {
            return Ok(None);
        }
        let Some(kind) = self.kind(&expectation.object).await? else {
            return Err(self.unknown_kind(&expectation.object).await);
        };
        let id = id.clone();
        if let Some(judge) = &judge {
            self.inner.memory.have_judged(&id, judge);
        }
        if ours {
            return Ok(Some(Observed { up: self.inner.watching.health(&kind), kind, id, judge }));
        }
        self.inner.memory.forget_health(&id);
        let observed = Observed { up: Up::default(), kind, id, judge };
        let (applier, Observed { kind, id, up, .. }) = (self.clone(), observed.clone());
        watches.spawn(async move { applier.inner.watching.health_of(&kind, &id, &up).await });
        Ok(Some(observed))
    }

    /// Looks at the objects that no watch shows, since it is refused, or the kind has none, for as long as it is polled.
    async fn look_where_nothing_shows(&self, observed: &[Observed]) {
        // What a watch showed before anybody asked was not decided on by who does now.
        let undecided = |one: &&Observed| {
            one.judge.as_ref().is_some_and(|judge| self.inner.memory.judged(&one.id, judge).is_none())
        };
        let undecided: Vec<&Observed> = observed.iter().filter(undecided).collect();
        for some in undecided.chunks(AT_ONCE) {
            let mut looks = Vec::new();
            for one in some {
                looks.push(self.look_at_first(one));
            }
            join_all(looks).await;
        }
        loop {
            tokio::time::sleep(LOOK_AT_HEALTH).await;
            for one in observed.iter().filter(|one| !one.up.load(Ordering::Relaxed)) {
                self.look_at_health(one).await;
            }
        }
    }

    /// Looks at an object that a watch may show already; that it is not there may be older than what that shows.
    async fn look_at_first(&self, Observed { kind, id, .. }: &Observed) {
        match self.inner.cluster.get(kind, id, None).await {
            Ok(Some(object)) => self.see_looked_at(id, object).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(object = %id, %error, "cannot be looked at"),
        }
    }

    /// Looks at an object that no watch shows.
    async fn look_at_health(&self, Observed { kind, id, .. }: &Observed) {
        match self.inner.cluster.get(kind, id, None).await {
            Ok(Some(object)) => self.see_looked_at(id, object).await,
            Ok(None) => {
                self.inner.memory.forget_health(id);
                self.inner.memory.see_none(id, 0);
            }
            Err(error) => tracing::debug!(object = %id, %error, "cannot be looked at"),
        }
    }

    async fn see_looked_at(&self, id: &ObjectId, object: Value) {
        let revision = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let revision = revision.unwrap_or(0);
        self.inner.memory.see_health(id, revision, health::assess(&object, Timestamp::now()));
        judge(&self.inner.memory, id, revision, object).await;
    }

    fn health_of(&self, Expectation { object, judge, .. }: &Expectation) -> Health {
        let unknown = || Health { status: Status::Unknown, message: "not observed yet".into() };
        let memory = &self.inner.memory;
        let known = judge.as_ref().map_or_else(|| memory.health(&object.id), |judge| memory.judged(&object.id, judge));
        known.unwrap_or_else(unknown)
    }

    /// Waits until the objects do not exist any more.
    ///
    /// # Errors
    /// [`ApplyError::Unhealthy`] when the time is up.
    pub async fn wait_until_gone(&self, leaving: &[Expectation], timeout: Duration) -> Result<(), ApplyError> {
        self.wait_until_gone_and_tell(leaving, timeout, |_| ()).await
    }

    /// Waits as [`Applier::wait_until_gone`] does, for one after the other, and tells for which by its place among them.
    ///
    /// # Errors
    /// As [`Applier::wait_until_gone`].
    pub async fn wait_until_gone_and_tell(
        &self,
        leaving: &[Expectation],
        timeout: Duration,
        mut tell: impl FnMut(usize),
    ) -> Result<(), ApplyError> {
        let deadline = tokio::time::Instant::now() + timeout;
        for (place, expectation) in leaving.iter().enumerate() {
            tell(place);
            let Some(kind) = self.kind_now(&expectation.object).await? else { continue };
            let id = &expectation.object.id;
            let client = self.inner.cluster.client().clone();
            let api: Api<DynamicObject> = if kind.namespaced {
                Api::namespaced_with(client, &id.namespace, &kind.resource)
            } else {
                Api::all_with(client, &kind.resource)
            };
            let uid = expectation.uid.clone().unwrap_or_default();
            let gone = async {
                if let Err(error) = await_condition(api, &id.name, conditions::is_deleted(&uid)).await {
                    tracing::debug!(object = %id, %error, "the watch for a deletion was interrupted");
                    self.look_until_gone(&kind, id, &uid).await;
                }
            };
            match tokio::time::timeout_at(deadline, gone).await {
                Ok(()) => {}
                Err(_) => {
                    let health = Health { status: Status::Terminating, message: "its finalizers are not done".into() };
                    return Err(Unhealthy { timed_out: true, objects: vec![(id.clone(), health)] }.into());
                }
            }
        }
        Ok(())
    }

    /// Looks for an object, which no watch shows, until it is gone, or another one of its name is there.
    async fn look_until_gone(&self, kind: &Kind, id: &ObjectId, uid: &str) {
        loop {
            match self.inner.cluster.metadata(kind, id, None).await {
                Ok(None) => return,
                Ok(Some(found)) if found.uid.as_deref() != Some(uid) => return,
                Ok(Some(_)) => {}
                Err(error) => tracing::debug!(object = %id, %error, "cannot be looked for"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The health of one object, asked for once.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn look_at(&self, object: &Versioned) -> Result<Health, ApplyError> {
        let Some(kind) = self.kind(object).await? else { return Ok(Health::not_found()) };
        let found = self.inner.cluster.get(&kind, &object.id, None).await;
        let found = found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))?;
        Ok(found.map_or_else(Health::not_found, |object| health::assess(&object, Timestamp::now())))
    }
}

/// Is woken when the health of the objects changes, as long as it lives.
struct Waiting<'a> {
    applier: &'a Applier,
    expected: &'a [Expectation],
    notify: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(applier: &'a Applier, expected: &'a [Expectation]) -> Self {
        let notify = Arc::new(Notify::new());
        applier.inner.memory.wait_for(expected.iter().map(|expectation| &expectation.object.id), &notify);
        Self { applier, expected, notify }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let ids = self.expected.iter().map(|expectation| &expectation.object.id);
        self.applier.inner.memory.wait_no_more(ids, &self.notify);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::applier::Options;
    use crate::mask::Mask;
    use crate::watching::tests::Played;

    fn told(unhealthy: &Unhealthy) -> String {
        unhealthy.text().told(&Mask::default())
    }

    #[test]
    fn what_is_not_healthy_is_named_with_its_reason() {
        let id = ObjectId { kind: "Deployment".into(), namespace: "a".into(), name: "x".into(), group: "apps".into() };
        let health = Health { status: Status::InProgress, message: "Replicas: 0/1".into() };
        let of = |count: usize| Unhealthy { timed_out: true, objects: vec![(id.clone(), health.clone()); count] };
        let one = "Deployment/a/x status: 'InProgress': Replicas: 0/1";
        assert_eq!(told(&of(1)), format!("timeout waiting for: [{one}]"));
        assert_eq!(told(&of(2)), format!("timeout waiting for: [{one}, {one}]"));
        for (count, end) in [(20, "0/1]"), (21, ", and 1 more]"), (25, ", and 5 more]")] {
            let text = told(&of(count));
            assert_eq!((text.matches(one).count(), text.ends_with(end)), (20, true), "{text}");
        }
        let silent = Health { status: Status::NotFound, message: "".into() };
        let failed = Unhealthy { timed_out: false, objects: vec![(id.clone(), silent)] };
        let line = "failed early due to stalled resources: [Deployment/a/x status: 'NotFound']";
        assert_eq!(told(&failed), line);
    }

    /// What a wait for the ConfigMap `a`, which is not ours, says after a minute.
    async fn waited(items: &[Value], expected: fn(Versioned) -> Expectation) -> Result<(), String> {
        let api = Played::default();
        *api.items.lock().unwrap() = items.to_vec();
        waited_for(&api, &["list", "watch"], expected).await
    }

    /// What it says where its kind has these verbs.
    async fn waited_for(api: &Played, verbs: &[&str], expected: fn(Versioned) -> Expectation) -> Result<(), String> {
        let resource = json!({ "name": "configmaps", "kind": "ConfigMap", "namespaced": true, "singularName": "", "verbs": verbs });
        let list = json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": [resource] });
        api.answers.lock().unwrap().push((200, list));
        let (applier, _drift) = Applier::new(api.client(), Options::default());
        let id =
            ObjectId { kind: "ConfigMap".into(), name: "a".into(), namespace: "default".into(), group: String::new() };
        let expected = [expected(Versioned { id, version: "v1".into() })];
        let waited = applier.wait(&expected, Duration::from_secs(60), std::future::pending()).await;
        waited.map_err(|error| error.told(&Default::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_of_a_kind_without_a_watch_is_looked_at_from_time_to_time() {
        let object = |observed: u8| {
            let metadata = json!({ "name": "a", "namespace": "default", "resourceVersion": "7", "generation": 2 });
            let status = json!({ "observedGeneration": observed });
            (200, json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "status": status }))
        };
        let api = Played::default();
        // The last is given first.
        *api.answers.lock().unwrap() = vec![object(2), object(1)];
        assert_eq!(waited_for(&api, &["get"], Expectation::healthy).await, Ok(()));
    }

    /// What expressions decide on the phase of a ConfigMap.
    fn judged(object: Versioned) -> Expectation {
        let written = health::Written {
            api_version: "v1",
            kind: "ConfigMap",
            failed: Some("data.phase == 'Broken'"),
            current: "data.phase == 'Fine'",
            ..health::Written::default()
        };
        let judges = health::Judges::read([written], &mut cowherd_cel::Allowance::default()).unwrap();
        let judge = judges.of(&object.id).cloned();
        Expectation::healthy(object).judged_by(judge)
    }

    #[tokio::test(start_paused = true)]
    async fn what_expressions_decide_on_is_waited_for_as_they_say() {
        let object = |data: Value| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": data,
                "metadata": { "name": "a", "namespace": "default", "resourceVersion": "7" } })
        };
        let told = |what: &str, status: &str| Err(format!("{what}: [ConfigMap/default/a status: {status}]"));
        let late = "timeout waiting for";
        assert_eq!(waited(&[object(json!({ "phase": "Fine" }))], judged).await, Ok(()));
        let waits = "'InProgress': none of its healthCheckExprs holds";
        assert_eq!(waited(&[object(json!({ "phase": "Working" }))], judged).await, told(late, waits));
        let failed = "'Failed': failed of its healthCheckExprs holds";
        let early = "failed early due to stalled resources";
        assert_eq!(waited(&[object(json!({ "phase": "Broken" }))], judged).await, told(early, failed));
        let unknown =
            "'Unknown': failed to evaluate the CEL expression 'data.phase == 'Broken'': no such key: phase (at 1:5)";
        assert_eq!(waited(&[object(json!({}))], judged).await, told(late, unknown));
        assert_eq!(waited(&[], judged).await, told(late, "'NotFound': Resource not found"));

        // Where no watch shows it.
        let api = Played::default();
        *api.answers.lock().unwrap() =
            vec![(200, object(json!({ "phase": "Fine" }))), (200, object(json!({ "phase": "Working" })))];
        assert_eq!(waited_for(&api, &["get"], judged).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_is_waited_for_until_it_is_healthy_or_where_that_is_as_well_gone() {
        let object = |observed: u8| {
            let metadata = json!({ "name": "a", "namespace": "default", "resourceVersion": "7", "generation": 2 });
            json!({ "metadata": metadata, "status": { "observedGeneration": observed } })
        };
        let late = |status: &str| Err(format!("timeout waiting for: [ConfigMap/default/a status: {status}]"));
        let behind = late("'InProgress': ConfigMap generation is 2, but latest observed generation is 1");
        assert_eq!(waited(&[object(2)], Expectation::healthy).await, Ok(()));
        assert_eq!(waited(&[object(2)], Expectation::healthy_or_gone).await, Ok(()));
        assert_eq!(waited(&[object(1)], Expectation::healthy).await, behind);
        assert_eq!(waited(&[object(1)], Expectation::healthy_or_gone).await, behind);
        assert_eq!(waited(&[], Expectation::healthy).await, late("'NotFound': Resource not found"));
        assert_eq!(waited(&[], Expectation::healthy_or_gone).await, Ok(()));
    }
}
