//! The Flux Operator's FluxReport: how all that the agents reconcile is, in one object.
//!
//! It is made anew at an interval, for as long as there is a FluxInstance, whose namespace it is in, when that changes, and when
//! somebody asks for it. What it costs follows the number of all resources, which is why nothing else makes it anew.

mod counts;
mod sync;

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::ConditionStatus;
use cowherd_api::flux::annotations::{
    DISABLED, OPERATOR_FIELD_MANAGER, RECONCILE_REQUESTED_AT, SET_EVERY, SET_RECONCILE,
};
use cowherd_api::flux::controlplane::v1::{FluxInstance, FluxReport};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Policy;
use crate::conditions::{READY, find, time};
use crate::flux_instance::{NAME, VERSION, components};

/// How often it is made, where nothing is said of that, and at most.
const INTERVAL: Duration = Duration::from_secs(5 * 60);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(30);
/// When it is looked again whether anybody asks for a report.
const LOOK: Duration = Duration::from_secs(20);
/// How long it is left to settle what has changed.
const SETTLED: Duration = Duration::from_secs(1);
/// How many objects are asked for at a time.
const PAGE: u32 = 500;

/// Keeps the report on the FluxInstance, until that is gone.
pub(crate) async fn keep(client: &Client, policy: &Policy, mut instances: watch::Receiver<Arc<FluxInstance>>) {
    let mut last = None;
    loop {
        let instance = instances.borrow_and_update().clone();
        if let Err(error) = report((client, policy), &instance, &mut last).await {
            tracing::debug!(%error, "the FluxReport could not be made");
        }
        let told = Told::of(&instance);
        let due = Instant::now() + LOOK;
        loop {
            tokio::select! {
                changed = instances.changed() => match changed {
                    Err(_) => return,
                    Ok(()) if Told::of(&instances.borrow_and_update()) != told => {
                        tokio::time::sleep(SETTLED).await;
                        break;
                    }
                    Ok(()) => {}
                },
                () = tokio::time::sleep_until(due) => break,
            }
        }
    }
}

/// What of a FluxInstance has another report made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    generation: Option<i64>,
    revision: Option<String>,
    ready: Option<ConditionStatus>,
}

impl Told {
    fn of(instance: &FluxInstance) -> Self {
        let status = instance.status.as_ref();
        let ready = status.and_then(|status| find(&status.conditions, READY));
        Self {
            generation: instance.metadata.generation,
            revision: status.and_then(|status| status.last_applied_revision.clone()),
            ready: ready.map(|ready| ready.status),
        }
    }
}

/// When a report was made last, and of what.
type Last = Option<(Instant, Told)>;

/// Makes the report if it is due.
async fn report((client, policy): (&Client, &Policy), instance: &FluxInstance, last: &mut Last) -> kube::Result<()> {
    let namespace = instance.namespace().unwrap_or_default();
    let api: Api<FluxReport> = Api::namespaced(client.clone(), &namespace);
    let found = api.get_opt(NAME).await?;
    let requested = found.as_ref().and_then(|report| report.annotations().get(RECONCILE_REQUESTED_AT).cloned());
    let told = Told::of(instance);
    let made = last.as_ref().filter(|(_, of)| *of == told).map(|(made, _)| *made);
    if !is_due(found.as_ref(), requested.as_ref(), made) {
        return Ok(());
    }
    let spec = spec(client, instance, &namespace, policy.tells_of_all(&namespace)).await?;
    write(&api, &namespace, spec, requested).await?;
    *last = Some((Instant::now(), told));
    Ok(())
}

/// Whether a report is to be made, where the last one that still says how the FluxInstance is was `made` at this time.
fn is_due(report: Option<&FluxReport>, requested: Option<&String>, made: Option<Instant>) -> bool {
    let Some(report) = report else { return true };
    let said = |annotation| report.annotations().get(annotation);
    if said(SET_RECONCILE).is_some_and(|value| value.eq_ignore_ascii_case(DISABLED)) {
        return false;
    }
    let handled = report.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
    let every = said(SET_EVERY).and_then(|text| cowherd_api::Duration::new(text).parse().ok());
    let every = every.map_or(INTERVAL, |every: Duration| every.max(SHORTEST_INTERVAL));
    (requested.is_some() && requested != handled) || made.is_none_or(|made| made.elapsed() >= every)
}

