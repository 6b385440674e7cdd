//! Addresses of directories in Git repositories, as kustomize writes them: `https://host/org/repo//path?ref=v1`,
//! `git@host:org/repo.git/path`, `github.com/org/repo/path`, Azure's `…/_git/repo/path`.

use std::time::Duration;

/// What an address names. Whether it asks for submodules (`submodules`) is not kept: none are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The address to clone.
    pub(crate) url: String,
    /// The directory in the repository.
    pub(crate) path: String,
    pub(crate) reference: Option<String>,
    /// How long fetching it may take.
    pub(crate) timeout: Option<Duration>,
}

const FILE: &str = "file://";
const HTTPS: &str = "https://";
const SSH: &str = "ssh://";

impl Repository {
    /// Reads `address`; `None` where it is none.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        if address.starts_with('/') {
            return None;
        }
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let Host { host, rest, takes_all } = Host::parse(address)?;
        let (repository, path) = split(&rest, takes_all)?;
        if repository.is_empty() || leaves(path) {
            return None;
        }
        let path = path.strip_prefix('/').unwrap_or(path).to_owned();
        let Query { reference, timeout } = Query::parse(query).unwrap_or_default();
        Some(Self { url: format!("{host}{repository}"), path, reference, timeout })
    }
}

/// The part of an address before the repository's path.
struct Host {
    /// With scheme and user, and with what stands before the path.
    host: String,
    rest: String,
    /// All of the path is the repository's.
    takes_all: bool,
}

impl Host {
    fn parse(address: &str) -> Option<Self> {
        let address = strip_prefix(address, "git::").unwrap_or(address);
        let schemes = [SSH, HTTPS, "http://", FILE];
        let (scheme, rest) = schemes
            .into_iter()
            .find_map(|scheme| Some((scheme, strip_prefix(address, scheme)?)))
            .unwrap_or(("", address));
        if scheme == FILE {
            return Some(Self { host: FILE.into(), rest: rest.into(), takes_all: true });
        }
        let (user, rest) = user(rest);
        let is_github = ["github.com/", "github.com:"].into_iter().any(|host| strip_prefix(rest, host).is_some());
        let like_scp = scheme.is_empty() && (!user.is_empty() || is_github);
        if scheme.is_empty() && !like_scp {
            return None;
        }
        let (host, rest) = match separator(rest, like_scp) {
            Some(at) => rest.split_at(at + 1),
            None => (rest, ""),
        };
        // GitHub's addresses are brought into one of two forms.
        let host = match (is_github, scheme == SSH || !user.is_empty()) {
            (true, true) => format!("{user}github.com:"),
            (true, false) => format!("{HTTPS}github.com/"),
            (false, _) if host.is_empty() => return None,
            (false, _) => format!("{scheme}{user}{host}"),
        };
        Some(Self { host, rest: rest.into(), takes_all: false })
    }
}

/// As [`str::strip_prefix`], without regard to case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A user's name with its `@`, and the rest.
fn user(text: &str) -> (&str, &str) {
    let fits = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match text.split_once('@') {
        Some((name, _)) if fits(name) => text.split_at(name.len() + 1),
        _ => ("", text),
    }
}

/// Where the host ends: at a slash, or at a colon before it where addresses are written as for `scp`.
fn separator(text: &str, like_scp: bool) -> Option<usize> {
    let slash = text.find('/');
    let colon = text.find(':').filter(|_| like_scp);
    match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    }
}

/// The repository's path and the one in it.
fn split(path: &str, takes_all: bool) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let name = at + "_git/".len();
        let end = path.get(name..)?.find('/').map_or(path.len(), |length| name + length);
        let (repository, rest) = path.split_at_checked(end)?;
        return Some((repository, rest.strip_prefix('/').unwrap_or(rest)));
    }
    if let Some(split) = path.split_once("//") {
        return Some(split);
    }
    if let Some(at) = path.find(".git") {
        return path.split_at_checked(at + ".git".len());
    }
    if takes_all {
        return Some((path, ""));
    }
    // By custom an organization and a repository.
    let organization = path.find('/')?;
    let end = path.get(organization + 1..)?.find('/').map_or(path.len(), |length| organization + 1 + length);
    path.split_at_checked(end)
}

/// Whether the path leads out of the repository.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// What the end of an address says.
#[derive(Default)]
struct Query {
    /// The branch, tag or commit that `ref` names, or else `version`.
    reference: Option<String>,
    timeout: Option<Duration>,
}

