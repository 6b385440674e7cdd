//! What is written in the commits that revisions name, as far as they are at hand: in the local repository that is
//! followed, or in the clone that a person stands in.

use std::path::Path;

use cowherd_api::flux::annotations::{AUTHOR, SINCE, SUBJECT};
use cowherd_source::local::{self, Repository};
use cowherd_source::{Commit, RepositoryUrl};
use serde_json::{Value, json};

/// The commits of one source.
pub struct Commits {
    repository: Option<Repository>,
}

impl Commits {
    /// The commits of the repository at this address. Where it is a remote one, those of the clone that the person
    /// stands in; where that is another repository, it does not have the commits.
    pub fn of(url: &str) -> Self {
        let path = RepositoryUrl::parse(url).ok().and_then(|url| url.local_path().map(Path::to_owned));
        let repository = match path {
            Some(path) => Repository::open(&path),
            None => local::discover(Path::new(".")),
        };
        Self { repository: repository.ok() }
    }

    /// What is written in the commit of a revision such as `main@sha1:d43c3f6abf…`; `None` where it is not at hand.
    pub fn find(&self, revision: &str) -> Option<Commit> {
        Some(self.repository.as_ref()?.revision(id(revision)?).ok()?.commit)
    }
}

/// The id of the commit in a revision; `None` where it names no commit, as that of an artifact may.
fn id(revision: &str) -> Option<&str> {
    let id = revision.rsplit_once(':').map_or(revision, |(_, id)| id);
    (id.len() == 40 && id.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(id)
}

/// The same, as short as Git shows it.
pub fn short_id(revision: &str) -> Option<&str> {
    id(revision)?.get(..8)
}

/// Author and subject of a revision as the agents wrote them into an entry of `status.history`.
pub fn written_down(entry: &Value) -> Option<[String; 2]> {
    let text = |key: &str| entry["metadata"][key].as_str().map(str::to_owned);
    Some([text(AUTHOR)?, text(SUBJECT)?])
}

/// The revision that brought what an entry of `status.history` is about: later ones may have changed nothing of it.
pub fn brought_by(entry: &Value) -> Option<&str> {
    [SINCE, "originRevision", "revision"].into_iter().find_map(|key| entry["metadata"][key].as_str())
}

/// A person as Git writes them: `Ada <ada@example.com>`.
pub fn author(commit: &Commit) -> String {
    format!("{} <{}>", commit.author.name, commit.author.email)
}

/// When the change was written, as RFC 3339.
pub fn date(commit: &Commit) -> String {
    jiff::Timestamp::from_second(commit.author.time).map_or_else(|_| String::new(), |time| time.to_string())
}

/// The commit for programs.
pub fn structured(commit: &Commit) -> Value {
    json!({
        "id": commit.id.to_string(), "author": { "name": commit.author.name, "email": commit.author.email },
        "date": date(commit), "subject": commit.subject,
    })
}
