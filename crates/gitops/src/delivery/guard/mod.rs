//! Holds back a deletion that somebody may not have meant, until somebody says that it is meant.
//!
//! Three of them wait: of everything that an owner had, of a Namespace with objects that the owner did
//! not apply, and of a definition with such instances; and so does what others may describe who have not said so yet
//! ([`awaited`](super::awaited)). They wait for a word in Git or on the command line
//! ([`approval`]); what else the revision says is done.

mod approval;
mod content;
mod had;
mod held;
mod owners;
mod together;

use std::collections::HashSet;

use cowherd_api::ConditionStatus::True;
use cowherd_api::flux::annotations::{DISABLED, PRUNE_PROTECTION};
use cowherd_apply::{Action, Change, ChangeSet, ObjectId, Stale, Versioned, inventory as entries};
use cowherd_text::listed;
use kube::Client;

use approval::Approved;
pub use approval::approval;
pub(crate) use approval::{ApprovedAtStart, Begun};
use content::{Content, Reader};
use had::Had;
pub(in crate::delivery) use had::{applied_in_part, mark};
pub(in crate::delivery) use held::Held;
use held::{By, NAMED, would_go_with};
use together::contents_once_others_left;

use super::Context;
use super::awaited::Awaited;
use super::failure::Failure;
use super::job::Job;
use crate::conditions::{PRUNE_PROTECTED, find};
use crate::events::Type;
use crate::owner::status::conditions;
use crate::owner::{Inventory, Owner, OwnerName, Status};
use crate::target::Target;

/// The reason of the condition while everything that the owner had waits.
const EVERYTHING: &str = "EverythingWouldGo";
/// The reason of the condition while objects with content are held back.
const CONTENT: &str = "ContentWouldGo";
/// The reason of the condition while objects are held back that others may describe.
const MAY_MOVE: &str = "MayHaveMoved";

/// Whether nothing of an owner waits, whatever it is.
pub(super) fn is_unprotected(context: &Context, owner: &Owner) -> bool {
    !context.prune_protection || is_switched_off(owner)
}

/// Whether something waits at an owner until it is approved, as its status says.
pub(crate) fn has_waiting(status: &Status) -> bool {
    find(&status.conditions, PRUNE_PROTECTED).is_some_and(|told| told.status == True && told.reason != MAY_MOVE)
}

/// Whether the deletion of an owner's objects is held back for others, as its status says.
pub(super) fn awaits_others(status: &Status) -> bool {
    find(&status.conditions, PRUNE_PROTECTED).is_some_and(|told| told.status == True && told.reason == MAY_MOVE)
}

/// Nothing of what the status tells of waits any more.
pub(super) fn forget(status: &mut Status) {
    status.conditions.retain(|told| told.type_ != PRUNE_PROTECTED);
}

/// Whether an annotation switches the protection off.
fn is_switched_off(owner: &Owner) -> bool {
    owner.annotation(PRUNE_PROTECTION).is_some_and(|value| value.eq_ignore_ascii_case(DISABLED))
}

/// What of `stale` waits: `old` is what the owner had, `applied` what it has now. What is `gone` and not stale stays for its own
/// sake.
pub(super) async fn hold(
    context: &Context,
    target: &Target,
    job: &Job,
    (old, applied): (&[Versioned], &[Versioned]),
    (gone, stale): (&[Versioned], &Stale),
    awaited: Awaited,
) -> Result<Held, Failure> {
    if stale.objects.is_empty() || is_unprotected(context, &job.owner) {
        return Ok(Held::default());
    }
    let mut held = match job.name.kind.minds_losses {
        true => unmeant(context, target, job, (old, applied), (gone, stale), &awaited).await?,
        false => Held::default(),
    };
    wait_for(target, stale, awaited, &mut held).await?;
    if held.objects.is_empty() {
        context.begun.end(&job.name);
        return Ok(held);
    }
    let approved = approved_by(context, job, &held);
    if approved.is_some() {
        return Ok(Held { approved, had: held.had, others: held.others, ..Held::default() });
    }
    context.begun.end(&job.name);
    Ok(held)
}

/// Holds back what is there of what others may describe.
async fn wait_for(target: &Target, stale: &Stale, mut awaited: Awaited, held: &mut Held) -> Result<(), Failure> {
    if !awaited.objects.is_empty() {
        awaited.objects = would_go(target, stale, &awaited.objects).await?.0;
        held.objects = entries::union(&held.objects, &awaited.objects);
        held.awaited = awaited;
    }
    Ok(())
}

