//! Holds back a deletion that somebody may not have meant, until somebody says that it is meant.
//!
//! Three of them wait: of everything that an owner had, of a Namespace with objects that the owner did
//! not apply, and of a definition with such instances. They wait for a word in Git or on the command line
//! ([`approval`]); what else the revision says is done.

mod approval;
mod content;

use std::collections::HashSet;

use cowherd_api::ConditionStatus::True;
use cowherd_api::flux::annotations::{DISABLED, PRUNE_PROTECTION};
use cowherd_apply::{Action, ObjectId, Versioned, inventory as entries};
use kube::Client;

use approval::Approved;
pub use approval::approval;
pub(crate) use approval::{ApprovedAtStart, Begun};
use content::Content;

use super::Context;
use super::failure::Failure;
use super::job::Job;
use crate::conditions::{PRUNE_PROTECTED, find};
use crate::owner::Owner;
use crate::owner::status::conditions;
use crate::target::Target;

/// The reason of the condition while everything is held back. Then the inventory alone does not tell any more which of
/// its objects were there before, so nothing is deleted until that is approved.
const EVERYTHING: &str = "EverythingWouldGo";
/// The reason of the condition while objects with content are held back.
const CONTENT: &str = "ContentWouldGo";
/// How many objects a message names.
const NAMED: usize = 10;
/// How many bytes of a message say what waits. What else it says, above all how to approve, is to have room beside it.
const SAID: usize = 6 * 1024;

/// What is held back, and why.
#[derive(Default)]
pub(super) struct Held {
    pub(super) objects: Vec<Versioned>,
    /// What would go with some of them.
    content: Vec<(ObjectId, Content)>,
    is_everything: bool,
    /// Whose word it is that nothing is held back.
    approved: Option<By>,
}

/// Who approved.
enum By {
    /// Whoever started the agents.
    Start,
    /// Whoever was shown what waits.
    Word(Approved),
}

impl Held {
    /// What tells the content of an object from any other.
    fn mark_of(&self, id: &ObjectId) -> String {
        self.content.iter().find(|(object, _)| object == id).map(|(_, content)| content.mark()).unwrap_or_default()
    }

    fn reason(&self) -> &'static str {
        if self.is_everything { EVERYTHING } else { CONTENT }
    }

    /// Why it is held back, in as many words as there is room for: with fewer names, if need be.
    fn why(&self, kind: &str) -> String {
        let fits = |why: &String| why.len() <= SAID;
        if let Some(why) = [NAMED, 3, 1].into_iter().map(|most| self.why_with(kind, most).join("; ")).find(fits) {
            return why;
        }
        let mut why = String::new();
        let mut all = self.why_with(kind, 1).into_iter();
        while let Some(one) = all.next() {
            if why.len() + one.len() > SAID {
                let more = all.len() + 1;
                let cut = &one[..one.floor_char_boundary(if why.is_empty() { SAID } else { 0 })];
                return format!("{why}{cut}… and as much again of {more} more");
            }
            why = why + &one + "; ";
        }
        why
    }

    fn why_with(&self, kind: &str, most: usize) -> Vec<String> {
        let there = self.objects.len();
        let everything = self.is_everything.then(|| {
            let named = names(self.objects.iter().map(|object| &object.id), there, most.max(3));
            format!("it describes none of the {} that were applied before: {named}", count(there))
        });
        let content = self.content.iter().map(|(object, content)| would_go_with(object, kind, content, most));
        everything.into_iter().chain(content).collect()
    }
}

/// Whether nothing of an owner waits, whatever it is.
fn is_unprotected(context: &Context, owner: &Owner) -> bool {
    !context.prune_protection || is_switched_off(owner)
}

/// Whether an annotation switches the protection off.
fn is_switched_off(owner: &Owner) -> bool {
    owner.annotation(PRUNE_PROTECTION).is_some_and(|value| value.eq_ignore_ascii_case(DISABLED))
}

