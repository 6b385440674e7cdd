//! Where a repository is: URLs as Git writes them, and paths.

use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Secret;

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Git's smart protocol over HTTP with TLS.
    Https,
    /// Git's smart protocol over HTTP in clear text.
    Http,
    /// The `ssh` program, which runs `git-upload-pack` on the other side.
    Ssh,
    /// A directory of this machine, read directly.
    File,
}

/// The URL of a repository, without the credentials that may have stood in it.
///
/// What is displayed can be shown to anyone.
#[derive(Clone, Debug)]
pub struct RepositoryUrl(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    place: Place,
    shown: String,
    userinfo: Option<(String, Secret)>,
}

#[derive(Debug)]
enum Place {
    Server(gix::Url, Scheme),
    Directory(PathBuf),
}

/// The addresses that a host without a port names itself: those of this machine for `localhost`. None where a name has to be
/// looked up.
pub(crate) fn named_by(host: &str) -> Vec<IpAddr> {
    let host = host.to_ascii_lowercase();
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    match plain.parse() {
        Ok(address) => vec![address],
        Err(_) if plain == "localhost" || plain.ends_with(".localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Err(_) => Vec::new(),
    }
}

/// Why a text is not the URL of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text cannot be read as a URL.
    #[error("the repository URL is not valid: {0}; write https://HOST/PATH, ssh://USER@HOST/PATH or a path")]
    Invalid(String),
    /// The scheme is one that is not spoken here.
    #[error("the scheme {0:?} of the repository URL is not supported; use https, http, ssh or file")]
    Scheme(String),
    /// A network URL without a host.
    #[error("the repository URL names no host; write {0}://HOST/PATH")]
    NoHost(&'static str),
    /// A host or user that a program could take for an option.
    #[error("the repository URL has a host or user that starts with a dash")]
    Dash,
}

impl RepositoryUrl {
    /// Reads `https://`, `http://`, `ssh://`, `user@host:path`, `file://` and plain paths.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let mut url = gix::url::parse(text).map_err(|_| UrlError::Invalid(without_userinfo(text)))?;
        let scheme = match url.scheme {
            gix::url::Scheme::Https => Scheme::Https,
            gix::url::Scheme::Http => Scheme::Http,
            gix::url::Scheme::Ssh => Scheme::Ssh,
            gix::url::Scheme::File => Scheme::File,
            ref other => return Err(UrlError::Scheme(other.as_str().to_owned())),
        };
        check_names(&url, scheme)?;
        let password = url.set_password(None);
        let userinfo = match scheme {
            Scheme::Https | Scheme::Http => {
                let user = url.set_user(None).unwrap_or_default();
                (!user.is_empty() || password.is_some()).then(|| (user, Secret::from(password.unwrap_or_default())))
            }
            // Over ssh the user is part of the address, and a password in the URL is not looked at.
            Scheme::Ssh => None,
            Scheme::File => return Ok(Self::from_path(Path::new(OsStr::from_bytes(&url.path)))),
        };
        let shown = url.to_bstring().to_string();
        Ok(Self(Arc::new(Parts { place: Place::Server(url, scheme), shown, userinfo })))
    }

    /// The repository in a directory of this machine.
    pub fn from_path(path: &Path) -> Self {
        let place = Place::Directory(path.to_owned());
        Self(Arc::new(Parts { place, shown: path.display().to_string(), userinfo: None }))
    }

    /// How the repository is reached.
    pub fn scheme(&self) -> Scheme {
        match &self.0.place {
            Place::Server(_, scheme) => *scheme,
            Place::Directory(_) => Scheme::File,
        }
    }

    /// The directory of this machine that the URL names, if it names one.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.0.place {
            Place::Server(..) => None,
            Place::Directory(path) => Some(path),
        }
    }

    /// The addresses that the URL itself names: those of this machine for `localhost`. None where a name has to be looked up.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        named_by(self.git().and_then(|url| url.host()).unwrap_or_default())
    }

    /// The server that the URL names, with its port; empty for a directory.
    pub fn host(&self) -> String {
        let Some(url) = self.git() else { return String::new() };
        let port = url.port_or_default().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", url.host().unwrap_or_default().to_ascii_lowercase())
    }

    /// The command that prints the ssh keys of the server.
    pub fn key_scan(&self) -> String {
        let Some(url) = self.git() else { return "ssh-keyscan HOST".to_owned() };
        let port = url.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        // Whoever wrote the URL is not who copies the command.
        format!("ssh-keyscan {port}{}", cowherd_text::shell::word(url.host().unwrap_or("HOST")))
    }

    /// Whether the repository is on the same server as another, and is reached in the same way.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.git().is_some() && self.scheme() == other.scheme() && self.host() == other.host()
    }

    /// Whether Git's protocol is spoken over HTTP, with or without TLS.
    pub fn is_http(&self) -> bool {
        matches!(self.scheme(), Scheme::Https | Scheme::Http)
    }

    /// The user and password that stood in an http(s) URL, which the URL itself no longer has.
    pub fn userinfo(&self) -> Option<(&str, &Secret)> {
        self.0.userinfo.as_ref().map(|(user, password)| (user.as_str(), password))
    }

    /// The URL in Git's terms, if it names a server.
    pub(crate) fn git(&self) -> Option<&gix::Url> {
        match &self.0.place {
            Place::Server(url, _) => Some(url),
            Place::Directory(_) => None,
        }
    }

    /// A text that is equal for URLs that name the same repository on the same server.
    pub(crate) fn key(&self) -> String {
        let url = match &self.0.place {
            Place::Server(url, _) => url,
            // What a path has that is no text is spelled out: it is shown as nothing.
            Place::Directory(path) => return format!("file://{path:?}"),
        };
        let scheme = url.scheme.as_str();
        let user = url.user().map(|user| format!("{user}@")).unwrap_or_default();
        let host = url.host().unwrap_or_default().to_ascii_lowercase();
        let port = url.port_or_default().map(|port| format!(":{port}")).unwrap_or_default();
        let path = url.path.to_string();
        // `host:path` is relative to the user's home directory where `ssh://host/path` is not, which begins with a slash whatever it is.
        let home = if path.starts_with('/') { "" } else { ":" };
        format!("{scheme}://{user}{host}{port}{home}{}", path.trim_end_matches('/'))
    }
}