/// What of the objects of an owner that is deleted waits for others to say whether they describe it.
///
/// # Errors
/// Where something does, that.
pub(super) async fn await_others(
    context: &Context,
    target: &Target,
    job: &mut Job,
    stale: &Stale,
    awaited: Awaited,
) -> Result<(), Failure> {
    let mut held = Held::default();
    if !is_unprotected(context, &job.owner) {
        wait_for(target, stale, awaited, &mut held).await?;
    }
    if !held.objects.is_empty() && approved_by(context, job, &held).is_some() {
        held = Held::default();
    }
    tell(context, job, &held)
}

/// Who approved of what waits, if anybody did.
fn approved_by(context: &Context, job: &Job, held: &Held) -> Option<By> {
    if is_approved(job, held) {
        return Some(By::Word(Approved::of(held, &job.owner)));
    }
    if let Some(begun) = context.begun.covering(&job.name, held, &job.owner) {
        return Some(By::Word(begun));
    }
    // That all goes that another repository does not describe says nothing of what moves.
    let start = context.approved.as_ref().filter(|_| held.awaited.objects.is_empty())?;
    let describers = context.sharing.describers(&job.name);
    start.is_for(&job.name, &describers, &job.artifact.revision).then_some(By::Start)
}

/// The revision was applied, and with it other owners were changed: that of the start holds for what they say now.
pub(super) fn approve_of_changed(context: &Context, job: &Job, changes: &ChangeSet) {
    let approved = context.approved.as_ref().filter(|_| job.owner.kube_config.is_none());
    let Some(approved) = approved else { return };
    let kind = job.name.kind;
    let is_changed = |change: &&Change| change.action == Action::Configured;
    let is_owner = |id: &&ObjectId| id.group == kind.group && id.kind == kind.kind;
    let changed = changes.iter().filter(is_changed).map(|change| &change.object.id).filter(is_owner);
    let changed: Vec<OwnerName> = changed.map(|id| OwnerName::new(kind, &id.namespace, &id.name)).collect();
    approved.begin_again(&job.name, &job.artifact.revision, &changed);
}

/// Whether somebody approved of what waits. What was not told yet cannot have been.
fn is_approved(job: &Job, held: &Held) -> bool {
    let told = find(&job.status.conditions, PRUNE_PROTECTED).filter(|told| told.status == True);
    told.is_some_and(|told| {
        let identity = approval::identity(held, &job.owner, &told.last_transition_time);
        approval::is_given(&job.owner, &job.occasion.trigger, &identity)
    })
}

/// Not all was deleted that was not held back: `left` is there still. What is left of what was approved is approved as well.
pub(super) fn broke_off(context: &Context, job: &mut Job, held: &Held, applied: &[Versioned], left: &[Versioned]) {
    if let Some(By::Word(approved)) = &held.approved {
        context.begun.keep(&job.name, approved.clone());
    }
    let kept = entries::union(&held.objects, left);
    let waits = held.waits();
    // Where nothing waits, the owner has had all that this revision brought.
    let has_had = held.everything == 0 && held.approved.is_none();
    held.had.write(&mut job.status, if has_had { applied } else { &[] }, &entries::union(applied, &kept));
    context.sharing.keep(&job.name, &kept, waits);
}

/// What of `stale` somebody may not have meant.
async fn unmeant(
    context: &Context,
    target: &Target,
    job: &Job,
    (old, applied): (&[Versioned], &[Versioned]),
    (gone, stale): (&[Versioned], &Stale),
    awaited: &Awaited,
) -> Result<Held, Failure> {
    let had = Had::of(&job.status, old);
    // What others may describe is no loss as long as that is not known, unless it was one before.
    let may_move = if had.waits() { &[] } else { awaited.objects.as_slice() };
    let gone = entries::gone(gone, may_move);
    let waiting = had.waiting(applied, &gone, |object| owners::passes_on(context, job, object));
    let all = entries::common(&stale.objects, &waiting);
    let may_hold =
        |object: &&Versioned| content::may_hold(&object.id) || owners::is_owner(job.name.kind, &object.id).is_some();
    let holders = stale.objects.iter().filter(may_hold);
    let holders: Vec<Versioned> = holders.cloned().collect();
    let (there, others_have) = would_go(target, stale, &entries::union(&all, &holders)).await?;
    let (mut objects, others): (Vec<_>, Vec<_>) = {
        let all: HashSet<&ObjectId> = ids(&all).collect();
        there.into_iter().partition(|object| all.contains(&object.id))
    };
    let everything = objects.len();
    let mut content = contents(target, &objects, &stale.objects).await?;
    // What stays is lost with them, too.
    let goes = entries::gone(&stale.objects, &objects);
    for (object, found) in contents(target, &others, &goes).await? {
        objects.extend(others.iter().find(|other| other.id == object).cloned());
        content.push((object, found));
    }
    let goes: Vec<Versioned> = others.into_iter().filter(|other| !objects.contains(other)).collect();
    for (object, waits) in owners::with_what_waits(context, job, &goes) {
        content.push((object.id.clone(), waits));
        objects.push(object);
    }
    let is_partly_left = had.is_partly_left(applied);
    let (awaited, approved) = (Awaited::default(), None);
    Ok(Held { objects, others: others_have, everything, is_partly_left, content, awaited, had, approved })
}

