//! Approvals: of what was shown, and once.
//!
//! What waits has an identity, which is told beside it: that of the objects, of all that would go with them, and of the
//! moment since which they wait. Whoever writes it into an annotation approves of exactly that. What waits another time,
//! or anything else, has another identity, so an approval that was used is worth nothing any more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cowherd_api::flux::annotations::PRUNE_APPROVED;
use cowherd_apply::ObjectId;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Held;
use crate::Trigger;
use crate::occasion::line;
use crate::owner::{Owner, OwnerName};

/// How many characters identify what waits.
const LENGTH: usize = 12;
/// How much of an approval that is none is said, in characters: it may be any text.
const LONGEST: usize = 40;
/// How long whoever was brought to the revision of a start may get another spec by that yet. Some that describe it may never be
/// brought there: they wait for something, or their source never brings anything.
const OPEN: Duration = Duration::from_secs(10 * 60);
/// What stands before the identity in a message.
const BEFORE: &str = "cowherd.dev/prune-approved: ";

/// The identity of what waits since a moment.
pub(super) fn identity(held: &Held, owner: &Owner, since: &str) -> String {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    };
    add(owner.uid().unwrap_or_default());
    add(&owner.generation().unwrap_or_default().to_string());
    add(since);
    add(held.reason());
    let mut said: Vec<String> = held.objects.iter().map(|object| object.id.to_string()).collect();
    said.extend(held.content.iter().map(|(object, content)| format!("{object} {}", content.mark())));
    // Who asks for the same in another order is told of the same.
    said.sort();
    said.iter().for_each(|said| add(said));
    let text = digest.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    text[..LENGTH].to_owned()
}

/// How to approve of what has this identity.
pub(super) fn advice(owner: &Owner, identity: &str) -> String {
    let OwnerName { kind, namespace, name, .. } = &owner.name;
    format!(
        "approve of exactly this: `cowherd reconcile {} {name} -n {namespace} --allow-prune`, or the annotation \
         `{BEFORE}{identity}`",
        kind.word()
    )
}

/// What somebody approved of: what the annotation says, and what it said when it gave occasion to this. Whoever keeps the owner
/// as Git has it takes away at once what was annotated by hand.
fn given<'a>(owner: &'a Owner, trigger: &'a Trigger) -> impl Iterator<Item = &'a str> {
    let said = match trigger {
        Trigger::Approval(word) => Some(word.as_str()),
        _ => None,
    };
    said.into_iter().chain(owner.annotation(PRUNE_APPROVED)).map(str::trim)
}

/// What is said of an approval that is of something else than what has this identity, where there is such a one.
pub(super) fn mismatch(owner: &Owner, trigger: &Trigger, identity: &str) -> Option<String> {
    let approved = given(owner, trigger).next().filter(|_| !is_given(owner, trigger, identity))?;
    let approved = line(approved, LONGEST);
    Some(format!(
        "its annotation `{PRUNE_APPROVED}` approves of something else ({approved:?}), not of this, which is {identity}"
    ))
}

/// Whether it was approved of what has this identity.
pub(super) fn is_given(owner: &Owner, trigger: &Trigger, identity: &str) -> bool {
    given(owner, trigger).any(|approved| approved == identity)
}

/// The identity of what waits, out of the message of a condition `PruneProtected`. It is the value of the annotation
/// that approves of it.
pub fn approval(message: &str) -> Option<&str> {
    let (_, identity) = message.rsplit_once(BEFORE)?;
    let identity = identity.get(..LENGTH)?;
    identity.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(identity)
}

/// The approval of a start, as by `cowherd up --switch`: each owner may prune what waits when it is brought to one revision for
/// the first time. What another owner describes may be brought there with another spec yet, as long as that one was not, but
/// for [`OPEN`] only.
#[derive(Debug)]
pub(crate) struct ApprovedAtStart {
    revision: String,
    /// Who was brought there, and when.
    ended: Mutex<HashMap<OwnerName, Instant>>,
    /// Who was brought to another revision: what they describe waits for nothing of theirs, they may follow something else.
    elsewhere: Mutex<HashSet<OwnerName>>,
}

impl ApprovedAtStart {
    /// For a revision, or the commit of it.
    pub(crate) fn new(revision: String) -> Self {
        Self { revision, ended: Mutex::default(), elsewhere: Mutex::default() }
    }

    /// Whether it is there at this revision for the owner, which these others describe.
    pub(super) fn is_for(&self, owner: &OwnerName, describers: &[OwnerName], revision: &str) -> bool {
        let (ended, elsewhere) = (lock(&self.ended), lock(&self.elsewhere));
        let may_change_it = |owner: &OwnerName| !ended.contains_key(owner) && !elsewhere.contains(owner);
        let is_open = match ended.get(owner) {
            None => true,
            Some(at) => at.elapsed() < OPEN && describers.iter().any(may_change_it),
        };
        self.is_of(revision) && is_open
    }

