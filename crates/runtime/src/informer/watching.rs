//! A watch that begins anew where it can no longer go on from where it was.
//!
//! kube's `watcher` lists anew where the API says that the history is too old (410), and asks for ever from the same revision
//! where the API says that there is no such revision yet. That is what an API says that was restored from a backup: its
//! revisions begin again below those that were seen. And one whose revisions have caught up by the time somebody asks says
//! nothing at all; so who has to see that lists anew from time to time.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::time::Instant;

use super::Object;

/// How long after a watch that could not go on the next one begins, at least; it is up to twice that, so that all do not begin
/// at once.
const PAUSE: Duration = Duration::from_secs(1);

/// The events of a watch, for ever. It is interrupted by errors, and overcomes them with backoff. It begins with a list, and
/// begins anew where it cannot go on, and after `relist`, where that is given, or up to a fifth more.
pub fn watching<K: Object>(
    api: Api<K>,
    config: watcher::Config,
    relist: Option<Duration>,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
    let begin = move || {
        let events = watcher(api.clone(), config.clone()).default_backoff().boxed();
        let ends = relist.map(|after| Instant::now() + after.mul_f64(1.0 + 0.2 * fastrand::f64()));
        Running { events, ends, is_lost: false }
    };
    stream::unfold((begin(), begin), |(mut running, begin)| async move {
        loop {
            if running.is_lost {
                tokio::time::sleep(PAUSE.mul_f64(1.0 + fastrand::f64())).await;
                running = begin();
            }
            let event = tokio::select! {
                event = running.events.next() => event,
                () = until(running.ends) => None,
            };
            match event {
                Some(event) => {
                    running.is_lost = event.as_ref().is_err_and(cannot_go_on);
                    return Some((event, (running, begin)));
                }
                None => running = begin(),
            }
        }
    })
}

struct Running<K> {
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    /// When it is to begin anew.
    ends: Option<Instant>,
    /// Whether it cannot go on.
    is_lost: bool,
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Whether the API has no history from where the watch was: it has forgotten it, or never heard of it.
fn cannot_go_on(error: &watcher::Error) -> bool {
    let status = match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status,
        watcher::Error::WatchError(status) => status,
        _ => return false,
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let is_too_large = status.message.contains("Too large resource version")
        || causes.into_iter().any(|cause| cause.reason == "ResourceVersionTooLarge");
    status.code == 410 || is_too_large
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use http::Request;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// What an API answers to a watch from each revision: a status that refuses it, or nothing for ever.
    #[derive(Clone, Default)]
    struct Played {
        revision: Arc<Mutex<u64>>,
        refused: Arc<Mutex<HashMap<String, (u16, Value)>>>,
        lists: Arc<Mutex<usize>>,
    }

    impl Played {
        fn client(&self) -> Client {
            let played = self.clone();
            let service = tower::service_fn(move |request: Request<Body>| {
                let played = played.clone();
                async move {
                    let query = request.uri().query().unwrap_or_default().to_owned();
                    let (code, body) = if query.contains("watch=true") {
                        let since = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
                        let refused = played.refused.lock().unwrap().get(since.unwrap_or_default()).cloned();
                        match refused {
                            Some(refused) => refused,
                            None => std::future::pending().await,
                        }
                    } else {
                        *played.lists.lock().unwrap() += 1;
                        let metadata = json!({ "resourceVersion": played.revision.lock().unwrap().to_string() });
                        (200, json!({ "apiVersion": "v1", "kind": "ConfigMapList", "metadata": metadata, "items": [] }))
                    };
                    let answer = http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
                    answer.map_err(|error| error.to_string())
                }
            });
            Client::new(service, "default")
        }

        /// How often it was listed within a time.
        async fn lists_within(&self, relist: Option<Duration>, time: Duration) -> usize {
            let events = watching(Api::<ConfigMap>::all(self.client()), watcher::Config::default(), relist);
            let _ = tokio::time::timeout(time, events.for_each(|_| std::future::ready(()))).await;
            *self.lists.lock().unwrap()
        }
    }

    fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
        let status = json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason,
            "message": message, "code": code });
        (code, status)
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_from_a_revision_that_the_api_does_not_know_lists_anew() {
        for refused in [
            status(504, "Timeout", "Timeout: Too large resource version: 10, current: 7"),
            status(410, "Expired", "too old resource version"),
        ] {
            let played = Played::default();
            *played.revision.lock().unwrap() = 10;
            played.refused.lock().unwrap().insert("10".to_owned(), refused);
            let restored = played.clone();
            let restore = async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                *restored.revision.lock().unwrap() = 7;
            };
            let (lists, ()) = tokio::join!(played.lists_within(None, Duration::from_secs(3600)), restore);
            assert_eq!(lists, 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_refusal_is_asked_again_from_where_it_was() {
        let played = Played::default();
        played.refused.lock().unwrap().insert("0".to_owned(), status(403, "Forbidden", "no"));
        assert_eq!(played.lists_within(None, Duration::from_secs(3600)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_made_anew_from_time_to_time_where_that_is_asked_for() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert_eq!(Played::default().lists_within(None, hour).await, 1);
        let lists = Played::default().lists_within(Some(minute), hour).await;
        assert!((50..=60).contains(&lists), "{lists}");
    }
}
