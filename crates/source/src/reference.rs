//! What of a repository is asked for, and what was found.

use std::fmt;

use gix::ObjectId;

use crate::commit::CommitId;
use crate::version::Range;

/// What the full names of tags begin with.
const TAGS: &str = "refs/tags/";

/// What to fetch of a repository, as Flux's `spec.ref` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The tip of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The tag with the highest version in a range.
    SemVer(Range),
    /// A commit by its full id.
    Commit {
        /// The 40 hexadecimal digits of the commit.
        id: String,
        /// A branch that holds the commit; it names the revision.
        branch: Option<String>,
    },
    /// A reference by its full name, such as `refs/pull/1/head`.
    Name(String),
    /// Whatever `git fetch` would take the name for: a commit by its full id, or else a tag, a branch, or a reference
    /// by its full name. This is what the `ref` of a remote kustomize base names.
    Any(String),
    /// What the repository has checked out, or what a clone of it would check out: the default branch.
    Head,
}

impl Default for Reference {
    /// The branch that Flux takes when nothing is said: `master`.
    fn default() -> Self {
        Self::Branch("master".to_owned())
    }
}

impl Reference {
    /// A commit by its full id.
    pub fn commit(id: impl Into<String>) -> Self {
        Self::Commit { id: id.into(), branch: None }
    }

    /// What a name may be short for, as Git looks for it: full names and what a revision calls them, in the order in
    /// which the first that exists is taken.
    pub(crate) fn candidates(name: &str) -> [(String, String); 4] {
        let short = |prefix: &str| (format!("{prefix}{name}"), name.to_owned());
        let full = format!("refs/{name}");
        [short(""), (full.clone(), full), short("refs/tags/"), short("refs/heads/")]
    }

    /// The commit that the name itself is, if it is the full id of one.
    pub(crate) fn named_commit(name: &str) -> Option<CommitId> {
        name.parse().ok()
    }

    /// Whether it is one of a tag, whatever a tag is.
    pub fn is_of_tag(&self) -> bool {
        match self {
            Self::Tag(_) | Self::SemVer(_) => true,
            Self::Name(name) => name.starts_with(TAGS),
            Self::Branch(_) | Self::Commit { .. } | Self::Any(_) | Self::Head => false,
        }
    }

    /// The full name of the reference in the repository, unless it has to be looked for.
    pub(crate) fn full_name(&self) -> Option<String> {
        match self {
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Name(name) => Some(name.clone()),
            Self::Head => Some("HEAD".to_owned()),
            Self::SemVer(_) | Self::Commit { .. } | Self::Any(_) => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name:?}"),
            Self::Tag(name) => write!(f, "tag {name:?}"),
            Self::SemVer(range) => write!(f, "tag in the version range {:?}", range.to_string()),
            Self::Commit { id, .. } => write!(f, "commit {id}"),
            Self::Name(name) => write!(f, "reference {name:?}"),
            Self::Any(name) => write!(f, "branch, tag or commit {name:?}"),
            Self::Head => write!(f, "HEAD"),
        }
    }
}

/// A reference that a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The name that the revision carries.
    pub(crate) name: Option<String>,
    /// The commit, or what stands on the way to it.
    pub(crate) id: ObjectId,
    /// The tag on the way to it, if there is one and it is wanted as well.
    pub(crate) tag: Option<ObjectId>,
}

impl Found {
    /// A commit, found under this name.
    pub(crate) fn commit(name: Option<String>, id: ObjectId) -> Self {
        Self { name, id, tag: None }
    }

    /// What is asked for, so that all that is wanted comes.
    pub(crate) fn wanted(&self) -> ObjectId {
        self.tag.unwrap_or(self.id)
    }

    /// How the commit is called.
    pub(crate) fn revision(&self, commit: CommitId) -> Revision {
        Revision::new(self.name.clone(), commit)
    }
}

/// A commit together with the name under which it was found, written as Flux writes it: `main@sha1:<id>`,
/// `v1.0.0@sha1:<id>`, `refs/pull/1/head@sha1:<id>`, or `sha1:<id>` where there is no name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision {
    name: Option<String>,
    commit: CommitId,
}

impl Revision {
    /// The revision of `commit`, found under `name`.
    pub fn new(name: Option<String>, commit: CommitId) -> Self {
        Self { name, commit }
    }

    /// The branch, tag or reference under which the commit was found.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The commit.
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }
}

impl std::str::FromStr for Revision {
    type Err = String;

    /// Reads what is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, commit) = match text.rsplit_once("@sha1:") {
            Some((name, commit)) => (Some(name.to_owned()), commit),
            None => (None, text.strip_prefix("sha1:").unwrap_or(text)),
        };
        Ok(Self::new(name, commit.parse()?))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}@sha1:{}", self.commit),
            None => write!(f, "sha1:{}", self.commit),
        }
    }
}