    fn is_of(&self, revision: &str) -> bool {
        let commit = revision.rsplit_once(':').map_or(revision, |(_, commit)| commit);
        !self.revision.is_empty() && [revision, commit].contains(&self.revision.as_str())
    }

    /// The owner was brought to this revision, whether anything had to be pruned for that or not.
    pub(super) fn end(&self, owner: &OwnerName, revision: &str) {
        if self.is_of(revision) {
            lock(&self.ended).entry(owner.clone()).or_insert_with(Instant::now);
        } else {
            lock(&self.elsewhere).insert(owner.clone());
        }
    }

    /// The owner, when it was brought to this revision for the first time, gave these others another spec.
    pub(super) fn begin_again(&self, owner: &OwnerName, revision: &str, changed: &[OwnerName]) {
        let mut ended = lock(&self.ended);
        if self.is_of(revision) && !ended.contains_key(owner) {
            ended.retain(|owner, _| !changed.contains(owner));
        }
    }
}

fn lock<T>(owners: &Mutex<T>) -> MutexGuard<'_, T> {
    owners.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What somebody approved of, to tell whether what is left of it is covered.
#[derive(Clone)]
pub(super) struct Approved {
    uid: Option<String>,
    generation: Option<i64>,
    /// The objects, with what tells their content from any other.
    objects: BTreeMap<ObjectId, String>,
}

impl Approved {
    pub(super) fn of(held: &Held, owner: &Owner) -> Self {
        let objects = held.objects.iter().map(|object| (object.id.clone(), held.mark_of(&object.id))).collect();
        Self { uid: owner.uid().map(str::to_owned), generation: owner.generation(), objects }
    }

    /// Whether it was approved of all that waits now.
    fn covers(&self, held: &Held, owner: &Owner) -> bool {
        let is_covered = |id: &ObjectId| self.objects.get(id).is_some_and(|mark| *mark == held.mark_of(id));
        self.uid.as_deref() == owner.uid()
            && self.generation == owner.generation()
            && held.objects.iter().all(|object| is_covered(&object.id))
    }
}

/// Approved prunes that failed midway. What is left of one is tried again without another approval.
#[derive(Default)]
pub(crate) struct Begun(Mutex<HashMap<OwnerName, Approved>>);

