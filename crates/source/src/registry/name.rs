//! Names in registries: hosts, repositories, tags and digests.

use ureq::http::Uri;

use crate::Digest;
use crate::web::WebProblem;

/// The name of Docker's own registry, which is at another host.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// What is in a repository of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The host, with its port if one is given.
    pub(crate) host: String,
    /// The repository: the path without the host.
    pub(crate) repository: String,
    /// The tag that the path ends with.
    pub(crate) tag: Option<String>,
    /// The digest that the path ends with.
    pub(crate) digest: Option<Digest>,
}

impl Name {
    /// What is at `path` of a registry: `team/charts/web:1.0.0@sha256:…`.
    pub(crate) fn parse(host: &str, path: &str) -> Result<Self, WebProblem> {
        let invalid = |cause: &str| WebProblem::Location {
            // What stands before the host may be a password.
            url: format!("oci://{}/{path}", host.rsplit('@').next().unwrap_or_default()),
            cause: format!("{cause}; write oci://HOST/PATH"),
        };
        if !is_host(host) {
            return Err(invalid("its host is no name and no address, with a port or without"));
        }
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

    /// The repository at a URL: `oci://HOST/PATH`, without tag and digest. As Docker has it, what stands before the first
    /// slash is a host only if it has a dot or a port, and Docker's own registry is meant otherwise.
    pub(crate) fn of_repository(url: &str) -> Result<Self, WebProblem> {
        let invalid = |cause: &str| WebProblem::Location {
            // It may hold a password.
            url: if url.contains('@') { "its URL".to_owned() } else { url.to_owned() },
            cause: cause.to_owned(),
        };
        let form = "the URL must be oci://HOST/PATH";
        let rest = url.strip_prefix("oci://").ok_or_else(|| invalid(form))?;
        if rest.contains('@') {
            return Err(invalid("the URL must have no digest and no user; say spec.ref.digest and spec.secretRef"));
        }
        let (first, path) = rest.split_once('/').unwrap_or(("", rest));
        let is_named = first.contains(['.', ':']) || first == "localhost";
        let (host, path) = if is_named { (first, path) } else { (DOCKER_HUB, rest) };
        let host = if host == "index.docker.io" { DOCKER_HUB.to_owned() } else { host.to_ascii_lowercase() };
        if path.contains(':') {
            return Err(invalid("the URL must have no tag; say spec.ref.tag"));
        }
        let is_official = host == DOCKER_HUB && !path.contains('/');
        Self::parse(&host, &if is_official { format!("library/{path}") } else { path.to_owned() })
    }

    /// The last component of the path: the name of a chart.
    pub(crate) fn last(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let host = match self.host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.host.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Where the registry is asked. Docker's own has another host than its name says.
    pub(crate) fn base(&self, plain: bool) -> String {
        let host = if self.host == DOCKER_HUB { "registry-1.docker.io" } else { &self.host };
        format!("{}://{host}/v2/{}", if plain { "http" } else { "https" }, self.repository)
    }
}

/// Whether a text is a host, with its port if one is given, and means the same to whoever takes a URL with it apart.
fn is_host(text: &str) -> bool {
    let url = format!("https://{text}/").parse::<Uri>();
    let authority = url.as_ref().ok().and_then(Uri::authority).filter(|authority| authority.as_str() == text);
    authority.is_some_and(|authority| {
        let (host, port) = (authority.host(), authority.port_u16());
        !host.is_empty() && port.map_or(host == text, |port| text == format!("{host}:{port}"))
    })
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
pub(crate) fn is_tag(text: &str) -> bool {
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
        assert_eq!((name.repository.as_str(), name.last()), ("team/web", "web"));
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
    fn a_host_is_a_host_and_nothing_else() {
        for host in ["ghcr.io", "GHCR.io", "localhost:5000", "[::1]", "[::1]:5000", "127.0.0.1:1", "svc"] {
            assert!(Name::parse(host, "a").is_ok(), "{host}");
        }
        for host in [
            "",
            ":5000",
            "ghcr.io?1",
            "ghcr.io#",
            "svc:5000#",
            "ghcr.io/x",
            "ghcr.io\\x",
            "ghcr.io:",
            "ghcr.io:x",
            "ghcr.io:99999",
            "ghcr.io:0443",
            "u:p@ghcr.io",
            "a b.io",
            "[::1",
            "a:1:2",
        ] {
            assert!(Name::parse(host, "a").is_err(), "{host}");
            assert!(Name::of_repository(&format!("oci://{host}/a")).is_err() || host.contains('/'), "{host}");
        }
        let error = Name::parse("jane:hunter2@ghcr.io", "a").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_url_of_a_repository_names_host_and_path_alone() {
        let parse = |url| Name::of_repository(url).map(|name| (name.host, name.repository)).ok();
        let some = |host: &str, path: &str| Some((host.to_owned(), path.to_owned()));
        assert_eq!(parse("oci://ghcr.io/team/web"), some("ghcr.io", "team/web"));
        assert_eq!(parse("oci://localhost:5000/web"), some("localhost:5000", "web"));
        assert_eq!(parse("oci://[::1]:5000/web"), some("[::1]:5000", "web"));
        assert_eq!(parse("oci://team/web"), some("docker.io", "team/web"));
        assert_eq!(parse("oci://index.docker.io/nginx"), some("docker.io", "library/nginx"));
        for url in
            ["https://ghcr.io/a", "oci://", "oci://ghcr.io/", "oci://ghcr.io/a:1", "oci://ghcr.io/A", "oci://a b.io/x"]
        {
            assert_eq!(parse(url), None, "{url}");
        }
        let error = Name::of_repository("oci://jane:hunter2@ghcr.io/a").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn this_machine_is_known() {
        let local = |host| Name::parse(host, "a").unwrap().is_local();
        assert!(local("localhost:5000") && local("127.0.0.1") && local("[::1]:5000"));
        assert!(!local("localhost.example.com") && !local("10.0.0.1:5000"));
    }
}