fn check_names(url: &gix::Url, scheme: Scheme) -> Result<(), UrlError> {
    let named = match scheme {
        Scheme::Https => "https",
        Scheme::Http => "http",
        Scheme::Ssh => "ssh",
        Scheme::File => return Ok(()),
    };
    if url.host().is_none_or(str::is_empty) {
        return Err(UrlError::NoHost(named));
    }
    let dash = |name: Option<&str>| name.is_some_and(|name| name.starts_with('-'));
    if dash(url.host()) || dash(url.user()) {
        return Err(UrlError::Dash);
    }
    Ok(())
}

/// `text` with everything between the scheme and the last `@` of the authority left out.
fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let authority = rest.find('/').unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{:?}", format!("{scheme}{separator}{}", &rest[host..]))
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

impl PartialEq for RepositoryUrl {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for RepositoryUrl {}

/// What a person meant who named a repository on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A repository on another machine.
    Url(RepositoryUrl),
    /// A path of this machine, which stands in a repository or names one.
    Path(PathBuf),
}

impl Location {
    /// Decides between URL and path: what has a scheme is a URL (`file://` a path), what exists here is a path,
    /// `[user@]host:path` is ssh, and everything else is a path.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let path = || Ok(Self::Path(PathBuf::from(text)));
        if !text.contains("://") && Path::new(text).exists() {
            return path();
        }
        let url = match RepositoryUrl::parse(text) {
            Err(_) if !text.contains("://") => return path(),
            url => url?,
        };
        Ok(match url.local_path() {
            Some(path) => Self::Path(path.to_owned()),
            None => Self::Url(url),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        RepositoryUrl::parse(text).unwrap().key()
    }

    #[test]
    fn urls_of_the_same_repository_have_one_key() {
        assert_eq!(key("https://Example.com/org/repo"), key("https://user:pass@example.com:443/org/repo/"));
        assert_eq!(key("ssh://git@example.com/org/repo"), key("ssh://git@example.com:22/org/repo"));
        assert_ne!(key("git@example.com:org/repo"), key("ssh://git@example.com/org/repo"));
        for other in ["/repo", "/./repo", "//./repo", "/:repo", "/~/repo", "/%2e/repo"] {
            assert_ne!(key("git@example.com:repo"), key(&format!("ssh://git@example.com{other}")), "{other}");
        }
        assert_ne!(key("/srv/\u{fffd}"), RepositoryUrl::from_path(Path::new(OsStr::from_bytes(b"/srv/\xff"))).key());
        assert_ne!(key("ssh://a@example.com/repo"), key("ssh://b@example.com/repo"));
        assert_ne!(key("https://example.com/Repo"), key("https://example.com/repo"));
    }

    #[test]
    fn credentials_of_a_url_are_neither_shown_nor_lost() {
        let url = RepositoryUrl::parse("https://jane:hunter2@example.com/repo").unwrap();
        assert_eq!(url.to_string(), "https://example.com/repo");
        assert!(!format!("{url:?}").contains("hunter2"));
        assert_eq!(url.userinfo().unwrap().0, "jane");
        assert_eq!(url.userinfo().unwrap().1.expose(), b"hunter2");
        let ssh = RepositoryUrl::parse("ssh://git:hunter2@example.com/repo").unwrap();
        assert_eq!(ssh.to_string(), "ssh://git@example.com/repo");
    }

    #[test]
    fn an_error_does_not_repeat_credentials() {
        for text in ["https://jane:hunter2@", "gopher://jane:hunter2@example.com/x", "https://jane:hunter2@/x"] {
            let error = RepositoryUrl::parse(text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_host_cannot_be_an_option_of_a_program() {
        assert_eq!(RepositoryUrl::parse("ssh://-oProxyCommand=x/repo").unwrap_err(), UrlError::Dash);
        assert_eq!(RepositoryUrl::parse("-oProxyCommand=x@example.com:repo").unwrap_err(), UrlError::Dash);
    }

    #[test]
    fn an_argument_is_told_apart() {
        let is_url = |text| matches!(Location::parse(text), Ok(Location::Url(_)));
        assert!(is_url("https://example.com/repo"));
        assert!(is_url("ssh://git@example.com/repo"));
        assert!(is_url("git@example.com:org/repo"));
        assert_eq!(Location::parse(".").unwrap(), Location::Path(".".into()));
        assert_eq!(Location::parse("../nowhere/at/all").unwrap(), Location::Path("../nowhere/at/all".into()));
        assert_eq!(Location::parse("file:///srv/repo").unwrap(), Location::Path("/srv/repo".into()));
        assert!(matches!(Location::parse("gopher://example.com/x"), Err(UrlError::Scheme(_))));
    }
}
