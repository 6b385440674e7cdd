//! Where charts are: the URLs of repositories and registries.

use std::fmt;
use std::path::{Path, PathBuf};

use ureq::http::Uri;

use crate::Secret;

/// The URL of a chart repository or of a path in an OCI registry, without the credentials that may have stood in it.
///
/// What is displayed can be shown to anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRepository {
    pub(super) place: Place,
    userinfo: Option<(String, Secret)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The URL of the directory with `index.yaml`, http or https.
    Web(String),
    /// `host[:port]` and the path after it, which may be empty and may end with a tag or a digest.
    Registry { host: String, path: String },
    /// A directory of this machine with an `index.yaml`.
    Directory(PathBuf),
}

/// Why a text is not the URL of a chart repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartUrlError {
    /// The text cannot be read as a URL.
    #[error("the URL of the chart repository is not valid; write https://HOST/PATH, oci://HOST/PATH or file:///PATH")]
    Invalid,
    /// The scheme is one that charts are not fetched by.
    #[error("charts are not fetched by the scheme {0:?}; use https, http, oci or file")]
    Scheme(String),
}

impl ChartRepository {
    /// Reads `https://`, `http://`, `oci://` and `file://` URLs.
    pub fn parse(text: &str) -> Result<Self, ChartUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(ChartUrlError::Invalid)?;
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
                let absolute = path.starts_with('/').then(|| Self::from_path(Path::new(path)));
                absolute.ok_or(ChartUrlError::Invalid)
            }
            scheme @ ("http" | "https" | "oci") => Self::on_server(scheme, rest),
            _ => Err(ChartUrlError::Scheme(scheme.chars().take(20).collect())),
        }
    }

    /// The repository in a directory of this machine.
    pub fn from_path(path: &Path) -> Self {
        Self { place: Place::Directory(path.to_owned()), userinfo: None }
    }

    fn on_server(scheme: &str, rest: &str) -> Result<Self, ChartUrlError> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(credentials(userinfo)), host),
            None => (None, authority),
        };
        // What comes after is read by whoever takes requests apart: it has to be the same for both.
        let readable = format!("https://{host}{path}").parse::<Uri>().is_ok();
        if host.is_empty() || host.starts_with(':') || !readable {
            return Err(ChartUrlError::Invalid);
        }
        let place = match scheme {
            "oci" => Place::Registry { host: host.to_ascii_lowercase(), path: path.trim_matches('/').to_owned() },
            _ => Place::Web(format!("{scheme}://{host}{path}")),
        };
        Ok(Self { place, userinfo })
    }

    /// The directory of this machine that the URL names, if it names one.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(path) => Some(path),
            _ => None,
        }
    }

    /// The server, with its port where the URL names one; nothing for a directory.
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Web(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                rest.split(['/', '?', '#']).next().unwrap_or_default()
            }
            Place::Registry { host, .. } => host,
            Place::Directory(_) => "",
        }
    }

    /// Who `logins` say that we are to the registry, for the chart `name` below the path.
    pub fn login(&self, logins: &crate::Logins, name: &str) -> crate::Auth {
        match &self.place {
            Place::Registry { host, path } => logins.find(host, format!("{path}/{name}").trim_matches('/')),
            _ => crate::Auth::default(),
        }
    }

    /// Whether the URL names a path in an OCI registry.
    pub fn is_registry(&self) -> bool {
        matches!(self.place, Place::Registry { .. })
    }

    /// The user and password that stood in the URL, which the URL itself no longer has.
    pub fn userinfo(&self) -> Option<(&str, &Secret)> {
        self.userinfo.as_ref().map(|(user, password)| (user.as_str(), password))
    }
}

impl fmt::Display for ChartRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Web(url) => f.write_str(crate::web::location::shown(url)),
            Place::Registry { host, path } if path.is_empty() => write!(f, "oci://{host}"),
            Place::Registry { host, path } => write!(f, "oci://{host}/{path}"),
            Place::Directory(path) => write!(f, "file://{}", path.display()),
        }
    }
}

/// The user and password that stand in `userinfo`.
pub(super) fn credentials(userinfo: &str) -> (String, Secret) {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decode = |text: &str| String::from_utf8_lossy(&decoded(text)).into_owned();
    (decode(user), Secret::from(decoded(password)))
}

/// `text` with `%41` read as `A`.
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match after {
            [high, low, after @ ..] if *first == b'%' => {
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
                    bytes.push(high << 4 | low);
                    rest = after;
                    continue;
                }
                bytes.push(*first);
            }
            _ => bytes.push(*first),
        }
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_apart() {
        let parse = |text| ChartRepository::parse(text).unwrap();
        assert_eq!(parse("https://example.com/charts").to_string(), "https://example.com/charts");
        assert_eq!(
            parse("oci://Registry.example.com:5000/team/charts/").place,
            Place::Registry { host: "registry.example.com:5000".into(), path: "team/charts".into() }
        );
        assert_eq!(parse("file:///srv/charts").local_path(), Some(Path::new("/srv/charts")));
        for text in ["example.com/charts", "https://", "https:///x", "file://relative/path", "https://a b/c"] {
            assert_eq!(ChartRepository::parse(text).unwrap_err(), ChartUrlError::Invalid, "{text}");
        }
        assert_eq!(ChartRepository::parse("s3://bucket").unwrap_err(), ChartUrlError::Scheme("s3".into()));
    }

    #[test]
    fn credentials_of_a_url_are_neither_shown_nor_lost() {
        let url = ChartRepository::parse("https://jane:hunter%202@example.com/charts?token=hunter2").unwrap();
        assert_eq!(url.to_string(), "https://example.com/charts");
        assert_eq!(url.userinfo().unwrap(), ("jane", &Secret::from("hunter 2")));
        assert!(!format!("{:?}", url.userinfo).contains("hunter"));
        let error = ChartRepository::parse("https://jane:hunter2@/x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
