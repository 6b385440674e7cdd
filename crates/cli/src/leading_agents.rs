//! Agents that lead, wherever they run: also outside of the cluster, where nothing but their Lease says so.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::time::{Instant, sleep};

use crate::bootstrap::ROOT;
use crate::cluster::explain;

/// How the names of the Leases begin by which agents lead.
const LEASE: &str = "cowherd-agent";
/// How long is waited for who has ended to be known to have: somewhat longer than a Lease holds.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked.
const PAUSE: Duration = Duration::from_secs(1);

/// Refuses to go on while an agent leads.
///
/// # Errors
/// When one does, or the cluster gives no answer.
pub async fn refuse(client: &Client) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Some(holder) = leader(client).await? else { return Ok(()) };
        if Instant::now() >= deadline {
            bail!(
                "an agent goes on, as its Lease in {ROOT} says: {holder}; end it first, or say --force where it has other shards \
                 than Flux"
            );
        }
        sleep(PAUSE).await;
    }
}

/// Who leads, if somebody does.
///
/// # Errors
/// When the cluster gives no answer.
pub async fn leader(client: &Client) -> Result<Option<String>> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), ROOT);
    let found = leases.list(&ListParams::default()).await.map_err(explain)?;
    let now = Timestamp::now();
    Ok(found.items.iter().filter(|one| one.name_any().starts_with(LEASE)).find_map(|one| holder(one, now)))
}

/// Who holds a Lease at a time.
fn holder(lease: &Lease, now: Timestamp) -> Option<String> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.as_ref().filter(|holder| !holder.is_empty())?;
    let held = i64::from(spec.lease_duration_seconds.unwrap_or_default());
    let renewed = spec.renew_time.as_ref()?.0;
    (now.as_second() - renewed.as_second() <= held).then(|| holder.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_lease_is_held_as_long_as_it_says_and_until_it_is_given_up() {
        let lease = |spec: Value| serde_json::from_value::<Lease>(json!({ "spec": spec })).unwrap();
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let held = |holder: &str, renewed: &str| {
            holder_of(
                &lease(json!({ "holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed })),
                now,
            )
        };
        fn holder_of(lease: &Lease, now: Timestamp) -> Option<String> {
            holder(lease, now)
        }
        assert_eq!(held("a", "2026-01-01T00:00:50.000000Z").as_deref(), Some("a"));
        assert_eq!(held("a", "2026-01-01T00:00:40.000000Z"), None);
        assert_eq!(held("", "2026-01-01T00:00:50.000000Z"), None);
        assert_eq!(holder(&lease(json!({})), now), None);
    }
}
