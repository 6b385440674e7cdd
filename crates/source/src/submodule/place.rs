//! Where a submodule is.

use crate::{RepositoryUrl, Scheme};

/// The repository that a submodule's URL means in the repository at `outer`.
pub(super) fn of(url: &str, outer: &RepositoryUrl) -> Result<RepositoryUrl, String> {
    let is_relative = ["./", "../"].iter().any(|begin| url.starts_with(begin)) || matches!(url, "." | "..");
    if is_relative {
        return beside(url, outer);
    }
    let found = RepositoryUrl::parse(url).map_err(|error| error.to_string())?;
    match found.scheme() {
        Scheme::Https | Scheme::Ssh => Ok(found),
        Scheme::Http => {
            Err("its URL is one of clear text; write an https or ssh URL, or one that is relative".to_owned())
        }
        Scheme::File => {
            Err("its URL is a path of a machine; write an https or ssh URL, or one that is relative".to_owned())
        }
    }
}

/// What a relative URL means, as git takes it: each `../` takes a part away from the end of the outer one.
fn beside(relative: &str, outer: &RepositoryUrl) -> Result<RepositoryUrl, String> {
    if outer.local_path().is_some() {
        return Err("its URL is relative to a repository of this machine; write an https or ssh URL".to_owned());
    }
    let (mut base, mut rest) = (outer.to_string().trim_end_matches('/').to_owned(), relative);
    let mut separator = '/';
    loop {
        if let Some(further) = rest.strip_prefix("../").or_else(|| (rest == "..").then_some("")) {
            let cut = base.rfind('/').or_else(|| base.rfind(':')).unwrap_or_default();
            separator = if base[cut..].starts_with(':') { ':' } else { '/' };
            base.truncate(cut);
            rest = further;
        } else if let Some(further) = rest.strip_prefix("./").or_else(|| (rest == ".").then_some("")) {
            rest = further;
        } else {
            break;
        }
    }
    let text = format!("{base}{separator}{rest}");
    let found = RepositoryUrl::parse(text.trim_end_matches('/')).map_err(|error| error.to_string())?;
    if !found.is_beside(outer) {
        return Err("its URL leads out of the server of the repository; write it out".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, outer: &str) -> Result<String, String> {
        super::of(url, &RepositoryUrl::parse(outer).unwrap()).map(|url| url.to_string())
    }

    #[test]
    fn a_relative_url_means_what_git_takes_it_for() {
        for (relative, outer, expected) in [
            ("../lib.git", "https://example.com/org/fleet.git", "https://example.com/org/lib.git"),
            ("../../other/lib", "https://example.com/org/fleet/", "https://example.com/other/lib"),
            ("./lib", "https://example.com/org/fleet", "https://example.com/org/fleet/lib"),
            ("../lib", "ssh://git@example.com:2222/org/fleet", "ssh://git@example.com:2222/org/lib"),
            ("../lib", "git@example.com:org/fleet", "git@example.com:org/lib"),
            ("../lib", "git@example.com:fleet", "git@example.com:lib"),
            ("../lib", "http://example.com/org/fleet", "http://example.com/org/lib"),
        ] {
            assert_eq!(of(relative, outer).as_deref(), Ok(expected), "{relative} in {outer}");
        }
    }

    #[test]
    fn no_url_leads_to_a_path_of_this_machine_or_out_of_a_server_without_naming_another() {
        let https = "https://example.com/org/fleet";
        for url in ["/srv/x", "file:///srv/x", "srv", "http://example.com/x", "git://example.com/x"] {
            assert!(of(url, https).is_err(), "{url}");
        }
        for url in ["../../../evil.example.com/x", "../../..", "../../../../x"] {
            assert!(of(url, https).is_err(), "{url}");
        }
        assert!(of("../x", "/srv/fleet").unwrap_err().contains("relative to a repository of this machine"));
        assert_eq!(of("https://other.example.com/x", "/srv/fleet").as_deref(), Ok("https://other.example.com/x"));
        assert!(of("-oProxyCommand=x@example.com:y", https).is_err());
    }
}