/// The Namespaces and definitions among `objects`, which would go, with which others go that are not `leaving`, and those. With
/// what the account of the target may not delete nothing goes.
async fn contents(
    target: &Target,
    objects: &[Versioned],
    leaving: &[Versioned],
) -> Result<Vec<(ObjectId, Content)>, Failure> {
    let mut goes = Vec::new();
    for object in objects.iter().filter(|object| content::may_hold(&object.id)) {
        let may_delete = target.applier.may_delete(object, target.account.as_ref()).await;
        if may_delete.map_err(|error| Failure::Prune(Box::new(error)))? {
            goes.push(object.clone());
        }
    }
    let reader = Reader { client: &target.client, of: Some(target) };
    let found = found_in(&reader, &goes, leaving).await;
    found.map_err(|(object, cause)| Failure::Content { object, cause: cause.to_string() })
}

async fn found_in(
    reader: &Reader<'_>,
    objects: &[Versioned],
    leaving: &[Versioned],
) -> Result<Vec<(ObjectId, Content)>, (ObjectId, kube::Error)> {
    let leaving: HashSet<&ObjectId> = ids(leaving).collect();
    let mut found = Vec::new();
    for Versioned { id, .. } in objects {
        let content = content::of(reader, id, &leaving).await.map_err(|error| (id.clone(), error))?;
        if !content.is_empty() {
            found.push((id.clone(), content));
        }
    }
    Ok(found)
}

/// What is to be said of objects before they are deleted: which of them would wait, as far as that can be told without the
/// flags of the agents, and what would go with them.
pub(super) async fn foresee(
    client: &Client,
    (owner, status): (&Owner, &Status),
    (old, applied): (&[Versioned], &[Versioned]),
    deleted: &[Versioned],
) -> Result<Vec<(ObjectId, String)>, (ObjectId, kube::Error)> {
    let (is_meant, kind) = (is_switched_off(owner), owner.name.kind.kind);
    let waits = if is_meant { "" } else { "waits until it is approved: " };
    let (mut said, mut waiting) = (Vec::new(), Vec::new());
    if !is_meant {
        let (had, gone) = (Had::of(status, old), entries::gone(old, applied));
        let why = match had.is_partly_left(applied) {
            false => format!("nothing would be left of what this {kind} applied"),
            true => format!("it has waited since nothing was left of what this {kind} had"),
        };
        let waiting_if = |passes_on: bool| {
            let is_owner = |id: &ObjectId| owners::is_owner(owner.name.kind, id).is_some();
            entries::common(deleted, &had.waiting(applied, &gone, |id| is_owner(id).then_some(passes_on)))
        };
        waiting = waiting_if(true);
        said.extend(waiting.iter().map(|object| (object.id.clone(), format!("{waits}{why}"))));
        // What others would describe is not known here.
        let may_wait = entries::gone(&waiting_if(false), &waiting);
        let unless = format!("waits until it is approved, unless others describe what it applied: {why}");
        said.extend(may_wait.into_iter().map(|object| (object.id, unless.clone())));
    }
    let goes = entries::gone(deleted, &waiting);
    let reader = Reader { client, of: None };
    let mut found = found_in(&reader, &waiting, deleted).await?;
    found.extend(found_in(&reader, &goes, &goes).await?);
    for (object, content) in found {
        let text = would_go_with(&object, kind, &content, NAMED);
        said.push((object, format!("{waits}{text}")));
    }
    Ok(said)
}

/// The same for an owner that is deleted, which is itself the word that all it applied is to go: what holds
/// something else stays, and is told of.
pub(super) async fn stays_after_deletion(
    context: &Context,
    target: &Target,
    job: &mut Job,
    stale: &Stale,
) -> Result<Vec<Versioned>, Failure> {
    if is_unprotected(context, &job.owner) {
        return Ok(Vec::new());
    }
    let holders = stale.objects.iter().filter(|object| content::may_hold(&object.id));
    let holders: Vec<Versioned> = holders.cloned().collect();
    let (holders, _) = would_go(target, stale, &holders).await?;
    let content = contents_once_others_left(context, target, job, &holders, &stale.objects).await?;
    let stays = |object: &Versioned| content.iter().any(|(id, _)| *id == object.id);
    let objects: Vec<Versioned> = holders.into_iter().filter(stays).collect();
    let (held, kind) = (Held { objects, content, ..Held::default() }, job.name.kind.kind);
    if !held.objects.is_empty() {
        let message = format!("some objects stay: {}", held.why(kind));
        job.tell_event(context, Type::Warning, PRUNE_PROTECTED, &message);
    }
    for (object, content) in &held.content {
        let why = format!("with it would go what this {kind} does not prune: {}", content.names(NAMED_BESIDE));
        job.note_stays(object, &why);
    }
    Ok(held.objects)
}

