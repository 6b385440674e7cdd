//! Looks at one source whenever that is due, until it is deleted.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{FINALIZER, RECONCILE_REQUESTED_AT};
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
use super::{Latest, Problem, Shared, Source, SourceName};
use crate::Authorship;
use crate::conditions::RECONCILIATION_FAILED;
use crate::metrics::Measures;

/// The shortest interval at which a source is looked at, whatever it says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The first pause after a failure; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);
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
    if let Some(artifact) = first.held(&shared).await {
        report.tell(artifact);
    }
    let of_kind = Measures::new(&shared.config.metrics, shared.fetches.total()).of(K::KIND.0);
    let _forgotten = of_kind.forgotten(&name.name);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let is_ours = shared.is_ours(object.as_ref());
        if object.meta().deletion_timestamp.is_some() && is_ours {
            release(&shared, &name, object.as_ref()).await;
        }
        if object.is_static() && is_ours {
            report.clear(object.as_ref()).await;
        }
        if object.is_suspended() || object.is_static() || object.meta().deletion_timestamp.is_some() {
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
        let (began, mut measured) = (Instant::now(), of_kind.reconciler.add());
        measured.begin();
        let fetched = tokio::select! {
            fetched = caught(object.fetch(&shared)).instrument(span.clone()) => {
                fetched.unwrap_or_else(|panic| Err(broken(&name, &panic)))
            }
            // Nobody wants it as it was any more: what goes on is broken off.
            seen = changed(&shared, &mut objects, object.as_ref()) => if seen.is_none() { return } else { continue },
        };
        if let Ok(found) = &fetched {
            span.record("revision", &found.artifact.revision);
            if let Some(Authorship { author, subject }) = &found.artifact.authorship {
                span.record("author", author).record("subject", subject);
            }
        }
        let interval = interval(object.as_ref());
        let is_well = report.of(object.as_ref(), fetched).instrument(span).await;
        of_kind.took(&name.name, began.elapsed());
        measured.end(if is_well { Outcome::RequeueAfter } else { Outcome::Error });
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
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is said of a bug.
fn broken(name: &SourceName, panic: &str) -> Problem {
    tracing::error!(source = %name, panic, "a fetch panicked");
    let message = "the fetch broke off; this is a bug in cowherd".to_owned();
    Problem { reason: RECONCILIATION_FAILED, message, is_final: false, may_pass: false, is_unverified: false }
}

/// Lets a deleted source go. We need no finalizer on it, but Flux may have left its own.
async fn release<K: Source>(shared: &Shared, name: &SourceName, object: &K) {
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return;
    }
    let finalizers: Vec<_> = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let api: Api<K> = Api::namespaced(shared.client.clone(), &name.name.namespace);
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    if let Err(error) = api.patch(&name.name.name, &PatchParams::default(), &patch).await {
        tracing::debug!(source = %name, %error, "the finalizer could not be removed");
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
    use crate::fetches::{FetchLimits, Fetches};
    use crate::source::status::Status;
    use crate::source::{Artifact, Found, SourceKind, is_requested};
    use crate::{Config, Phase, events};
    use cowherd_api::flux::source::v1::GitRepository;
    use http_body_util::BodyExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::client::Body;
    use kube::core::error_boundary::DeserializeGuard;
    use tokio::sync::mpsc;

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

        async fn fetch(&self, _shared: &Shared) -> Result<Found, Problem> {
            panic!("the password is open-sesame")
        }

        async fn held(&self, _shared: &Shared) -> Option<Arc<Artifact>> {
            None
        }
    }

    /// A client whose requests are told by path and body.
    fn client() -> (kube::Client, mpsc::UnboundedReceiver<(String, String)>) {
        let (tell, told) = mpsc::unbounded_channel();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let tell = tell.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let _ = tell.send((path, String::from_utf8_lossy(&body).into_owned()));
                let answer = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
                Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(answer.to_string().into_bytes())))
            }
        });
        (kube::Client::new(service, "default"), told)
    }

    fn shared(client: kube::Client, directory: &std::path::Path, config: Config) -> Shared {
        Shared {
            recorder: events::Recorders::new(client.clone()),
            client,
            mirrors: cowherd_source::Mirrors::open(directory).unwrap(),
            tell: Arc::new(|_| {}),
            fetches: Fetches::new(FetchLimits::default()),
            shelf: Default::default(),
            tokens: Default::default(),
            generators: Default::default(),
            wanted: Arc::default(),
            config: Arc::new(config),
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

    #[tokio::test]
    async fn a_bug_in_a_fetch_is_said_by_the_source_and_no_word_of_its_panic() {
        let (client, mut told) = client();
        let directory = tempfile::tempdir().unwrap();
        let shared = shared(client, directory.path(), Config::default());
        let name = SourceName::new(ConfigMap::KIND, "n", "a");
        let object: ConfigMap =
            serde_json::from_value(json!({ "metadata": { "name": "a", "namespace": "n", "uid": "1" } })).unwrap();
        let (_objects, receiver) = watch::channel(Arc::new(object));
        let teller = Teller::new(name.clone(), shared.tell.clone());
        let task = tokio::spawn(keep(shared, name, receiver, teller));
        let status = async {
            loop {
                let (path, body) = told.recv().await.unwrap();
                assert!(!body.contains("open-sesame"), "{body}");
                if path.ends_with("/status") {
                    return body;
                }
            }
        };
        let body = tokio::time::timeout(Duration::from_secs(30), status).await.unwrap();
        assert!(body.contains("the fetch broke off; this is a bug in cowherd"), "{body}");
        assert!(body.contains(r#""reason":"ReconciliationFailed""#), "{body}");
        assert!(!task.is_finished());
        task.abort();
    }
}
