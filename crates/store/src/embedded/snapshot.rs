//! Reading one consistent state of the file.

use std::ops::Bound;

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable};

use super::layout::{KEYS, LOG, LogRow, META, META_COMPACTED, META_REVISION, VALUES};
use crate::model::{Entry, Event, EventKind, Revision};

/// The state of one commit, for as long as it is held.
pub(crate) struct Snapshot(ReadTransaction);

/// A key, the revision that created it, and the one that wrote it last.
pub(crate) type KeyRow = (String, u64, u64);

/// How many keys there are in a stretch.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) keys: u64,
    /// The last of them, where more may follow.
    pub(crate) last: Option<String>,
}

/// How far a read of the log goes before it lets others have the thread.
pub(crate) const LOG_ROWS_AT_ONCE: usize = 512;
const LOG_EVENTS_AT_ONCE: usize = 64;
const LOG_BYTES_AT_ONCE: usize = 64 * 1024;

impl Snapshot {
    pub(crate) fn new(transaction: ReadTransaction) -> Self {
        Self(transaction)
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> Result<u64, redb::Error> {
        self.number(META_REVISION)
    }

    /// The revision up to which history is gone.
    pub(crate) fn compacted(&self) -> Result<u64, redb::Error> {
        self.number(META_COMPACTED)
    }

    fn number(&self, name: &'static str) -> Result<u64, redb::Error> {
        let meta = self.0.open_table(META)?;
        let number = meta.get(name)?.ok_or_else(|| redb::Error::Corrupted(format!("the {name} is missing")))?;
        Ok(number.value())
    }

    /// The entry of a key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Entry>, redb::Error> {
        let keys = self.0.open_table(KEYS)?;
        let Some(row) = keys.get(key)? else { return Ok(None) };
        let (created, modified) = row.value();
        let value = value_of(&self.0.open_table(VALUES)?, modified)?;
        Ok(Some(Entry { key: key.into(), value, created: Revision(created), modified: Revision(modified) }))
    }

    /// Adds the entries of these rows for as long as there is room for bytes of values, and tells how many rows are left.
    pub(crate) fn entries(
        &self,
        rows: Vec<KeyRow>,
        room: &mut usize,
        entries: &mut Vec<Entry>,
    ) -> Result<usize, redb::Error> {
        let values = self.0.open_table(VALUES)?;
        let mut rows = rows.into_iter();
        while *room > 0 {
            let Some((key, created, modified)) = rows.next() else { break };
            let value = value_of(&values, modified)?;
            *room = room.saturating_sub(value.len().max(1));
            entries.push(Entry { key, value, created: Revision(created), modified: Revision(modified) });
        }
        Ok(rows.len())
    }

    /// Whether there is a key.
    pub(crate) fn has(&self, key: &str) -> Result<bool, redb::Error> {
        Ok(self.0.open_table(KEYS)?.get(key)?.is_some())
    }

    /// Counts the next keys of a prefix, at most `most`.
    pub(crate) fn count(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Counted, redb::Error> {
        let keys = self.0.open_table(KEYS)?;
        let mut counted = Counted::default();
        for row in keys.range::<&str>((start(prefix, after), Bound::Unbounded))? {
            let (key, _) = row?;
            if !key.value().starts_with(prefix) {
                break;
            }
            counted.keys += 1;
            if counted.keys >= most as u64 {
                counted.last = Some(key.value().to_owned());
                break;
            }
        }
        Ok(counted)
    }

    /// The next rows of a prefix, at most `most`.
    pub(crate) fn rows(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<KeyRow>, redb::Error> {
        let start = start(prefix, after);
        let keys = self.0.open_table(KEYS)?;
        let mut rows = Vec::new();
        for row in keys.range::<&str>((start, Bound::Unbounded))?.take(most) {
            let (key, revisions) = row?;
            if !key.value().starts_with(prefix) {
                break;
            }
            let (created, modified) = revisions.value();
            rows.push((key.value().to_owned(), created, modified));
        }
        Ok(rows)
    }

    /// What a stretch of the log after `after` says: calls `each` with the revision and the row.
    pub(crate) fn log(
        &self,
        after: u64,
        most: usize,
        mut each: impl FnMut(u64, (u64, u64, bool, &str)),
    ) -> Result<(), redb::Error> {
        let log = self.0.open_table(LOG)?;
        for row in log.range((Bound::Excluded(after), Bound::Unbounded))?.take(most) {
            let (revision, change) = row?;
            each(revision.value(), change.value());
        }
        Ok(())
    }

    /// The next events of a prefix after `after`, and the revision up to which these are all.
    pub(crate) fn events(&self, prefix: &str, after: u64) -> Result<(Vec<Event>, u64), redb::Error> {
        let log = self.0.open_table(LOG)?;
        let values = self.0.open_table(VALUES)?;
        let (mut events, mut size, mut reached) = (Vec::new(), 0, after);
        for row in log.range((Bound::Excluded(after), Bound::Unbounded))?.take(LOG_ROWS_AT_ONCE) {
            let (revision, change) = row?;
            reached = revision.value();
            let change = change.value();
            if !change.3.starts_with(prefix) {
                continue;
            }
            let event = event_of(&values, reached, change)?;
            size += event.size();
            if size > LOG_BYTES_AT_ONCE && !events.is_empty() {
                // A large one comes alone.
                reached -= 1;
                break;
            }
            events.push(event);
            if events.len() >= LOG_EVENTS_AT_ONCE {
                break;
            }
        }
        Ok((events, reached))
    }
}

/// Where the keys of a prefix begin that come after this one.
fn start<'a>(prefix: &'a str, after: Option<&'a str>) -> Bound<&'a str> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}

/// The value that a revision wrote.
pub(crate) fn value_of(values: &impl ReadableTable<u64, &'static [u8]>, revision: u64) -> Result<Bytes, redb::Error> {
    let value = values
        .get(revision)?
        .ok_or_else(|| redb::Error::Corrupted(format!("the value of revision {revision} is missing")))?;
    Ok(Bytes::copy_from_slice(value.value()))
}

fn event_of(
    values: &impl ReadableTable<u64, &'static [u8]>,
    revision: u64,
    (before, _, deleted, key): <LogRow as redb::Value>::SelfType<'_>,
) -> Result<Event, redb::Error> {
    let previous = if before == 0 { None } else { Some(value_of(values, before)?) };
    let (kind, value) = match (&previous, deleted) {
        (Some(last), true) => (EventKind::Delete, last.clone()),
        (_, _) => (EventKind::Put { created: previous.is_none() }, value_of(values, revision)?),
    };
    Ok(Event { kind, key: key.into(), value, previous, revision: Revision(revision) })
}
