//! The key that the values of a document are encrypted with.

use crate::cipher::KEY_LENGTH;
use crate::metadata::{Group, MasterKey, Metadata};
use crate::{Keys, SopsError, age, open_pgp, shamir};

/// How many recipients and keys are named in an error.
const NAMED: usize = 4;

/// How often it is tried to open something, whatever a document holds: each time takes some 100 µs.
pub(crate) struct Attempts(usize);

impl Attempts {
    /// Takes one that is as much work as so many; an error where none is left.
    pub(crate) fn spend(&mut self, work: usize) -> Result<(), &'static str> {
        let left = self.0.checked_sub(work).ok_or("there are too many recipients and keys to try them all")?;
        self.0 = left;
        Ok(())
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self(4096)
    }
}

/// The data key.
pub(crate) fn recover(metadata: &Metadata, keys: &Keys) -> Result<[u8; KEY_LENGTH], SopsError> {
    let mut attempts = Attempts::default();
    let opened: Vec<Result<Vec<u8>, String>> =
        metadata.groups.iter().map(|group| open(group, keys, &mut attempts)).collect();
    let needed = match metadata.threshold {
        0 => metadata.groups.len(),
        threshold => threshold.min(metadata.groups.len()),
    };
    let (parts, problems): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    let parts: Vec<Vec<u8>> = parts.into_iter().flatten().collect();
    if parts.len() < needed {
        let problems: Vec<String> = problems.into_iter().filter_map(Result::err).collect();
        return Err(SopsError::NoKey(told(metadata, &parts, needed, &problems)));
    }
    let key = match parts.as_slice() {
        [key] if metadata.groups.len() == 1 => key.clone(),
        shares => shamir::combine(shares).map_err(|problem| SopsError::Metadata(problem.to_owned()))?,
    };
    key.try_into().map_err(|_| SopsError::Metadata("the data key has not the length of one".to_owned()))
}

fn told(metadata: &Metadata, parts: &[Vec<u8>], needed: usize, problems: &[String]) -> String {
    if metadata.groups.len() == 1 {
        return problems.join("; ");
    }
    let (groups, opened) = (metadata.groups.len(), parts.len());
    let problems = cowherd_text::listed(problems.iter().map(String::as_str), NAMED);
    format!("{needed} of its {groups} groups of keys must be opened, and {opened} are: {problems}")
}

/// What the keys of a group hold, if one is among `keys`.
fn open(group: &Group, keys: &Keys, attempts: &mut Attempts) -> Result<Vec<u8>, String> {
    let mut broken = Vec::new();
    for MasterKey { recipient, encrypted } in &group.age {
        match age::open(encrypted, &keys.age, attempts) {
            Ok(Some(part)) => return Ok(part),
            Ok(None) => {}
            Err(problem) => broken.push(format!("what is for {recipient} cannot be opened: {problem}")),
        }
    }
    for MasterKey { recipient, encrypted } in &group.open_pgp {
        match open_pgp::open(encrypted, &keys.open_pgp, attempts) {
            Ok(Some(part)) => return Ok(part),
            Ok(None) => {}
            Err(problem) => broken.push(format!("what is for OpenPGP {recipient} cannot be opened: {problem}")),
        }
    }
    if !broken.is_empty() {
        return Err(cowherd_text::listed(broken.iter().map(String::as_str), NAMED));
    }
    Err(closed(group, keys))
}

/// That none of `keys` is one of the group.
fn closed(group: &Group, keys: &Keys) -> String {
    let pgp = group.open_pgp.iter().map(|key| format!("OpenPGP {}", key.recipient));
    let age = group.age.iter().map(|key| key.recipient.clone());
    let recipients: Vec<String> = age.chain(pgp).collect();
    let given = keys.recipients();
    let given = match given.len() {
        0 => "none is given".to_owned(),
        _ => format!("given are those of {}", cowherd_text::listed(given.iter().map(String::as_str), NAMED)),
    };
    let elsewhere = cowherd_text::listed(group.elsewhere.iter().map(String::as_str), NAMED);
    let recipients = cowherd_text::listed(recipients.iter().map(String::as_str), NAMED);
    match (recipients.is_empty(), elsewhere.is_empty()) {
        (false, true) => format!("it is encrypted for {recipients}, and {given}"),
        (true, _) => {
            format!("it is encrypted by {elsewhere} alone, which is asked nothing here; encrypt for a key of age too")
        }
        (false, false) => {
            format!(
                "it is encrypted for {recipients}, and {given}; {elsewhere}, which has it too, is asked nothing here"
            )
        }
    }
}