impl Begun {
    /// What is left was approved of, if it waits.
    pub(super) fn keep(&self, name: &OwnerName, approved: Approved) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), approved);
    }

    /// The approval that covers what waits.
    pub(super) fn covering(&self, name: &OwnerName, held: &Held, owner: &Owner) -> Option<Approved> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name).filter(|approved| approved.covers(held, owner)).cloned()
    }

    /// Nothing is left of it, or something else waits.
    pub(in crate::delivery) fn end(&self, name: &OwnerName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use cowherd_apply::ObjectId;
    use serde_json::json;

    use super::*;
    use crate::kustomization::KIND;
    use crate::owner::Owning;

    fn owner(generation: i64) -> Owner {
        let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "prod", "namespace": "flux-system", "generation": generation },
            "spec": { "interval": "1m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } } });
        serde_json::from_value::<Kustomization>(object).unwrap().read(None).0
    }

    #[test]
    fn the_approval_is_what_the_advice_says() {
        let owner = owner(1);
        let id = |name: &str| ObjectId { kind: "Secret".into(), name: name.into(), ..ObjectId::default() };
        let held = |name: &str| Held { content: vec![(id("n"), [&id(name)].into_iter().collect())], ..Held::default() };
        let of = |name: &str, since: &str| identity(&held(name), &owner, since);
        let one = of("a", "2026-01-01T00:00:00Z");
        assert_eq!(approval(&format!("waits: x. {}", advice(&owner, &one))), Some(one.as_str()));
        assert_ne!(one, of("b", "2026-01-01T00:00:00Z"), "something else");
        assert_ne!(one, of("a", "2026-01-02T00:00:00Z"), "another time");
        assert_eq!(one, of("a", "2026-01-01T00:00:00Z"));
        for message in ["", "waits", "cowherd.dev/prune-approved: ", "cowherd.dev/prune-approved: äääääääääää"]
        {
            assert_eq!(approval(message), None, "{message}");
        }
    }

    #[test]
    fn an_approval_counts_that_was_taken_away_since_and_one_of_something_else_is_told() {
        let owner = owner(1);
        let approval = Trigger::approval("abc");
        assert!(is_given(&owner, &approval, "abc") && !is_given(&owner, &Trigger::Interval, "abc"));
        assert_eq!(mismatch(&owner, &approval, "abc"), None);
        assert_eq!(mismatch(&owner, &Trigger::Interval, "abc"), None);
        assert!(mismatch(&owner, &approval, "def").unwrap().ends_with("(\"abc\"), not of this, which is def"));
    }

    #[test]
    fn that_of_a_start_is_for_each_owner_once_and_for_one_revision() {
        let [prod, dev] = ["prod", "dev"].map(|name| OwnerName::new(&KIND, "flux-system", name));
        let approved = ApprovedAtStart::new("abc".to_owned());
        let is_for = |owner: &OwnerName, revision: &str| approved.is_for(owner, &[], revision);
        assert!(is_for(&prod, "main@sha1:abc") && is_for(&prod, "abc"));
        assert!(!is_for(&prod, "main@sha1:abcd"));
        approved.end(&prod, "main@sha1:another");
        assert!(is_for(&prod, "main@sha1:abc"), "it is not of that revision");
        approved.end(&prod, "main@sha1:abc");
        assert!(!is_for(&prod, "main@sha1:abc") && is_for(&dev, "main@sha1:abc"));
    }

    #[test]
    fn that_of_a_start_ends_for_what_another_describes_with_the_spec_that_it_has_there() {
        let [root, child] = ["root", "child"].map(|name| OwnerName::new(&KIND, "flux-system", name));
        let approved = ApprovedAtStart::new("abc".to_owned());
        let is_for = || approved.is_for(&child, std::slice::from_ref(&root), "abc");
        approved.end(&child, "abc");
        assert!(is_for(), "it may get another spec yet");
        approved.begin_again(&root, "abc", std::slice::from_ref(&child));
        approved.end(&root, "abc");
        assert!(is_for(), "it has got one");
        approved.end(&child, "abc");
        assert!(!is_for());
        approved.begin_again(&root, "abc", std::slice::from_ref(&child));
        assert!(!is_for(), "what is put right is no switch");
    }

    #[test]
    fn that_of_a_start_ends_for_what_somebody_describes_who_follows_something_else() {
        let [other, child] = ["other", "child"].map(|name| OwnerName::new(&KIND, "flux-system", name));
        let approved = ApprovedAtStart::new("abc".to_owned());
        let is_for = || approved.is_for(&child, std::slice::from_ref(&other), "abc");
        approved.end(&other, "main@sha1:of-something-else");
        assert!(is_for());
        approved.end(&child, "abc");
        assert!(!is_for(), "the other one never comes to it");
    }

    #[tokio::test(start_paused = true)]
    async fn that_of_a_start_ends_with_time_for_what_somebody_describes_who_is_never_brought_anywhere() {
        let [stuck, child] = ["stuck", "child"].map(|name| OwnerName::new(&KIND, "flux-system", name));
        let approved = ApprovedAtStart::new("abc".to_owned());
        let is_for = || approved.is_for(&child, std::slice::from_ref(&stuck), "abc");
        tokio::time::advance(OPEN * 2).await;
        assert!(is_for(), "it was not brought there yet");
        approved.end(&child, "abc");
        tokio::time::advance(OPEN / 2).await;
        approved.end(&child, "abc");
        assert!(is_for());
        tokio::time::advance(OPEN / 2).await;
        assert!(!is_for());
        approved.begin_again(&stuck, "abc", std::slice::from_ref(&child));
        assert!(is_for(), "it has got another spec after all");
    }

    /// A Namespace for each name, each with what has the name behind it.
    fn namespaces(all: &[(&str, &str)]) -> Held {
        let mut held = Held::default();
        for (name, content) in all {
            let namespace = cowherd_apply::inventory::parse(&format!("_{name}__Namespace"), "v1").unwrap();
            let content = ObjectId { kind: "Secret".into(), name: (*content).into(), ..ObjectId::default() };
            held.content.push((namespace.id.clone(), [&content].into_iter().collect()));
            held.objects.push(namespace);
        }
        held
    }

    #[test]
    fn what_is_left_of_an_approved_prune_is_approved_until_it_is_done() {
        let (begun, name) = (Begun::default(), OwnerName::new(&KIND, "flux-system", "prod"));
        let covers = |held: &Held, generation| begun.covering(&name, held, &owner(generation)).is_some();
        let left = namespaces(&[("b", "y")]);
        assert!(!covers(&left, 1), "nobody approved of anything");
        begun.keep(&name, Approved::of(&namespaces(&[("a", "x"), ("b", "y")]), &owner(1)));
        assert!(covers(&left, 1));
        assert!(!covers(&left, 2), "the owner is another");
        assert!(!covers(&namespaces(&[("b", "z")]), 1), "it holds something else");
        assert!(!covers(&namespaces(&[("b", "y"), ("c", "z")]), 1), "something else goes, too");
        begun.end(&name);
        assert!(!covers(&left, 1), "it counts once");
    }
}
