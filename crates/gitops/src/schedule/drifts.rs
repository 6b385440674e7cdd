//! Which objects of an owner drifted and are not right again, and which of them somebody fights for.
//!
//! An object that drifts is put right at once. One that drifts again and again is fought for by somebody, and an endless
//! fight would help nobody: that object, and no other, is then put right every few seconds only. A commit, a request and
//! a change of the owner put everything right at once, the fought for too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cowherd_apply::{Cause, ObjectId};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::Trigger;
use crate::delivery::Held;
use crate::occasion::Drifted;

/// How many times an object is put right at once, until that is a fight.
const AT_ONCE: u32 = 10;
/// How long it takes until one drift is forgiven.
const FORGIVEN: Duration = Duration::from_secs(6);
/// The longest that an object is left as somebody else wants it. It is this short so that all is right within seconds
/// after a fight.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Drifts beyond these make no pause longer, and take no longer to be forgiven.
const MOST: u32 = AT_ONCE + 4;
/// How many objects of an owner are counted at most. Others are put right at once, however often.
const COUNTED: usize = 4096;

/// How long it takes until a fight that goes on is told of again.
const TOLD_AGAIN: Duration = Duration::from_secs(3600);

/// The drifts of one owner. Of almost all owners nothing drifts, so that is boxed.
#[derive(Default)]
pub(super) struct Drifts {
    known: Option<Box<Known>>,
    /// The objects that say that others own them, with one of those; few owners have any.
    owned: BTreeMap<ObjectId, String>,
}

/// Those of an owner that had some lately.
#[derive(Default)]
struct Known {
    /// What drifted since it was last put right.
    open: BTreeMap<ObjectId, Open>,
    /// What the job that runs puts right.
    at_work: BTreeMap<ObjectId, Open>,
    lately: BTreeMap<ObjectId, Heat>,
    /// What the job that runs tells somebody fights for.
    telling: BTreeSet<ObjectId>,
}

/// An object that is not as it should be.
#[derive(Clone)]
struct Open {
    cause: Cause,
    /// When it drifted.
    at: Timestamp,
    /// When it may be put right for its own sake.
    not_before: Instant,
}

/// How often an object drifted lately, as the time until all of that is forgiven.
struct Heat {
    cold_at: Instant,
    /// When it was told that somebody fights for it; a fight ends when it is cold.
    told_at: Option<Instant>,
}

impl Heat {
    /// One drift more; how many more these are than are put right at once.
    fn rise(&mut self, now: Instant) -> u32 {
        self.cold_at = (self.cold_at.max(now) + FORGIVEN).min(now + FORGIVEN * MOST);
        let drifts = self.cold_at.duration_since(now).as_millis().div_ceil(FORGIVEN.as_millis());
        u32::try_from(drifts).unwrap_or(MOST).saturating_sub(AT_ONCE)
    }
}

impl Drifts {
    /// An object drifted; when it may be put right.
    pub(super) fn note(&mut self, drifted: Drifted, now: Instant) -> Instant {
        let Drifted { object, cause, at } = drifted;
        self.forgive(now);
        let Known { open, lately, .. } = self.known.get_or_insert_default().as_mut();
        let mut pause = Duration::ZERO;
        if lately.len() < COUNTED || lately.contains_key(&object) {
            let over = lately.entry(object.clone()).or_insert(Heat { cold_at: now, told_at: None }).rise(now);
            if let Some(doublings) = over.checked_sub(1) {
                pause = Duration::from_secs(1 << doublings.min(16)).min(LONGEST_PAUSE);
            }
        }
        let not_before = now + pause;
        open.insert(object, Open { cause, at, not_before });
        not_before
    }

    /// These objects say that others own them.
    pub(super) fn note_owned(&mut self, owned: BTreeMap<ObjectId, String>) {
        self.owned = owned;
    }

    /// Forgets what is forgiven.
    pub(super) fn forgive(&mut self, now: Instant) {
        if let Some(known) = &mut self.known {
            known.lately.retain(|_, heat| heat.cold_at > now);
        }
        self.known.take_if(|known| known.is_empty());
    }

    fn open(&self) -> impl Iterator<Item = (&ObjectId, &Open)> {
        self.known.iter().flat_map(|known| &known.open)
    }

