//! Where the repository is: for whoever pushes here, and for the cluster that follows it.

use anyhow::Result;

use crate::failure::misuse;

/// The user of Git over ssh, unless somebody names another one.
pub const USER: &str = "git";

/// The URL of a repository on a server, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    user: Option<String>,
    /// With the port, where one is said.
    host: String,
    /// It begins with a slash.
    path: String,
}

/// How the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Https,
    Http,
    Ssh,
}

impl Address {
    /// Reads a URL, and refuses what no GitRepository can name.
    ///
    /// # Errors
    /// When it is none, or one in clear text that is not meant to be.
    pub fn read(url: &str, allows_http: bool) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            if let Some((host, path)) = url.split_once(':').filter(|(host, _)| !host.contains('/')) {
                misuse!(
                    "--url {url:?} is no URL that a GitRepository can name; write it as ssh://{host}/{}",
                    path.trim_start_matches('/')
                );
            }
            misuse!("--url {url:?} is no URL of a repository on a server; write https://HOST/PATH or ssh://HOST/PATH");
        };
        let scheme = match scheme {
            "https" => Scheme::Https,
            "ssh" => Scheme::Ssh,
            "http" if allows_http => Scheme::Http,
            "http" => misuse!(
                "the scheme of --url is http: whoever is on the way can read and change what is sent, the password too; \
                 use https, or say --allow-insecure-http"
            ),
            other => {
                misuse!("a cluster follows no repository by {other}://; write https://HOST/PATH or ssh://HOST/PATH")
            }
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (userinfo, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        if host.is_empty() || path.len() < 2 {
            misuse!(
                "--url names no {}; write https://HOST/PATH or ssh://HOST/PATH",
                if host.is_empty() { "host" } else { "repository" }
            );
        }
        let user = userinfo.and_then(|info| info.split(':').next()).filter(|user| !user.is_empty());
        Ok(Self { scheme, user: user.map(str::to_owned), host: host.to_owned(), path: path.to_owned() })
    }

    /// Whether ssh is spoken.
    pub fn is_ssh(&self) -> bool {
        self.scheme == Scheme::Ssh
    }

    /// The URL that this machine uses. Over ssh it has a user.
    pub fn pushed_to(&self, user: &str) -> String {
        let Self { host, path, .. } = self;
        match self.scheme {
            Scheme::Https => format!("https://{host}{path}"),
            Scheme::Http => format!("http://{host}{path}"),
            Scheme::Ssh => format!("ssh://{}@{host}{path}", self.user.as_deref().unwrap_or(user)),
        }
    }

    /// The URL by which the cluster follows the repository with a password or token.
    pub fn followed_by_token(&self) -> String {
        match self.scheme {
            Scheme::Https | Scheme::Http => self.pushed_to(USER),
            // The port is that of ssh.
            Scheme::Ssh => format!("https://{}{}", host_alone(&self.host), self.path),
        }
    }

    /// The URL by which the cluster follows the repository with a deploy key.
    ///
    /// # Errors
    /// When it is not known on which port ssh is.
    pub fn followed_by_key(&self, user: &str, ssh_hostname: Option<&str>) -> Result<String> {
        let is_of_https = !self.is_ssh() && host_alone(&self.host) != self.host;
        let host = match ssh_hostname {
            Some(host) => host,
            None if is_of_https => misuse!(
                "the port in --url is none of ssh, over which the cluster follows the repository with a deploy key; say \
                 --ssh-hostname HOST:PORT, or --token-auth to follow it with the password"
            ),
            None => &self.host,
        };
        // As Flux has it, whoever is named goes before whoever stands in the URL.
        let user = if user == USER { self.user.as_deref().filter(|_| self.is_ssh()).unwrap_or(user) } else { user };
        Ok(format!("ssh://{user}@{host}{}", self.path))
    }
}

/// A host without its port.
fn host_alone(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((alone, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => alone,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Address {
        Address::read(url, false).unwrap()
    }

    fn refused(url: &str) -> String {
        Address::read(url, false).unwrap_err().to_string()
    }

    #[test]
    fn a_deploy_key_is_for_ssh_whatever_is_pushed_over() {
        let key = |url: &str, user, host| read(url).followed_by_key(user, host);
        assert_eq!(key("https://example.com/org/fleet", USER, None).unwrap(), "ssh://git@example.com/org/fleet");
        assert_eq!(
            key("ssh://me@example.com:2222/fleet.git", USER, None).unwrap(),
            "ssh://me@example.com:2222/fleet.git"
        );
        assert_eq!(key("ssh://me@example.com/fleet", "you", None).unwrap(), "ssh://you@example.com/fleet");
        assert_eq!(key("https://a.example/f", USER, Some("b.example:22")).unwrap(), "ssh://git@b.example:22/f");
        assert!(key("https://example.com:8443/f", USER, None).unwrap_err().to_string().contains("--ssh-hostname"));
        assert_eq!(key("ssh://[fe80::1]/f", USER, None).unwrap(), "ssh://git@[fe80::1]/f");
    }

    #[test]
    fn a_token_is_for_https_and_no_url_that_is_written_has_it() {
        assert_eq!(read("https://me:secret@example.com:8443/f").followed_by_token(), "https://example.com:8443/f");
        assert_eq!(read("ssh://git@example.com:2222/f").followed_by_token(), "https://example.com/f");
        let clear = Address::read("http://127.0.0.1:3000/f", true).unwrap();
        assert_eq!(clear.followed_by_token(), "http://127.0.0.1:3000/f");
        assert_eq!(read("ssh://example.com/f").pushed_to(USER), "ssh://git@example.com/f");
    }

    #[test]
    fn what_no_cluster_can_follow_is_refused_with_what_to_write() {
        assert!(refused("git@example.com:org/fleet").contains("ssh://git@example.com/org/fleet"));
        assert!(refused("http://example.com/f").contains("--allow-insecure-http"));
        for url in ["/srv/fleet", "file:///srv/fleet", "https:///f", "https://example.com/", "https://example.com"] {
            assert!(refused(url).contains("https://HOST/PATH"), "{url}: {}", refused(url));
        }
    }
}
