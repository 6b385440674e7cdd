//! What the watches ask for and tell the memory, beside an API that is played, in paused time: it goes on when nothing else is
//! to be done.

use futures::future::{Either, select};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::health::{Health, Status};
use crate::memory::{Answer, Cause, Drift, Outcome, Until};
use crate::object::Manifest;
use crate::owner::{OWNER_NAME, OWNER_NAMESPACE, Owner};

/// An API with some ConfigMaps, none at first, whose watches tell nothing; to other questions it gives the answers that it was
/// told to give, and after those says that there is nothing.
#[derive(Clone, Default)]
pub(crate) struct Played {
    pub(crate) items: Arc<Mutex<Vec<Value>>>,
    pub(crate) asked: Arc<Mutex<Vec<http::Uri>>>,
    pub(crate) answers: Arc<Mutex<Vec<(u16, Value)>>>,
}

impl Played {
    pub(crate) fn client(&self) -> Client {
        let played = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let played = played.clone();
            async move {
                played.asked.lock().unwrap().push(request.uri().clone());
                let query = request.uri().query().unwrap_or_default();
                if query.contains("watch=true") {
                    std::future::pending::<()>().await;
                }
                let (code, body) = if request.uri().path().ends_with("/configmaps") {
                    let items = played.items.lock().unwrap().clone();
                    let metadata = json!({ "resourceVersion": "1" });
                    (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items }))
                } else {
                    played.answers.lock().unwrap().pop().unwrap_or_else(|| failure(404, "NotFound"))
                };
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }

    fn asked(&self) -> Vec<http::Uri> {
        self.asked.lock().unwrap().clone()
    }
}

