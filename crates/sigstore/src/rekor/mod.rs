//! Entries of the log Rekor, of its first generation: what was signed when, with which certificate.

mod body;
mod proof;

pub(crate) use body::{Body, Form};
pub(crate) use proof::Proof;

use crate::Refusal;
use crate::encoding::{encoded, hex};
use crate::key::{Hash, Kind};
use crate::root::Log;

/// The most bytes of what an entry says.
pub(crate) const MAX_BODY: usize = 512 << 10;

/// An entry, as it lies beside a signature.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// What it says, as the log has it.
    pub(crate) body: Vec<u8>,
    /// When the log had it, in seconds since 1970.
    pub(crate) time: i64,
    pub(crate) index: i64,
    pub(crate) log: Vec<u8>,
    /// The log's word that it has the entry since then: the SignedEntryTimestamp.
    pub(crate) promise: Vec<u8>,
    /// That it is in the log's tree.
    pub(crate) proof: Option<Proof>,
}

impl Entry {
    /// Sees whether one of the logs promised to have it, and whether its proof holds, where there is one.
    pub(crate) fn verify(&self, logs: &[Log]) -> Result<(), Refusal> {
        let of_it = |log: &&Log| log.id == self.log && log.period.contains(self.time);
        let mut known = logs.iter().filter(of_it).peekable();
        if known.peek().is_none() {
            return Err(Refusal::UnknownLog { log: hex(&self.log) });
        }
        let log = known.find(|log| self.is_promised_by(log)).ok_or(Refusal::EntryNotPromised)?;
        self.proof.as_ref().map_or(Ok(()), |proof| proof.verify(&self.body, log))
    }

    /// Whether the log promised to have it.
    fn is_promised_by(&self, log: &Log) -> bool {
        matches!(log.key.kind(), Kind::P256 | Kind::P384)
            && log.key.has_signed(Hash::Sha256, self.promised().as_bytes(), &self.promise)
    }

    /// What the promise is about: the entry in canonical JSON, whose names are in order and whose texts have nothing to escape.
    fn promised(&self) -> String {
        let Self { body, time, index, log, .. } = self;
        let (body, log) = (encoded(body), hex(log));
        format!("{{\"body\":\"{body}\",\"integratedTime\":{time},\"logID\":\"{log}\",\"logIndex\":{index}}}")
    }
}