/// What of `stale` waits: `old` is what the owner had, `applied` what it has now.
pub(super) async fn hold(
    context: &Context,
    target: &Target,
    job: &Job,
    old: &[Versioned],
    applied: &[Versioned],
    stale: &[Versioned],
) -> Result<Held, Failure> {
    if stale.is_empty() || is_unprotected(context, &job.owner) {
        return Ok(Held::default());
    }
    let held = unmeant(target, job, old, applied, stale).await?;
    if held.objects.is_empty() {
        context.begun.end(&job.name);
        return Ok(held);
    }
    let approved = approved_by(context, job, &held);
    if approved.is_some() {
        return Ok(Held { approved, ..Held::default() });
    }
    context.begun.end(&job.name);
    Ok(held)
}

/// Who approved of what waits, if anybody did.
fn approved_by(context: &Context, job: &Job, held: &Held) -> Option<By> {
    if is_approved(job, held) {
        return Some(By::Word(Approved::of(held, &job.owner)));
    }
    if let Some(begun) = context.begun.covering(&job.name, held, &job.owner) {
        return Some(By::Word(begun));
    }
    let start = context.approved.as_ref()?;
    start.is_for(&job.name, &job.artifact.revision).then_some(By::Start)
}

/// Whether somebody approved of what waits. What was not told yet cannot have been.
fn is_approved(job: &Job, held: &Held) -> bool {
    let told = find(&job.status.conditions, PRUNE_PROTECTED).filter(|told| told.status == True);
    told.is_some_and(|told| {
        let identity = approval::identity(held, &job.owner, &told.last_transition_time);
        approval::is_given(&job.owner, &identity)
    })
}

/// What was not held back was deleted: the approval is used up by that.
pub(super) fn carried_out(context: &Context, job: &Job, held: &Held) {
    context.begun.end(&job.name);
    if let (Some(approved), Some(By::Start)) = (&context.approved, &held.approved) {
        approved.used_by(&job.name);
    }
}

/// Not all was deleted that was not held back: what is left was approved of as well.
pub(super) fn broke_off(context: &Context, job: &Job, held: &Held) {
    if let Some(By::Word(approved)) = &held.approved {
        context.begun.keep(&job.name, approved.clone());
    }
}

/// What of `stale` somebody may not have meant.
async fn unmeant(
    target: &Target,
    job: &Job,
    old: &[Versioned],
    applied: &[Versioned],
    stale: &[Versioned],
) -> Result<Held, Failure> {
    let held_before = find(&job.status.conditions, PRUNE_PROTECTED).is_some_and(|held| held.reason == EVERYTHING);
    if held_before || is_everything(old, applied, stale) {
        let there = would_go(target, job, stale).await?;
        if !there.is_empty() {
            let content = with_content(target, &there).await?.content;
            return Ok(Held { objects: there, content, is_everything: true, ..Held::default() });
        }
    }
    with_content(target, stale).await
}

/// The Namespaces and definitions among `stale` that hold what goes with them although it is not among `stale`.
async fn with_content(target: &Target, stale: &[Versioned]) -> Result<Held, Failure> {
    let failed = |(object, cause): (ObjectId, kube::Error)| Failure::Content { object, cause: cause.to_string() };
    let mut held = Held::default();
    for (object, content) in contents(&target.client, stale).await.map_err(failed)? {
        held.content.push((object.id.clone(), content));
        held.objects.push(object);
    }
    Ok(held)
}

/// The objects among `stale` with which others go that are not among them, and those.
async fn contents(client: &Client, stale: &[Versioned]) -> Result<Vec<(Versioned, Content)>, (ObjectId, kube::Error)> {
    let leaving: HashSet<&ObjectId> = stale.iter().map(|object| &object.id).collect();
    let mut found = Vec::new();
    for object in stale {
        let content = content::of(client, &object.id, &leaving).await.map_err(|error| (object.id.clone(), error))?;
        if !content.is_empty() {
            found.push((object.clone(), content));
        }
    }
    Ok(found)
}

