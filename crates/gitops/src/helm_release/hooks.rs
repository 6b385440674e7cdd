//! Hooks: objects that are made at a moment of a release's life, one after the other, and waited for.

use std::time::Duration;

use cowherd_apply::{Manifest, Propagation, Unmasked, Versioned};
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{HookRecord, Record};
use serde_json::Value;
use tokio::time::Instant;

use super::action::{Acting, ActionError};
use super::manifests;
use crate::delivery::observe;

/// When a hook is deleted that does not say when.
const BEFORE: &str = "before-hook-creation";
const SUCCEEDED: &str = "hook-succeeded";
const FAILED: &str = "hook-failed";

/// How often it is looked at an object that runs.
const LOOK: Duration = Duration::from_millis(500);

/// Which hooks of an event run.
pub(super) type Selected<'a> = &'a (dyn Fn(&HookRecord) -> bool + Sync);

/// Runs the hooks of the release for an event, and writes down how each went.
///
/// # Errors
/// At the first that fails; those after it do not run.
pub(super) async fn run(
    acting: &mut Acting<'_>,
    record: &mut Record,
    event: HookEvent,
    timeout: Duration,
    selected: Selected<'_>,
) -> Result<(), ActionError> {
    let order = order(&record.hooks, event, selected);
    for (done, at) in order.iter().copied().enumerate() {
        if let Err(error) = run_one(acting, record, at, event, timeout).await {
            let deleted = delete(acting, &record.hooks[at], FAILED, timeout).await;
            if let Err(error) = deleted {
                tracing::warn!(error = error.told(&acting.job.mask), "a hook that failed was not deleted");
            }
            for before in &order[..done] {
                delete(acting, &record.hooks[*before], SUCCEEDED, timeout).await?;
            }
            return Err(error);
        }
    }
    for at in order.into_iter().rev() {
        delete(acting, &record.hooks[at], SUCCEEDED, timeout).await?;
    }
    Ok(())
}

/// The hooks of an event, by their places, in the order in which they run: by weight and then by name.
fn order(hooks: &[HookRecord], event: HookEvent, selected: Selected<'_>) -> Vec<usize> {
    let runs = |hook: &HookRecord| hook.events.iter().any(|name| name == event.name()) && selected(hook);
    let mut order: Vec<usize> = (0..hooks.len()).filter(|at| hooks.get(*at).is_some_and(runs)).collect();
    order.sort_by_key(|at| hooks.get(*at).map(|hook| (hook.weight, hook.name.clone())));
    order
}

async fn run_one(
    acting: &mut Acting<'_>,
    record: &mut Record,
    at: usize,
    event: HookEvent,
    timeout: Duration,
) -> Result<(), ActionError> {
    if record.hooks[at].delete_policies.is_empty() {
        record.hooks[at].delete_policies = vec![BEFORE.to_owned()];
    }
    delete(acting, &record.hooks[at], BEFORE, timeout).await?;
    let path = record.hooks[at].path.clone();
    let objects = objects(acting, &record.hooks[at]).await.map_err(|error| {
        ActionError::Failed(
            error.within(|error| format!("unable to build kubernetes object for {event} hook {path}: {error}")),
        )
    })?;
    began(&mut record.hooks[at]);
    acting.update(record).await?;
    for object in &objects {
        let made = acting.target.applier.apply_single(object, acting.target.account.as_ref()).await;
        if let Err(error) = made {
            ended(&mut record.hooks[at], "Failed");
            let why = error.text().within(|error| format!("warning: Hook {event} {path} failed: {error}"));
            return Err(ActionError::Failed(why));
        }
    }
    let ran = until_done(acting, &objects, timeout).await;
    ended(&mut record.hooks[at], if ran.is_ok() { "Succeeded" } else { "Failed" });
    ran
}

fn began(hook: &mut HookRecord) {
    hook.last_run.started_at = super::action::now();
    hook.last_run.completed_at = String::new();
    hook.last_run.phase = "Running".to_owned();
}

fn ended(hook: &mut HookRecord, phase: &str) {
    hook.last_run.completed_at = super::action::now();
    hook.last_run.phase = phase.to_owned();
}

async fn objects(acting: &Acting<'_>, hook: &HookRecord) -> Result<Vec<Manifest>, Unmasked> {
    let mut objects = manifests::read(&hook.manifest)?;
    let namespace = Some(acting.names.namespace.as_str());
    acting.target.applier.identify(&mut objects, namespace).await.map_err(|error| error.text())?;
    Ok(objects)
}

