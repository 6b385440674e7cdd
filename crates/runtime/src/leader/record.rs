//! What a Lease says of who leads.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use super::Candidate;

pub(super) struct Record<'a>(pub(super) &'a Lease);

impl Record<'_> {
    /// The Lease of a candidate where there was none.
    pub(super) fn first(candidate: &Candidate, now: Timestamp) -> Lease {
        Lease {
            metadata: ObjectMeta { name: Some(candidate.lease.clone()), ..ObjectMeta::default() },
            spec: Some(spec(candidate, now, now, 0)),
        }
    }

    /// Who holds the Lease; nobody where it was given up.
    pub(super) fn holder(&self) -> Option<&String> {
        self.0.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
    }

    /// How long it holds after a renewal.
    pub(super) fn duration(&self) -> Duration {
        let seconds = self.0.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// The same with the time of a renewal.
    pub(super) fn renewed(&self, candidate: &Candidate, now: Timestamp) -> Lease {
        let acquired = self.0.spec.as_ref().and_then(|spec| spec.acquire_time.as_ref()).map_or(now, |time| time.0);
        self.with(spec(candidate, acquired, now, self.transitions()))
    }

    /// The same with another holder.
    pub(super) fn taken(&self, candidate: &Candidate, now: Timestamp) -> Lease {
        self.with(spec(candidate, now, now, self.transitions().saturating_add(1)))
    }

    /// The same with nobody as its holder.
    pub(super) fn released(&self, now: Timestamp) -> Lease {
        self.with(LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(self.transitions()),
            ..LeaseSpec::default()
        })
    }

    fn transitions(&self) -> i32 {
        self.0.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0)
    }

    /// All that is not ours stays; its resource version makes sure that it has not changed meanwhile.
    fn with(&self, spec: LeaseSpec) -> Lease {
        Lease { spec: Some(spec), ..self.0.clone() }
    }
}

fn spec(candidate: &Candidate, acquired: Timestamp, renewed: Timestamp, transitions: i32) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(candidate.identity.clone()),
        lease_duration_seconds: Some(i32::try_from(candidate.lease_duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: Some(MicroTime(acquired)),
        renew_time: Some(MicroTime(renewed)),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}
