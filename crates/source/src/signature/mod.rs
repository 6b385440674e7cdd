//! Who signed a commit or a tag, by OpenPGP or by SSH, as git signs them.
//!
//! What was signed is the object as it lies in the database, byte by byte, without the signature: nothing is read into something
//! else and written again before.

mod payload;
mod signers;
mod ssh;

use cowherd_openpgp::{SignatureError, Unverified};
use gix::ObjectId;
use gix::objs::{Kind, TagRef};

use crate::objects::{ObjectError, Objects};
use payload::{Malformed, Signed};
pub use signers::Signers;
use ssh::SshProblem;

/// The most bytes of a commit or a tag that is verified.
const MAX_OBJECT: u64 = 1 << 20;

/// The most characters that are shown of what somebody wrote.
const MAX_SHOWN: usize = 80;

/// Why it is not known who signed something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// It is not signed.
    #[error("it is not signed")]
    Unsigned,
    /// What is signed, and by what, cannot be told apart.
    #[error("{0}")]
    Malformed(&'static str),
    /// It is signed by something that is not understood.
    #[error("it is signed by {0}, which is not supported; sign with OpenPGP or SSH")]
    Unsupported(&'static str),
    /// There are no keys of this kind.
    #[error(
        "it is signed with {what}, and the Secret has no public key of that: put one in under a name that ends with {ending}{unread}"
    )]
    NoKeys {
        /// OpenPGP or SSH.
        what: &'static str,
        /// How the names of its keys end.
        ending: &'static str,
        /// What of the Secret could not be read, beginning with a separator; or nothing.
        unread: String,
    },
    /// Its signature is no good.
    #[error("{cause}{unread}")]
    Refused {
        /// What is wrong with it.
        cause: String,
        /// What of the Secret could not be read, beginning with a separator; or nothing.
        unread: String,
    },
    /// The tag is called otherwise.
    #[error(
        "the tag that was signed is called {0:?}: somebody put it under another name, and its signature says nothing of that"
    )]
    Renamed(String),
    /// The tag names something else than the server says.
    #[error("the tag that was signed names another commit than the server said")]
    OtherCommit,
    /// The object cannot be read.
    #[error("{0}")]
    Object(String),
}

impl From<Malformed> for SignatureProblem {
    fn from(Malformed(problem): Malformed) -> Self {
        Self::Malformed(problem)
    }
}

impl From<ObjectError> for SignatureProblem {
    fn from(error: ObjectError) -> Self {
        Self::Object(error.to_string())
    }
}

/// Why a signature is no good, whichever kind it is of.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    OpenPgp(#[from] SignatureError),
    #[error(transparent)]
    Unverified(#[from] Unverified),
    #[error(transparent)]
    Ssh(#[from] SshProblem),
}

/// Who signed the commit `id`, at a time in seconds since 1970.
pub(crate) fn of_commit(
    objects: &Objects,
    id: ObjectId,
    signers: &Signers,
    now: u64,
) -> Result<String, SignatureProblem> {
    let content = objects.whole(id, Kind::Commit, MAX_OBJECT)?;
    let Signed { payload, signature } = payload::of_commit(&content)?.ok_or(SignatureProblem::Unsigned)?;
    signers.verify(&signature, &payload, now)
}

/// Who signed the tag `id`, which has to be called `name` and to name the commit.
pub(crate) fn of_tag(
    objects: &Objects,
    id: ObjectId,
    (name, commit): (&str, ObjectId),
    signers: &Signers,
    now: u64,
) -> Result<String, SignatureProblem> {
    let content = objects.whole(id, Kind::Tag, MAX_OBJECT)?;
    let Signed { payload, signature } = payload::of_tag(&content)?.ok_or(SignatureProblem::Unsigned)?;
    let signer = signers.verify(&signature, &payload, now)?;
    let called = name_of_tag(&content).ok_or(SignatureProblem::Malformed("it cannot be read"))?;
    if called != name {
        return Err(SignatureProblem::Renamed(shown(&called)));
    }
    // What the server says of a tag is not what the tag says.
    let (named, _) = objects.commit(id)?;
    if named.id.0 != commit {
        return Err(SignatureProblem::OtherCommit);
    }
    Ok(signer)
}

/// The beginning of what somebody wrote, to be shown.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// How a tag calls itself.
pub(crate) fn name_of_tag(content: &[u8]) -> Option<String> {
    let tag = TagRef::from_bytes(content, gix::hash::Kind::Sha1).ok()?;
    std::str::from_utf8(tag.name).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_the_commit_that_it_names_whatever_a_server_says() {
        let directory = tempfile::tempdir().unwrap();
        let repository = cowherd_gitserver::Repository::new(directory.path().join("repo"));
        let key = cowherd_gitserver::signing::SshKey::new(directory.path().join("jane"), "ed25519", "");
        let id = |text: String| ObjectId::from_hex(text.as_bytes()).unwrap();
        let (signed, other) = (id(repository.commit("a", "1")), id(repository.commit("a", "2")));
        let format = "object OBJECT\ntype commit\ntag v1\ntagger A <a@x> 1 +0000\n\nmessage\n";
        let tag = format.replace("OBJECT", &signed.to_string());
        let tag = [&tag, key.sign("git", tag.as_bytes()).as_str()].concat();
        let tag = id(cowherd_gitserver::signing::store(&repository.path, "tag", tag.as_bytes()));
        let objects = Objects::open(&repository.path.join(".git/objects")).unwrap();
        let signers = Signers::read(&[("jane.sshpub".to_owned(), key.public_key().into_bytes())].into());
        let told = |name, commit| of_tag(&objects, tag, (name, commit), &signers, 0);
        assert_eq!(told("v1", signed), Ok(key.fingerprint()));
        assert_eq!(told("v1", other), Err(SignatureProblem::OtherCommit));
        assert_eq!(told("v2", signed), Err(SignatureProblem::Renamed("v1".to_owned())));
    }

    #[test]
    fn a_tag_is_called_as_it_says() {
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let tag = format!("object {id}\ntype commit\ntag v1.0\ntagger A <a@x> 1 +0000\n\nmessage\n");
        assert_eq!(name_of_tag(tag.as_bytes()).as_deref(), Some("v1.0"));
        assert_eq!(name_of_tag(b"tag v1.0\n"), None);
    }
}
