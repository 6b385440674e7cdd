//! Where a bucket is, and how its server is asked: by the path, or by a host of its own.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// A bucket at an endpoint. What is displayed can be shown to anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    secure: bool,
    /// The host, with the port where it is not that of the scheme.
    host: String,
    name: String,
}

/// Why something is no place of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketPlaceError {
    /// The endpoint is none.
    #[error("invalid endpoint {endpoint:?}: {cause}; write HOST or HOST:PORT")]
    Endpoint {
        /// What was given, without what may be a password.
        endpoint: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The name is none of a bucket.
    #[error(
        "invalid bucket name {0:?}: it takes 3 to 63 letters, digits, dots, hyphens, colons or underscores, and no address"
    )]
    Name(String),
}

impl BucketPlace {
    /// The bucket `name` at an endpoint, as Flux takes it: `HOST` or `HOST:PORT`, asked without TLS if `insecure`.
    ///
    /// # Errors
    /// When either is none.
    pub fn parse(endpoint: &str, name: &str, insecure: bool) -> Result<Self, BucketPlaceError> {
        let wrong = |cause: &str| {
            // Whoever writes a password into it is not to find it in a status.
            let shown = endpoint.rsplit_once('@').map_or(endpoint, |(_, host)| host);
            BucketPlaceError::Endpoint { endpoint: cut(shown), cause: cause.to_owned() }
        };
        let rest = match endpoint.split_once("://") {
            None => endpoint,
            Some((scheme, rest)) => match (scheme.to_ascii_lowercase().as_str(), insecure) {
                ("https", false) | ("http", true) => rest,
                ("https", true) => return Err(wrong("it is of https, and spec.insecure asks for http")),
                ("http", false) => return Err(wrong("it is of http, which spec.insecure has to allow")),
                _ => return Err(wrong("its scheme is none of http and https")),
            },
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(wrong("it has a path or a query"));
        }
        let scheme = if insecure { "http" } else { "https" };
        let uri: Uri = format!("{scheme}://{authority}/").parse().map_err(|_| wrong("it names no host"))?;
        let parsed = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.contains('@') || !is_host(parsed.host()) {
            return Err(wrong("it does not follow ip address or domain name standards"));
        }
        let port = match authority.strip_prefix(parsed.host()).and_then(|port| port.strip_prefix(':')) {
            None => None,
            Some(text) => Some(text.parse::<u16>().map_err(|_| wrong("its port is none"))?),
        };
        let port = port.filter(|port| *port != if insecure { 80 } else { 443 });
        let host = parsed.host().to_ascii_lowercase() + &port.map(|port| format!(":{port}")).unwrap_or_default();
        if !is_bucket(name) {
            return Err(BucketPlaceError::Name(cut(name)));
        }
        Ok(Self { secure: !insecure, host, name: name.to_owned() })
    }

    /// The server, with its port where that is not the one of the scheme.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name of the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the bucket is asked for in a region: scheme and host, and the path of the bucket with a slash at its end.
    pub(super) fn address(&self, region: &str) -> Address {
        let host = match self.host.as_str() {
            // Amazon's own, for which other regions have other servers.
            "s3.amazonaws.com" if region != "us-east-1" && is_region(region) => format!("s3.{region}.amazonaws.com"),
            host => host.to_owned(),
        };
        let is_its_own_host = has_hosts_of_buckets(&host) && self.can_be_host();
        let (host, path) = match is_its_own_host {
            true => (format!("{}.{host}", self.name), "/".to_owned()),
            false => (host, format!("/{}/", self.name)),
        };
        Address { scheme: if self.secure { "https" } else { "http" }, host, path }
    }

    /// Whether the name can stand in that of a host; with TLS, in one that a certificate for all of them is good for.
    fn can_be_host(&self) -> bool {
        let is_of_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        self.name.bytes().all(is_of_host) && !(self.secure && self.name.contains('.'))
    }
}

/// How a server is asked for a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    pub(super) path: String,
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", if self.secure { "https" } else { "http" }, self.host, self.name)
    }
}

/// Whether a text can be the name of a region.
pub(super) fn is_region(text: &str) -> bool {
    let is_of_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(is_of_region)
}

