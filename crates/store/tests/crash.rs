//! What was acknowledged survives `kill -9`, at any moment.
//!
//! The test starts itself as another process that writes with many tasks at once and reports every acknowledged
//! write on a pipe, kills it at a random moment, opens the file, and compares.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cowherd_store::{Change, Entry, Event, EventKind, Expected, ListOptions, Options, Revision, Store};
use futures::{FutureExt, StreamExt};

const FILE: &str = "COWHERD_STORE_CRASH_TEST_FILE";
const ROUNDS: usize = 40;
const WRITERS: u64 = 24;

/// Every fifth write of a key deletes it.
fn deletes(number: u64) -> bool {
    number % 5 == 4
}

/// Content of a length of its own that shows whether it is whole.
fn value(key: &str, number: u64) -> Bytes {
    let length = usize::try_from(checksum(&format!("{key} {number}")) % 9000).unwrap();
    let body = format!("{key} {number} {}", "x".repeat(length));
    Bytes::from(format!("{} {body}", checksum(&body)))
}

/// The number of a value's write, if the value is whole.
fn number_of(key: &str, value: &[u8]) -> Option<u64> {
    let (sum, body) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let mut words = body.split(' ');
    let whole = sum.parse() == Ok(checksum(body)) && words.next() == Some(key);
    words.next()?.parse().ok().filter(|_| whole)
}

fn checksum(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Rounds alternate between a store that compacts all the time and one that remembers all.
fn options(compacting: bool) -> Options {
    Options { history_events: if compacting { 40 } else { 1_000_000 }, ..Options::default() }
}

/// The process that is killed. As a test of its own it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_process() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = Store::open(path, options(std::env::var_os("COMPACTING").is_some())).unwrap();
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write_for_ever(store.clone(), format!("k/{writer}"))));
    futures::future::join_all(writers).await;
}

/// The key that is always written and deleted together with another one.
fn twin(key: &str) -> String {
    format!("twin/{key}")
}

