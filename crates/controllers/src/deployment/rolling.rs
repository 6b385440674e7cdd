//! RollingUpdate: new pods come and old ones go, within the surge and unavailability that the Deployment allows.

use std::sync::Arc;

use cowherd_runtime::Error;
use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::replica_sets::replicas_of;
use super::{Rollout, history};

/// Takes the next step.
pub async fn proceed(rollout: &mut Rollout<'_>) -> Result<(), Error> {
    rollout.find_or_make_new(true).await?;
    if scale_new(rollout).await? || scale_down_old(rollout).await? {
        return Ok(());
    }
    if rollout.complete() {
        history::clean_up(rollout).await?;
    }
    Ok(())
}

/// Brings the new ReplicaSet to the number of pods it may have now; whether that changed it.
async fn scale_new(rollout: &mut Rollout<'_>) -> Result<bool, Error> {
    let Some(new) = rollout.new.clone() else { return Ok(false) };
    let before = replicas_of(&new);
    let replicas = replicas_of_new(rollout, before);
    rollout.scale(&new, replicas).await?;
    Ok(before != replicas)
}

/// How many pods the new ReplicaSet may have, when it has `present` now.
pub fn replicas_of_new(rollout: &Rollout<'_>, present: i32) -> i32 {
    let wanted = rollout.wanted();
    if rollout.recreates() || present >= wanted {
        return wanted;
    }
    let most = wanted.saturating_add(max_surge(&rollout.spec));
    let all: i32 = rollout.old.iter().map(|set| replicas_of(set)).sum::<i32>().saturating_add(present);
    if all >= most {
        return present;
    }
    present + (most - all).min(wanted - present)
}

/// Takes pods from the old ReplicaSets as far as enough stay available; whether that changed any.
async fn scale_down_old(rollout: &mut Rollout<'_>) -> Result<bool, Error> {
    let old: i32 = rollout.old.iter().map(|set| replicas_of(set)).sum();
    let Some(new) = rollout.new.clone() else { return Ok(false) };
    if old == 0 {
        return Ok(false);
    }
    let least = rollout.wanted() - max_unavailable(&rollout.spec);
    let new_unavailable = replicas_of(&new) - available(&new);
    let surplus = old + replicas_of(&new) - least - new_unavailable;
    if surplus <= 0 {
        return Ok(false);
    }
    let unhealthy = scale_down_unhealthy(rollout, surplus).await?;
    let healthy = scale_down_healthy(rollout, least).await?;
    Ok(unhealthy + healthy > 0)
}

/// Pods that are not available go first: they serve nobody.
async fn scale_down_unhealthy(rollout: &mut Rollout<'_>, most: i32) -> Result<i32, Error> {
    let mut taken = 0;
    for set in rollout.old.clone() {
        let unhealthy = replicas_of(&set) - available(&set);
        let take = unhealthy.min(most - taken);
        if take > 0 {
            rollout.scale(&set, replicas_of(&set) - take).await?;
            taken += take;
        }
    }
    Ok(taken)
}

async fn scale_down_healthy(rollout: &mut Rollout<'_>, least: i32) -> Result<i32, Error> {
    let available_now: i32 = rollout.all().map(|set| available(set).min(replicas_of(set))).sum();
    let mut spare = available_now - least;
    let mut taken = 0;
    for set in rollout.old.clone() {
        let take = replicas_of(&set).min(spare);
        if take > 0 {
            rollout.scale(&set, replicas_of(&set) - take).await?;
            spare -= take;
            taken += take;
        }
    }
    Ok(taken)
}

fn available(set: &Arc<ReplicaSet>) -> i32 {
    set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0)
}

/// How many pods there may be beyond those wanted.
pub fn max_surge(spec: &DeploymentSpec) -> i32 {
    limits(spec).0
}

/// How many of the pods wanted may be unavailable.
pub fn max_unavailable(spec: &DeploymentSpec) -> i32 {
    limits(spec).1.min(spec.replicas.unwrap_or(1))
}

/// Surge, rounded up, and unavailability, rounded down; never both zero, or nothing could move.
fn limits(spec: &DeploymentSpec) -> (i32, i32) {
    let recreate = spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate");
    let wanted = spec.replicas.unwrap_or(1);
    if recreate {
        return (0, 0);
    }
    let rolling = spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let quarter = IntOrString::String("25%".to_owned());
    let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).unwrap_or(&quarter);
    let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).unwrap_or(&quarter);
    match (share(surge, wanted, true), share(unavailable, wanted, false)) {
        (0, 0) => (0, 1),
        limits => limits,
    }
}

/// A number, or a percentage of `whole`.
fn share(value: &IntOrString, whole: i32, round_up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let product = percent.saturating_mul(i64::from(whole));
            let share = if round_up { product.saturating_add(99) / 100 } else { product / 100 };
            i32::try_from(share).unwrap_or(i32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(replicas: i32, surge: serde_json::Value, unavailable: serde_json::Value) -> DeploymentSpec {
        serde_json::from_value(json!({
            "replicas": replicas, "selector": {}, "template": {},
            "strategy": { "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } },
        }))
        .unwrap()
    }

    #[test]
    fn surge_is_rounded_up_and_unavailability_down() {
        assert_eq!(limits(&spec(5, json!("25%"), json!("25%"))), (2, 1));
        assert_eq!(limits(&spec(10, json!("30%"), json!(3))), (3, 3));
        assert_eq!(limits(&spec(1, json!(0), json!("25%"))), (0, 1), "something must be able to move");
    }
}