/// Whether the buckets of a server have hosts of their own, which some no longer go without.
fn has_hosts_of_buckets(host: &str) -> bool {
    let is_of = |domain: &str| host.ends_with(domain);
    let is_amazon = host.starts_with("s3.") || host.starts_with("s3-");
    (is_amazon && (is_of(".amazonaws.com") || is_of(".amazonaws.com.cn")))
        || host == "storage.googleapis.com"
        || is_of(".aliyuncs.com")
}

/// Whether a text can be the name of a host, or an address.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_of_label) && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_bucket(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    let has_ends = [name.bytes().next(), name.bytes().next_back()]
        .into_iter()
        .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()));
    let has_pairs = ["..", ".-", "-."].iter().any(|pair| name.contains(pair));
    (3..=63).contains(&name.len())
        && name.bytes().all(is_inner)
        && has_ends
        && !has_pairs
        && name.parse::<IpAddr>().is_err()
}

/// As much of a text as a message has room for.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(endpoint: &str, name: &str, insecure: bool, region: &str) -> String {
        let Address { scheme, host, path } = BucketPlace::parse(endpoint, name, insecure).unwrap().address(region);
        format!("{scheme}://{host}{path}")
    }

    #[test]
    fn a_bucket_is_asked_for_by_its_path_or_where_that_is_wanted_by_its_host() {
        for (endpoint, name, insecure, region, expected) in [
            ("minio.example.com", "apps", false, "us-east-1", "https://minio.example.com/apps/"),
            ("Minio.example.com:9000", "apps", true, "", "http://minio.example.com:9000/apps/"),
            ("https://minio.example.com:443/", "apps", false, "", "https://minio.example.com/apps/"),
            ("http://10.0.0.7:80", "apps", true, "", "http://10.0.0.7/apps/"),
            ("[fd00::1]:9000", "apps", false, "", "https://[fd00::1]:9000/apps/"),
            (
                "minio.minio.svc.cluster.local:9000",
                "my_apps",
                true,
                "",
                "http://minio.minio.svc.cluster.local:9000/my_apps/",
            ),
            ("s3.amazonaws.com", "apps", false, "us-east-1", "https://apps.s3.amazonaws.com/"),
            ("s3.amazonaws.com", "apps", false, "eu-west-1", "https://apps.s3.eu-west-1.amazonaws.com/"),
            ("s3.amazonaws.com", "apps", false, "example.com/", "https://apps.s3.amazonaws.com/"),
            (
                "s3.eu-west-1.amazonaws.com",
                "my.apps",
                false,
                "eu-west-1",
                "https://s3.eu-west-1.amazonaws.com/my.apps/",
            ),
            ("storage.googleapis.com", "apps", false, "", "https://apps.storage.googleapis.com/"),
        ] {
            assert_eq!(address(endpoint, name, insecure, region), expected, "{endpoint}");
        }
    }

    #[test]
    fn what_is_no_endpoint_or_no_bucket_is_refused_with_what_to_write() {
        for (endpoint, insecure) in [
            ("", false),
            ("https://", false),
            ("http://minio.example.com", false),
            ("https://minio.example.com", true),
            ("ftp://minio.example.com", false),
            ("minio.example.com/path", false),
            ("minio.example.com?x=y", false),
            ("minio.example.com#x", false),
            ("mi nio", false),
            ("minio..example.com", false),
            ("-minio", false),
            ("minio:99999", false),
            ("minio:", false),
            ("[::1", false),
        ] {
            let error = BucketPlace::parse(endpoint, "apps", insecure).unwrap_err().to_string();
            assert!(error.starts_with("invalid endpoint ") && error.ends_with("; write HOST or HOST:PORT"), "{error}");
        }
        let error = BucketPlace::parse("jane:hunter2@minio.example.com", "apps", false).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        for name in
            ["", "ab", &"a".repeat(64), "a/b", "../x", "a..b", "a.-b", "10.0.0.7", "a b", ".ab", "ab-", "a\nbc", "äöü"]
        {
            let error = BucketPlace::parse("minio", name, false).unwrap_err();
            assert!(matches!(error, BucketPlaceError::Name(_)), "{name:?}");
        }
    }
}
