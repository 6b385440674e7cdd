//! Listing a prefix, at the latest revision or at an older one.
//!
//! An older state is the latest one with the changes since then taken back. The log tells for each of them what
//! the key was before, so this costs as much as was changed, and no value is read that isn't listed.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::snapshot::{KeyRow, LOG_ROWS_AT_ONCE, Snapshot};
use crate::error::Error;
use crate::model::{ListOptions, Page, Revision};

/// How many keys are looked at before others get the thread.
const KEYS_AT_ONCE: usize = 256;
/// The same where they are only counted.
const KEYS_COUNTED_AT_ONCE: usize = 4096;

/// Why a listing failed.
pub(crate) enum ListError {
    /// It can't be answered.
    Refused(Error),
    /// The disk failed.
    Storage(redb::Error),
}

impl From<redb::Error> for ListError {
    fn from(error: redb::Error) -> Self {
        Self::Storage(error)
    }
}

/// What keys were at an older revision that have changed since: the revisions that created and wrote them, or
/// nothing if they didn't exist.
type Undone = BTreeMap<String, Option<(u64, u64)>>;

/// One page of a prefix.
pub(crate) async fn list(snapshot: &Snapshot, prefix: &str, options: &ListOptions) -> Result<Page, ListError> {
    let current = snapshot.revision()?;
    let at = options.at.map_or(current, |at| at.0);
    check(snapshot, at, current)?;
    let undone = undo(snapshot, prefix, at, current).await?;

    let mut page = Page { entries: Vec::new(), revision: Revision(at), remaining: 0 };
    let mut room = options.size.unwrap_or(usize::MAX);
    let mut after = options.start_after.clone();
    loop {
        let (mut rows, more) = step(snapshot, prefix, &mut after, &undone)?;
        let wanted = options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(page.entries.len()));
        let beyond = rows.split_off(rows.len().min(wanted));
        let left = snapshot.entries(rows, &mut room, &mut page.entries)?;
        page.remaining += (left + beyond.len()) as u64;
        if !more || options.uncounted && page.remaining > 0 {
            return Ok(page);
        }
        tokio::task::yield_now().await;
        if page.remaining > 0 {
            page.remaining += count(snapshot, prefix, after.as_deref(), &undone).await?;
            return Ok(page);
        }
    }
}

/// How many keys of the prefix there were after this one.
async fn count(snapshot: &Snapshot, prefix: &str, after: Option<&str>, undone: &Undone) -> Result<u64, redb::Error> {
    let mut count = 0;
    let mut reached = after.map(str::to_owned);
    loop {
        let counted = snapshot.count(prefix, reached.as_deref(), KEYS_COUNTED_AT_ONCE)?;
        count += counted.keys;
        reached = counted.last;
        if reached.is_none() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    for (key, before) in undone.range::<str, _>((start, Bound::Unbounded)) {
        // Counted was what there is now.
        count = count + u64::from(before.is_some()) - u64::from(snapshot.has(key)?);
    }
    Ok(count)
}

/// Whether the state at `at` can be told.
fn check(snapshot: &Snapshot, at: u64, current: u64) -> Result<(), ListError> {
    if at > current {
        let error = Error::Future { requested: Revision(at), current: Revision(current) };
        return Err(ListError::Refused(error));
    }
    let compacted = snapshot.compacted()?;
    if at < compacted {
        return Err(ListError::Refused(Error::Compacted { oldest: Revision(compacted) }));
    }
    Ok(())
}

/// What the keys of the prefix that changed after `at` were before.
async fn undo(snapshot: &Snapshot, prefix: &str, at: u64, current: u64) -> Result<Undone, redb::Error> {
    let (mut undone, mut reached) = (Undone::new(), at);
    while reached < current {
        let before = reached;
        snapshot.log(before, LOG_ROWS_AT_ONCE, |revision, (previous, created, _, key)| {
            reached = revision;
            if key.starts_with(prefix) && !undone.contains_key(key) {
                // The first change tells the state before all of them.
                undone.insert(key.to_owned(), (previous != 0).then_some((created, previous)));
            }
        })?;
        if reached == before {
            return Err(redb::Error::Corrupted(format!("the log ends at {reached}, the store is at {current}")));
        }
        tokio::task::yield_now().await;
    }
    Ok(undone)
}

/// The next rows of the prefix as they were, and whether more may follow. Moves `after` to where it stopped.
fn step(
    snapshot: &Snapshot,
    prefix: &str,
    after: &mut Option<String>,
    undone: &Undone,
) -> Result<(Vec<KeyRow>, bool), redb::Error> {
    let rows = snapshot.rows(prefix, after.as_deref(), KEYS_AT_ONCE)?;
    let more = rows.len() == KEYS_AT_ONCE;
    let last = rows.last().map(|(key, ..)| key.clone());
    let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let end = match &last {
        Some(last) if more => Bound::Included(last.as_str()),
        _ => Bound::Unbounded,
    };
    let rows = if undone.is_empty() { rows } else { restore(rows, undone.range::<str, _>((start, end))) };
    *after = last.or(after.take());
    Ok((rows, more))
}

/// The rows with changes taken back.
fn restore<'a>(rows: Vec<KeyRow>, undone: impl Iterator<Item = (&'a String, &'a Option<(u64, u64)>)>) -> Vec<KeyRow> {
    let mut rows: BTreeMap<String, (u64, u64)> =
        rows.into_iter().map(|(key, created, modified)| (key, (created, modified))).collect();
    for (key, before) in undone {
        match before {
            Some(revisions) => rows.insert(key.clone(), *revisions),
            None => rows.remove(key),
        };
    }
    rows.into_iter().map(|(key, (created, modified))| (key, created, modified)).collect()
}