    /// Whether nothing is known to be other than it should be.
    pub(super) fn is_empty(&self) -> bool {
        self.open().next().is_none()
    }

    /// Whether something is to be put right now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.open().any(|(_, open)| open.not_before <= now)
    }

    /// What is to be put right now, as why something is done.
    pub(super) fn trigger(&self, now: Instant) -> Trigger {
        self.told(|open| open.not_before <= now)
    }

    /// What is left as it is for now, as why something is said.
    pub(super) fn held_trigger(&self, now: Instant) -> Trigger {
        self.told(|open| open.not_before > now)
    }

    fn told(&self, is_meant: impl Fn(&Open) -> bool) -> Trigger {
        let meant = self.open().filter(|(_, open)| is_meant(open));
        Trigger::drift(meant.map(|(object, open)| Drifted {
            object: object.clone(),
            cause: open.cause.clone(),
            at: open.at,
        }))
    }

    /// When something is to be put right, or can be forgotten, that is not now.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let open = self.open().map(|(_, open)| open.not_before);
        let cold = self.known.iter().flat_map(|known| known.lately.values()).map(|heat| heat.cold_at);
        open.chain(cold).filter(|at| *at > now).min()
    }

    /// What is left as it is for now, with what is to be said of it.
    pub(super) fn held(&self, now: Instant) -> Option<Held> {
        let held = || self.open().filter(|(_, open)| open.not_before > now);
        held().next()?;
        let fights = held().map(|(object, open)| (object, &open.cause, self.owned.get(object)));
        Some(Held { complaint: complaint(fights), objects: held().map(|(object, _)| object.clone()).collect() })
    }

    /// A job is to tell who fights for what is left as it is for now. Whether all of that was told before, and not long ago.
    pub(super) fn tell_held(&mut self, now: Instant) -> bool {
        let Some(known) = &mut self.known else { return true };
        let Known { open, lately, .. } = known.as_ref();
        let is_held = |object: &ObjectId| open.get(object).is_some_and(|open| open.not_before > now);
        let held = || lately.iter().filter(|(object, _)| is_held(object));
        let are_known = held().all(|(_, heat)| heat.told_at.is_some_and(|at| now < at + TOLD_AGAIN));
        known.telling = if are_known { BTreeSet::new() } else { held().map(|(object, _)| object.clone()).collect() };
        are_known
    }

    /// The job came to tell of it.
    pub(super) fn told_held(&mut self, now: Instant) {
        let Some(known) = &mut self.known else { return };
        for object in std::mem::take(&mut known.telling) {
            if let Some(heat) = known.lately.get_mut(&object) {
                heat.told_at = Some(now);
            }
        }
    }

    /// A job begins, which puts everything right that is not held.
    pub(super) fn begin(&mut self, held: Option<&Held>) {
        let is_held = |object: &ObjectId| held.is_some_and(|held| held.objects.contains(object));
        let Some(known) = &mut self.known else { return };
        let (stays, at_work) = std::mem::take(&mut known.open).into_iter().partition(|(object, _)| is_held(object));
        known.open = stays;
        known.at_work = at_work;
    }

    /// A job ended. What one that broke off should have put right is as it was.
    pub(super) fn end(&mut self, broke_off: bool) {
        let Some(known) = &mut self.known else { return };
        known.telling.clear();
        for (object, open) in std::mem::take(&mut known.at_work) {
            if broke_off {
                known.open.entry(object).or_insert(open);
            }
        }
        self.known.take_if(|known| known.is_empty());
    }
}

impl Known {
    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.at_work.is_empty() && self.lately.is_empty() && self.telling.is_empty()
    }
}

/// How many objects are named.
const NAMED: usize = 10;

