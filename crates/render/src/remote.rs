//! What a render needs from elsewhere: repositories, files and charts that a kustomization names by their address.
//!
//! A render is pure. It asks a [`Remotes`] for what it needs and fails with
//! [`Cause::MissingRemotes`](crate::Cause::MissingRemotes) where something is not there, so that a caller can fetch
//! it and render again.

use std::fmt;
use std::sync::Arc;

use cowherd_tree::Tree;
use serde::{Deserialize, Serialize};

/// Something elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RemoteSource {
    /// A Git repository.
    Git {
        /// The address to clone, such as `https://github.com/org/repo` or `git@example.com:org/repo.git`.
        url: String,
        /// The branch, tag or commit; the remote's default branch without one.
        reference: Option<String>,
    },
    /// A file.
    File {
        /// Its address, `http` or `https`.
        url: String,
    },
    /// A Helm chart.
    Chart {
        /// The address of the chart repository, `https://…` or `oci://…`.
        repository: String,
        /// The chart's name in it.
        name: String,
        /// The version, exact or a range; the newest without one.
        version: Option<String>,
        /// Versions that are not released yet count, too.
        prereleases: bool,
    },
}

impl fmt::Display for RemoteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { url, reference: None } => write!(f, "{url}"),
            Self::Git { url, reference: Some(reference) } => write!(f, "{url} at {reference}"),
            Self::File { url } => write!(f, "{url}"),
            Self::Chart { repository, name, version: None, .. } => write!(f, "chart {name} of {repository}"),
            Self::Chart { repository, name, version: Some(version), .. } => {
                write!(f, "chart {name} {version} of {repository}")
            }
        }
    }
}

/// What a [`RemoteSource`] is at the moment.
#[derive(Clone)]
pub struct Remote {
    /// The content: of a repository its files, of a file a tree with that file alone, of a chart the chart's directory.
    pub tree: Arc<dyn Tree>,
    /// Which content it is: equal revisions of a source are equal contents.
    pub revision: String,
}

/// Where a render finds what is elsewhere. The same source must be the same content for as long as a render lasts.
pub trait Remotes: Send + Sync {
    /// The source's content; `None` where it is not known (yet).
    fn find(&self, source: &RemoteSource) -> Option<Remote>;
}

/// Nothing is elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRemotes;

impl Remotes for NoRemotes {
    fn find(&self, _: &RemoteSource) -> Option<Remote> {
        None
    }
}
