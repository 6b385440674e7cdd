//! One of many leads: leader election with a Lease of `coordination.k8s.io`, as client-go does it.
//!
//! Whoever holds the Lease renews it. The others take it over once they have not seen it change for as long as it
//! says, by their own clock: nobody's clock is compared with another's. Who cannot renew in time stops to lead before
//! others may begin. It is not a lock: a leader that is suspended may act once more before it notices, which is what
//! resource versions are for.

mod record;

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};

use crate::{Health, Metrics};
use record::Record;

/// Who stands for election, and for what.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease: what is led.
    pub lease: String,
    /// Who it is. No two candidates may have the same.
    pub identity: String,
    /// How long others wait after the last renewal they saw.
    pub lease_duration: Duration,
    /// How long a leader tries to renew before it gives up; less than `lease_duration`.
    pub renew_deadline: Duration,
    /// How long to wait between attempts; less than `renew_deadline`.
    pub retry_period: Duration,
}

impl Candidate {
    /// A candidate with Kubernetes' times: 15, 10 and 2 seconds.
    pub fn new(namespace: impl Into<String>, lease: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            lease: lease.into(),
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// How an election ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The work ended, or was asked to; the Lease was given up for the next.
    Released,
    /// The Lease could not be renewed in time. The work was stopped.
    Lost,
}

/// Waits to become the leader, works for as long as it is, and gives the Lease up when `shutdown` completes or the work
/// ends.
///
/// `work` is dropped where the lead is lost, so it must do nothing that outlives it.
pub async fn lead<F: Future<Output = ()>>(
    candidate: &Candidate,
    client: Client,
    health: &Health,
    metrics: &Metrics,
    work: impl FnOnce() -> F,
    shutdown: impl Future<Output = ()>,
) -> Ended {
    let leads = metrics.loops().leads(&candidate.lease);
    leads.set(0);
    let pulse = health.register(format!("leader election of {}", candidate.lease));
    let mut election = Election { candidate, api: Api::namespaced(client, &candidate.namespace), seen: None };
    tokio::pin!(shutdown);
    tokio::select! {
        () = &mut shutdown => return Ended::Released,
        () = election.acquire(&pulse) => {}
    }
    tracing::info!(lease = candidate.lease, identity = candidate.identity, "leads");
    leads.set(1);
    let ended = tokio::select! {
        () = work() => Ended::Released,
        () = &mut shutdown => Ended::Released,
        () = election.renew() => Ended::Lost,
    };
    leads.set(0);
    tracing::info!(lease = candidate.lease, identity = candidate.identity, ?ended, "no longer leads");
    if ended == Ended::Released {
        election.release().await;
    }
    ended
}

struct Election<'a> {
    candidate: &'a Candidate,
    api: Api<Lease>,
    /// The Lease as it was seen last, and when that was first seen.
    seen: Option<(Lease, Instant)>,
}

impl Election<'_> {
    /// Tries until the Lease is ours.
    async fn acquire(&mut self, pulse: &crate::Pulse) {
        let mut told = None;
        loop {
            match self.attempt().await {
                Ok(true) => return pulse.well(),
                Ok(false) => {
                    pulse.well();
                    self.tell_who_leads(&mut told);
                }
                Err(error) => {
                    tracing::debug!(lease = self.candidate.lease, %error, "the lease cannot be taken");
                    let why = match error {
                        kube::Error::Api(status) => status.message.clone(),
                        error => error.to_string(),
                    };
                    let Candidate { namespace, lease, .. } = self.candidate;
                    pulse.unwell(format!("the Lease {namespace}/{lease} can be neither read nor written: {why}"));
                }
            }
            // Candidates that started together do not stay together.
            sleep(self.candidate.retry_period.mul_f64(1.0 + 1.2 * fastrand::f64())).await;
        }
    }

    /// Says for whom it is waited, once for each.
    fn tell_who_leads(&self, told: &mut Option<String>) {
        let holder = self.seen.as_ref().and_then(|(lease, _)| Record(lease).holder().cloned());
        if let Some(holder) = holder.filter(|holder| told.as_ref() != Some(holder)) {
            let Candidate { namespace, lease, identity, .. } = self.candidate;
            tracing::info!(namespace, lease, identity, holder, "another one leads; waits for it to give up the Lease");
            *told = Some(holder);
        }
    }

    /// Renews the Lease until that fails for too long.
    async fn renew(&mut self) {
        loop {
            sleep(self.candidate.retry_period).await;
            let (retry, deadline) = (self.candidate.retry_period, self.candidate.renew_deadline);
            let renewed = timeout(deadline, async {
                loop {
                    match self.attempt().await {
                        Ok(ours) => return ours,
                        Err(error) => tracing::debug!(%error, "the lease cannot be renewed"),
                    }
                    sleep(retry).await;
                }
            });
            if !renewed.await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Takes or renews the Lease if it is ours, free, or was not renewed for too long; whether it is ours then.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let Some(lease) = self.api.get_opt(&self.candidate.lease).await? else {
            let lease = Record::first(self.candidate, now);
            return self.written(self.api.create(&PostParams::default(), &lease).await);
        };
        self.see(&lease);
        let record = Record(&lease);
        let ours = record.holder() == Some(&self.candidate.identity);
        if !ours && record.holder().is_some() && !self.is_stale(record.duration()) {
            return Ok(false);
        }
        let next = if ours { record.renewed(self.candidate, now) } else { record.taken(self.candidate, now) };
        self.written(self.api.replace(&self.candidate.lease, &PostParams::default(), &next).await)
    }

    /// What was written is ours. Where somebody else was faster, the next attempt shows who.
    fn written(&mut self, result: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        self.see(&result?);
        Ok(true)
    }

    fn see(&mut self, lease: &Lease) {
        let same = self.seen.as_ref().is_some_and(|(seen, _)| seen.spec == lease.spec);
        if !same {
            self.seen = Some((lease.clone(), Instant::now()));
        }
    }

    fn is_stale(&self, duration: Duration) -> bool {
        self.seen.as_ref().is_none_or(|(_, since)| since.elapsed() >= duration)
    }

    /// Gives the Lease up, if it is still ours, so that the next need not wait.
    async fn release(&self) {
        let release = async {
            let Some(lease) = self.api.get_opt(&self.candidate.lease).await? else { return Ok(()) };
            let record = Record(&lease);
            if record.holder() != Some(&self.candidate.identity) {
                return Ok(());
            }
            let free = record.released(Timestamp::now());
            self.api.replace(&self.candidate.lease, &PostParams::default(), &free).await.map(drop)
        };
        match timeout(self.candidate.renew_deadline, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(lease = self.candidate.lease, %error, "the lease could not be given up"),
            Err(_) => tracing::warn!(lease = self.candidate.lease, "the lease could not be given up in time"),
        }
    }
}
