//! Looks at one source whenever that is due, until it is deleted.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{FINALIZER, RECONCILE_REQUESTED_AT};
use cowherd_apply::mask::Mask;
use cowherd_runtime::{Backoff, Outcome, caught};
use cowherd_source::LocalWatch;
use futures::future::select_all;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::news::Teller;
use super::report::Report;
use super::resting::stored;
use super::{Latest, Problem, Shared, Source, SourceName};
use crate::Authorship;
use crate::conditions::RECONCILIATION_FAILED;
use crate::metrics::Measures;

/// The shortest interval at which a source is looked at, whatever it says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The first pause after a failure; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The same at most, where a deleted source is to be let go.
const LAST_RELEASE: Duration = Duration::from_secs(60);
/// What part of a pause is left to chance, so that what failed together is not tried together.
const JITTER: f64 = 0.1;

/// What of an object makes a difference to its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relevant {
    uid: Option<String>,
    generation: Option<i64>,
    requested_at: Option<String>,
    is_deleted: bool,
    is_ours: bool,
    told: Option<String>,
}

impl Relevant {
    fn of(shared: &Shared, object: &impl Source) -> Self {
        Self {
            uid: object.uid(),
            generation: object.meta().generation,
            requested_at: object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            is_deleted: object.meta().deletion_timestamp.is_some(),
            is_ours: shared.is_ours(object),
            told: object.told(),
        }
    }
}

