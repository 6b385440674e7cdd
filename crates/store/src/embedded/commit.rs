//! Writing a batch of writes in one transaction of the file.

use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};

use super::layout::{KEYS, LOG, LogRow, META, META_REVISION, VALUES};
use super::snapshot::value_of;
use crate::error::WriteError;
use crate::model::{Action, Change, Changed, Entry, Event, EventKind, Revision};

/// What came of changes that are made together.
pub(crate) type Outcome = Result<Vec<Changed>, WriteError>;

/// What changes take in memory, roughly, in bytes.
pub(crate) fn size(changes: &[Change]) -> usize {
    changes.iter().map(|change| change.key.len() + change.value().map_or(0, Bytes::len)).sum()
}

/// Does the writes one after the other, each seeing those before it: all changes of a write or none. The events are
/// those of the writes that happen once the transaction is committed.
pub(crate) fn apply<'a>(
    transaction: &WriteTransaction,
    writes: impl Iterator<Item = &'a [Change]>,
) -> Result<(Vec<Outcome>, Vec<Event>), redb::Error> {
    let mut tables = Tables {
        keys: transaction.open_table(KEYS)?,
        values: transaction.open_table(VALUES)?,
        log: transaction.open_table(LOG)?,
    };
    let mut meta = transaction.open_table(META)?;
    let first = meta.get(META_REVISION)?.map_or(Revision::FIRST.0, |revision| revision.value());
    let (mut outcomes, mut events, mut last) = (Vec::new(), Vec::new(), first);
    for changes in writes {
        outcomes.push(tables.write(changes, &mut last, &mut events)?);
    }
    if last != first {
        meta.insert(META_REVISION, last)?;
    }
    Ok((outcomes, events))
}

/// Why the change can't happen to what is there, if so.
fn refusal(change: &Change, before: Option<&Entry>) -> Option<WriteError> {
    if change.expected.holds(before.map(|entry| entry.modified)) {
        return None;
    }
    let current = before.cloned().map(Box::new);
    Some(WriteError::Conflict { key: change.key.clone(), expected: change.expected, current })
}

fn event(change: &Change, before: Option<&Entry>, revision: Revision) -> Event {
    let previous = before.map(|entry| entry.value.clone());
    let kind = match change.value() {
        Some(_) => EventKind::Put { created: previous.is_none() },
        None => EventKind::Delete,
    };
    let value = change.value().cloned().or_else(|| previous.clone()).unwrap_or_default();
    Event { kind, key: change.key.clone(), value, previous, revision }
}

struct Tables<'a> {
    keys: Table<'a, &'static str, (u64, u64)>,
    values: Table<'a, u64, &'static [u8]>,
    log: Table<'a, u64, LogRow>,
}

impl Tables<'_> {
    fn entry(&self, key: &str) -> Result<Option<Entry>, redb::Error> {
        let Some(row) = self.keys.get(key)? else { return Ok(None) };
        let (created, modified) = row.value();
        let value = value_of(&self.values, modified)?;
        Ok(Some(Entry { key: key.into(), value, created: Revision(created), modified: Revision(modified) }))
    }

    /// Makes all of the changes or none. `last` is the revision of the write before, and that of the last change after.
    fn write(&mut self, changes: &[Change], last: &mut u64, events: &mut Vec<Event>) -> Result<Outcome, redb::Error> {
        let mut befores = Vec::with_capacity(changes.len());
        for change in changes {
            let before = self.entry(&change.key)?;
            if let Some(refusal) = refusal(change, before.as_ref()) {
                return Ok(Err(refusal));
            }
            befores.push(before);
        }
        let mut done = Vec::with_capacity(changes.len());
        for (change, before) in changes.iter().zip(befores) {
            let happens = match change.action {
                Action::Put(_) => true,
                Action::Delete => before.is_some(),
                Action::Keep => false,
            };
            let revision = happens.then(|| Revision(*last + 1));
            if let Some(revision) = revision {
                *last = revision.0;
                self.change(change, before.as_ref(), revision.0)?;
                events.push(event(change, before.as_ref(), revision));
            }
            done.push(Changed { revision, before });
        }
        Ok(Ok(done))
    }

    fn change(&mut self, write: &Change, before: Option<&Entry>, revision: u64) -> Result<(), redb::Error> {
        let key = write.key.as_str();
        let created = before.map_or(revision, |entry| entry.created.0);
        let previous = before.map_or(0, |entry| entry.modified.0);
        match write.value() {
            Some(value) => {
                self.keys.insert(key, (created, revision))?;
                self.values.insert(revision, value.as_ref())?;
            }
            None => {
                self.keys.remove(key)?;
            }
        }
        self.log.insert(revision, (previous, created, write.value().is_none(), key))?;
        Ok(())
    }
}
