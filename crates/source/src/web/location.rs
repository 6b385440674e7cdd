//! URLs: resolving those that an index gives, and showing those that may hold secrets.

/// A URL as it may be shown: signed URLs have their secrets in the query.
pub(crate) fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// A URL without user and password, and these apart.
pub(crate) fn without_userinfo(url: &str) -> (String, Option<&str>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((userinfo, host)) => (format!("{scheme}://{host}{path}"), Some(userinfo)),
        None => (url.to_owned(), None),
    }
}

/// A URL, or a part of one, as everybody may see it: without user, password and query.
pub fn shown_url(url: &str) -> String {
    without_userinfo(shown(url)).0
}

/// The scheme of an absolute URL.
pub(crate) fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    valid.then_some(scheme)
}

/// What `reference` means in the repository at `base`, as Helm has it: `base` is a directory with or without its
/// slash, and its query goes with everything that is fetched from it.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if scheme(reference).is_some() {
        return reference.to_owned();
    }
    let (base, query) = match base.split_once('?') {
        Some((base, query)) => (base, Some(query.split('#').next().unwrap_or_default())),
        None => (base.split('#').next().unwrap_or_default(), None),
    };
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let (host, directory) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let reference = shown(reference);
    let (host, path) = match reference.strip_prefix("//") {
        Some(elsewhere) => elsewhere.split_at(elsewhere.find('/').unwrap_or(elsewhere.len())),
        None => (host, reference),
    };
    let path = match path.starts_with('/') || reference.starts_with("//") {
        true => path.to_owned(),
        false => format!("{}/{path}", directory.trim_end_matches('/')),
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{host}{}{query}", without_dots(&path))
}

/// An absolute path without `.` and `..`; what would climb above the root stays there.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        match *segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// `text` as the value of a query's parameter.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Where a `Link` header says that the next page is.
pub(crate) fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
        next.then(|| target.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_in_the_directory() {
        for (base, reference, expected) in [
            ("https://a.example/charts", "web-1.tgz", "https://a.example/charts/web-1.tgz"),
            ("https://a.example/charts/", "web-1.tgz", "https://a.example/charts/web-1.tgz"),
            ("https://a.example", "index.yaml", "https://a.example/index.yaml"),
            ("https://a.example/charts", "x/./web-1.tgz", "https://a.example/charts/x/web-1.tgz"),
            ("https://a.example/charts", "../files/web-1.tgz", "https://a.example/files/web-1.tgz"),
            ("https://a.example/charts", "../../../web-1.tgz", "https://a.example/web-1.tgz"),
            ("https://a.example/charts", "/files/web-1.tgz", "https://a.example/files/web-1.tgz"),
            ("https://a.example/charts", "//b.example/web-1.tgz", "https://b.example/web-1.tgz"),
            ("https://a.example/charts", "http://b.example/web-1.tgz", "http://b.example/web-1.tgz"),
            ("https://a.example/charts", "oci://b.example/web:1", "oci://b.example/web:1"),
            ("https://a.example/charts?key=1", "web-1.tgz", "https://a.example/charts/web-1.tgz?key=1"),
            ("https://a.example:8443/c", "web-1.0.0+b.tgz", "https://a.example:8443/c/web-1.0.0+b.tgz"),
        ] {
            assert_eq!(resolve(base, reference), expected, "{reference} at {base}");
        }
    }

    #[test]
    fn user_and_password_are_taken_out_of_a_url() {
        for (url, rest, userinfo) in [
            ("https://a.example/x@y", "https://a.example/x@y", None),
            ("https://u:p@a.example/x?y", "https://a.example/x?y", Some("u:p")),
            ("https://u:p@x@a.example", "https://a.example", Some("u:p@x")),
            ("no url", "no url", None),
        ] {
            assert_eq!(without_userinfo(url), (rest.to_owned(), userinfo));
        }
    }

    #[test]
    fn a_signature_is_not_shown() {
        assert_eq!(shown("https://a.example/x?X-Signature=hunter2#y"), "https://a.example/x");
        assert_eq!(encoded("repository:a/b:pull"), "repository%3Aa%2Fb%3Apull");
    }
}
