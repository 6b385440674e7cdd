//! Names in registries: hosts, repositories, tags and digests.

use crate::chart::{ChartProblem, Digest};

/// A chart in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The host, with its port if one is given.
    pub(super) host: String,
    /// The repository: the path without the host.
    pub(super) repository: String,
    /// The tag that the path ends with.
    pub(super) tag: Option<String>,
    /// The digest that the path ends with.
    pub(super) digest: Option<Digest>,
}

impl Name {
    /// The chart at `path` of a registry, `team/charts/web:1.0.0@sha256:…`.
    pub(super) fn parse(host: &str, path: &str) -> Result<Self, ChartProblem> {
        let invalid = |cause: &str| ChartProblem::Location {
            url: format!("oci://{host}/{path}"),
            cause: format!("{cause}; write oci://HOST/PATH"),
        };
        let (rest, digest) = match path.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|cause: String| invalid(&cause))?)),
            None => (path, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.replace('+', "_"))),
            None => (rest, None),
        };
        if !repository.split('/').all(is_component) {
            return Err(invalid("a path in a registry has small letters, digits and single . _ - between them"));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid("the tag has characters that a tag cannot have"));
        }
        Ok(Self { host: host.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// The last component: the name of the chart.
    pub(super) fn chart(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the registry is on this machine.
    pub(super) fn is_local(&self) -> bool {
        let host = match self.host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.host.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Where the registry is asked. Docker's own has another host than its name says.
    pub(super) fn base(&self, plain: bool) -> String {
        let host = if self.host == "docker.io" { "registry-1.docker.io" } else { &self.host };
        format!("{}://{host}/v2/{}", if plain { "http" } else { "https" }, self.repository)
    }
}

fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|byte| alphanumeric(Some(byte)) || matches!(byte, b'.' | b'_' | b'-'))
        && !text.contains("..")
}

/// Whether a text can be a tag.
pub(super) fn is_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    bytes.len() <= 128
        && bytes.first().is_some_and(word)
        && bytes.iter().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let name = Name::parse("localhost:5000", &format!("team/web:1.0.0+b@{digest}")).unwrap();
        assert_eq!((name.repository.as_str(), name.chart()), ("team/web", "web"));
        assert_eq!(name.tag.as_deref(), Some("1.0.0_b"));
        assert_eq!(name.digest.unwrap().to_string(), digest);
        assert_eq!(name.base(true), "http://localhost:5000/v2/team/web");
        assert_eq!(Name::parse("docker.io", "a").unwrap().base(false), "https://registry-1.docker.io/v2/a");
    }

    #[test]
    fn what_would_change_the_request_is_refused() {
        for path in
            ["", "a//b", "../v2", "a/..", "A", "a b", "a?x=1", "a%2f", "a:b/c", "a:t#x", "a@sha256:0", "a@md5:0"]
        {
            assert!(Name::parse("example.com", path).is_err(), "{path}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        let local = |host| Name::parse(host, "a").unwrap().is_local();
        assert!(local("localhost:5000") && local("127.0.0.1") && local("[::1]:5000"));
        assert!(!local("localhost.example.com") && !local("10.0.0.1:5000"));
    }
}