/// Deletes the objects of a hook if that is its policy, and waits until they are gone. Definitions never go.
async fn delete(acting: &Acting<'_>, hook: &HookRecord, policy: &str, timeout: Duration) -> Result<(), ActionError> {
    let is_policy = hook.delete_policies.iter().any(|known| known == policy);
    if !is_policy || hook.kind == "CustomResourceDefinition" {
        return Ok(());
    }
    let objects = objects(acting, hook).await.map_err(|error| {
        ActionError::Failed(
            error.within(|error| format!("unable to build kubernetes object for deleting hook {}: {error}", hook.path)),
        )
    })?;
    let (applier, account) = (&acting.target.applier, acting.target.account.as_ref());
    let mut leaving = Vec::new();
    for object in &objects {
        let deleted = applier.delete_single(object.versioned(), account, Propagation::Background, |_| true).await;
        leaving.extend(deleted.map_err(|error| ActionError::refused(&error))?);
    }
    applier.wait_until_gone(&leaving, timeout).await.map_err(|error| ActionError::refused(&error))
}

/// Waits until Jobs and Pods have run to their end. Of other objects it is enough that they are there. Nothing newer breaks this off:
/// what is half done, such as a migration, would be begun again beside itself.
pub(super) async fn until_done(
    acting: &mut Acting<'_>,
    objects: &[Manifest],
    timeout: Duration,
) -> Result<(), ActionError> {
    let runs = |object: &&Manifest| {
        matches!((object.id().group.as_str(), object.id().kind.as_str()), ("batch", "Job") | ("", "Pod"))
    };
    let running: Vec<&Manifest> = objects.iter().filter(runs).collect();
    if running.is_empty() {
        return Ok(());
    }
    let described: Vec<Manifest> = running.iter().map(|object| (*object).clone()).collect();
    let awaited = observe::runs(acting.context, acting.target, acting.job, acting.settings, &described).await;
    let awaited = awaited.map_err(|failure| ActionError::of(&failure))?;
    let deadline = Instant::now() + timeout;
    for object in running.into_iter().map(Manifest::versioned).filter(|object| awaited.contains(&object.id)) {
        until_ended(acting, object, deadline, timeout).await?;
    }
    Ok(())
}

async fn until_ended(
    acting: &Acting<'_>,
    object: &Versioned,
    deadline: Instant,
    timeout: Duration,
) -> Result<(), ActionError> {
    loop {
        let live = acting.target.applier.look(object, acting.target.account.as_ref()).await;
        match live.map_err(|error| ActionError::refused(&error))?.as_ref().map(end) {
            Some(End::Well) => return Ok(()),
            Some(End::Badly(why)) => return Err(ActionError::failed(&format!("{} failed: {why}", object.id))),
            // What is deleted by its own time to live has run.
            None => return Ok(()),
            Some(End::NotYet) => {}
        }
        if Instant::now() >= deadline {
            let limit = crate::owner::status::go_duration(timeout);
            return Err(ActionError::failed(&format!("timed out waiting for {} to complete after {limit}", object.id)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How far something is that runs to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Well,
    Badly(String),
}

fn end(object: &Value) -> End {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let message = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
    if text("/kind") == Some("Pod") {
        return match text("/status/phase") {
            Some("Succeeded") => End::Well,
            Some("Failed") => End::Badly(text("/status/message").unwrap_or("the Pod failed").to_owned()),
            _ => End::NotYet,
        };
    }
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    for condition in conditions.into_iter().flatten().filter(|condition| condition["status"] == "True") {
        match condition["type"].as_str() {
            Some("Complete" | "SuccessCriteriaMet") => return End::Well,
            Some("Failed" | "FailureTarget") => return End::Badly(message(condition)),
            _ => {}
        }
    }
    End::NotYet
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hooks_run_by_weight_and_then_by_name() {
        let hook = |name: &str, weight: i64, events: &[&str]| HookRecord {
            name: name.into(),
            weight,
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ..HookRecord::default()
        };
        let hooks = [
            hook("z", 0, &["pre-install"]),
            hook("b", 5, &["pre-install", "pre-upgrade"]),
            hook("y", 0, &["pre-install"]),
            hook("last", 9, &["post-install"]),
            hook("a", -1, &["pre-install"]),
        ];
        assert_eq!(order(&hooks, HookEvent::PreInstall, &|_| true), [4, 2, 0, 1]);
        assert_eq!(order(&hooks, HookEvent::PreUpgrade, &|_| true), [1]);
        assert_eq!(order(&hooks, HookEvent::PreInstall, &|hook| hook.name != "a"), [2, 0, 1]);
    }

    #[test]
    fn a_job_and_a_pod_say_how_they_ended() {
        let job = |type_: &str| json!({ "kind": "Job", "status": { "conditions": [{ "type": type_, "status": "True", "message": "why" }] } });
        assert_eq!(end(&job("Complete")), End::Well);
        assert_eq!(end(&job("Failed")), End::Badly("why".into()));
        assert_eq!(end(&job("Suspended")), End::NotYet);
        let pod = |phase: &str| json!({ "kind": "Pod", "status": { "phase": phase } });
        assert_eq!((end(&pod("Succeeded")), end(&pod("Running"))), (End::Well, End::NotYet));
        assert_eq!(end(&pod("Failed")), End::Badly("the Pod failed".into()));
    }
}