/// What there is to report: of all namespaces, or of this one alone.
async fn spec(client: &Client, instance: &FluxInstance, namespace: &str, is_of_all: bool) -> kube::Result<Value> {
    let name = instance.spec.sync.as_ref().and_then(|sync| sync.name.as_deref()).filter(|name| !name.is_empty());
    let sync = sync::look(client, namespace, name.unwrap_or(namespace)).await?;
    let reconcilers = counts::all(client, Some(namespace).filter(|_| !is_of_all)).await?;
    let server = client.apiserver_version().await?;
    let image = format!("cowherd:{VERSION}");
    let status = "Current It is a part of cowherd.";
    let component = |name: &str| json!({ "name": name, "ready": true, "status": status, "image": image });
    let platform = format!("{}/{}", std::env::consts::OS, go_architecture());
    let mut spec = json!({
        "distribution": { "entitlement": "Unknown", "status": "Installed", "version": VERSION, "managedBy": "cowherd" },
        "cluster": { "serverVersion": server.git_version, "platform": server.platform },
        "operator": { "apiVersion": "fluxcd.controlplane.io/v1", "version": VERSION, "platform": platform },
        "components": components().map(component).collect::<Vec<_>>(),
        "reconcilers": reconcilers,
    });
    let nodes = if is_of_all { nodes(client).await? } else { 0 };
    if nodes > 0 {
        spec["cluster"]["nodes"] = nodes.into();
    }
    if let Some(sync) = sync {
        spec["sync"] = sync;
    }
    Ok(spec)
}

/// The architecture of this program, as Go names it.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// How many nodes there are.
async fn nodes(client: &Client) -> kube::Result<usize> {
    let api: Api<Node> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut count = 0;
    loop {
        let page = api.list_metadata(&params).await?;
        count += page.items.len();
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(count),
        }
    }
}

async fn write(api: &Api<FluxReport>, namespace: &str, spec: Value, requested: Option<String>) -> kube::Result<()> {
    let object = |field: &str, value: Value| {
        json!({ "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxReport",
            "metadata": { "name": NAME, "namespace": namespace }, field: value })
    };
    let params = PatchParams::apply(OPERATOR_FIELD_MANAGER).force();
    let applied = api.patch(NAME, &params, &Patch::Apply(object("spec", spec))).await?;
    let ready = json!({ "type": READY, "status": "True", "reason": "Succeeded", "message": "Reporting finished",
        "observedGeneration": applied.metadata.generation, "lastTransitionTime": time(Timestamp::now()) });
    let mut status = json!({ "conditions": [ready] });
    if let Some(requested) = requested {
        status["lastHandledReconcileAt"] = requested.into();
    }
    api.patch_status(NAME, &params, &Patch::Apply(object("status", status))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(annotations: Value, handled: Option<&str>) -> FluxReport {
        let spec = json!({ "distribution": { "entitlement": "Unknown", "status": "Installed" } });
        let object = json!({ "metadata": { "name": "flux", "namespace": "n", "annotations": annotations }, "spec": spec,
            "status": { "lastHandledReconcileAt": handled } });
        serde_json::from_value(object).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_is_due_where_there_is_none_at_its_interval_and_when_it_is_asked_for() {
        let made = Some(Instant::now());
        assert!(is_due(None, None, made) && is_due(Some(&written(json!({}), None)), None, None));
        assert!(!is_due(Some(&written(json!({}), None)), None, made));
        let now = "now".to_owned();
        assert!(is_due(Some(&written(json!({}), Some("before"))), Some(&now), made));
        assert!(!is_due(Some(&written(json!({}), Some("now"))), Some(&now), made));
        assert!(!is_due(Some(&written(json!({ SET_RECONCILE: "disabled" }), None)), Some(&now), None));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert!(!is_due(Some(&written(json!({}), None)), None, made));
        assert!(is_due(Some(&written(json!({ SET_EVERY: "1s" }), None)), None, made));
        tokio::time::advance(INTERVAL).await;
        assert!(is_due(Some(&written(json!({}), None)), None, made));
    }
}