/// Goes on where the last process with this key stopped; every write expects the one before.
async fn write_for_ever(store: Store, key: String) {
    let (tombstone, twin) = (format!("deleted/{key}"), twin(&key));
    let last = match (store.get(&key).await.unwrap(), store.get(&tombstone).await.unwrap()) {
        (Some(entry), _) => number_of(&key, &entry.value).unwrap(),
        (None, Some(entry)) => number_of(&tombstone, &entry.value).unwrap(),
        (None, None) => 0,
    };
    for number in last + 1.. {
        let revision = if deletes(number) {
            // Tells the number to the next process, and that a deletion may follow.
            store.put(tombstone.as_str(), value(&tombstone, number), Expected::Any).await.unwrap();
            let both = [&key, &twin].map(|key| Change::delete(key, Expected::Any));
            match store.commit(both.to_vec()).await.unwrap()[0].revision {
                Some(revision) => revision,
                None => continue,
            }
        } else {
            let both = [&key, &twin].map(|key| Change::put(key, value(key, number), Expected::Any));
            store.commit(both.to_vec()).await.unwrap()[0].revision.unwrap()
        };
        let line = format!("acknowledged {key} {number} {revision}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

/// What the killed processes reported.
#[derive(Default)]
struct Acknowledged {
    /// Key → the number and the revision of its last acknowledged write.
    last: BTreeMap<String, (u64, Revision)>,
    /// Everything since the file was last looked at.
    since: BTreeMap<Revision, (String, u64)>,
    count: usize,
}

impl Acknowledged {
    fn record(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1);
        let key = words.next().unwrap().to_owned();
        let number: u64 = words.next().unwrap().parse().unwrap();
        let revision = Revision(words.next().unwrap().parse().unwrap());
        if let Some((before, at)) = self.last.insert(key.clone(), (number, revision)) {
            assert!(before < number, "{key}: write {number} follows {before}");
            assert!(at < revision, "{key}: revision {revision} follows {at}");
        }
        assert!(self.since.insert(revision, (key, number)).is_none(), "revision {revision} was given twice");
        self.count += 1;
    }

    /// Whether the file has all of it.
    async fn check(&self, store: &Store) {
        for (key, (number, revision)) in &self.last {
            let found = store.get(key).await.unwrap();
            let other = store.get(&twin(key)).await.unwrap();
            let number_in = |entry: &Option<Entry>| entry.as_ref().map(|entry| number_of(&entry.key, &entry.value));
            assert_eq!(number_in(&found), number_in(&other), "{key}: half of what is written together");
            match &found {
                Some(entry) => {
                    assert!(entry.modified >= *revision, "{key}: {revision} is lost, {} is there", entry.modified);
                    let there = number_of(key, &entry.value).unwrap_or_else(|| panic!("{key}: half a value"));
                    assert!(there >= *number, "{key}: write {number} is lost, {there} is there");
                    assert_eq!(there == *number, entry.modified == *revision, "{key}: not what was acknowledged");
                }
                None => {
                    let tombstone = format!("deleted/{key}");
                    let entry = store.get(&tombstone).await.unwrap();
                    let deleted = entry.and_then(|entry| number_of(&tombstone, &entry.value));
                    assert!(deleted >= Some(*number), "{key}: write {number} is lost, {deleted:?} deleted the key");
                }
            }
        }
        for entry in store.list("", ListOptions::default()).await.unwrap().entries {
            assert!(number_of(&entry.key, &entry.value).is_some(), "{}: half a value", entry.key);
        }
    }

    /// Whether the log since `from` has all of it, without gaps.
    async fn check_history(&self, store: &Store, from: Revision) {
        let mut watch = store.watch("", from).await.unwrap();
        let mut next = from.0;
        while let Some(Some(event)) = watch.next().now_or_never() {
            let event = event.unwrap();
            next += 1;
            assert_eq!(event.revision, Revision(next));
            if let Some((key, number)) = self.since.get(&event.revision) {
                assert_eq!((&event.key, happened(&event)), (key, *number), "revision {next}");
            }
        }
        assert_eq!(next, store.revision().await.unwrap().0);
        assert!(self.since.keys().all(|revision| revision.0 <= next));
    }
}

/// The number of the write that made the event; a deletion follows the value that it deleted.
fn happened(event: &Event) -> u64 {
    let number = number_of(&event.key, &event.value).unwrap_or_else(|| panic!("{event:?}: half a value"));
    if event.kind == EventKind::Delete { number + 1 } else { number }
}

/// How long a process may take to its first write, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets the process run for a moment, from its start or from its first write on, and collects what it reports.
fn run_and_kill(
    path: &Path,
    compacting: bool,
    moment: Duration,
    from_first_write: bool,
    acknowledged: &mut Acknowledged,
) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writing_process", "--nocapture"]).env(FILE, path);
    if compacting {
        command.env("COMPACTING", "1");
    }
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (wrote, first_write) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let tell = |line: &String| {
            if line.starts_with("acknowledged ") {
                let _ = wrote.send(());
            }
        };
        output.lines().map_while(Result::ok).inspect(tell).collect::<Vec<_>>()
    });
    if from_first_write {
        first_write.recv_timeout(PATIENCE).expect("the process writes");
    }
    std::thread::sleep(moment);
    let ended = process.try_wait().unwrap();
    process.kill().unwrap();
    let lines = reader.join().unwrap();
    let said = process.wait_with_output().unwrap().stderr;
    assert!(ended.is_none(), "it ended by itself: {lines:?} {}", String::from_utf8_lossy(&said));
    lines.iter().filter(|line| line.starts_with("acknowledged ")).for_each(|line| acknowledged.record(line));
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap();
    let mut drawn = 0;
    let mut below = |limit: u64| {
        drawn += 1;
        checksum(&format!("{seed:?} {drawn}")) % limit
    };
    let (mut acknowledged, mut seen, mut remembers) = (Acknowledged::default(), Revision::FIRST, true);
    for round in 0..ROUNDS {
        let compacting = below(2) == 0;
        remembers &= !compacting;
        // The first processes hardly live long enough to create the file.
        let moment = Duration::from_micros(below(if round < 10 { 20_000 } else { 120_000 }));
        run_and_kill(&path, compacting, moment, round >= 20, &mut acknowledged);
        if below(3) == 0 {
            // The next process meets what this one left.
            continue;
        }
        let store = Store::open(&path, options(compacting)).unwrap();
        assert!(store.revision().await.unwrap() >= seen, "revision {} follows {seen}", store.revision().await.unwrap());
        acknowledged.check(&store).await;
        if remembers {
            acknowledged.check_history(&store, seen).await;
        }
        seen = store.put("looked", value("looked", round as u64), Expected::Any).await.unwrap();
        assert!(acknowledged.since.keys().all(|revision| *revision < seen));
        acknowledged.since.clear();
        remembers = true;
    }
    assert!(acknowledged.count > 100, "only {} writes were acknowledged", acknowledged.count);
}
