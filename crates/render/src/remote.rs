//! What a render needs from elsewhere: repositories, files and charts that a kustomization names by their address.
//!
//! A render is pure. It asks a [`Remotes`] for what it needs and fails with
//! [`Cause::MissingRemotes`](crate::Cause::MissingRemotes) where something is not there, so that a caller can fetch
//! it and render again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cowherd_tree::Tree;
use serde::{Deserialize, Serialize};

/// Something elsewhere. What is displayed can be shown to anyone: an address without its password and without what a
/// signed one has behind its `?`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RemoteSource {
    /// A Git repository.
    Git {
        /// The address to clone, such as `https://github.com/org/repo` or `git@example.com:org/repo.git`.
        url: String,
        /// The branch, tag or commit; the remote's default branch without one.
        reference: Option<String>,
        /// How long fetching it may take, if the address says so.
        #[serde(default)]
        timeout: Option<Duration>,
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
            Self::Git { url, reference: None, .. } => write!(f, "{}", shown(url)),
            Self::Git { url, reference: Some(reference), .. } => write!(f, "{} at {reference}", shown(url)),
            Self::File { url } => match url.split_once('?') {
                Some((url, _)) => write!(f, "{}?…", shown(url)),
                None => write!(f, "{}", shown(url)),
            },
            Self::Chart { repository, name, version: None, .. } => write!(f, "chart {name} of {}", shown(repository)),
            Self::Chart { repository, name, version: Some(version), .. } => {
                write!(f, "chart {name} {version} of {}", shown(repository))
            }
        }
    }
}

impl fmt::Debug for RemoteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteSource({self})")
    }
}

/// An address without the password that may stand in it: of `https://jane:hunter2@host/path` it leaves
/// `https://jane@host/path`. A user alone may be a token, unless it is one of ssh.
pub(crate) fn shown(address: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = address.split_once("://") else { return Cow::Borrowed(address) };
    let authority = rest.get(..rest.find('/').unwrap_or(rest.len())).unwrap_or(rest);
    let Some((userinfo, _)) = authority.rsplit_once('@') else { return Cow::Borrowed(address) };
    let host = rest.get(userinfo.len() + 1..).unwrap_or_default();
    match userinfo.split_once(':') {
        Some((user, _)) => Cow::Owned(format!("{scheme}://{user}@{host}")),
        None if scheme.to_ascii_lowercase().ends_with("ssh") => Cow::Borrowed(address),
        None => Cow::Owned(format!("{scheme}://{host}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_holds_no_secret() {
        let git = |url: &str| RemoteSource::Git { url: url.into(), reference: None, timeout: None };
        for (url, displayed) in [
            ("https://jane:hunter2@example.com/org/repo", "https://jane@example.com/org/repo"),
            ("https://jane:hunter2@x@example.com/org/repo", "https://jane@example.com/org/repo"),
            ("https://:hunter2@example.com", "https://@example.com"),
            ("https://hunter2@example.com/org/repo", "https://example.com/org/repo"),
            ("ssh://git@example.com/org/repo", "ssh://git@example.com/org/repo"),
            ("ssh://git:hunter2@example.com/org/repo", "ssh://git@example.com/org/repo"),
            ("git@example.com:org/repo", "git@example.com:org/repo"),
            ("https://example.com/org/a@b", "https://example.com/org/a@b"),
        ] {
            assert_eq!(git(url).to_string(), displayed);
            assert!(!format!("{:?}", git(url)).contains("hunter2"));
        }
        let file = RemoteSource::File { url: "https://example.com/a.yaml?signature=hunter2".into() };
        assert_eq!(file.to_string(), "https://example.com/a.yaml?…");
    }
}
