//! Credentials, and where they must not go.

use std::collections::BTreeMap;
use std::fmt;

/// A value that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether the value is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value as text without the line break that tools leave at the end.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().map(|text| text.trim_end_matches(['\r', '\n']))
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into_bytes())
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(value: Vec<u8>) -> Self {
        Self(value)
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who we are to a server, and which servers we trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// The user of basic authentication.
    pub username: Option<String>,
    /// The password of basic authentication; over ssh, the passphrase of the private key.
    pub password: Option<Secret>,
    /// The token of bearer authentication; goes before user and password.
    pub bearer_token: Option<Secret>,
    /// Certificate authorities (PEM) that are trusted besides the system's.
    pub ca: Option<Vec<u8>>,
    /// The certificate (PEM, with its chain) that we show to the server.
    pub client_certificate: Option<Vec<u8>>,
    /// The private key (PEM) of the client certificate.
    pub client_key: Option<Secret>,
    /// The private key for ssh, as OpenSSH writes it.
    pub identity: Option<Secret>,
    /// The public key that belongs to `identity`.
    pub identity_public: Option<Vec<u8>>,
    /// The host keys that are accepted over ssh, in the format of OpenSSH's `known_hosts`.
    pub known_hosts: Option<Vec<u8>>,
}

impl Auth {
    /// Credentials from the data of a Secret, under the keys that Flux uses: `username`, `password`,
    /// `bearerToken`, `ca.crt` (or `caFile`), `tls.crt` and `tls.key` (or `certFile` and `keyFile`), `identity`,
    /// `identity.pub`, `known_hosts`.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Self {
        let get = |key: &str| data.get(key).filter(|value| !value.is_empty()).cloned();
        let secret = |key: &str| get(key).map(Secret::from);
        Self {
            username: get("username").map(|user| String::from_utf8_lossy(&user).trim_end().to_owned()),
            password: secret("password"),
            bearer_token: secret("bearerToken"),
            ca: get("ca.crt").or_else(|| get("caFile")),
            client_certificate: get("tls.crt").or_else(|| get("certFile")),
            client_key: secret("tls.key").or_else(|| secret("keyFile")),
            identity: secret("identity"),
            identity_public: get("identity.pub"),
            known_hosts: get("known_hosts"),
        }
    }

    /// Whether there is a credential to offer over HTTP.
    pub(crate) fn has_http_credentials(&self) -> bool {
        self.bearer_token.is_some() || self.username.is_some() || self.password.is_some() || self.client_key.is_some()
    }

    /// `text`, which another program or machine wrote, without control characters, without any of these
    /// credentials, and not longer than a message should be.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let secrets = [&self.password, &self.bearer_token, &self.client_key, &self.identity];
        let mut clean = in_one_line(text.trim());
        // A key has several lines, and is one line by now as well.
        let secrets = secrets.into_iter().flatten().filter_map(Secret::text).map(in_one_line);
        for secret in secrets.filter(|secret| !secret.trim().is_empty()) {
            clean = clean.replace(&secret, "***");
        }
        if let Some((end, _)) = clean.char_indices().nth(MAX_QUOTED) {
            clean.truncate(end);
            clean.push('…');
        }
        clean
    }
}

fn in_one_line(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// The most characters of another's message that are repeated.
const MAX_QUOTED: usize = 600;

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;

    use super::*;

    #[test]
    fn the_keys_of_flux_secrets_are_understood() {
        let data = [("username", "u"), ("password", "p"), ("caFile", "old"), ("ca.crt", "new"), ("identity", "")];
        let data = data.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).into();
        let auth = Auth::from_secret(&data);
        assert_eq!(auth.username.as_deref(), Some("u"));
        assert_eq!(auth.password.unwrap().expose(), b"p");
        assert_eq!(auth.ca.unwrap(), b"new");
        assert!(auth.identity.is_none(), "an empty value is no value");
    }

    #[test]
    fn credentials_are_not_shown() {
        let auth = Auth { password: Some("hunter2\n".into()), ..Auth::default() };
        assert!(!format!("{auth:?}").contains("hunter2") && format!("{auth:?}").contains("password: Some(***)"));
        assert_eq!(auth.scrub("remote: no hunter2\n\u{1b}[31mhere"), "remote: no *** [31mhere");
        assert!(auth.scrub(&"x".repeat(5000)).len() < 1000);
        let key = "-----BEGIN KEY-----\nc2VjcmV0\n-----END KEY-----";
        let auth = Auth { identity: Some(format!("{key}\n").into()), ..Auth::default() };
        for told in [key.to_owned(), key.replace('\n', "\r\n")] {
            assert_eq!(auth.scrub(&format!("invalid key:\n{told} (a file)")), "invalid key: *** (a file)");
        }
        // An empty password stands everywhere and nowhere.
        let empty = Auth { password: Some("\n".into()), ..Auth::default() };
        assert_eq!(empty.scrub("remote: no"), "remote: no");
    }

    #[test]
    fn every_form_of_a_secret_is_kept_as_it_is() {
        for secret in [Secret::from("key\n"), Secret::from("key\n".to_owned()), Secret::from(b"key\n".to_vec())] {
            assert_eq!((secret.expose(), secret.text()), (&b"key\n"[..], Some("key")));
            assert!(!secret.is_empty());
        }
        let read: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = "key\n".into_deserializer();
        assert_eq!(Secret::deserialize(read).unwrap().expose(), b"key\n");
        assert!(Secret::default().is_empty());
        assert_eq!(Secret::from(vec![0xff]).text(), None, "it is no text");
    }

    #[test]
    fn what_is_offered_over_http_is_a_token_a_user_a_password_or_a_key() {
        let key = || Some(Secret::from("x"));
        assert!(!Auth::default().has_http_credentials());
        assert!(!Auth { identity: key(), ca: Some(vec![1]), ..Auth::default() }.has_http_credentials());
        for auth in [
            Auth { bearer_token: key(), ..Auth::default() },
            Auth { username: Some("u".into()), ..Auth::default() },
            Auth { password: key(), ..Auth::default() },
            Auth { client_key: key(), ..Auth::default() },
        ] {
            assert!(auth.has_http_credentials(), "{auth:?}");
        }
    }
}
