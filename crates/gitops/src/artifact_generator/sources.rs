//! The sources of a generator, and what they have.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::mask::Mask;
use futures::future::{FutureExt, select_all};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::error::Error;
use super::spec::Wanted;
use crate::source::{Artifact, Latest, Shared, SourceName};

/// How long it is waited for sources that have brought nothing before that is said.
const GRACE: Duration = Duration::from_secs(2);

/// The sources of a generator.
pub(super) struct Sources {
    namespace: String,
    followed: Vec<Followed>,
}

struct Followed {
    alias: String,
    source: SourceName,
    latest: watch::Receiver<Latest>,
}

/// What a source has.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) alias: String,
    pub(super) source: SourceName,
    pub(super) artifact: Arc<Artifact>,
}

impl Sources {
    /// Those that a generator names.
    pub(super) fn follow(shared: &Shared, wanted: &Wanted) -> Self {
        let follow = |named: &super::spec::Named| {
            shared.wanted.note(&named.source);
            let latest = shared.shelf.follow(&named.source);
            Followed { alias: named.alias.clone(), source: named.source.clone(), latest }
        };
        let followed = wanted.sources.iter().map(follow).collect();
        Self { namespace: wanted.name.namespace.clone(), followed }
    }

    /// What they have; where one has nothing, after a moment in which it may come.
    pub(super) async fn contents(&mut self) -> Result<Vec<Content>, Error> {
        let deadline = tokio::time::Instant::now() + GRACE;
        loop {
            let lacking = match self.seen() {
                Ok(contents) => return Ok(contents),
                Err(lacking) => lacking,
            };
            if tokio::time::timeout_at(deadline, self.change()).await.is_err() {
                return Err(lacking);
            }
        }
    }

    fn seen(&mut self) -> Result<Vec<Content>, Error> {
        let mut contents = Vec::new();
        for Followed { alias, source, latest } in &mut self.followed {
            let latest = latest.borrow_and_update().clone();
            let Some(artifact) = latest.artifact else {
                // What is wrong with a source is for those of its namespace.
                let why = match latest.problem.filter(|_| source.name.namespace == self.namespace) {
                    Some(problem) => format!(": {}", problem.told(&Mask::default())),
                    None => "; it is not there, or has brought nothing yet".to_owned(),
                };
                return Err(Error::Sources(format!("source '{source}' is not ready{why}")));
            };
            contents.push(Content { alias: alias.clone(), source: source.clone(), artifact });
        }
        Ok(contents)
    }

    /// Completes when one of them has something else; never where there are none.
    pub(super) async fn change(&mut self) {
        let changes = self.followed.iter_mut().map(|followed| followed.latest.changed().boxed());
        let changes: Vec<_> = changes.collect();
        if changes.is_empty() || select_all(changes).await.0.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The identity of what all sources have.
pub(super) fn digest(contents: &[Content]) -> String {
    let said = |content: &Content| {
        let Artifact { digest, revision, .. } = content.artifact.as_ref();
        format!("{}=[digest={digest},revision={revision},source={}]", content.alias, content.source)
    };
    let mut parts: Vec<String> = contents.iter().map(said).collect();
    parts.sort();
    let digest = Sha256::digest(parts.join("|"));
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
