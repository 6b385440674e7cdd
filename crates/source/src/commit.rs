//! Commits: their ids, and what is written in them.

use std::fmt;
use std::str::FromStr;

use cowherd_text::harmless;
use gix::ObjectId;
use gix::objs::CommitRef;

/// The id of a commit: a SHA-1, shown as 40 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(pub(crate) ObjectId);

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for CommitId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ObjectId::from_hex(text.as_bytes())
            .ok()
            .filter(|id| id.kind() == gix::hash::Kind::Sha1)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not the id of a commit; it takes 40 hexadecimal digits"))
    }
}

/// Who wrote or recorded a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
}

/// What is written in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The commit's own id.
    pub id: CommitId,
    /// The id of its tree, as 40 hexadecimal digits.
    pub tree: String,
    /// Who wrote the change.
    pub author: Signature,
    /// Who recorded the commit.
    pub committer: Signature,
    /// The first line of the message.
    pub subject: String,
}

impl Commit {
    /// Reads a commit from the content of its object.
    pub(crate) fn parse(id: ObjectId, content: &[u8]) -> Option<(Self, ObjectId)> {
        let commit = CommitRef::from_bytes(content, gix::hash::Kind::Sha1).ok()?;
        let tree = commit.tree();
        let parsed = Self {
            id: CommitId(id),
            tree: tree.to_string(),
            author: signature(commit.author().ok()),
            committer: signature(commit.committer().ok()),
            subject: shown(String::from_utf8_lossy(commit.message).lines().next().unwrap_or_default().trim()),
        };
        Some((parsed, tree))
    }
}

/// A signature that cannot be read is empty: the files of a commit do not depend on it.
fn signature(signature: Option<gix::actor::SignatureRef<'_>>) -> Signature {
    let Some(signature) = signature else {
        return Signature { name: String::new(), email: String::new(), time: 0 };
    };
    let signature = signature.trim();
    let (name, email) = (shown(&signature.name.to_string()), shown(&signature.email.to_string()));
    Signature { name, email, time: signature.seconds() }
}

/// What somebody wrote, as one line that is text and nothing else.
fn shown(text: &str) -> String {
    harmless(&text.replace(['\n', '\t'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_commit_says_is_text_and_nothing_else() {
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let content = format!(
            "tree {id}\nauthor Eve \u{1b}[31m <e@x\u{7}> 1700000000 +0100\ncommitter Zoë <z@x> 1700000000 +0100\n\n\
             fix \u{1b}]52;c;QQ==\u{7}\u{202e}abc\r now\n\nmore\n"
        );
        let (commit, _) = Commit::parse(id, content.as_bytes()).unwrap();
        let told =
            format!("{} {} {} {}", commit.author.name, commit.author.email, commit.committer.name, commit.subject);
        assert!(
            told.contains("Zoë") && commit.subject.starts_with("fix ") && commit.subject.ends_with("now"),
            "{told:?}"
        );
        assert!(!told.contains(cowherd_text::is_more_than_text), "{told:?}");
        assert!(commit.subject.contains("\\u{202e}abc") && commit.author.email == "e@x\\u{7}", "{told:?}");
    }
}
