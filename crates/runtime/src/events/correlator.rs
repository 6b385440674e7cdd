//! Decides what becomes of an event: a new one, a higher count of one that is there, or nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::Note;
use super::bucket::Bucket;
use super::recent::Recent;

/// For how many events of each sort it is remembered what happened to them.
const REMEMBERED: usize = 1024;
/// With so many different texts about the same, they become one event,
const DIFFERENT: usize = 10;
/// unless nothing was said for so long.
const QUIET: Duration = Duration::from_secs(600);
const COMBINED: &str = "(combined from similar events): ";

/// What was written of the events of one controller.
pub(super) struct Correlator {
    hasher: RandomState,
    /// The texts by what they are about and why.
    similar: Recent<Similar>,
    written: Recent<Written>,
    buckets: Recent<Bucket>,
}

#[derive(Default)]
struct Similar {
    texts: HashSet<u64>,
    last: Option<Instant>,
}

#[derive(Default)]
struct Written {
    count: i32,
    name: Option<String>,
}

/// What is to be written.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// By this the correlator is told how the event was named.
    pub(super) key: u64,
    pub(super) message: String,
    pub(super) count: i32,
    /// The name of the event that is there already.
    pub(super) known: Option<String>,
}

impl Correlator {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            similar: Recent::new(REMEMBERED),
            written: Recent::new(REMEMBERED),
            buckets: Recent::new(REMEMBERED),
        }
    }

    /// What is to be written of a note, if anything.
    pub(super) fn judge(&mut self, note: &Note, now: Instant) -> Option<Verdict> {
        let about = &note.about;
        let object = (&about.kind, &about.namespace, &about.name, &about.uid, &about.api_version);
        let alike = self.hash((object, &about.field_path, note.severity, &note.reason));
        let text = self.hash(&note.message);
        let (key, message) = if self.are_many(alike, text, now) {
            (alike, format!("{COMBINED}{}", note.message))
        } else {
            (self.hash((alike, text)), note.message.clone())
        };
        let written = self.written.entry(key);
        written.count = written.count.saturating_add(1);
        let verdict = Verdict { key, message, count: written.count, known: written.name.clone() };
        let object = self.hash(object);
        self.buckets.entry(object).take(now).then_some(verdict)
    }

    /// Whether there have been many different texts about the same; takes note of this one.
    fn are_many(&mut self, alike: u64, text: u64, now: Instant) -> bool {
        let similar = self.similar.entry(alike);
        if similar.last.is_some_and(|last| now - last > QUIET) {
            similar.texts.clear();
        }
        similar.last = Some(now);
        if similar.texts.len() >= DIFFERENT - 1 && !similar.texts.contains(&text) {
            return true;
        }
        similar.texts.insert(text);
        false
    }

    /// Takes note of the name under which an event was written; its count starts anew where it was written anew.
    pub(super) fn written(&mut self, key: u64, name: String, count: i32) {
        *self.written.entry(key) = Written { count, name: Some(name) };
    }

    fn hash(&self, value: impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::api::core::v1::ObjectReference;

    use super::super::Type;
    use super::*;

    fn note(object: &str, message: &str) -> Note {
        Note {
            about: ObjectReference { name: Some(object.to_owned()), ..Default::default() },
            severity: Type::Normal,
            reason: "Tested".to_owned(),
            message: message.to_owned(),
            annotations: Default::default(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Judges and, as the writer does, tells of the name of what is new.
    fn say(correlator: &mut Correlator, object: &str, message: &str, now: Instant) -> Option<(String, i32, bool)> {
        let verdict = correlator.judge(&note(object, message), now)?;
        let is_new = verdict.known.is_none();
        if is_new {
            correlator.written(verdict.key, format!("{object}.{message}"), verdict.count);
        }
        Some((verdict.message, verdict.count, is_new))
    }

    #[test]
    fn the_same_again_is_counted() {
        let (mut correlator, now) = (Correlator::new(), Instant::now());
        assert_eq!(say(&mut correlator, "a", "x", now), Some(("x".into(), 1, true)));
        assert_eq!(say(&mut correlator, "a", "x", now), Some(("x".into(), 2, false)));
        assert_eq!(say(&mut correlator, "b", "x", now), Some(("x".into(), 1, true)), "of another object");
    }

    #[test]
    fn the_tenth_that_is_alike_is_combined_with_those_after_it_until_it_was_quiet_for_long() {
        let (mut correlator, now) = (Correlator::new(), Instant::now());
        for number in 1..=9 {
            assert_eq!(say(&mut correlator, "a", &number.to_string(), now), Some((number.to_string(), 1, true)));
        }
        assert_eq!(say(&mut correlator, "a", "10", now), Some((format!("{COMBINED}10"), 1, true)));
        assert_eq!(say(&mut correlator, "a", "11", now), Some((format!("{COMBINED}11"), 2, false)));
        let later = now + QUIET + Duration::from_secs(1);
        assert_eq!(say(&mut correlator, "a", "12", later), Some(("12".into(), 1, true)));
    }

    #[test]
    fn after_25_events_an_object_is_spoken_of_every_five_minutes_and_the_counts_are_right() {
        let (mut correlator, now) = (Correlator::new(), Instant::now());
        let heard = (0..100).filter(|_| say(&mut correlator, "a", "x", now).is_some()).count();
        assert_eq!(heard, 25);
        assert!(say(&mut correlator, "b", "x", now).is_some(), "others are not concerned");
        let later = now + Duration::from_secs(301);
        assert_eq!(say(&mut correlator, "a", "x", later), Some(("x".into(), 101, false)));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut correlator, now) = (Correlator::new(), Instant::now());
        for number in 0..5000 {
            say(&mut correlator, &number.to_string(), "x", now);
        }
        assert_eq!(
            (correlator.similar.len(), correlator.written.len(), correlator.buckets.len()),
            (REMEMBERED, REMEMBERED, REMEMBERED)
        );
    }
}
