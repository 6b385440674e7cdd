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
use super::reserve::Reserve;
use super::writer::{Command, Writer};
use crate::error::Error;
use crate::model::Change;
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
    let reserve = Reserve::of(&dir.path().join("state.redb"), 0);
    Writer { shared, commands: receiver, retention, reserve, made_room: 0, failed_to_spare: None }.run();
    faults.flushes.load(std::sync::atomic::Ordering::SeqCst) - before
}

/// Whether values of these sizes that wait at the same time are written in one transaction, as one write of all is.
fn share_a_transaction(sizes: impl IntoIterator<Item = usize>) -> bool {
    let changes =
        sizes.into_iter().enumerate().map(|(key, size)| put(&format!("{key:04}"), Bytes::from(vec![0; size])));
    let changes: Vec<Change> = changes.collect();
    let (commands, answers): (Vec<_>, Vec<_>) = changes.iter().map(|change| write(vec![change.clone()])).unzip();
    let (apart, together) = (flushes(commands), flushes(vec![write(changes).0]));
    for mut answer in answers {
        answer.try_recv().unwrap().unwrap();
    }
    assert!(apart >= together, "{apart} flushes, and {together} for one write");
    apart == together
}

fn write(changes: Vec<Change>) -> (Command, oneshot::Receiver<Outcome>) {
    let (reply, answer) = oneshot::channel();
    (Command::Write(changes, reply), answer)
}

fn compact(revision: u64) -> (Command, oneshot::Receiver<Result<(), Error>>) {
    let (reply, answer) = oneshot::channel();
    (Command::Compact(Revision(revision), reply), answer)
}

#[test]
fn writes_that_wait_at_the_same_time_share_a_transaction_up_to_1024_of_them() {
    assert!(share_a_transaction(vec![10; 1024]));
    assert!(!share_a_transaction(vec![10; 1025]));
}

#[test]
fn writes_share_a_transaction_until_they_have_16_mebibytes() {
    // With the key of four bytes.
    let half = 8 * 1024 * 1024 - 4;
    assert!(!share_a_transaction([half, half, 1]));
    assert!(share_a_transaction([half, half - 1, 1]));
}

#[test]
fn what_else_is_asked_waits_its_turn_and_nothing_is_lost() {
    let change = || vec![put("k", Bytes::new())];
    let ((first, mut written), (last, mut written_last)) = (write(change()), write(change()));
    let ((one, mut compacted), (other, mut refused)) = (compact(2), compact(3));
    flushes(vec![first, one, other, last]);
    assert_eq!(written.try_recv().unwrap().unwrap()[0].revision, Some(Revision(2)));
    assert_eq!(compacted.try_recv().unwrap(), Ok(()));
    let future = Error::Future { requested: Revision(3), current: Revision(2) };
    assert_eq!(refused.try_recv().unwrap(), Err(future), "what was asked later is written later");
    assert_eq!(written_last.try_recv().unwrap().unwrap()[0].revision, Some(Revision(3)));
}
