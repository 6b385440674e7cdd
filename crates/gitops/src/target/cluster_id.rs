//! Which of the other clusters one is.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::kubeconfig::Connection;
use crate::owner::KubeConfig;

/// How many digits of the digest tell clusters apart.
const DIGITS: usize = 32;

/// Another cluster: a digest of the server's address and of what proves that it is that server. Nobody can make it that of
/// a cluster of others without being let in there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClusterId(Arc<str>);

impl ClusterId {
    /// The cluster that is reached so, as `said`.
    pub(super) fn of(connection: &Connection, said: &KubeConfig) -> Self {
        let Connection { server, authorities, server_name, is_insecure, .. } = connection;
        let scheme = server.scheme_str().unwrap_or_default();
        let port = server.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let host = server.host().unwrap_or_default().to_ascii_lowercase();
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        };
        add(format!("{scheme}://{host}:{port}{}", server.path().trim_end_matches('/')).as_bytes());
        add(server_name.as_deref().unwrap_or_default().as_bytes());
        let mut authorities: Vec<&Vec<u8>> = authorities.iter().flatten().collect();
        authorities.sort_unstable();
        authorities.iter().for_each(|authority| add(authority));
        if *is_insecure || scheme == "http" {
            // Whatever answers there may be another server than the one that answers somebody else.
            add(said.object().as_bytes());
        }
        let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("sha256:{}", &digits[..DIGITS]).into())
    }

    /// The cluster, and the uid of its namespace `kube-system` where that is known, as statuses have it.
    pub(crate) fn written(&self, uid: Option<&str>) -> String {
        uid.map_or_else(|| self.0.to_string(), |uid| format!("{} {uid}", self.0))
    }

    /// The cluster that a status has.
    pub(crate) fn read(written: &str) -> Self {
        Self(written.split(' ').next().unwrap_or_default().into())
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether what two statuses have is one cluster: it is reached as before, or has the same namespace `kube-system`, though its address or
/// its authority is another one by now.
pub(crate) fn is_same(one: &str, another: &str) -> bool {
    let uid = |written: &str| written.split_once(' ').map(|(_, uid)| uid.to_owned());
    let is_alike = uid(one).is_some() && uid(one) == uid(another);
    ClusterId::read(one) == ClusterId::read(another) || is_alike
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::KubeConfigSource;
    use crate::target::kubeconfig::by_token;

    fn said(name: &str) -> KubeConfig {
        KubeConfig { namespace: "n".to_owned(), from: KubeConfigSource::Secret { name: name.to_owned(), key: None } }
    }

    fn connection(server: &str, authority: Option<&[u8]>) -> Connection {
        Connection {
            server: server.parse().unwrap(),
            authorities: authority.map(|authority| vec![authority.to_vec()]),
            server_name: None,
            is_insecure: false,
            who: by_token(server),
            stamp: Default::default(),
        }
    }

    #[test]
    fn a_cluster_is_where_it_is_and_what_proves_it_whoever_asks() {
        let of = |connection: &Connection, secret: &str| ClusterId::of(connection, &said(secret));
        let one = connection("https://There:443/", Some(b"a"));
        assert_eq!(of(&one, "s"), of(&connection("https://there", Some(b"a")), "t"));
        for other in [
            connection("https://there:6443", Some(b"a")),
            connection("https://there", Some(b"b")),
            connection("https://there", None),
            connection("https://there/x", Some(b"a")),
            Connection { server_name: Some("x".to_owned()), ..one.clone() },
        ] {
            assert_ne!(of(&one, "s"), of(&other, "s"), "{other:?}");
        }
        let unproved = Connection { is_insecure: true, ..connection("https://there", None) };
        assert_ne!(of(&unproved, "s"), of(&unproved, "t"), "what nothing proves is nobody else's");
        assert_eq!(of(&unproved, "s"), of(&unproved, "s"));
    }

    #[test]
    fn a_cluster_with_another_address_is_known_by_its_uid() {
        let (one, another) = (ClusterId::read("sha256:1"), ClusterId::read("sha256:2"));
        assert_eq!(ClusterId::read(&one.written(Some("u"))), one);
        assert!(is_same(&one.written(None), &one.written(Some("u"))));
        assert!(is_same(&one.written(Some("u")), &another.written(Some("u"))));
        assert!(!is_same(&one.written(Some("u")), &another.written(Some("v"))));
        assert!(!is_same(&one.written(None), &another.written(None)));
    }
}
