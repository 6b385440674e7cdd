//! Which server a URL names, and what we show it.

use base64::Engine as _;
use ureq::http::Uri;
use ureq::http::header::HeaderValue;

use crate::{Auth, Secret};

/// The `Authorization` header that the credentials make.
pub(crate) fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, &'static str> {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.text().unwrap_or_default().to_owned());
    let header = if let Some(token) = text(&auth.bearer_token) {
        format!("Bearer {token}")
    } else if auth.username.is_some() || auth.password.is_some() {
        let user = auth.username.clone().unwrap_or_default();
        let password = text(&auth.password).unwrap_or_default();
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
    } else {
        return Ok(None);
    };
    let mut header =
        HeaderValue::from_str(&header).map_err(|_| "the token holds characters that a header cannot carry")?;
    header.set_sensitive(true);
    Ok(Some(header))
}

/// Scheme, host and port: what credentials are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of a URL; `None` for one that is not of the web, or could be read in two ways.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        // An authority with user information could be read in two ways.
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Self { secure, host: authority.host().to_ascii_lowercase(), port })
    }

    /// Whether credentials for this origin may be sent to `other`: the same, or the same host made secure.
    pub(crate) fn extends_to(&self, other: &Self) -> bool {
        let upgraded = !self.secure && other.secure && self.port == 80 && other.port == 443;
        self.host == other.host && ((self.secure == other.secure && self.port == other.port) || upgraded)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", if self.secure { "https" } else { "http" }, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_extend_to_the_same_origin_and_no_other() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap());
        let extends = |a, b| origin(a).unwrap().extends_to(&origin(b).unwrap());
        assert!(extends("https://example.com/a", "https://EXAMPLE.com:443/b"));
        assert!(extends("http://example.com/a", "https://example.com/b"));
        assert!(!extends("https://example.com/a", "http://example.com/a"));
        assert!(!extends("https://example.com/a", "https://example.com:8443/a"));
        assert!(!extends("https://example.com/a", "https://example.com.evil.org/a"));
        assert!(!extends("http://example.com:8080/a", "http://example.com:8081/a"));
        assert_eq!(origin("https://example.com@evil.org/a"), None);
    }
}