/// Looks at one source whenever that is due, until it is deleted.
pub(super) async fn keep<K: Source>(
    shared: Shared,
    name: SourceName,
    mut objects: watch::Receiver<Arc<K>>,
    teller: Teller,
) {
    let first = objects.borrow().clone();
    let mut report = Report::new(shared.clone(), name.clone(), first.as_ref(), teller);
    let held = first.held(&shared).await;
    // Whether it was told what the source has.
    let mut is_told = held.is_some();
    held.into_iter().for_each(|artifact| report.tell(artifact));
    let of_kind = Measures::new(&shared.config.metrics, shared.fetches.total()).of(K::KIND.0);
    let _forgotten = of_kind.forgotten(&name.name);
    let nudge = shared.nudges.follow(&name);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        shared.nudges.note(&name, object.meta().generation);
        let is_ours = shared.is_ours(object.as_ref());
        if object.meta().deletion_timestamp.is_some() && is_ours {
            let is_held = !release(&shared, &name, object.as_ref()).await;
            failures = if is_held { failures + 1 } else { 0 };
            let pause = Backoff { first: FIRST_RETRY, last: LAST_RELEASE, jitter: JITTER }.delay(failures);
            tokio::select! {
                seen = changed(&shared, &mut objects, object.as_ref()) => if seen.is_none() { return },
                () = tokio::time::sleep(pause), if is_held => {}
            }
            continue;
        }
        if object.is_static() && is_ours {
            report.clear(object.as_ref()).await;
        }
        let is_deleted = object.meta().deletion_timestamp.is_some();
        if object.is_suspended() || object.is_static() || is_deleted {
            if !is_told && object.is_suspended() && !object.is_static() && !is_deleted {
                tokio::select! {
                    stored = stored(&shared, &name, object.as_ref()) => if let Some(artifact) = stored {
                        report.tell(artifact);
                        is_told = true;
                    },
                    seen = changed(&shared, &mut objects, object.as_ref()) => {
                        if seen.is_none() { return } else { continue }
                    }
                }
            }
            if changed(&shared, &mut objects, object.as_ref()).await.is_none() {
                return;
            }
            continue;
        }
        if !is_ours {
            tokio::select! {
                () = shared.wanted.until(&name) => {}
                seen = changed(&shared, &mut objects, object.as_ref()) => {
                    if seen.is_none() { return } else { continue }
                }
            }
        }
        // The watches begin before the fetch, so that nothing falls between the two.
        let mut local = object.watch(&shared);
        let follow = |source: &SourceName| {
            shared.wanted.note(source);
            shared.shelf.follow(source)
        };
        let mut made_of: Vec<_> = object.made_of().iter().map(follow).collect();
        let mut nudged = nudge.clone();
        nudged.mark_unchanged();
        shared.config.counters.fetched();
        let controller = K::KIND.0.to_lowercase();
        let span = tracing::info_span!(
            "reconcile",
            controller,
            object = %name.name,
            revision = Empty,
            author = Empty,
            subject = Empty
        );
        let shared = shared.for_a_look();
        let (began, mut measured) = (Instant::now(), of_kind.reconciler.add());
        measured.begin();
        let fetched = tokio::select! {
            fetched = caught(object.fetch(&shared)).instrument(span.clone()) => {
                fetched.unwrap_or_else(|panic| {
                    tracing::error!(source = %name, panic, "a fetch panicked");
                    Err(bug("the fetch broke off; this is a bug in cowherd"))
                })
            }
            // Nobody wants it as it was any more: what goes on is broken off.
            seen = changed(&shared, &mut objects, object.as_ref()) => if seen.is_none() { return } else { continue },
        };
        if let Ok(found) = &fetched {
            is_told = true;
            span.record("revision", &found.artifact.revision);
            if let Some(Authorship { author, subject }) = &found.artifact.authorship {
                span.record("author", author).record("subject", subject);
            }
        }
        let has_panicked = fetched.as_ref().is_err_and(|problem| problem.is_bug);
        let interval = interval(object.as_ref());
        let is_well = report.of(object.as_ref(), fetched, &shared.hidden.mask()).instrument(span).await;
        of_kind.took(&name.name, began.elapsed());
        measured.end(match is_well {
            true => Outcome::RequeueAfter,
            false if has_panicked => Outcome::Panic,
            false => Outcome::Error,
        });
        let pause = match is_well {
            true => {
                failures = 0;
                interval
            }
            false => {
                let backoff = Backoff { first: FIRST_RETRY, last: interval, jitter: JITTER };
                failures += 1;
                backoff.delay(failures - 1)
            }
        };
        tokio::select! {
            seen = changed(&shared, &mut objects, object.as_ref()) => if seen.is_none() { return },
            () = local_change(&mut local) => {}
            () = change_of_sources(&mut made_of) => {}
            // It is kept by the task itself, so that it never ends.
            _ = nudged.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Says of a source that a panic has ended its task, which is begun anew later.
pub(super) async fn broke_off<K: Source>(shared: Shared, name: SourceName, object: Arc<K>, teller: Teller) {
    let of_kind = Measures::new(&shared.config.metrics, shared.fetches.total()).of(K::KIND.0);
    of_kind.reconciler.add().end(Outcome::Panic);
    let mut report = Report::new(shared, name, object.as_ref(), teller);
    let problem = bug("the reconciliation broke off; this is a bug in cowherd");
    report.of(object.as_ref(), Err(problem), &Mask::default()).await;
}

/// What is said of a bug.
fn bug(message: &str) -> Problem {
    Problem {
        reason: RECONCILIATION_FAILED,
        message: Problem::said(&message, false),
        is_final: false,
        may_pass: false,
        is_unverified: false,
        is_bug: true,
    }
}

/// Lets a deleted source go. We need no finalizer on it, but Flux may have left its own. Whether it goes: where somebody else has
/// written it meanwhile, it is looked at again.
async fn release<K: Source>(shared: &Shared, name: &SourceName, object: &K) -> bool {
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return true;
    }
    let finalizers: Vec<_> = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let api: Api<K> = Api::namespaced(shared.client.clone(), &name.name.namespace);
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    match api.patch(&name.name.name, &PatchParams::default(), &patch).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.is_not_found() => true,
        Err(error) => {
            tracing::debug!(source = %name, %error, "the finalizer could not be removed, which is tried again");
            false
        }
    }
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed<K: Source>(shared: &Shared, objects: &mut watch::Receiver<Arc<K>>, since: &K) -> Option<()> {
    let before = Relevant::of(shared, since);
    objects.wait_for(|object| Relevant::of(shared, object.as_ref()) != before).await.ok().map(drop)
}

fn interval(object: &impl Source) -> Duration {
    object.interval().parse().unwrap_or(Duration::from_secs(60)).max(SHORTEST_INTERVAL)
}

/// Completes when a watched repository changes; never where nothing is watched.
async fn local_change(watch: &mut Option<LocalWatch>) {
    let told = match watch {
        Some(watch) => watch.changed().await,
        None => None,
    };
    if told.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Completes when one of the sources that one is made of has something else; never where it is made of none.
async fn change_of_sources(made_of: &mut Vec<watch::Receiver<Latest>>) {
    while !made_of.is_empty() {
        let changes = made_of.iter_mut().map(|latest| Box::pin(latest.changed()));
        let (told, which, _) = select_all(changes).await;
        if told.is_ok() {
            return;
        }
        made_of.swap_remove(which);
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Described;
    use crate::source::played::{client, said, shared};
    use crate::source::status::Status;
    use crate::source::{Artifact, Found, SourceKind, is_requested};
    use crate::{Config, Phase};
    use cowherd_api::flux::source::v1::GitRepository;
    use cowherd_runtime::Description;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::error_boundary::DeserializeGuard;
    use tokio::sync::mpsc;

    impl Described for ConfigMap {
        fn described(&self) -> Description {
            Description::default()
        }
    }

    /// A kind of source with a bug.
    impl Source for ConfigMap {
        const KIND: SourceKind = SourceKind("ConfigMap");
        const STATUS_FIELDS: &'static [&'static str] = &[];

        fn interval(&self) -> &cowherd_api::Duration {
            static HOUR: std::sync::LazyLock<cowherd_api::Duration> =
                std::sync::LazyLock::new(|| cowherd_api::Duration::new("1h"));
            &HOUR
        }

        fn is_suspended(&self) -> bool {
            false
        }

        fn status(&self) -> Status {
            Status::default()
        }

        fn made_of(&self) -> Vec<SourceName> {
            assert!(self.data.is_none(), "the password is open-sesame");
            Vec::new()
        }

        async fn fetch(&self, _shared: &Shared) -> Result<Found, Problem> {
            panic!("the password is open-sesame")
        }

        async fn held(&self, _shared: &Shared) -> Option<Arc<Artifact>> {
            None
        }
    }

    #[tokio::test]
    async fn an_object_that_cannot_be_read_is_told_with_what_is_wrong() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let directory = tempfile::tempdir().unwrap();
        let config = Config { progress: Some(tell), ..Config::default() };
        let shared = shared(client().0, directory.path(), config);
        let object = json!({ "metadata": { "name": "odd", "namespace": "n" }, "spec": { "url": 1, "interval": "1h" } });
        let object: DeserializeGuard<GitRepository> = serde_json::from_value(object).unwrap();
        shared.unreadable(GitRepository::KIND, &object.0.unwrap_err());
        let told = told.recv().await.unwrap();
        assert_eq!((told.kind, told.name.to_string(), told.may_pass), ("GitRepository", "n/odd".to_owned(), false));
        let Phase::Failed(message) = told.phase else { panic!("{:?}", told.phase) };
        assert!(message.starts_with("it cannot be read: ") && message.contains("xpected a string"), "{message}");
    }

    #[test]
    fn what_a_person_asked_for_is_asked_for_until_that_was_handled() {
        let requested = |requested: &str, handled: &str| {
            let object = json!({
                "metadata": { "name": "a", "annotations": { RECONCILE_REQUESTED_AT: requested } },
                "spec": { "url": "https://example.com/a", "interval": "1h" },
                "status": { "lastHandledReconcileAt": handled },
            });
            is_requested(&serde_json::from_value::<GitRepository>(object).unwrap())
        };
        assert!(requested("2", "1") && !requested("2", "2"));
    }

    const PANICS: &str = "controller_runtime_reconcile_panics_total{controller=\"configmap\"}";

    /// The task of a source, which panics in a fetch, or before any where the object has data.
    fn with_bug(
        data: serde_json::Value,
        shared: &Shared,
    ) -> (watch::Sender<Arc<ConfigMap>>, tokio::task::JoinHandle<()>) {
        let object = json!({ "metadata": { "name": "a", "namespace": "n", "uid": "1" }, "data": data });
        let (objects, receiver) = watch::channel(Arc::new(serde_json::from_value(object).unwrap()));
        let name = crate::NamespacedName::new("n", "a");
        let teller = Teller::new(SourceName { kind: ConfigMap::KIND, name: name.clone() }, shared.tell.clone());
        let sources = crate::source::run::Sources::<ConfigMap>::new(shared.clone());
        (objects, tokio::spawn(crate::tasks::keep_on(sources, name, receiver, teller)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_deleted_source_is_let_go_however_often_that_is_refused() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let refusals = std::sync::atomic::AtomicUsize::new(3);
        let refusals = Arc::new(refusals);
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (tell, refusals) = (tell.clone(), refusals.clone());
            async move {
                let is_refused = refusals.load(std::sync::atomic::Ordering::SeqCst) > 0;
                if is_refused {
                    refusals.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                }
                let _ = tell.send((request.method().clone(), is_refused));
                let conflict = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409,
                    "message": "the object has been modified" });
                let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
                let (code, body) = if is_refused { (409, conflict) } else { (200, object) };
                let body = kube::client::Body::from(body.to_string().into_bytes());
                let answer = http::Response::builder().status(code).body(body);
                Ok::<_, std::convert::Infallible>(answer.unwrap())
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(kube::Client::new(service, "default"), directory.path(), Config::default());
        let object = json!({ "metadata": { "name": "a", "namespace": "n", "uid": "1", "finalizers": [FINALIZER],
            "deletionTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "7" } });
        let (objects, receiver) = watch::channel(Arc::new(serde_json::from_value::<ConfigMap>(object).unwrap()));
        let name = crate::NamespacedName::new("n", "a");
        let teller = Teller::new(SourceName { kind: ConfigMap::KIND, name: name.clone() }, shared.tell.clone());
        let sources = crate::source::run::Sources::<ConfigMap>::new(shared.clone());
        let task = tokio::spawn(crate::tasks::keep_on(sources, name, receiver, teller));
        for is_refused in [true, true, true, false] {
            assert_eq!(told.recv().await.unwrap(), (http::Method::PATCH, is_refused));
        }
        tokio::time::sleep(2 * LAST_RELEASE).await;
        drop(objects);
        task.await.unwrap();
        assert!(told.try_recv().is_err(), "once it is let go nothing is asked any more");
    }

    #[tokio::test]
    async fn a_bug_outside_of_a_fetch_is_said_by_the_source_and_counted_and_ends_with_the_source() {
        let (client, mut told) = client();
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(client, directory.path(), Config::default());
        let (objects, task) = with_bug(json!({ "any": "" }), &shared);
        let body = said(&mut told).await;
        assert!(body.contains("the reconciliation broke off; this is a bug in cowherd"), "{body}");
        assert!(body.contains(r#""reason":"ReconciliationFailed""#), "{body}");
        let text = shared.config.metrics.text();
        assert!(text.contains(&format!("{PANICS} 1\n")), "{text}");
        assert!(!task.is_finished());
        drop(objects);
        tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_bug_in_a_fetch_is_said_by_the_source_and_no_word_of_its_panic() {
        let (client, mut told) = client();
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(client, directory.path(), Config::default());
        let (_objects, task) = with_bug(json!(null), &shared);
        let body = said(&mut told).await;
        assert!(body.contains("the fetch broke off; this is a bug in cowherd"), "{body}");
        assert!(body.contains(r#""reason":"ReconciliationFailed""#), "{body}");
        assert!(!task.is_finished());
        let counted = async {
            while !shared.config.metrics.text().contains(&format!("{PANICS} 1\n")) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), counted).await.unwrap();
        task.abort();
    }
}