impl Query {
    /// Reads the options. The first of a name counts; a semicolon or a broken escape makes Go refuse the query as a whole.
    fn parse(query: &str) -> Option<Self> {
        let (mut reference, mut version, mut timeout) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if pair.contains(';') {
                return None;
            }
            let (name, value) = (unescaped(name)?, unescaped(value)?);
            let option = match name.as_str() {
                "ref" => &mut reference,
                "version" => &mut version,
                "timeout" => &mut timeout,
                _ => continue,
            };
            option.get_or_insert(value);
        }
        let given = |option: Option<String>| option.filter(|text| !text.is_empty());
        Some(Self { reference: given(reference).or(given(version)), timeout: timeout.as_deref().and_then(duration) })
    }
}

/// Seconds, or a duration as Go writes it (`1m30s`); `None` where it is neither, or no time at all.
fn duration(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let written = || Some(Duration::from_nanos(cowherd_duration::parse(text).ok()?.try_into().ok()?));
    seconds.or_else(written).filter(|duration| !duration.is_zero())
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
                u8::try_from(value).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(address: &str, url: &str, path: &str, reference: Option<&str>) {
        let found = Repository::parse(address).unwrap_or_else(|| panic!("{address} is no address"));
        let parts = (found.url.as_str(), found.path.as_str(), found.reference.as_deref());
        assert_eq!(parts, (url, path, reference), "{address}");
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_or_a_duration() {
        let timeout = |query: &str| Repository::parse(&format!("https://github.com/org/repo?{query}")).unwrap().timeout;
        for (query, milliseconds) in [
            ("timeout=120", 120_000),
            ("timeout=120s", 120_000),
            ("ref=v1&timeout=1m30s", 90_000),
            ("timeout=1.5h", 5_400_000),
            ("timeout=250ms&timeout=1s", 250),
        ] {
            assert_eq!(timeout(query), Some(Duration::from_millis(milliseconds)), "{query}");
        }
        for query in
            ["", "timeout=", "timeout=0", "timeout=-5", "timeout=5x", "timeout=s", "timeout=1s;x", "timeout=1e999s"]
        {
            assert_eq!(timeout(query), None, "{query}");
        }
    }

    #[test]
    fn the_forms_of_github_are_brought_together() {
        for address in [
            "github.com/org/repo/path",
            "https://github.com/org/repo/path",
            "HTTPS://GitHub.com/org/repo/path",
            "https://github.com/org/repo//path",
            "git::https://github.com/org/repo/path",
            "http://github.com/org/repo//path",
        ] {
            is(address, "https://github.com/org/repo", "path", None);
        }
        for address in
            ["git@github.com:org/repo/path", "ssh://git@github.com/org/repo//path", "git@github.com/org/repo/path"]
        {
            is(address, "git@github.com:org/repo", "path", None);
        }
        is("github.com/org/repo.git/path/deep", "https://github.com/org/repo.git", "path/deep", None);
        is("github.com/org/repo", "https://github.com/org/repo", "", None);
    }

    #[test]
    fn references_are_found_among_other_options() {
        let url = "https://github.com/org/repo";
        for (query, reference) in [
            ("ref=v1", Some("v1")),
            ("version=v1", Some("v1")),
            ("version=v2&ref=v1&timeout=10s&submodules=false", Some("v1")),
            ("ref=feature%2Fx", Some("feature/x")),
            ("ref=", None),
            ("timeout=5", None),
            ("ref=%zz", None),
        ] {
            is(&format!("{url}//path?{query}"), url, "path", reference);
        }
    }

    #[test]
    fn other_hosts_and_schemes() {
        is("https://git.example.com/org/repo.git//a/b?ref=x", "https://git.example.com/org/repo.git", "a/b", Some("x"));
        is("https://git.example.com/group/sub/repo//a", "https://git.example.com/group/sub/repo", "a", None);
        is("https://git.example.com/org/repo/a", "https://git.example.com/org/repo", "a", None);
        is("git@git.example.com:org/repo.git//a", "git@git.example.com:org/repo.git", "a", None);
        is("ssh://git@git.example.com:7999/org/repo.git/a", "ssh://git@git.example.com:7999/org/repo.git", "a", None);
        is("file:///srv/repo.git//a", "file:///srv/repo.git", "a", None);
        is("file:///srv/repo?ref=x", "file:///srv/repo", "", Some("x"));
        is(
            "https://dev.azure.com/org/project/_git/repo/path/in?version=v1",
            "https://dev.azure.com/org/project/_git/repo",
            "path/in",
            Some("v1"),
        );
        is("git@ssh.dev.azure.com:v3/org/project//a", "git@ssh.dev.azure.com:v3/org/project", "a", None);
    }

    #[test]
    fn paths_and_what_leaves_a_repository_are_no_addresses() {
        for address in [
            "",
            "../base",
            "base.yaml",
            "/abs/path",
            "example.com/org/repo",
            "https://example.com/only",
            "https://",
            "github.com/org/repo//../x",
            "github.com/org/repo//a/../../x",
            "htxxtp://github.com/org/repo",
            "git@github.com:",
        ] {
            assert_eq!(Repository::parse(address), None, "{address}");
        }
    }
}
