//! Who has to have signed what is fetched.

use std::fmt;
use std::time::SystemTime;

use cowherd_api::flux::source::v1::GitRepositoryVerification;
use cowherd_source::{SignatureProblem, Signers, Snapshot};

use super::super::Shared;
use super::super::secrets::{Namespace, Unread};
use super::KIND;

const KEYS: &str = "spec.verify.secretRef";

/// What has to be signed, and where the keys of those are who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verification {
    mode: Mode,
    secret: String,
}

/// What has to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commit,
    Tag,
    Both,
}

/// Why it is not verified, in Flux's words as far as it has some.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unverified {
    /// What has to be signed is not known.
    #[error("spec.verify.mode {0:?} is none; write HEAD, Tag or TagAndHEAD")]
    Mode(String),
    /// A tag is to be verified where none is followed.
    #[error(
        "cannot verify tag object's signature if a tag reference is not specified; name one in spec.ref, by tag, semver or a name that \
         begins with refs/tags/, or verify HEAD"
    )]
    NoTag,
    /// The keys cannot be read.
    #[error("public keys secret error: {0}")]
    Keys(#[from] Unread),
    /// The tag is not signed.
    #[error("cannot verify signature of tag '{0}' since it is not signed")]
    UnsignedTag(String),
    /// The tag is signed by nobody who may.
    #[error("signature verification of tag '{0}' failed: {1}")]
    Tag(String, SignatureProblem),
    /// The commit is signed by nobody who may.
    #[error("signature verification of commit '{0}' failed: {1}")]
    Commit(String, SignatureProblem),
}

impl Unverified {
    /// The reason in one word, as Flux gives it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Mode(_) | Self::NoTag => "InvalidVerificationMode",
            Self::Keys(_) => "VerificationError",
            Self::UnsignedTag(_) => "InvalidGitObject",
            Self::Tag(..) => "InvalidTagSignature",
            Self::Commit(..) => "InvalidCommitSignature",
        }
    }

    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Mode(_) | Self::NoTag)
    }
}

impl Verification {
    /// What the spec asks for.
    pub(super) fn read(spec: &GitRepositoryVerification) -> Result<Self, Unverified> {
        let mode = match spec.mode.as_deref() {
            // The second is how it was written before.
            None | Some("" | "head" | "HEAD") => Mode::Commit,
            Some("Tag") => Mode::Tag,
            Some("TagAndHEAD") => Mode::Both,
            Some(other) => return Err(Unverified::Mode(other.to_owned())),
        };
        Ok(Self { mode, secret: spec.secret_ref.name.clone() })
    }

    /// Whether a tag has to be signed.
    pub(super) fn is_of_tag(&self) -> bool {
        self.mode != Mode::Commit
    }

    /// What has to be signed, as a status says it.
    pub(super) fn mode(&self) -> &'static str {
        match self.mode {
            Mode::Commit => "HEAD",
            Mode::Tag => "Tag",
            Mode::Both => "TagAndHEAD",
        }
    }

    /// The keys of those who may sign.
    pub(super) async fn signers(&self, shared: &Shared, namespace: &str) -> Result<Signers, Unverified> {
        let namespace = Namespace { client: &shared.client, name: namespace, kind: KIND.0, hidden: &shared.hidden };
        Ok(Signers::read(&namespace.secret(&self.secret, KEYS).await?))
    }

    /// By which keys what was fetched is signed, in a sentence.
    pub(super) fn verify(&self, snapshot: &Snapshot, signers: &Signers) -> Result<String, Unverified> {
        let (now, mut verified) = (SystemTime::now(), Vec::new());
        if self.mode != Mode::Commit {
            let label = snapshot.tag_label();
            let signer = match snapshot.signer_of_tag(signers, now) {
                Ok(signer) => signer,
                Err(SignatureProblem::Unsigned) => return Err(Unverified::UnsignedTag(label)),
                Err(problem) => return Err(Unverified::Tag(label, problem)),
            };
            verified.push(format!("\n\t- tag '{label}' with key '{signer}'"));
        }
        if self.mode != Mode::Tag {
            let commit = snapshot.commit.id.to_string();
            let signer =
                snapshot.signer(signers, now).map_err(|problem| Unverified::Commit(commit.clone(), problem))?;
            verified.push(format!("\n\t- commit '{commit}' with key '{signer}'"));
        }
        Ok(format!("verified signature of{}", verified.concat()))
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.mode(), self.secret)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mode: Option<&str>) -> Result<Verification, Unverified> {
        let spec = json!({ "mode": mode, "secretRef": { "name": "keys" } });
        Verification::read(&serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn a_mode_is_known_or_refused() {
        for (said, mode, is_of_tag) in [
            (None, "HEAD", false),
            (Some(""), "HEAD", false),
            (Some("head"), "HEAD", false),
            (Some("HEAD"), "HEAD", false),
            (Some("Tag"), "Tag", true),
            (Some("TagAndHEAD"), "TagAndHEAD", true),
        ] {
            let read = read(said).unwrap();
            assert_eq!((read.mode(), read.is_of_tag(), read.to_string()), (mode, is_of_tag, format!("{mode}:keys")));
        }
        for wrong in ["tag", "Head", "none", "HEAD "] {
            let error = read(Some(wrong)).unwrap_err();
            assert!(error.to_string().contains(&format!("{wrong:?} is none")) && error.is_final(), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_has_fluxs_reason_and_only_a_mode_is_for_good() {
        let unsigned = || SignatureProblem::Unsigned;
        for (error, reason, is_final) in [
            (Unverified::Mode("x".into()), "InvalidVerificationMode", true),
            (Unverified::NoTag, "InvalidVerificationMode", true),
            (Unverified::UnsignedTag("v1".into()), "InvalidGitObject", false),
            (Unverified::Tag("v1".into(), unsigned()), "InvalidTagSignature", false),
            (Unverified::Commit("1".into(), unsigned()), "InvalidCommitSignature", false),
        ] {
            assert_eq!((error.reason(), error.is_final()), (reason, is_final), "{error}");
        }
    }
}
