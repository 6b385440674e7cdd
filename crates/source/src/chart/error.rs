//! Why a chart could not be fetched.

use std::path::PathBuf;
use std::sync::Arc;

use cowherd_tree::ArchiveError;

use crate::{NoRoom, RangeError, TlsRemedies, WebProblem};

/// Why a chart could not be fetched: which one, from where, the cause, and what to do.
///
/// No variant holds a credential, and URLs are shown without user information and query.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{chart}: {problem}")]
pub struct ChartError {
    /// The chart with its version and repository, for people.
    pub chart: String,
    /// What happened.
    pub problem: ChartProblem,
}

/// What can keep a chart from being fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChartProblem {
    /// The repository is a directory of this machine that nobody opened to manifests.
    #[error("{} is a directory that is not open to manifests; allow its path, or use the repository's https or oci URL", .0.display())]
    NotAllowed(PathBuf),
    /// The server, the registry or the directory did not give it.
    #[error(transparent)]
    Web(#[from] WebProblem),
    /// The repository has no chart of that name.
    #[error("the repository has no chart of this name; check its spelling")]
    NoChart,
    /// No version of the chart is in the range.
    #[error("no version of the chart is in this range; there {available}")]
    NoVersion {
        /// The newest versions that there are, in words.
        available: String,
    },
    /// The version is neither a version nor a range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// What the repository says of the chart makes no sense.
    #[error("the index of the repository cannot be used: {0}; it is made by `helm repo index`")]
    Index(String),
    /// There is no room on disk for what comes.
    #[error("what comes cannot be kept: {0}")]
    NoRoom(#[from] NoRoom),
    /// The chart's archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] Arc<ArchiveError>),
}

impl ChartError {
    /// The same for whom other things can be done about TLS than for whoever writes a source.
    pub fn with_remedies(self, remedies: &'static TlsRemedies) -> Self {
        match self.problem {
            ChartProblem::Web(problem) => Self { problem: problem.with_remedies(remedies).into(), ..self },
            _ => self,
        }
    }

    /// What the server, the registry or the directory has against it, if that is it.
    pub fn web(&self) -> Option<&WebProblem> {
        match &self.problem {
            ChartProblem::Web(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether it may pass by itself: no answer, or one that says to come back.
    pub fn may_pass(&self) -> bool {
        matches!(&self.problem, ChartProblem::Web(problem) if problem.may_pass())
    }
}
