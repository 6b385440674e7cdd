//! Tells apart what of an owner's objects is waited for, what counts as ready without being so, and what nothing here acts on.

use std::collections::{BTreeSet, HashMap, HashSet};

use cowherd_apply::{Action, ApplyError, Assumed, Assumption, ChangeSet, Expectation, Manifest, ObjectId, Versioned};
use cowherd_text::listed;

use super::job::Job;
use super::{Context, health, idle, nodes};
use crate::conditions::ASSUMED_READY;
use crate::events::Type;
use crate::owner::{Settings, status};
use crate::target::Target;

/// How many objects a message names.
const NAMED: usize = 20;

/// What has to be observed of an owner's objects before it is ready.
#[derive(Default)]
pub(super) struct Readiness {
    /// What is waited for until it is healthy.
    pub(super) expected: Vec<Expectation>,
    /// What nothing here acts on.
    pub(super) idle: Vec<ObjectId>,
    /// What of `expected` others apply, or will.
    pub(super) others: Vec<Versioned>,
    /// What would be one of the two, had nobody said that it counts as ready.
    assumed: BTreeSet<ObjectId>,
}

impl Readiness {
    /// What has to be observed of the objects that were applied.
    pub(super) async fn of(
        context: &Context,
        target: &Target,
        job: &Job,
        settings: &Settings,
        (changes, manifests): (&ChangeSet, &[Manifest]),
    ) -> Result<Self, ApplyError> {
        let manifests: HashMap<&ObjectId, &Manifest> = manifests.iter().map(|one| (one.id(), one)).collect();
        let assumed = |id: &ObjectId| Assumed::of(&context.assumptions, id, manifests.get(id).copied());
        let applied = changes.iter().filter(|change| change.action != Action::Skipped).map(|change| &change.object);
        let applied: Vec<&Versioned> = applied.collect();
        let others = others_named(target, settings, &applied).await;
        let mut readiness = Self::default();
        let expected = health::expected(job, settings, &applied, &manifests);
        let decided: HashSet<ObjectId> =
            expected.iter().filter(|one| one.judge.is_some()).map(|one| one.object.id.clone()).collect();
        // Whoever says by expressions when an object is as it should be has said what it takes.
        let idle = idle::find(target, applied.iter().copied().chain(&others), &manifests).await?;
        for id in idle.into_iter().filter(|id| !decided.contains(id)) {
            match assumed(&id) {
                Assumed::Never => readiness.idle.push(id),
                Assumed::Unattended | Assumed::Always => drop(readiness.assumed.insert(id)),
            }
        }
        let is_without_nodes = nodes::Lacking::new(target);
        for expectation in expected {
            let id = &expectation.object.id;
            let counts_as_ready = match assumed(id) {
                _ if readiness.assumed.contains(id) => true,
                Assumed::Always => true,
                Assumed::Unattended => nodes::runs_pods(id) && is_without_nodes.is_so().await,
                Assumed::Never => false,
            };
            if counts_as_ready {
                readiness.assumed.insert(id.clone());
            } else {
                readiness.expected.push(expectation);
            }
        }
        let is_expected = |object: &Versioned| {
            let expected = readiness.expected.iter().find(|one| one.object.id == object.id);
            expected.is_some_and(|one| one.judge.is_none())
        };
        readiness.others = others.into_iter().filter(is_expected).collect();
        Ok(readiness)
    }

    /// Writes down what counts as ready without being so, with what was found so before in the same work, and says it when it is
    /// news.
    pub(super) fn tell_assumed(&self, context: &Context, job: &mut Job) {
        job.assumed.extend(self.assumed.iter().cloned());
        let told = (!job.assumed.is_empty()).then(|| format!("assumed ready, not observed: {}", named(&job.assumed)));
        if let Some(message) = status::assumes(&mut job.status, &job.owner, told.as_deref()) {
            let message = job.say(&message);
            tracing::info!("{message}");
            job.tell_event(context, Type::Normal, ASSUMED_READY, &message);
            job.progress.assumed = Some(message);
        }
    }
}

/// What is waited for beside what was applied, as far as it may be looked at. Who may not is told so before it waits.
async fn others_named(target: &Target, settings: &Settings, applied: &[&Versioned]) -> Vec<Versioned> {
    if settings.wait {
        return Vec::new();
    }
    let is_applied = |object: &&Versioned| applied.iter().any(|applied| applied.id == object.id);
    let others: Vec<Versioned> = settings.health_checks.iter().filter(|object| !is_applied(object)).cloned().collect();
    let readable = target.applier.check_readable(&others, target.account.as_ref()).await;
    if readable.is_ok() { others } else { Vec::new() }
}

/// The first of the objects by name, and how many others there are.
pub(super) fn named<'a>(objects: impl IntoIterator<Item = &'a ObjectId>) -> String {
    listed(objects, NAMED)
}

/// How these objects can be counted as ready all the same.
pub(super) fn remedy<'a>(objects: impl IntoIterator<Item = &'a ObjectId>) -> String {
    let kinds: BTreeSet<String> = objects.into_iter().map(|id| Assumption::of_kind(id).to_string()).collect();
    let kinds = kinds.into_iter().collect::<Vec<String>>().join(",");
    format!(
        "to count them as ready all the same, start cowherd with `--assume-ready={kinds}` (or `unattended`, for all that \
         nothing here acts on or runs), or annotate them with `cowherd.dev/assume-ready: enabled`"
    )
}
