//! What is asked for of a bucket.

use std::collections::BTreeMap;
use std::time::Duration;

use super::BucketPlace;
use crate::connect::ProxyServer;
use crate::{Access, Auth, Cancel, DEFAULT_TIMEOUT, Secret, Tenant};

/// A bucket and the terms on which it is fetched.
#[derive(Clone, Debug)]
pub struct BucketSource {
    /// Where it is.
    pub place: BucketPlace,
    /// The region that requests are signed for; where none is given, what the server says counts.
    pub region: Option<String>,
    /// What the keys of the objects begin with that are taken.
    pub prefix: String,
    /// Patterns of keys that are left out, which go before those of the bucket's own `.sourceignore`.
    pub ignore: Option<String>,
    /// By which keys requests are signed; without any they are anybody's.
    pub keys: Option<BucketKeys>,
    /// Certificate authorities that are trusted, and the certificate that is shown.
    pub certificates: Auth,
    /// The server through which the bucket is asked.
    pub proxy: Option<ProxyServer>,
    /// On whose word it is fetched: what is kept for one is not found for another.
    pub scope: String,
    /// How long it may take to list the objects, and then to get them.
    pub timeout: Duration,
    /// What the fetch may use and reach.
    pub access: Access,
    /// Breaks the fetch off.
    pub cancel: Cancel,
    /// On whose behalf it is fetched, and kept; without one on that of the person who runs the program.
    pub tenant: Option<Tenant>,
}

impl BucketSource {
    /// The whole bucket, on the word of `scope`, without credentials, with the default timeout.
    pub fn new(place: BucketPlace, scope: impl Into<String>) -> Self {
        Self {
            place,
            region: None,
            prefix: String::new(),
            ignore: None,
            keys: None,
            certificates: Auth::default(),
            proxy: None,
            scope: scope.into(),
            timeout: DEFAULT_TIMEOUT,
            access: Access::default(),
            cancel: Cancel::default(),
            tenant: None,
        }
    }
}

/// By which keys requests are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketKeys {
    /// Whose key it is.
    pub access_key: String,
    /// The key.
    pub secret_key: Secret,
}

impl BucketKeys {
    /// The keys in the data of a Secret, under the names that Flux uses: `accesskey` and `secretkey`. Where both are empty, there are
    /// none.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Option<Self>, &'static str> {
        const MISSING: &str = "it needs both accesskey and secretkey";
        let (Some(access), Some(secret)) = (data.get("accesskey"), data.get("secretkey")) else { return Err(MISSING) };
        if access.is_empty() || secret.is_empty() {
            return if access.is_empty() && secret.is_empty() { Ok(None) } else { Err(MISSING) };
        }
        let access_key = String::from_utf8(access.clone()).ok().filter(|key| key.bytes().all(is_of_key));
        let access_key =
            access_key.ok_or("its accesskey has characters that none has; look for a line break at its end")?;
        Ok(Some(Self { access_key, secret_key: Secret::from(secret.clone()) }))
    }
}

/// Whether a byte can stand in the name of a key, which goes into a header.
fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_flux_names_them_and_never_shown() {
        let read = |pairs: &[(&str, &str)]| {
            BucketKeys::read(&pairs.iter().map(|(key, value)| (key.to_string(), value.as_bytes().to_vec())).collect())
        };
        let keys = read(&[("accesskey", "jane"), ("secretkey", "hunter2")]).unwrap().unwrap();
        assert_eq!((keys.access_key.as_str(), keys.secret_key.expose()), ("jane", &b"hunter2"[..]));
        assert!(!format!("{keys:?}").contains("hunter2"));
        assert_eq!(read(&[("accesskey", ""), ("secretkey", "")]), Ok(None));
        for wrong in [&[("accesskey", "jane")][..], &[("secretkey", "x")], &[("accesskey", "jane"), ("secretkey", "")]]
        {
            assert_eq!(read(wrong), Err("it needs both accesskey and secretkey"));
        }
        let broken = read(&[("accesskey", "jane\n"), ("secretkey", "hunter2")]).unwrap_err();
        assert!(broken.contains("line break"), "{broken}");
    }
}
