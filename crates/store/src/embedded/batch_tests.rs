//! What the thread that writes takes together.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::commit::Outcome;
use super::compaction::Retention;
use super::engine::Engine;
use super::faults::{Faults, opener};
use super::hub::Hub;
use super::recovery_tests::put;
use super::writer::{Command, Writer};
use crate::error::Error;
use crate::{Options, Revision};

/// Lets a writer find all of these commands waiting, and says how often it flushed the disk until all was done.
fn flushes(commands: Vec<Command>) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let (faults, options) = (Faults::new(), Options::default());
    let engine = Engine::open(&dir.path().join("state.redb"), options.cache_size, opener(&faults)).unwrap();
    let shared = Arc::new(Shared { engine, hub: Hub::new(&options, 1, 1), trouble: Mutex::default() });
    let (sender, receiver) = mpsc::channel(commands.len().max(1));
    commands.into_iter().for_each(|command| sender.try_send(command).ok().unwrap());
    drop(sender);
    let before = faults.flushes.load(std::sync::atomic::Ordering::SeqCst);
    let retention = Retention::new(&options, Instant::now(), 1);
    Writer { shared, commands: receiver, retention }.run();
    faults.flushes.load(std::sync::atomic::Ordering::SeqCst) - before
}

/// In how many transactions values of these sizes are written that wait at the same time.
fn transactions(sizes: impl Iterator<Item = usize>) -> u64 {
    let nothing = flushes(Vec::new());
    let each = flushes(vec![write("k", 1).0]) - nothing;
    let (commands, answers): (Vec<_>, Vec<_>) = sizes.map(|size| write("k", size)).unzip();
    let all = flushes(commands) - nothing;
    for mut answer in answers {
        answer.try_recv().unwrap().unwrap();
    }
    assert_eq!(all % each, 0, "{all} flushes, {each} for each transaction");
    all / each
}

fn write(key: &str, size: usize) -> (Command, oneshot::Receiver<Outcome>) {
    let (reply, answer) = oneshot::channel();
    (Command::Write(vec![put(key, Bytes::from(vec![0; size]))], reply), answer)
}

fn compact(revision: u64) -> (Command, oneshot::Receiver<Result<(), Error>>) {
    let (reply, answer) = oneshot::channel();
    (Command::Compact(Revision(revision), reply), answer)
}

#[test]
fn writes_that_wait_at_the_same_time_share_a_transaction_up_to_1024_of_them() {
    assert_eq!(transactions(std::iter::repeat_n(10, 1024)), 1);
    assert_eq!(transactions(std::iter::repeat_n(10, 1025)), 2);
}

#[test]
fn writes_share_a_transaction_until_they_have_16_mebibytes() {
    // With the key of one byte.
    let half = 8 * 1024 * 1024 - 1;
    assert_eq!(transactions([half, half, 1].into_iter()), 2);
    assert_eq!(transactions([half, half - 1, 1].into_iter()), 1);
}

#[test]
fn what_else_is_asked_waits_its_turn_and_nothing_is_lost() {
    let ((first, mut written), (last, mut written_last)) = (write("k", 1), write("k", 1));
    let ((one, mut compacted), (other, mut refused)) = (compact(2), compact(3));
    flushes(vec![first, one, other, last]);
    assert_eq!(written.try_recv().unwrap().unwrap()[0].revision, Some(Revision(2)));
    assert_eq!(compacted.try_recv().unwrap(), Ok(()));
    let future = Error::Future { requested: Revision(3), current: Revision(2) };
    assert_eq!(refused.try_recv().unwrap(), Err(future), "what was asked later is written later");
    assert_eq!(written_last.try_recv().unwrap().unwrap()[0].revision, Some(Revision(3)));
}
