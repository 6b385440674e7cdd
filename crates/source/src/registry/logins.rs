//! Who we are to which registry: the configuration of Docker, as Secrets for pulling images hold it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::{Auth, Secret};

/// The key of a Secret of the type kubernetes.io/dockerconfigjson.
const CONFIG: &str = ".dockerconfigjson";
/// The key of a Secret of the type kubernetes.io/dockercfg.
const OLD_CONFIG: &str = ".dockercfg";

/// Who we are to which registry, or to which path of one.
#[derive(Clone, Debug, Default)]
pub struct Logins(Vec<(String, Login)>);

/// Why a Secret says nothing of registries. What it holds is in no word of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginsError {
    /// It has neither of the keys.
    #[error("it has no .dockerconfigjson; make it by `kubectl create secret docker-registry`")]
    Missing,
    /// What it has cannot be read.
    #[error("its {0} cannot be read; make it by `kubectl create secret docker-registry`")]
    Unreadable(&'static str),
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Login {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Secret,
    /// User and password with a colon between them, as base64.
    #[serde(default)]
    auth: Secret,
    #[serde(default, rename = "registrytoken")]
    registry_token: Secret,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: Option<BTreeMap<String, Login>>,
}

impl Logins {
    /// What the data of a Secret says.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, LoginsError> {
        let unreadable = |key| move |_| LoginsError::Unreadable(key);
        let auths = if let Some(text) = data.get(CONFIG) {
            let config: Config = serde_json::from_slice(text).map_err(unreadable(CONFIG))?;
            config.auths.unwrap_or_default()
        } else if let Some(text) = data.get(OLD_CONFIG) {
            serde_json::from_slice(text).map_err(unreadable(OLD_CONFIG))?
        } else {
            return Err(LoginsError::Missing);
        };
        Ok(Self(auths.into_iter().map(|(registry, login)| (key(&registry), login)).collect()))
    }

    /// What these and `others` say. Where both speak of the same, these go before.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Who we are to the repository `path` of the registry at `host`; nobody in particular where nothing is said of it. The
    /// longest that fits goes first, as in Kubernetes.
    pub fn find(&self, host: &str, path: &str) -> Auth {
        let host = if host == super::name::DOCKER_HUB { "index.docker.io" } else { host };
        let mut fitting: Vec<_> = self.0.iter().filter(|(key, _)| fits(key, host, path)).collect();
        fitting.sort_by(|(a, _), (b, _)| b.cmp(a));
        fitting.first().map(|(_, login)| login.auth()).unwrap_or_default()
    }
}

impl Login {
    fn auth(&self) -> Auth {
        if !self.registry_token.is_empty() {
            return Auth { bearer_token: Some(self.registry_token.clone()), ..Auth::default() };
        }
        let decoded = STANDARD.decode(self.auth.text().unwrap_or_default().trim()).unwrap_or_default();
        let decoded = String::from_utf8(decoded).unwrap_or_default();
        match decoded.trim_end_matches('\0').split_once(':') {
            Some((user, password)) => {
                Auth { username: Some(user.to_owned()), password: Some(password.into()), ..Auth::default() }
            }
            None if self.username.is_empty() => Auth::default(),
            None => {
                Auth { username: Some(self.username.clone()), password: Some(self.password.clone()), ..Auth::default() }
            }
        }
    }
}

/// What an entry is for: host and path, without the scheme and the version that old ones have.
fn key(registry: &str) -> String {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v2/")).map_or(path, |rest| {
        // The slash before what is left stays.
        path.get(path.len() - rest.len() - 1..).unwrap_or_default()
    });
    let path = if path == "/" { "" } else { path };
    format!("{}{path}", host.to_ascii_lowercase())
}

/// Whether an entry speaks of a repository: each part of its host may have `*`, and its path is that of the repository or
/// above it.
fn fits(key: &str, host: &str, path: &str) -> bool {
    let (wanted, above) = key.split_at(key.find('/').unwrap_or(key.len()));
    let above = above.trim_matches('/');
    let below =
        path.strip_prefix(above).is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with('/'));
    let (wanted, wanted_port) = wanted.split_once(':').map_or((wanted, None), |(host, port)| (host, Some(port)));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (wanted, found) = (parts(wanted), parts(host));
    below
        && wanted_port == port
        && wanted.len() == found.len()
        && wanted.iter().zip(&found).all(|(pattern, part)| matches(pattern, part))
}

