//! Holds a deletion back while somebody may describe what is to go, and has not said so yet.
//!
//! Whoever can be asked is asked: what a blocked or suspended owner will describe is rendered. Of the rest only those are
//! waited for who could have the object, with their own rights: a tenant whose Kustomization fails for ever keeps nothing
//! from going that it may not write. It is held until all have said something; the condition names them, and the approval
//! that there is for prunes ends it before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::{ObjectId, Versioned};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::claims::Rank;
use super::deliver::left_as_they_are;
use super::failure::Failure;
use super::job::Job;
use super::produce::produce_for_another;
use super::sharing::PATIENCE;
use super::words::{Silence, Silent};
use super::{Context, unbrought};
use crate::owner::{Identity, Owner, OwnerName};
use crate::source::SourceName;
use crate::target::Target;

/// How often it is asked at most whether somebody may write an object. Who was not asked about is not waited for.
const QUESTIONS: usize = 1000;

/// How many of those are named that wait for an owner, or that one waits for.
const NAMED: usize = 5;

/// How long a wait has to last before it is told: most are over at once.
const GRACE: Duration = Duration::from_millis(500);

/// What is held back for others to say something, and who they are.
#[derive(Default)]
pub(super) struct Awaited {
    pub(super) objects: Vec<Versioned>,
    /// With the reason why they have said nothing.
    pub(super) by: BTreeMap<OwnerName, Silence>,
}

impl Awaited {
    /// Who is waited for and why, as people are told.
    pub(super) fn who(&self, most: usize) -> String {
        cowherd_text::listed(self.by.iter().map(|(name, silence)| who(name, *silence)), most)
    }
}

fn who(name: &OwnerName, silence: Silence) -> String {
    format!("{} {name}, which {}", name.kind.kind, silence.reason())
}

/// What is said by an owner that failed before it is known what it describes, where others wait for that. Of those in other namespaces,
/// whose names are not its business, the number is said.
pub(super) fn held_up_by(name: &OwnerName, waiting: &BTreeSet<OwnerName>) -> Option<String> {
    let (beside, elsewhere): (Vec<_>, Vec<_>) = waiting.iter().partition(|one| one.namespace == name.namespace);
    let mut said: Vec<String> = beside.iter().map(|one| format!("{} {one}", one.kind.kind)).collect();
    match elsewhere.len() {
        0 => {}
        1 => said.push("one of another namespace".to_owned()),
        count => said.push(format!("{count} of other namespaces")),
    }
    let verb = if waiting.len() == 1 { "does" } else { "do" };
    let who = cowherd_text::listed(said.iter(), NAMED);
    (!said.is_empty())
        .then(|| format!("until it is known what this one describes, {who} {verb} not prune what that may be"))
}

/// Waits for those who may soon say what they describe, and asks those who will not say it themselves.
pub(super) async fn listen(
    context: &Context,
    target: &Target,
    job: &Job,
    source: Option<&SourceName>,
) -> Result<(), Failure> {
    let quiet = context.sharing.wait_for_others(&job.name, source, job.cancelled());
    tokio::pin!(quiet);
    tokio::select! {
        () = &mut quiet => {}
        () = sleep(GRACE) => {
            tell_who(context, job, source);
            quiet.await;
        }
    }
    job.give_way()?;
    // What one of them is made of may be somewhere that never answers.
    if timeout(PATIENCE, ask_all(context, target, job, source)).await.is_err() {
        debug!("it could not be found out in time what others will describe");
    }
    job.give_way()
}

/// Tells whoever watches who is waited for.
fn tell_who(context: &Context, job: &Job, source: Option<&SourceName>) {
    let silent = context.sharing.silent_beside(&job.name, source);
    let awaited = silent.iter().filter(|silent| silent.is_short(PATIENCE));
    let awaited = cowherd_text::listed(awaited.map(|silent| who(silent.name(), silent.silence)), NAMED);
    if !awaited.is_empty() {
        let mut progress = job.progress.clone();
        progress.awaits = Some(job.say(&awaited));
        context.tell(progress);
    }
}

async fn ask_all(context: &Context, target: &Target, job: &Job, source: Option<&SourceName>) {
    for silent in context.sharing.silent_beside(&job.name, source) {
        if matches!(silent.silence, Silence::Blocked | Silence::Suspended) && silent.foreseen.is_none() {
            ask(context, target, job, &silent).await;
        }
    }
}

/// Finds out what an owner will describe that may not be applied now.
async fn ask(context: &Context, target: &Target, job: &Job, silent: &Silent) {
    let Some(settings) = silent.settings() else { return };
    let Some(content) = context.sharing.content(&settings.source) else {
        // There is nothing yet that it could describe.
        return context.sharing.foresee(silent.name(), silent.news, Arc::default());
    };
    let Some(mut product) = produce_for_another(context, job, silent.name(), settings, &content).await else { return };
    let identified = target.applier.identify(&mut product.manifests, settings.default_namespace.as_deref()).await;
    if let Err(error) = identified {
        debug!(owner = %silent.name(), error = error.told(&product.mask), "it is not known what it will describe");
        return;
    }
    let described = product.manifests.iter().map(|manifest| manifest.id().clone());
    if silent.silence == Silence::Suspended {
        context.sharing.foresee(silent.name(), silent.news, Arc::new(described.collect()));
    } else {
        let left = left_as_they_are(&product.manifests);
        context.tell_concerned(context.sharing.claim(&Rank::of(&silent.owner), described, left));
        context.tell_concerned(context.sharing.said_for(silent.name(), silent.news));
    }
}