/// Says who fights for what. It says the same as long as the same fight for the same, so that it is told once.
fn complaint<'a>(fights: impl Iterator<Item = (&'a ObjectId, &'a Cause, Option<&'a String>)>) -> String {
    let told = fights.map(|(object, cause, owner)| match (cause, owner) {
        (Cause::Changed { by: Some(by) }, _) => format!("{object}, fought by {by:?}"),
        (Cause::Changed { by: None }, _) => format!("{object}, which somebody keeps changing"),
        (Cause::Deleted, None) => format!("{object}, which somebody keeps deleting"),
        (Cause::Deleted, Some(owner)) => format!(
            "{object}, which is deleted since its metadata.ownerReferences name an owner ({owner}) that is not in this cluster: \
             leave them out"
        ),
    });
    let named = cowherd_text::clauses(told, NAMED);
    let seconds = LONGEST_PAUSE.as_secs();
    format!(
        "drifted again and again: {named}. It is put right every {seconds}s until that ends, and at once by a commit \
         or a request; stop whoever changes it, or take it out of the repository"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn object(name: &str) -> ObjectId {
        ObjectId { kind: "ConfigMap".into(), namespace: "n".into(), name: name.into(), ..ObjectId::default() }
    }

    fn changed(name: &str) -> Drifted {
        drifted(name, Cause::Changed { by: Some("someone".to_owned()) })
    }

    fn deleted(name: &str) -> Drifted {
        drifted(name, Cause::Deleted)
    }

    fn drifted(name: &str, cause: Cause) -> Drifted {
        Drifted { object: object(name), cause, at: Timestamp::UNIX_EPOCH }
    }

    /// How long the object is left alone after each of so many drifts, a while apart.
    fn pauses(drifts: &mut Drifts, name: &str, now: &mut Instant, count: u32, apart: Duration) -> Vec<u64> {
        let mut note = |_| {
            *now += apart;
            drifts.note(changed(name), *now).duration_since(*now).as_secs()
        };
        (0..count).map(&mut note).collect()
    }

    #[test]
    fn an_object_that_drifts_again_and_again_is_put_right_less_often_and_no_other_is() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        let fought = pauses(&mut drifts, "a", &mut now, AT_ONCE + 6, Duration::ZERO);
        assert_eq!(fought, [vec![0; 10], vec![1, 2, 4, 5, 5, 5]].concat());
        assert_eq!(pauses(&mut drifts, "b", &mut now, 1, Duration::ZERO), [0]);
    }

    #[test]
    fn what_drifts_now_and_then_is_always_put_right_at_once() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        assert_eq!(pauses(&mut drifts, "a", &mut now, 100, FORGIVEN), vec![0; 100]);
    }

    #[test]
    fn a_fight_is_forgotten_some_time_after_it_ended() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        pauses(&mut drifts, "a", &mut now, 1000, Duration::ZERO);
        drifts.begin(None);
        drifts.end(false);
        let forgotten_at = now + FORGIVEN * MOST;
        assert_eq!(drifts.next(now), Some(forgotten_at));
        drifts.forgive(forgotten_at - SECOND);
        assert_eq!(drifts.known.as_ref().map(|known| known.lately.len()), Some(1));
        drifts.forgive(forgotten_at);
        assert!(drifts.known.is_none());
        assert_eq!(drifts.next(forgotten_at), None);
        assert_eq!(drifts.note(changed("a"), forgotten_at), forgotten_at);
    }

    #[test]
    fn a_fight_is_told_of_once_and_again_when_it_begins_anew_or_goes_on_for_long() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        pauses(&mut drifts, "a", &mut now, AT_ONCE + 1, Duration::ZERO);
        assert!(!tells(&mut drifts, now));
        for _ in 0..10 {
            drifts.begin(None);
            drifts.end(false);
            pauses(&mut drifts, "a", &mut now, 1, LONGEST_PAUSE);
            assert!(tells(&mut drifts, now), "it is the same fight");
        }
        pauses(&mut drifts, "b", &mut now, AT_ONCE + 1, Duration::ZERO);
        assert!(!tells(&mut drifts, now), "that is another one");
        assert!(tells(&mut drifts, now));
        for _ in 0..TOLD_AGAIN.as_secs() / 4 {
            pauses(&mut drifts, "a", &mut now, 1, Duration::from_secs(4));
        }
        assert!(!tells(&mut drifts, now), "it goes on and on");
        now += FORGIVEN * MOST;
        drifts.forgive(now);
        pauses(&mut drifts, "a", &mut now, AT_ONCE + 1, Duration::ZERO);
        assert!(!tells(&mut drifts, now), "it had ended");
    }

    /// A job tells of what is held; whether that was known.
    fn tells(drifts: &mut Drifts, now: Instant) -> bool {
        let is_known = drifts.tell_held(now);
        drifts.told_held(now);
        is_known
    }

    #[test]
    fn a_fight_that_a_job_did_not_come_to_tell_of_is_not_known() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        pauses(&mut drifts, "a", &mut now, AT_ONCE + 1, Duration::ZERO);
        assert!(drifts.tell_held(now + SECOND), "then it is put right, and nothing is to be told");
        assert!(!drifts.tell_held(now));
        drifts.end(true);
        drifts.told_held(now);
        assert!(!drifts.tell_held(now), "it was superseded");
        drifts.told_held(now);
        assert!(drifts.tell_held(now));
    }

    #[test]
    fn only_so_many_objects_are_counted() {
        let (mut drifts, now) = (Drifts::default(), Instant::now());
        for number in 0..COUNTED + 10 {
            drifts.note(deleted(&number.to_string()), now);
        }
        assert_eq!(drifts.known.as_ref().map(|known| known.lately.len()), Some(COUNTED));
        assert_eq!(drifts.open().count(), COUNTED + 10, "all are put right");
        assert_eq!(pauses(&mut drifts, "0", &mut now.clone(), AT_ONCE, Duration::ZERO).last(), Some(&1));
    }

    #[test]
    fn a_job_puts_right_what_is_not_held_and_what_one_that_breaks_off_had_begun_is_still_wrong() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        pauses(&mut drifts, "fought", &mut now, AT_ONCE + 1, Duration::ZERO);
        assert!(!drifts.is_due(now));
        assert_eq!(drifts.next(now), Some(now + SECOND));
        drifts.note(deleted("other"), now);
        assert!(drifts.is_due(now));
        assert_eq!(drifts.trigger(now), Trigger::drift([deleted("other")].into_iter()));
        assert_eq!(drifts.held_trigger(now), Trigger::drift([changed("fought")].into_iter()));
        assert_eq!(drifts.held_trigger(now + SECOND), Trigger::drift([].into_iter()), "it is due");
        let held = drifts.held(now).unwrap();
        assert_eq!(held.objects.iter().collect::<Vec<_>>(), [&object("fought")]);
        drifts.begin(Some(&held));
        assert!(!drifts.is_due(now) && !drifts.is_empty());
        drifts.end(true);
        assert!(drifts.is_due(now));
        drifts.begin(Some(&held));
        drifts.end(false);
        assert!(!drifts.is_due(now) && drifts.is_due(now + SECOND));
        assert_eq!(drifts.held(now + SECOND), None);
        drifts.begin(None);
        drifts.end(false);
        assert!(drifts.is_empty());
    }

    #[test]
    fn a_complaint_says_who_fights_for_what_and_stays_the_same() {
        let (mut drifts, mut now) = (Drifts::default(), Instant::now());
        pauses(&mut drifts, "a", &mut now, AT_ONCE + 1, Duration::ZERO);
        let told = drifts.held(now).unwrap().complaint;
        assert!(told.starts_with("drifted again and again: ConfigMap/n/a, fought by \"someone\". It is"), "{told}");
        pauses(&mut drifts, "a", &mut now, 3, Duration::ZERO);
        assert_eq!(drifts.held(now).unwrap().complaint, told);
        for number in 10..22 {
            for _ in 0..=AT_ONCE {
                drifts.note(deleted(&number.to_string()), now);
            }
        }
        let told = drifts.held(now).unwrap().complaint;
        assert!(told.contains("ConfigMap/n/19, which somebody keeps deleting; and 3 more. It is"), "{told}");
        assert!(!told.contains("ConfigMap/n/20"), "{told}");
        drifts.note_owned([(object("10"), "Deployment/web".to_owned())].into());
        let told = drifts.held(now).unwrap().complaint;
        let why = "ConfigMap/n/10, which is deleted since its metadata.ownerReferences name an owner (Deployment/web)";
        assert!(told.contains(why) && told.contains("ConfigMap/n/11, which somebody keeps deleting"), "{told}");
    }
}