/// Whether a part of a host fits a pattern in which `*` stands for anything. Each piece between stars is taken where it comes
/// first, so that the cost is that of reading: tenants write both.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = text.strip_prefix(begin).and_then(|text| text.strip_suffix(end));
    let found = |text: &'_ str, piece: &str| text.find(piece).map(|at| at + piece.len());
    let mut left = inner;
    for piece in middle.split('*') {
        left = left.and_then(|text| text.get(found(text, piece)?..));
    }
    left.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(config: serde_json::Value) -> Logins {
        Logins::read(&BTreeMap::from([(CONFIG.to_owned(), config.to_string().into_bytes())])).unwrap()
    }

    fn user(logins: &Logins, host: &str, path: &str) -> Option<String> {
        logins.find(host, path).username
    }

    #[test]
    fn a_login_is_for_its_host_and_below_its_path() {
        let login = |user: &str| serde_json::json!({ "username": user, "password": "p" });
        let logins = logins(serde_json::json!({ "auths": {
            "ghcr.io": login("all"), "https://ghcr.io/team": login("team"), "ghcr.io/team/web": login("web"),
            "*.example.com:5000": login("glob"), "https://index.docker.io/v1/": login("hub"),
        } }));
        for (host, path, expected) in [
            ("ghcr.io", "other/web", Some("all")),
            ("ghcr.io", "team/api", Some("team")),
            ("ghcr.io", "teammate/api", Some("all")),
            ("ghcr.io", "team/web", Some("web")),
            ("a.example.com:5000", "x", Some("glob")),
            ("a.b.example.com:5000", "x", None),
            ("a.example.com", "x", None),
            ("docker.io", "library/x", Some("hub")),
            ("evil.io", "x", None),
        ] {
            assert_eq!(user(&logins, host, path).as_deref(), expected, "{host}/{path}");
        }
    }

    #[test]
    fn user_and_password_may_be_together() {
        let encoded = STANDARD.encode("jane:open:sesame");
        let found = logins(serde_json::json!({ "auths": { "a.io": { "auth": encoded } } })).find("a.io", "x");
        assert_eq!(found.username.as_deref(), Some("jane"));
        assert_eq!(found.password.unwrap().expose(), b"open:sesame");
        let token = logins(serde_json::json!({ "auths": { "a.io": { "registrytoken": "t" } } })).find("a.io", "x");
        assert_eq!(token.bearer_token.unwrap().expose(), b"t");
    }

    #[test]
    fn what_cannot_be_read_is_said_without_its_words() {
        let read = |key: &str, text: &str| Logins::read(&BTreeMap::from([(key.to_owned(), text.as_bytes().to_vec())]));
        assert_eq!(read("password", "x").unwrap_err(), LoginsError::Missing);
        let error = read(CONFIG, "{\"auths\": {\"a.io\": {\"password\": hunter2}}}").unwrap_err();
        assert_eq!(error, LoginsError::Unreadable(CONFIG));
        let old = read(OLD_CONFIG, "{\"a.io\": {\"username\": \"jane\", \"password\": \"hunter2\"}}").unwrap();
        assert_eq!(old.find("a.io", "x").username.as_deref(), Some("jane"));
        assert!(!format!("{old:?}").contains("hunter2"));
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a*a", "a", false),
            ("ab*bc", "abc", false),
            ("*b*", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "abab", false),
            ("*aa*a", "aa", false),
            ("*a*aa", "aaa", true),
            ("**", "a", true),
            ("*é*", "aéb", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_reading_them() {
        let text = "a".repeat(100_000);
        let pattern = format!("{}b", "*a".repeat(50));
        assert!(!matches(&pattern, &text));
        assert!(matches(&format!("{}*", "*a".repeat(50)), &text));
        assert!(!matches(&format!("{}*b*a", "*a".repeat(50)), &text));
    }
}