/// Those that are silent at one moment. What others have said is known before it is looked at who those are.
pub(super) struct Silents {
    pruner: OwnerName,
    source: Option<SourceName>,
    all: Vec<Silent>,
    /// Who else described the objects by then, where anybody did.
    describers: HashMap<ObjectId, Vec<OwnerName>>,
    /// On whose behalf those act who may have one of the objects.
    trusted: HashSet<Identity>,
}

impl Silents {
    /// Those that may describe some of `stale`.
    pub(super) fn now(context: &Context, job: &Job, source: Option<&SourceName>, stale: &[Versioned]) -> Self {
        let trusted = [Identity::Agents, job.owner.identity()].into_iter().collect();
        let all = context.sharing.silent_beside(&job.name, source);
        let describers = stale.iter().filter_map(|object| {
            let others = context.sharing.others_describing(&job.name, &object.id);
            (!others.is_empty()).then(|| (object.id.clone(), others))
        });
        let describers = describers.collect();
        Self { pruner: job.name.clone(), source: source.cloned(), all, describers, trusted }
    }

    /// What of `stale` is to be held back, since one of them may describe it.
    pub(super) async fn awaited(&mut self, context: &Context, job: &Job, stale: &[Versioned]) -> Awaited {
        let mut awaited = Awaited::default();
        let mut rights = Rights { context, targets: HashMap::new(), left: QUESTIONS };
        for object in stale {
            let mut is_held = false;
            for silent in self.all.iter().filter(|silent| may_describe(silent, &object.id)) {
                if rights.allow(&mut self.trusted, job, &silent.owner, object).await {
                    awaited.by.insert(silent.name().clone(), silent.silence);
                    is_held = true;
                }
            }
            if is_held {
                awaited.objects.push(object.clone());
            }
        }
        self.await_describers(context, job, &mut rights, stale, &mut awaited).await;
        // Who describes this one otherwise has spoken, and tells it once that is brought.
        let is_silent = |(_, silence): &(&OwnerName, &Silence)| **silence != Silence::Unbrought;
        let names: Vec<&OwnerName> = awaited.by.iter().filter(is_silent).map(|(name, _)| name).collect();
        context.tell_concerned(context.sharing.wait_for(&job.name, names.into_iter()));
        awaited
    }

    /// Holds all back while somebody describes the owner of the job otherwise than it is, could not bring that, and may.
    async fn await_describers(
        &mut self,
        context: &Context,
        job: &Job,
        rights: &mut Rights<'_>,
        stale: &[Versioned],
        awaited: &mut Awaited,
    ) {
        if stale.is_empty() || job.owner.is_deleted() {
            return;
        }
        let object = job.name.as_object();
        for name in unbrought::describers(context, job).await {
            let Some(owner) = context.sharing.owner(&name) else { continue };
            if rights.allow(&mut self.trusted, job, &owner, &object).await {
                awaited.by.insert(name, Silence::Unbrought);
                awaited.objects = stale.to_vec();
            }
        }
    }

    /// Whether something came to be known since, for which it has to be looked at again who describes the object. Strangers, who may
    /// have none of the objects as far as that is known, cannot have a deletion begin again and again.
    pub(super) fn are_outdated(&self, context: &Context, object: &ObjectId) -> bool {
        let known = self.describers.get(object).map_or(&[][..], Vec::as_slice);
        let others = context.sharing.others_describing(&self.pruner, object);
        let is_trusted = |name: &OwnerName| {
            let owner = context.sharing.owner(name);
            owner.is_some_and(|owner| self.trusted.contains(&owner.identity()))
        };
        if others.iter().any(|other| !known.contains(other) && is_trusted(other)) {
            return true;
        }
        let known: HashSet<(&OwnerName, u64)> = self.all.iter().map(|silent| (silent.name(), silent.news)).collect();
        let is_new = |silent: &Silent| {
            self.trusted.contains(&silent.owner.identity()) && !known.contains(&(silent.name(), silent.news))
        };
        context.sharing.silent_beside(&self.pruner, self.source.as_ref()).iter().any(is_new)
    }
}

fn may_describe(silent: &Silent, object: &ObjectId) -> bool {
    silent.silence.holds() && silent.foreseen.as_ref().is_none_or(|foreseen| foreseen.contains(object))
}

/// Whether owners could have objects.
struct Rights<'a> {
    context: &'a Context,
    /// Where those that were asked about are brought, as far as that is known.
    targets: HashMap<OwnerName, Option<Target>>,
    left: usize,
}

impl Rights<'_> {
    /// Whether the owner may write the object, where it is brought. Who acts for whom the deletion does, or with the rights of the
    /// agents, is trusted with that. What goes wrong with the answer is no reason to wait.
    async fn allow(&mut self, trusted: &mut HashSet<Identity>, job: &Job, theirs: &Owner, object: &Versioned) -> bool {
        let identity = theirs.identity();
        if identity == Identity::Agents || identity == job.owner.identity() {
            return true;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if !self.targets.contains_key(&theirs.name) {
            let target = self.context.targets.of(theirs).await.ok();
            self.targets.insert(theirs.name.clone(), target);
        }
        let Some(Some(target)) = self.targets.get(&theirs.name) else { return false };
        let may_write = target.applier.may_write(object, target.account.as_ref()).await.unwrap_or(false);
        if may_write {
            trusted.insert(identity);
        }
        may_write
    }
}