/// How many objects are named that would go with one of many.
const NAMED_BESIDE: usize = 3;

/// The revision was applied and all else was deleted: approvals are used up by that. Writes down what the owner has, and what
/// of it waits.
pub(super) fn settle(context: &Context, job: &mut Job, held: &Held, applied: &[Versioned]) {
    context.begun.end(&job.name);
    // Who is another one by now was not brought there yet.
    let is_brought = held.awaited.objects.is_empty() && job.give_way().is_ok();
    if let Some(approved) = context.approved.as_ref().filter(|_| is_brought) {
        approved.end(&job.name, &job.artifact.revision);
    }
    context.sharing.keep(&job.name, &held.objects, held.waits());
    let there = entries::union(applied, &held.objects);
    if held.everything > 0 || !held.awaited.objects.is_empty() {
        held.had.write(&mut job.status, &[], &there);
    } else {
        job.status.settled = None;
        job.status.inventory = Some(Inventory::of(&there));
    }
}

/// Writes down what waits, or that nothing does. What waits for a word is a failure. What waits for others is none of this
/// owner's: they are the ones that fail, or are meant to rest, and all that depends on this one goes on.
pub(super) fn tell(context: &Context, job: &mut Job, held: &Held) -> Result<(), Failure> {
    let (revision, kind) = (job.artifact.revision.clone(), job.name.kind.kind);
    let mut conditions = conditions(&mut job.status, &job.owner);
    if held.objects.is_empty() {
        conditions.remove(PRUNE_PROTECTED);
        return Ok(());
    }
    let why = held.why(kind);
    let before = find(conditions.list, PRUNE_PROTECTED).map(|told| told.message.clone());
    conditions.set(PRUNE_PROTECTED, True, held.reason(), &why);
    let since = find(conditions.list, PRUNE_PROTECTED).map_or("", |told| &told.last_transition_time);
    let identity = approval::identity(held, &job.owner, since);
    let advice = approval::advice(&job.owner, &identity);
    let mismatch = approval::mismatch(&job.owner, &job.occasion.trigger, &identity);
    let mismatch = mismatch.map_or(String::new(), |told| format!("; {told}"));
    let message = if held.is_for_others_alone() {
        let (count, who) = (held::count(held.objects.len()), held.awaited.who(NAMED));
        let named = listed(ids(&held.objects), NAMED);
        format!(
            "pruning waits until it is known who describes what is to go ({count}): {who}. Nothing of that was deleted{mismatch}: \
             {named}. It goes on by itself once they are applied, resumed or deleted; if it is to go before that, {advice}"
        )
    } else {
        format!(
            "pruning for revision {revision} waits until it is approved: {why}. Nothing of that was deleted{mismatch}. Put \
             it back into Git, or {advice}"
        )
    };
    conditions.set(PRUNE_PROTECTED, True, held.reason(), &message);
    if !held.is_for_others_alone() || job.owner.is_deleted() {
        return Err(Failure::Protected(message));
    }
    // It is looked at again at the interval, if nobody says anything before.
    job.leaves_any = true;
    let who = format!("{} may describe it", held.awaited.who(NAMED_BESIDE));
    held.objects.iter().for_each(|object| job.note_stays(&object.id, &who));
    if before.as_ref() != Some(&message) {
        tracing::warn!(reason = PRUNE_PROTECTED, "{}", job.say(&message));
        job.tell_event(context, Type::Warning, PRUNE_PROTECTED, &message);
    }
    Ok(())
}

/// Which of these objects of `stale` are there and would be deleted, and which would stay.
async fn would_go(
    target: &Target,
    stale: &Stale,
    objects: &[Versioned],
) -> Result<(Vec<Versioned>, HashSet<ObjectId>), Failure> {
    let diffs = target.applier.diff_stale(&Stale { objects: objects.to_vec(), ..stale.clone() }).await;
    let diffs = diffs.map_err(|error| Failure::Prune(Box::new(error)))?;
    let (goes, stays): (Vec<_>, Vec<_>) = diffs.into_iter().partition(|diff| diff.action == Action::Deleted);
    let stays = stays.into_iter().map(|diff| diff.object.id).collect();
    Ok((goes.into_iter().map(|diff| diff.object).collect(), stays))
}

fn ids(objects: &[Versioned]) -> impl Iterator<Item = &ObjectId> {
    objects.iter().map(|object| &object.id)
}
