//! Random histories, compared with a model that keeps every state there ever was.

use std::collections::BTreeMap;

use bytes::Bytes;
use cowherd_store::{Change, Entry, Error, Event, EventKind, Expected, ListOptions, Page, Revision, Watch, WriteError};
use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

use super::{Place, compacted};

#[derive(Clone, Debug)]
enum Operation {
    Put { key: usize, value: Vec<u8>, expected: Want },
    Delete { key: usize, expected: Want },
    Commit { changes: Vec<(usize, Option<Vec<u8>>, Want)> },
    Get { key: usize },
    List { prefix: usize, start_after: Option<usize>, limit: Option<usize>, back: u64 },
    Watch { prefix: usize, back: u64 },
    Compact { back: u64 },
    Restart,
}

/// An expectation that is right or wrong on purpose.
#[derive(Clone, Copy, Debug)]
enum Want {
    Absent,
    Current,
    Wrong,
    Any,
}

const KEYS: [&str; 8] = ["a", "a/", "a/1", "a/2", "a/é", "ab", "b/1", "b/2"];
const PREFIXES: [&str; 5] = ["", "a", "a/", "b/", "c"];

fn operation() -> impl Strategy<Value = Operation> {
    let want = || prop_oneof![Just(Want::Absent), Just(Want::Current), Just(Want::Wrong), Just(Want::Any)];
    let key = || 0..KEYS.len();
    let value = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        8 => (key(), value.clone(), want()).prop_map(|(key, value, expected)| Operation::Put { key, value, expected }),
        4 => (key(), want()).prop_map(|(key, expected)| Operation::Delete { key, expected }),
        4 => proptest::collection::btree_map(key(), (proptest::option::of(value), want()), 1..4).prop_map(|changes| {
            let changes = changes.into_iter().map(|(key, (value, expected))| (key, value, expected));
            Operation::Commit { changes: changes.collect() }
        }),
        2 => key().prop_map(|key| Operation::Get { key }),
        4 => (0..PREFIXES.len(), proptest::option::of(key()), proptest::option::of(0..5usize), 0..12u64)
            .prop_map(|(prefix, start_after, limit, back)| Operation::List { prefix, start_after, limit, back }),
        3 => (0..PREFIXES.len(), 0..12u64).prop_map(|(prefix, back)| Operation::Watch { prefix, back }),
        1 => (0..12u64).prop_map(|back| Operation::Compact { back }),
        1 => Just(Operation::Restart),
    ]
}

/// Every state and every event since the beginning.
struct Model {
    states: Vec<BTreeMap<String, Entry>>,
    events: Vec<Event>,
    compacted: u64,
}

impl Model {
    fn revision(&self) -> u64 {
        self.states.len() as u64
    }

    fn state(&self, revision: u64) -> &BTreeMap<String, Entry> {
        &self.states[revision as usize - 1]
    }

    fn now(&self) -> &BTreeMap<String, Entry> {
        self.state(self.revision())
    }

    fn back(&self, back: u64) -> u64 {
        self.revision().saturating_sub(back).max(1)
    }

    fn holds(&self, key: &str, expected: Expected) -> bool {
        let modified = self.now().get(key).map(|entry| entry.modified);
        match expected {
            Expected::Absent => modified.is_none(),
            Expected::At(revision) => modified == Some(revision),
            Expected::Any => true,
        }
    }

    fn write(&mut self, key: &str, value: Option<Bytes>, expected: Expected) -> Option<Revision> {
        let before = self.now().get(key).cloned();
        if !self.holds(key, expected) || (value.is_none() && before.is_none()) {
            return None;
        }
        let revision = Revision(self.revision() + 1);
        let mut state = self.now().clone();
        let created = before.as_ref().map_or(revision, |entry| entry.created);
        let previous = before.map(|entry| entry.value);
        let (kind, shown) = match &value {
            Some(value) => (EventKind::Put { created: previous.is_none() }, value.clone()),
            None => (EventKind::Delete, previous.clone().unwrap()),
        };
        match value {
            Some(value) => state.insert(key.into(), Entry { key: key.into(), value, created, modified: revision }),
            None => state.remove(key),
        };
        self.events.push(Event { kind, key: key.into(), value: shown, previous, revision });
        self.states.push(state);
        Some(revision)
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: Option<usize>, at: u64) -> Result<Page, Error> {
        if at < self.compacted {
            return Err(Error::Compacted { oldest: Revision(self.compacted) });
        }
        let matching = self.state(at).values().filter(|entry| {
            entry.key.starts_with(prefix) && start_after.is_none_or(|after| entry.key.as_str() > after)
        });
        let mut entries: Vec<Entry> = matching.cloned().collect();
        let beyond = entries.split_off(entries.len().min(limit.unwrap_or(usize::MAX)));
        Ok(Page { entries, revision: Revision(at), remaining: beyond.len() as u64 })
    }

    fn expected(&self, key: &str, want: Want) -> Expected {
        let modified = self.now().get(key).map(|entry| entry.modified);
        match want {
            Want::Absent => Expected::Absent,
            Want::Current => modified.map_or(Expected::Absent, Expected::At),
            Want::Wrong => Expected::At(Revision(modified.map_or(1, |revision| revision.0 - 1))),
            Want::Any => Expected::Any,
        }
    }
}

/// A watch, and where it must go on.
struct Follower {
    watch: Watch,
    prefix: &'static str,
    seen: u64,
}

