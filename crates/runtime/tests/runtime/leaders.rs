//! Two candidates, of whom one leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cowherd_runtime::leader::{Candidate, Ended, lead};
use cowherd_runtime::{Health, Metrics};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cluster::{Cluster, Wire, eventually, expect};
use crate::spans::Log;

const LEASE_DURATION: Duration = Duration::from_secs(3);

/// How many lead now, and the most that ever did at a time.
#[derive(Clone, Default)]
struct Leaders {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Leaders {
    async fn work(self) {
        let leaders = Leading(Arc::clone(&self.now));
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::future::pending::<()>().await;
        drop(leaders);
    }
}

struct Leading(Arc<AtomicUsize>);

impl Drop for Leading {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Standing {
    metrics: Metrics,
    wire: Wire,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Ended>,
}

fn stand(cluster: &Cluster, identity: &str, leaders: &Leaders) -> Standing {
    let candidate = Candidate {
        lease_duration: LEASE_DURATION,
        renew_deadline: Duration::from_secs(2),
        retry_period: Duration::from_millis(100),
        ..Candidate::new("default", "herd", identity)
    };
    let (metrics, wire) = (Metrics::default(), Wire::default());
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn({
        let (client, metrics, leaders) = (wire.client(cluster), metrics.clone(), leaders.clone());
        async move {
            let shutdown = async { drop(stopped.await) };
            lead(&candidate, client, &Health::default(), &metrics, || leaders.work(), shutdown).await
        }
    });
    Standing { metrics, wire, stop, task }
}

impl Standing {
    fn leads(&self) -> bool {
        self.metrics.text().contains("leader_election_master_status{name=\"herd\"} 1")
    }
}

async fn lease(cluster: &Cluster) -> LeaseSpec {
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), "default");
    api.get_opt("herd").await.unwrap().and_then(|lease| lease.spec).unwrap_or_default()
}

async fn holder(cluster: &Cluster, wanted: &str) {
    eventually("somebody leads", || async { expect(lease(cluster).await.holder_identity.as_deref(), Some(wanted)) })
        .await;
}

#[tokio::test]
async fn who_waits_says_once_for_whom() {
    let (log, cluster, leaders) = (Log::default(), Cluster::start().await, Leaders::default());
    let _logging = log.of_this_thread();
    let first = stand(&cluster, "first", &leaders);
    holder(&cluster, "first").await;
    let second = stand(&cluster, "second", &leaders);
    let told = "another one leads; waits for it to give up the Lease namespace=\"default\" lease=\"herd\" \
                identity=\"second\" holder=\"first\"";
    eventually("it is said who leads", || async { expect(log.text().contains(told), true) }).await;
    // It looks again many times.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(log.text().matches("another one leads").count(), 1, "{}", log.text());
    drop((first.stop, second.stop));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_to_stop_gives_the_lease_up_and_the_other_need_not_wait() {
    let (cluster, leaders) = (Cluster::start().await, Leaders::default());
    let first = stand(&cluster, "first", &leaders);
    holder(&cluster, "first").await;
    let second = stand(&cluster, "second", &leaders);
    eventually("the first works", || async { expect(first.leads(), true) }).await;
    first.stop.send(()).unwrap();
    assert_eq!(first.task.await.unwrap(), Ended::Released);
    holder(&cluster, "second").await;
    eventually("the second works", || async { expect(second.leads(), true) }).await;
    let lease = lease(&cluster).await;
    assert_eq!(lease.lease_transitions, Some(1));
    assert_eq!(leaders.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_is_followed_when_its_lease_has_not_changed_for_long() {
    let (cluster, leaders) = (Cluster::start().await, Leaders::default());
    let first = stand(&cluster, "first", &leaders);
    holder(&cluster, "first").await;
    eventually("the first works", || async { expect(first.leads(), true) }).await;
    let second = stand(&cluster, "second", &leaders);
    // It has seen the Lease, which is renewed, so that it does not count from a time before the death.
    eventually("it has looked", || async { expect(leaders.now.load(Ordering::SeqCst), 1) }).await;
    first.task.abort();
    assert!(first.task.await.unwrap_err().is_cancelled());
    let died = Instant::now();
    holder(&cluster, "second").await;
    // The last renewal was up to a retry period and a request before.
    assert!(died.elapsed() > LEASE_DURATION / 2, "it did not wait: {:?}", died.elapsed());
    eventually("the second works", || async { expect(second.leads(), true) }).await;
    assert_eq!(leaders.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_renew_stops_before_another_begins_whatever_the_clocks_say() {
    let (cluster, leaders) = (Cluster::start().await, Leaders::default());
    let first = stand(&cluster, "first", &leaders);
    holder(&cluster, "first").await;
    eventually("the first works", || async { expect(first.leads(), true) }).await;
    // As if the first's clock were an hour behind: its renewals look old, and are not.
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), "default");
    let past = serde_json::json!({ "spec": { "renewTime": "2020-01-01T00:00:00.000000Z" } });
    api.patch("herd", &Default::default(), &kube::api::Patch::Merge(past)).await.unwrap();
    let second = stand(&cluster, "second", &leaders);
    first.wire.is_cut.store(true, Ordering::SeqCst);
    assert_eq!(first.task.await.unwrap(), Ended::Lost);
    holder(&cluster, "second").await;
    eventually("the second works", || async { expect(second.leads(), true) }).await;
    assert_eq!(leaders.most.load(Ordering::SeqCst), 1, "never two at a time");
}
