//! What is told of the content of sources, to whoever applies it.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Artifact, Problem, SourceName};

/// What a source has at the moment.
#[derive(Clone, Default)]
pub(crate) struct Latest {
    /// What it brought last; nothing where it never brought anything.
    pub(crate) artifact: Option<Arc<Artifact>>,
    /// Why it could not be looked at since.
    pub(crate) problem: Option<Problem>,
    /// Whether it was asked for something else since, and did not bring that.
    pub(crate) is_outdated: bool,
}

impl Latest {
    /// Whether anything is known of the source.
    pub(super) fn is_something(&self) -> bool {
        self.artifact.is_some() || self.problem.is_some()
    }

    /// The source brought this, and all is well.
    #[cfg(test)]
    pub(crate) fn of(artifact: Artifact) -> Self {
        Self { artifact: Some(Arc::new(artifact)), ..Self::default() }
    }
}

/// A source has something else than before.
pub(crate) struct News {
    pub(crate) source: SourceName,
    /// Nothing where the source is gone.
    pub(crate) latest: Option<Latest>,
}

/// Takes news. It never waits.
pub(crate) type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// Tells of one source. Once it is said to be gone, nothing more is: a fetch that was still going on brings nothing back.
#[derive(Clone)]
pub(crate) struct Teller(Arc<Mutex<State>>);

struct State {
    source: SourceName,
    tell: Tell,
    latest: Latest,
    is_gone: bool,
}

impl Teller {
    pub(crate) fn new(source: SourceName, tell: Tell) -> Self {
        Self(Arc::new(Mutex::new(State { source, tell, latest: Latest::default(), is_gone: false })))
    }

    /// There is such a source, whatever it will bring.
    pub(crate) fn begin(&self) {
        self.change(|_| true);
    }

    /// The source has this, and all is well. What was told already is not told again.
    pub(crate) fn brought(&self, artifact: Arc<Artifact>) {
        self.change(|latest| {
            let known = latest.artifact.as_ref();
            let is_new =
                known.is_none_or(|known| (&known.revision, &known.digest) != (&artifact.revision, &artifact.digest));
            if is_new {
                latest.artifact = Some(artifact);
            }
            latest.is_outdated = false;
            latest.problem.take().is_some() || is_new
        });
    }

    /// The source could not be looked at. What it brought before still counts, unless it `is_outdated` for whoever minds that.
    pub(crate) fn failed(&self, problem: &Problem, is_outdated: bool) {
        self.change(|latest| {
            let was_outdated = std::mem::replace(&mut latest.is_outdated, is_outdated);
            latest.problem.replace(problem.clone()).as_ref() != Some(problem) || was_outdated != is_outdated
        });
    }

    /// What the source brought before is needed by nobody for as long as it cannot be looked at.
    pub(crate) fn lose(&self) {
        self.change(|latest| latest.artifact.take().is_some());
    }

    /// The source is gone.
    pub(crate) fn end(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_gone = true;
        (state.tell)(News { source: state.source.clone(), latest: None });
    }

    fn change(&self, change: impl FnOnce(&mut Latest) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_gone && change(&mut state.latest) {
            (state.tell)(News { source: state.source.clone(), latest: Some(state.latest.clone()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use cowherd_apply::mask::Mask;

    use super::*;
    use crate::source::git;

    /// What was told: the revision and the problem, or that the source is gone.
    type Heard = Arc<Mutex<Vec<Option<(String, String)>>>>;

    fn teller() -> (Teller, Heard) {
        let heard = Heard::default();
        let tell: Tell = {
            let heard = heard.clone();
            Arc::new(move |news: News| {
                let words = |latest: Latest| {
                    let revision = latest.artifact.map(|artifact| artifact.revision.clone());
                    (
                        revision.unwrap_or_default(),
                        latest.problem.map(|problem| problem.told(&Mask::default())).unwrap_or_default(),
                    )
                };
                heard.lock().unwrap().push(news.latest.map(words));
            })
        };
        (Teller::new(SourceName::new(git::KIND, "n", "s"), tell), heard)
    }

    fn artifact(revision: &str) -> Arc<Artifact> {
        Arc::new(Artifact { revision: revision.to_owned(), ..Artifact::nothing() })
    }

    fn words(revision: &str, problem: &str) -> Option<(String, String)> {
        Some((revision.to_owned(), problem.to_owned()))
    }

    #[test]
    fn a_fetch_that_ends_after_its_source_was_deleted_brings_nothing_back() {
        let (teller, heard) = teller();
        let of_the_fetch = teller.clone();
        teller.brought(artifact("1"));
        teller.end();
        of_the_fetch.brought(artifact("2"));
        assert_eq!(*heard.lock().unwrap(), [words("1", ""), None]);
    }

    #[test]
    fn what_is_wrong_is_told_once_beside_what_was_brought_before_and_that_all_is_well_again() {
        let (teller, heard) = teller();
        let problem = Problem {
            reason: "GitOperationFailed",
            message: Problem::said(&"no answer", false),
            is_final: false,
            may_pass: true,
            is_unverified: false,
            is_bug: false,
        };
        teller.failed(&problem, false);
        teller.failed(&problem, false);
        teller.brought(artifact("1"));
        teller.brought(artifact("1"));
        teller.failed(&problem, false);
        teller.brought(artifact("1"));
        let expected = [words("", "no answer"), words("1", ""), words("1", "no answer"), words("1", "")];
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}