async fn run(operations: Vec<Operation>, place: impl Place) -> TestCaseResult {
    let mut store = place.open().await;
    let mut model = Model { states: vec![BTreeMap::new()], events: Vec::new(), compacted: 1 };
    let mut followers: Vec<Follower> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Put { key, value, expected } => {
                let (key, value) = (KEYS[key], Bytes::from(value));
                let expected = model.expected(key, expected);
                let written = store.put(key, value.clone(), expected).await;
                let refused = matches!(written, Err(WriteError::Conflict { .. }));
                prop_assert!(written.is_ok() || refused, "{:?}", written);
                prop_assert_eq!(written.ok(), model.write(key, Some(value), expected));
            }
            Operation::Delete { key, expected } => {
                let expected = model.expected(KEYS[key], expected);
                let before = model.now().get(KEYS[key]).cloned();
                let deleted = store.delete(KEYS[key], expected).await.ok();
                let should = model.write(KEYS[key], None, expected);
                prop_assert_eq!(deleted, should.zip(before));
            }
            Operation::Commit { changes } => {
                let changes: Vec<(&str, Option<Bytes>, Expected)> = changes
                    .into_iter()
                    .map(|(key, value, want)| (KEYS[key], value.map(Bytes::from), model.expected(KEYS[key], want)))
                    .collect();
                let asked = changes.iter().cloned().map(|(key, value, expected)| match value {
                    Some(value) => Change::put(key, value, expected),
                    None => Change::delete(key, expected),
                });
                let done = store.commit(asked.collect()).await;
                let holds = changes.iter().all(|(key, _, expected)| model.holds(key, *expected));
                prop_assert_eq!(done.is_ok(), holds, "{:?}", done);
                for ((key, value, expected), changed) in changes.into_iter().zip(done.into_iter().flatten()) {
                    prop_assert_eq!(changed.before, model.now().get(key).cloned());
                    prop_assert_eq!(changed.revision, model.write(key, value, expected));
                }
            }
            Operation::Get { key } => {
                prop_assert_eq!(store.get(KEYS[key]).await.unwrap(), model.now().get(KEYS[key]).cloned());
            }
            Operation::List { prefix, start_after, limit, back } => {
                let (prefix, at) = (PREFIXES[prefix], model.back(back));
                let start_after = start_after.map(|key| KEYS[key]);
                let options = ListOptions {
                    start_after: start_after.map(str::to_owned),
                    limit,
                    at: Some(Revision(at)),
                    ..ListOptions::default()
                };
                prop_assert_eq!(store.list(prefix, options).await, model.list(prefix, start_after, limit, at));
            }
            Operation::Watch { prefix, back } => {
                let (prefix, from) = (PREFIXES[prefix], model.back(back));
                match store.watch(prefix, Revision(from)).await {
                    Ok(watch) => {
                        prop_assert!(from >= model.compacted);
                        followers.push(Follower { watch, prefix, seen: from });
                    }
                    Err(error) => {
                        prop_assert!(from < model.compacted);
                        prop_assert_eq!(error, Error::Compacted { oldest: Revision(model.compacted) });
                    }
                }
            }
            Operation::Compact { back } => {
                let target = model.back(back);
                store.compact(Revision(target)).await.unwrap();
                model.compacted = model.compacted.max(target);
            }
            Operation::Restart => {
                for follower in &mut followers {
                    follow(follower, &model)?;
                }
                drop(store);
                for mut follower in followers.drain(..) {
                    prop_assert!(follower.watch.next().await.is_none_or(|item| item.is_err()));
                }
                store = place.open().await;
            }
        }
        prop_assert_eq!(store.revision().await.unwrap().0, model.revision());
        // Stores may forget by themselves.
        model.compacted = compacted(&store).await.0;
        // Some follow at once, others fall behind until the next restart or the end.
        for follower in followers.iter_mut().step_by(2) {
            follow(follower, &model)?;
        }
    }
    for follower in &mut followers {
        follow(follower, &model)?;
    }
    Ok(())
}

/// Takes what there is, and compares it with what there should be.
fn follow(follower: &mut Follower, model: &Model) -> TestCaseResult {
    loop {
        let due = model
            .events
            .iter()
            .find(|event| event.revision.0 > follower.seen && event.key.starts_with(follower.prefix));
        // A stretch without a match in the file asks to be polled again.
        let next = (0..20).find_map(|_| follower.watch.next().now_or_never());
        match (next, due) {
            (Some(Some(Ok(event))), Some(due)) => {
                prop_assert_eq!(&event, due);
                follower.seen = event.revision.0;
            }
            (None, None) => {
                prop_assert_eq!(follower.watch.progress().0, model.revision());
                return Ok(());
            }
            (Some(Some(Err(Error::Compacted { oldest }))), _) => {
                prop_assert_eq!(oldest.0, model.compacted);
                prop_assert!(follower.seen < model.compacted);
                follower.seen = u64::MAX;
            }
            // It ended before.
            (Some(None), None) => return Ok(()),
            (next, due) => return Err(TestCaseError::fail(format!("{next:?} instead of {due:?}"))),
        }
    }
}

/// Random histories in places of their own.
pub fn stores_behave_as_the_model<P: Place>(place: impl Fn() -> P) {
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let histories = proptest::collection::vec(operation(), 1..80);
    let done = TestRunner::new(config).run(&histories, |operations| runtime.block_on(run(operations, place())));
    done.unwrap();
}