fn failure(code: u16, reason: &str) -> (u16, Value) {
    (code, json!({ "kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code }))
}

fn config_maps(watchable: bool, namespaced: bool) -> Arc<Kind> {
    let resource = kube::core::ApiResource {
        group: String::new(),
        version: "v1".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        plural: "configmaps".into(),
    };
    Arc::new(Kind { resource, namespaced, watchable, has_status: false })
}

fn metadata(name: &str, revision: u64) -> Value {
    json!({ "name": name, "namespace": "default", "resourceVersion": revision.to_string(),
        "labels": { OWNER_NAME: "apps", OWNER_NAMESPACE: "flux-system" } })
}

fn partial(name: &str, revision: u64) -> PartialObjectMeta<DynamicObject> {
    serde_json::from_value(json!({ "metadata": metadata(name, revision) })).unwrap()
}

struct Case {
    api: Played,
    memory: Arc<Memory>,
    drifts: UnboundedReceiver<Drift>,
    id: ObjectId,
}

impl Case {
    fn new() -> Self {
        let (sender, drifts) = unbounded_channel();
        let id =
            ObjectId { kind: "ConfigMap".into(), name: "a".into(), namespace: "default".into(), group: String::new() };
        Self { api: Played::default(), memory: Arc::new(Memory::new(sender)), drifts, id }
    }

    /// The object was applied, as it is at that revision.
    fn apply(&self, revision: u64) {
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("a", revision) });
        let metadata = serde_json::from_value(object["metadata"].clone()).unwrap();
        let outcome = Outcome {
            content: Manifest::new(object).unwrap().digest(),
            mark: Mark::read(&metadata, &Ownership::default()),
            health: Health { status: Status::Current, message: "".into() },
        };
        self.memory.begin(&self.id);
        self.memory.finish(&self.id, &Owner::new("flux-system", "apps").into(), Answer::Taken(outcome));
    }

    /// Lets a watch tell those events, and nothing after them, until it and what follows from it has nothing more to do.
    /// Whether it was up then.
    async fn tell(&self, events: Vec<watcher::Result<Event<PartialObjectMeta<DynamicObject>>>>) -> bool {
        let (eye, sees) = eye();
        let stream = stream::iter(events).chain(stream::pending());
        let (kind, ownership, client) = (config_maps(true, true), Ownership::default(), self.api.client());
        let seeing = pin!(see_drift(stream, &client, &self.memory, &kind, &ownership, eye));
        let is_done = pin!(tokio::time::sleep(Duration::from_secs(3600)));
        match select(seeing, is_done).await {
            Either::Left(_) => panic!("the watch ended"),
            Either::Right(_) => *sees.borrow() == Sees::All,
        }
    }

    async fn tell_health(
        &self,
        events: Vec<watcher::Result<Event<DynamicObject>>>,
        only: Option<&ObjectId>,
    ) -> Option<Health> {
        see_health(stream::iter(events), &self.memory, &config_maps(true, true), only, &AtomicBool::default()).await;
        self.memory.health(&self.id)
    }
}

fn eye() -> (Eye, watch::Receiver<Sees>) {
    let (sees, receiver) = watch::channel(Sees::NotYet);
    (Eye { sees, pulse: cowherd_runtime::Health::default().register("watch of configmaps for drift") }, receiver)
}

fn interrupted() -> watcher::Error {
    watcher::Error::NoResourceVersion
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_watched_once_and_of_its_objects_those_that_have_an_owner() {
    let case = Case::new();
    let watching = Watching::new(case.api.client(), case.memory.clone(), Ownership::default(), Default::default());
    let kind = config_maps(true, true);
    assert!(!watching.sees_drift(&kind));
    for asked in [2, 4] {
        for _ in 0..3 {
            if asked == 2 {
                watching.drift(&kind)
            } else {
                drop(watching.health(&kind))
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(case.api.asked().len(), asked, "a list, and then a watch");
        assert!(watching.sees_drift(&kind));
    }
    for uri in case.api.asked() {
        assert_eq!(uri.path(), "/api/v1/configmaps");
        assert!(uri.query().unwrap().contains("labelSelector=kustomize.toolkit.fluxcd.io%2Fname"), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_is_not_watched() {
    let case = Case::new();
    let watching = Watching::new(case.api.client(), case.memory.clone(), Ownership::default(), Default::default());
    let kind = config_maps(false, true);
    watching.drift(&kind);
    watching.health(&kind);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(case.api.asked().is_empty() && !watching.sees_drift(&kind));
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_one_object_asks_for_that_one() {
    for (namespaced, path) in [(true, "/api/v1/namespaces/default/configmaps"), (false, "/api/v1/configmaps")] {
        let case = Case::new();
        let watching = Watching::new(case.api.client(), case.memory.clone(), Ownership::default(), Default::default());
        let kind = config_maps(true, namespaced);
        let up = AtomicBool::default();
        let watched = watching.health_of(&kind, &case.id, &up);
        assert!(tokio::time::timeout(Duration::from_secs(60), watched).await.is_err(), "it goes on");
        let asked = case.api.asked();
        assert!(
            asked.iter().all(|uri| uri.path() == path && uri.query().unwrap().contains("metadata.name%3Da")),
            "{asked:?}"
        );
        assert_eq!(case.memory.health(&case.id), Some(Health::not_found()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_up_from_its_first_list_on_and_while_it_is_not_interrupted() {
    let case = Case::new();
    assert!(!case.tell(vec![Ok(Event::Init)]).await);
    assert!(!case.tell(vec![Ok(Event::Init), Ok(Event::InitApply(partial("a", 10)))]).await);
    assert!(case.tell(vec![Ok(Event::Init), Ok(Event::InitDone)]).await);
    assert!(!case.tell(vec![Ok(Event::Init), Ok(Event::InitDone), Err(interrupted())]).await);
    for next in [Event::Apply(partial("a", 10)), Event::Delete(partial("a", 10)), Event::InitDone] {
        assert!(case.tell(vec![Err(interrupted()), Ok(next)]).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_panics_shows_nothing_any_more() {
    let case = Case::new();
    let (kind, ownership, client) = (config_maps(true, true), Ownership::default(), case.api.client());
    let (eye, mut sees) = eye();
    let panics = || stream::once(async { panic!("a bug") });
    let drift = stream::iter([Ok(Event::Init), Ok(Event::InitDone)]).chain(panics());
    let seeing = see_drift(drift, &client, &case.memory, &kind, &ownership, eye);
    let (seen, ()) = tokio::join!(cowherd_runtime::caught(seeing), async { sees.changed().await.unwrap() });
    assert_eq!(seen.unwrap_err(), "a bug");
    assert_ne!(*sees.borrow(), Sees::All, "drift is not believed to be seen");
    let up = AtomicBool::default();
    let panics = || stream::once(async { panic!("a bug") });
    let health = stream::iter([Ok(Event::Init), Ok(Event::InitDone)]).chain(panics());
    assert!(cowherd_runtime::caught(see_health(health, &case.memory, &kind, None, &up)).await.is_err());
    assert!(!up.load(Ordering::Relaxed), "health is not believed to be seen");
}

#[tokio::test(start_paused = true)]
async fn the_watches_of_a_kind_are_loops_that_are_started_again() {
    let case = Case::new();
    let told = (cowherd_runtime::Health::default(), Metrics::default());
    let watching = Watching::new(case.api.client(), case.memory.clone(), Ownership::default(), told.clone());
    let kind = config_maps(true, true);
    watching.drift(&kind);
    drop(watching.health(&kind));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for watch in ["watch of configmaps for drift", "watch of configmaps for health"] {
        let counted = format!("cowherd_loop_restarts_total{{name=\"{watch}\"}} 0");
        assert!(told.1.text().contains(&counted), "{}", told.1.text());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_watch_shows_is_drift_where_it_is_not_as_it_was_applied() {
    let mut case = Case::new();
    case.apply(10);
    case.tell(vec![Ok(Event::Apply(partial("a", 11))), Ok(Event::Apply(partial("b", 12)))]).await;
    assert!(case.drifts.try_recv().is_err(), "somebody wrote what is not ours");
    assert_eq!(case.memory.live(&case.id).unwrap().revision, 11);
    let mut edited = partial("a", 13);
    let entry = json!([{ "manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z" }]);
    edited.metadata.managed_fields = serde_json::from_value(entry).unwrap();
    case.tell(vec![Ok(Event::Apply(edited))]).await;
    let drift = case.drifts.try_recv().unwrap();
    assert_eq!((drift.object, drift.cause), (case.id.clone(), Cause::Changed { by: Some("kubectl-edit".to_owned()) }));
    assert_eq!(drift.at.to_string(), "2026-01-01T00:00:00Z");
    case.apply(20);
    case.tell(vec![Ok(Event::Delete(partial("a", 19)))]).await;
    assert!(case.drifts.try_recv().is_err(), "that was before");
    case.tell(vec![Ok(Event::Delete(partial("a", 21)))]).await;
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
}

#[tokio::test(start_paused = true)]
async fn what_a_list_has_not_is_gone_and_an_earlier_list_says_nothing_of_it() {
    let mut case = Case::new();
    case.apply(10);
    let list = |objects: &[&str]| {
        let objects = objects.iter().map(|name| Ok(Event::InitApply(partial(name, 10))));
        [vec![Ok(Event::Init)], objects.collect(), vec![Ok(Event::InitDone)]].concat_events()
    };
    case.tell(list(&["a", "b"])).await;
    assert!(case.drifts.try_recv().is_err());
    // A list that was begun anew has only what came since.
    let begun = vec![Ok(Event::Init), Ok(Event::InitApply(partial("a", 10)))];
    case.tell([begun, list(&["b"])].concat_events()).await;
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
}

/// Errors of a watch cannot be cloned, as `concat` wants it.
trait ConcatEvents<T> {
    fn concat_events(self) -> Vec<T>;
}

impl<T, const N: usize> ConcatEvents<T> for [Vec<T>; N] {
    fn concat_events(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}

/// Events of a watch whose list begins before the object is applied, and ends after it without having it.
async fn applied_meanwhile(case: &Case) {
    let (eye, _sees) = eye();
    let (kind, ownership, client) = (config_maps(true, true), Ownership::default(), case.api.client());
    let events = stream::iter([Ok(Event::Init)]).chain(stream::once(async {
        case.apply(10);
        Ok(Event::InitDone)
    }));
    let stream = events.chain(stream::pending());
    let seeing = see_drift(stream, &client, &case.memory, &kind, &ownership, eye);
    let _ = tokio::time::timeout(Duration::from_secs(3600), seeing).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_while_a_list_was_made_is_looked_for() {
    let mut case = Case::new();
    let there = (
        200,
        json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata("a", 10) }),
    );
    case.api.answers.lock().unwrap().push(there);
    applied_meanwhile(&case).await;
    assert!(case.drifts.try_recv().is_err() && case.memory.is_applied(&case.id));
    let asked = case.api.asked();
    assert_eq!(asked.iter().map(http::Uri::path).collect::<Vec<_>>(), ["/api/v1/namespaces/default/configmaps/a"]);
    applied_meanwhile(&case).await;
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
    assert_eq!(case.api.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_is_asked_again_after_pauses_that_grow() {
    let mut case = Case::new();
    *case.api.answers.lock().unwrap() = vec![failure(500, "InternalError"); 8];
    case.apply(10);
    let (kind, client, start) = (config_maps(true, true), case.api.client(), tokio::time::Instant::now());
    look_for_all(vec![case.id.clone()], &client, &case.memory, &kind).await;
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
    assert_eq!(case.api.asked().len(), 9);
    let pauses = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis);
    let (waited, told) = (start.elapsed(), pauses.iter().sum::<Duration>());
    // A timer is a little late, never early.
    assert!(waited >= told && waited < told + Duration::from_millis(100), "{waited:?}");
    // Of what nobody applied there is nothing to be found out.
    look_for_all(vec![case.id.clone()], &client, &case.memory, &kind).await;
    assert_eq!(case.api.asked().len(), 9);
}

fn pod_like(name: &str, revision: u64, ready: &str) -> DynamicObject {
    serde_json::from_value(json!({ "metadata": metadata(name, revision),
        "status": { "conditions": [{ "type": "Ready", "status": ready, "message": "waiting" }] } }))
    .unwrap()
}

#[tokio::test]
async fn the_health_of_an_object_is_what_its_watch_showed_last() {
    let case = Case::new();
    // By the rules of its kind, which a list does not tell.
    let health = case.tell_health(vec![Ok(Event::InitApply(pod_like("a", 10, "False")))], None).await.unwrap();
    assert_eq!((health.status, &*health.message), (Status::Current, "Resource is always ready"));
    let mut leaving = pod_like("a", 12, "True");
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    let health = case.tell_health(vec![Ok(Event::Apply(leaving)), Err(interrupted())], None).await.unwrap();
    assert_eq!(health.status, Status::Terminating);
    let late = vec![Ok(Event::Apply(pod_like("a", 11, "True"))), Ok(Event::Delete(pod_like("a", 11, "True")))];
    assert_eq!(case.tell_health(late, None).await.unwrap().status, Status::Terminating);
    let health = case.tell_health(vec![Ok(Event::Delete(pod_like("a", 13, "True")))], None).await;
    assert_eq!(health, Some(Health::not_found()));
}

#[tokio::test]
async fn a_list_of_one_object_that_has_none_says_that_it_is_not_there() {
    let case = Case::new();
    let (init, done) = (|| Ok(Event::Init), || Ok(Event::InitDone));
    let there = || Ok(Event::InitApply(pod_like("a", 10, "True")));
    assert_eq!(case.tell_health(vec![init(), done()], None).await, None, "a list of all says nothing of one");
    let known = case.tell_health(vec![init(), there(), done()], Some(&case.id)).await.unwrap();
    assert_eq!(known.status, Status::Current);
    let gone = case.tell_health(vec![init(), there(), done(), init(), done()], Some(&case.id)).await;
    assert_eq!(gone, Some(Health::not_found()));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_an_object_alone_is_told_when_a_list_has_it_no_more() {
    let mut case = Case::new();
    let mut excluded = partial("a", 10);
    excluded.metadata.annotations =
        Some([("kustomize.toolkit.fluxcd.io/reconcile".to_owned(), "disabled".to_owned())].into());
    case.tell(vec![Ok(Event::Init), Ok(Event::InitApply(excluded)), Ok(Event::InitDone)]).await;
    case.memory.leave(&case.id, &Owner::new("flux-system", "apps"), Until::Asked);
    assert!(case.drifts.try_recv().is_err());
    case.tell(vec![Ok(Event::Init), Ok(Event::InitDone)]).await;
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
}

#[test]
fn a_value_in_a_selector_is_one_value() {
    assert_eq!(escaped("web"), "web");
    assert_eq!(escaped(r"a,b!=c\d"), r"a\,b!\=c\\d");
}