fn would_go_with(object: &ObjectId, kind: &str, content: &Content, most: usize) -> String {
    format!("with {object} would go what this {kind} did not apply: {}", content.names(most))
}

/// What is to be said of objects before they are deleted: which of them would wait, as far as that can be told without the
/// flags of the agents, and what would go with them.
pub(super) async fn foresee(
    client: &Client,
    owner: &Owner,
    (old, applied): (&[Versioned], &[Versioned]),
    deleted: &[Versioned],
) -> Result<Vec<(ObjectId, String)>, (ObjectId, kube::Error)> {
    let is_meant = is_switched_off(owner);
    let waits = if is_meant { "" } else { "waits until it is approved: " };
    let mut said = Vec::new();
    if !deleted.is_empty() && !is_meant && is_everything(old, applied, &entries::gone(old, applied)) {
        let all = format!("{waits}nothing would be left of what this {} applied", owner.name.kind.kind);
        said.extend(deleted.iter().map(|object| (object.id.clone(), all.clone())));
    }
    for (object, content) in contents(client, deleted).await? {
        let text = would_go_with(&object.id, owner.name.kind.kind, &content, NAMED);
        said.push((object.id, format!("{waits}{text}")));
    }
    Ok(said)
}

/// The same for an owner that is deleted, which is itself the word that all it applied is to go: what holds
/// something else stays, and is told of.
pub(super) async fn stays_after_deletion(
    context: &Context,
    target: &Target,
    job: &Job,
    objects: &[Versioned],
) -> Result<(Vec<Versioned>, Option<String>), Failure> {
    if is_unprotected(context, &job.owner) {
        return Ok((Vec::new(), None));
    }
    let held = with_content(target, objects).await?;
    let message = (!held.objects.is_empty()).then(|| format!("some objects stay: {}", held.why(job.name.kind.kind)));
    Ok((held.objects, message))
}

/// Writes down what waits, or that nothing does; what waits is a failure.
pub(super) fn tell(job: &mut Job, held: &Held) -> Result<(), Failure> {
    let (revision, kind) = (job.artifact.revision.clone(), job.name.kind.kind);
    let mut conditions = conditions(&mut job.status, &job.owner);
    if held.objects.is_empty() {
        conditions.remove(PRUNE_PROTECTED);
        return Ok(());
    }
    let why = held.why(kind);
    conditions.set(PRUNE_PROTECTED, True, held.reason(), &why);
    let since = find(conditions.list, PRUNE_PROTECTED).map_or("", |told| &told.last_transition_time);
    let advice = approval::advice(&job.owner, &approval::identity(held, &job.owner, since));
    let message = format!(
        "pruning for revision {revision} waits until it is approved: {why}. Nothing of that was deleted. Put it back into \
         Git, or {advice}"
    );
    conditions.set(PRUNE_PROTECTED, True, held.reason(), &message);
    Err(Failure::Protected(message))
}

/// Whether everything goes that was there, and nothing of the same kinds comes in its place, as when an object is
/// renamed. How many come is no measure: what interrupted applies left behind goes, too.
fn is_everything(old: &[Versioned], applied: &[Versioned], stale: &[Versioned]) -> bool {
    fn place(object: &Versioned) -> (&str, &str, &str) {
        (&object.id.group, &object.id.kind, &object.id.namespace)
    }
    if stale.len() < old.len() {
        return false;
    }
    let new = entries::gone(applied, old);
    let places: HashSet<_> = new.iter().map(place).collect();
    !stale.iter().all(|object| places.contains(&place(object)))
}

