//! Hosts of repositories, as their APIs are asked: GitHub, GitLab and Gitea.

use cowherd_source::Secret;

/// A host of repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// GitHub, and GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, and Forgejo.
    Gitea,
}

impl Host {
    /// Where the API of the one at `server` is, which is reached by `scheme`.
    pub fn api(self, scheme: &str, server: &str) -> String {
        match self {
            Self::GitLab => format!("{scheme}://{server}/api/v4"),
            Self::GitHub if server == "github.com" => format!("{scheme}://api.github.com"),
            Self::GitHub => format!("{scheme}://{server}/api/v3"),
            Self::Gitea => format!("{scheme}://{server}/api/v1"),
        }
    }

    /// The headers with which it is asked, by who has this token.
    pub fn headers(self, token: Option<&Secret>) -> Vec<(String, String)> {
        let header = |name: &str, value: String| (name.to_owned(), value);
        let authorization = token.and_then(|token| std::str::from_utf8(token.expose()).ok()).map(|token| match self {
            Self::GitHub => header("authorization", format!("Bearer {token}")),
            Self::GitLab => header("private-token", token.to_owned()),
            Self::Gitea => header("authorization", format!("token {token}")),
        });
        let accept = match self {
            Self::GitHub => "application/vnd.github+json",
            Self::GitLab | Self::Gitea => "application/json",
        };
        std::iter::once(header("accept", accept.to_owned())).chain(authorization).collect()
    }
}
