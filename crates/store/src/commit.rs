//! Writing a batch of changes in one transaction.

use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};

use crate::error::WriteError;
use crate::layout::{KEYS, LOG, LogRow, META, META_REVISION, VALUES};
use crate::model::{Entry, Event, EventKind, Expected, Revision};
use crate::snapshot::value_of;

/// A write that somebody asked for.
pub(crate) struct Write {
    pub(crate) key: String,
    /// What to write, or nothing to delete the key.
    pub(crate) value: Option<Bytes>,
    pub(crate) expected: Expected,
}

impl Write {
    /// What it takes in memory, roughly, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// What came of a write: its revision, and what the key was before.
pub(crate) type Outcome = Result<(Revision, Option<Entry>), WriteError>;

/// Does the writes one after the other, each seeing those before it. The events are those of the writes that happen
/// once the transaction is committed.
pub(crate) fn apply<'a>(
    transaction: &WriteTransaction,
    writes: impl Iterator<Item = &'a Write>,
) -> Result<(Vec<Outcome>, Vec<Event>), redb::Error> {
    let mut tables = Tables {
        keys: transaction.open_table(KEYS)?,
        values: transaction.open_table(VALUES)?,
        log: transaction.open_table(LOG)?,
    };
    let mut meta = transaction.open_table(META)?;
    let first = meta.get(META_REVISION)?.map_or(Revision::FIRST.0, |revision| revision.value());
    let (mut outcomes, mut events, mut last) = (Vec::new(), Vec::new(), first);
    for write in writes {
        let before = tables.entry(&write.key)?;
        if let Some(refusal) = refusal(write, before.as_ref()) {
            outcomes.push(Err(refusal));
            continue;
        }
        last += 1;
        tables.change(write, before.as_ref(), last)?;
        events.push(event(write, before.as_ref(), Revision(last)));
        outcomes.push(Ok((Revision(last), before)));
    }
    if last != first {
        meta.insert(META_REVISION, last)?;
    }
    Ok((outcomes, events))
}

/// Why the write can't happen to what is there, if so.
fn refusal(write: &Write, before: Option<&Entry>) -> Option<WriteError> {
    if write.value.is_none() && before.is_none() {
        return Some(WriteError::NotFound { key: write.key.clone() });
    }
    if write.expected.holds(before.map(|entry| entry.modified)) {
        return None;
    }
    let current = before.cloned().map(Box::new);
    Some(WriteError::Conflict { key: write.key.clone(), expected: write.expected, current })
}

fn event(write: &Write, before: Option<&Entry>, revision: Revision) -> Event {
    let previous = before.map(|entry| entry.value.clone());
    let kind = match write.value {
        Some(_) => EventKind::Put { created: previous.is_none() },
        None => EventKind::Delete,
    };
    let value = write.value.clone().or_else(|| previous.clone()).unwrap_or_default();
    Event { kind, key: write.key.clone(), value, previous, revision }
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

    fn change(&mut self, write: &Write, before: Option<&Entry>, revision: u64) -> Result<(), redb::Error> {
        let key = write.key.as_str();
        let created = before.map_or(revision, |entry| entry.created.0);
        let previous = before.map_or(0, |entry| entry.modified.0);
        match &write.value {
            Some(value) => {
                self.keys.insert(key, (created, revision))?;
                self.values.insert(revision, value.as_ref())?;
            }
            None => {
                self.keys.remove(key)?;
            }
        }
        self.log.insert(revision, (previous, created, write.value.is_none(), key))?;
        Ok(())
    }
}