/// Those of `stale` that are there, and that would be deleted.
async fn would_go(target: &Target, job: &Job, stale: &[Versioned]) -> Result<Vec<Versioned>, Failure> {
    let diffs = target.applier.diff_stale(&job.name.mark(), stale).await;
    let diffs = diffs.map_err(|error| Failure::Prune(Box::new(error)))?;
    let deleted = diffs.into_iter().filter(|diff| diff.action == Action::Deleted);
    Ok(deleted.map(|diff| diff.object).collect())
}

fn count(objects: usize) -> String {
    if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") }
}

/// The first objects by name, and how many there are beside them.
fn names<'a>(objects: impl Iterator<Item = &'a ObjectId>, count: usize, most: usize) -> String {
    let mut names: Vec<String> = objects.take(most).map(ToString::to_string).collect();
    let more = count - names.len();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(names: &[&str]) -> Vec<Versioned> {
        names.iter().map(|name| entries::parse(name, "v1").unwrap()).collect()
    }

    fn everything(old: &[&str], applied: &[&str]) -> bool {
        let (old, applied) = (objects(old), objects(applied));
        is_everything(&old, &applied, &entries::gone(&old, &applied))
    }

    #[test]
    fn everything_goes_where_nothing_stays_and_nothing_of_the_kind_comes() {
        let old = ["prod_a__ConfigMap", "prod_b_apps_Deployment"];
        assert!(everything(&old, &[]));
        assert!(everything(&old, &["dev_a__ConfigMap", "dev_b_apps_Deployment"]));
        assert!(everything(&old, &["prod_c__ConfigMap"]));
        assert!(!everything(&old, &["prod_a__ConfigMap"]));
    }

    #[test]
    fn an_object_under_a_new_name_is_no_loss() {
        assert!(!everything(&["prod_a-1h2g__ConfigMap"], &["prod_a-9k8f__ConfigMap"]));
        assert!(!everything(&["prod_a__ConfigMap", "prod_b__ConfigMap"], &["prod_c__ConfigMap"]));
    }

    #[test]
    fn a_message_names_a_few_and_counts_the_others() {
        let many: Vec<Versioned> =
            (0..12).map(|i| entries::parse(&format!("a_{i}__ConfigMap"), "v1").unwrap()).collect();
        let text = names(many.iter().map(|object| &object.id), many.len(), NAMED);
        assert!(text.starts_with("ConfigMap/a/0, ") && text.ends_with(", and 2 more"), "{text}");
    }

    /// What waits where each of so many definitions has so many instances.
    fn definitions(count: usize, instances: usize) -> Held {
        let mut held = Held::default();
        for number in 0..count {
            let group = format!("{}{number:02}.example.com", "long".repeat(20));
            let named = format!("_gadgets.{group}_apiextensions.k8s.io_CustomResourceDefinition");
            let definition = entries::parse(&named, "v1").unwrap();
            let instance = |i| entries::parse(&format!("prod_{i:03}_{group}_Gadget"), "v1").unwrap().id;
            let content: Vec<ObjectId> = (0..instances).map(instance).collect();
            held.content.push((definition.id.clone(), content.iter().collect()));
            held.objects.push(definition);
        }
        held
    }

    #[test]
    fn however_much_waits_a_message_has_room_for_how_to_approve() {
        for (count, instances) in [(1, 1), (12, 12), (18, 500), (400, 20)] {
            let held = definitions(count, instances);
            let why = held.why("Kustomization");
            assert!(why.len() < SAID + 100 && why.contains("00.example.com"), "{why}");
            assert_eq!(why.contains("and as much again of"), count == 400, "{why}");
        }
        let why = definitions(18, 12).why("Kustomization");
        assert!(why.contains("17.example.com") && why.contains("and 9 more"), "{why}");
    }

    #[test]
    fn what_goes_with_everything_is_said_too() {
        let mut held = definitions(1, 2);
        held.is_everything = true;
        let why = held.why("Kustomization");
        assert!(why.starts_with("it describes none of the 1 object that") && why.contains("Gadget/prod/001"), "{why}");
    }
}
