//! What is said of an owner while its objects go with it: as soon as that begins, and then every so often.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cowherd_api::flux::annotations::FINALIZER;
use cowherd_apply::{ApplyError, Expectation, ObjectId, Partial, Pruned, Stale, Versioned};
use tokio::time::timeout;

use super::Context;
use super::job::Job;
use crate::conditions::{PRUNE_FAILED, TERMINATING};
use crate::events::Type;
use crate::owner::status;
use crate::target::Target;
use crate::{Named, Phase};

/// How many objects an event names.
pub(super) const NAMED: usize = 10;
/// How often it is said how far a deletion is.
const REFRESH: Duration = Duration::from_secs(2);
/// How long a wait has to last before it is said: most objects are gone at once.
const GRACE: Duration = Duration::from_millis(500);
/// How long deleted objects may take to be gone before the finalizer goes all the same.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The finalizers of those who do their work without anybody's help: of Kubernetes, and our own.
const EXPECTED: [&str; 4] = [FINALIZER, "foregroundDeletion", "orphan", "customresourcecleanup.apiextensions.k8s.io"];

/// Says that the objects are to go.
pub(super) async fn begin(context: &Context, job: &mut Job, objects: &[Versioned]) {
    for object in objects {
        let Job { progress, mask, .. } = job;
        progress.going.add(|| mask.text(&object.id.to_string()));
    }
    job.progress.left = objects.len();
    job.tell(context, Phase::Deleting);
    // What failed says so until it is known how another try ends.
    if status::has_failed_to_go(&job.status, &job.owner) {
        return;
    }
    let going = format!("deleting {}: {}", count(objects.len()), job.progress.going.listed(NAMED));
    tracing::info!("{going}");
    job.tell_event(context, Type::Normal, TERMINATING, &going);
    say(context, job, &left(objects.len(), objects.len())).await;
}

/// Deletes the objects while it `goes_on`, and says from time to time how many are left.
pub(super) async fn prune(
    context: &Context,
    target: &Target,
    job: &mut Job,
    stale: &Stale,
    goes_on: impl Fn(&ObjectId) -> bool,
) -> Result<Pruned, Partial> {
    let done = AtomicUsize::new(0);
    let count_one = |_| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    let mut pruning = pin!(target.applier.prune_while(stale, goes_on, count_one));
    let mut said = 0;
    loop {
        if let Ok(pruned) = timeout(REFRESH, &mut pruning).await {
            return pruned;
        }
        let done = done.load(Ordering::Relaxed);
        if std::mem::replace(&mut said, done) != done {
            job.progress.left = stale.objects.len() - done;
            job.tell(context, Phase::Deleting);
            if !status::has_failed_to_go(&job.status, &job.owner) {
                say(context, job, &left(job.progress.left, job.progress.going.count)).await;
            }
        }
    }
}

/// Waits until the objects are gone that were told to go, and says for which.
pub(super) async fn wait(context: &Context, target: &Target, job: &mut Job, pruned: &Pruned) {
    let within = job.settings.as_ref().map_or(TIMEOUT, |settings| settings.timeout);
    let leaving = &pruned.leaving;
    let at = AtomicUsize::new(0);
    let mut waiting =
        pin!(target.applier.wait_until_gone_and_tell(leaving, within, |index| at.store(index, Ordering::Relaxed)));
    let mut said = None;
    let mut pause = GRACE;
    let waited = loop {
        if let Ok(waited) = timeout(std::mem::replace(&mut pause, REFRESH), &mut waiting).await {
            break waited;
        }
        let at = at.load(Ordering::Relaxed);
        if said.replace(at) != Some(at)
            && let Some(Expectation { object, .. }) = leaving.get(at)
        {
            job.progress.left = leaving.len() - at;
            job.progress.held = Named::default();
            note_held(job, &those_of(&leaving[at..], &pruned.held));
            job.tell(context, Phase::Deleting);
            let (object, others) = (with_finalizers(&object.id, &pruned.held), leaving.len() - at - 1);
            let others = if others == 0 { String::new() } else { format!(", then for {} at most", count(others)) };
            say(context, job, &format!("deleting: waits until {object} is gone{others}")).await;
        }
    };
    job.progress.held = Named::default();
    let Err(error) = waited else { return };
    let error_told = error.told(&job.mask);
    let message = format!("failed to wait for resources termination: {error_told}");
    job.tell_event(context, Type::Warning, PRUNE_FAILED, &message);
    if let ApplyError::Unhealthy(unhealthy) = &error {
        let there = |id: &ObjectId| unhealthy.objects.iter().any(|(object, _)| object == id);
        let held: Vec<_> = pruned.held.iter().filter(|(id, _)| there(id)).cloned().collect();
        note_held(job, &held);
    }
}

/// What of `held` is among the expected.
fn those_of(expected: &[Expectation], held: &[(ObjectId, Vec<String>)]) -> Vec<(ObjectId, Vec<String>)> {
    let expected: HashSet<&ObjectId> = expected.iter().map(|expectation| &expectation.object.id).collect();
    held.iter().filter(|(object, _)| expected.contains(object)).cloned().collect()
}

/// Notes the objects that go once others have taken their finalizers away.
pub(super) fn note_held(job: &mut Job, held: &[(ObjectId, Vec<String>)]) {
    for (object, finalizers) in held {
        if !others(finalizers).is_empty() {
            let Job { progress, mask, .. } = job;
            progress.held.add(|| mask.text(&format!("{object} ({})", others(finalizers).join(", "))));
        }
    }
}

/// Says in the conditions how far the deletion is. It goes on where that cannot be written.
async fn say(context: &Context, job: &mut Job, message: &str) {
    status::terminating(&mut job.status, &job.owner, message);
    if let Err(failure) = job.write_conditions(context).await {
        tracing::debug!(error = failure.told(&job.mask), "the status could not be written");
    }
}

fn left(left: usize, of: usize) -> String {
    format!("deleting: {left} of {} left", count(of))
}

fn with_finalizers(object: &ObjectId, held: &[(ObjectId, Vec<String>)]) -> String {
    let finalizers = held.iter().find(|(id, _)| id == object).map(|(_, finalizers)| others(finalizers));
    match finalizers.unwrap_or_default() {
        finalizers if finalizers.is_empty() => object.to_string(),
        finalizers => format!("{object} (its finalizers: {})", finalizers.join(", ")),
    }
}

fn others(finalizers: &[String]) -> Vec<&str> {
    finalizers.iter().map(String::as_str).filter(|finalizer| !EXPECTED.contains(finalizer)).collect()
}

fn count(objects: usize) -> String {
    if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_how_much_is_left_and_whose_finalizers_hold_an_object() {
        assert_eq!(left(3200, 10_000), "deleting: 3200 of 10000 objects left");
        assert_eq!(left(1, 1), "deleting: 1 of 1 object left");
        let id = ObjectId { kind: "ConfigMap".into(), namespace: "n".into(), name: "a".into(), ..ObjectId::default() };
        let of = |finalizers: &[&str]| {
            with_finalizers(&id, &[(id.clone(), finalizers.iter().map(|name| (*name).to_owned()).collect())])
        };
        assert_eq!(of(&["example.com/hold", FINALIZER]), "ConfigMap/n/a (its finalizers: example.com/hold)");
        assert_eq!(of(&[FINALIZER, "foregroundDeletion"]), "ConfigMap/n/a");
        assert_eq!(with_finalizers(&id, &[]), "ConfigMap/n/a");
    }
}
