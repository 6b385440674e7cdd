//! No credential reaches an error.

use cowherd_source::{Auth, FetchError, Reference};

use crate::support::http::{Behaviour, Server, silent};
use crate::support::{Repository, mirrors, remote};

const SECRETS: [&str; 4] = ["pass-5ecret", "token-5ecret", "key-5ecret", "cGFzcy01ZWNyZXQ"];

fn assert_clean(error: &FetchError) {
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn no_error_holds_a_credential() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let tls = Server::start_tls(directory.path());
    let mirrors = mirrors(directory.path());
    let behaviours = [
        Behaviour { authorization: Some("Bearer other".into()), ..Behaviour::default() },
        Behaviour { status: Some(403), ..Behaviour::default() },
        Behaviour { status: Some(404), ..Behaviour::default() },
        Behaviour { status: Some(500), ..Behaviour::default() },
        Behaviour { status: Some(200), ..Behaviour::default() },
        Behaviour { redirect: Some("http://jane:pass-5ecret@127.0.0.1:1".into()), ..Behaviour::default() },
        Behaviour { redirect: Some("gopher://token-5ecret".into()), ..Behaviour::default() },
        Behaviour { hang_after: Some(30), cut: true, ..Behaviour::default() },
        Behaviour { hang_after: Some(30), ..Behaviour::default() },
    ];
    let auths = [
        Auth::default(),
        Auth { username: Some("jane".into()), password: Some("pass-5ecret".into()), ..Auth::default() },
        Auth { bearer_token: Some("token-5ecret".into()), ..Auth::default() },
        Auth { bearer_token: Some("token-5ecret\nX: y".into()), ..Auth::default() },
    ];
    let ports = [server.address, tls.address];
    for behaviour in behaviours {
        server.behave(behaviour.clone());
        tls.behave(behaviour);
        for auth in &auths {
            for (scheme, address) in ["http", "https"].into_iter().zip(ports) {
                let url = format!("{scheme}://jane:pass-5ecret@localhost:{}/repo/.git", address.port());
                let mut remote = remote(&url).with_auth(auth.clone());
                remote.timeout = std::time::Duration::from_millis(400);
                if let Err(error) = mirrors.fetch(&remote, &Reference::Branch("gone".into())) {
                    assert_clean(&error);
                }
                if let Err(error) = mirrors.fetch(&remote, &Reference::Branch("main".into())) {
                    assert_clean(&error);
                }
            }
        }
    }
}

#[test]
fn no_error_of_ssh_holds_a_credential() {
    let directory = tempfile::tempdir().unwrap();
    let mirrors = mirrors(directory.path());
    let auth = Auth {
        identity: Some("-----BEGIN OPENSSH PRIVATE KEY-----\nkey-5ecret\n-----END OPENSSH PRIVATE KEY-----".into()),
        password: Some("pass-5ecret".into()),
        known_hosts: Some(b"key-5ecret".to_vec()),
        ..Auth::default()
    };
    for url in ["ssh://git:pass-5ecret@127.0.0.1:1/repo".to_owned(), format!("ssh://git@{}/repo", silent())] {
        let mut remote = remote(&url).with_auth(auth.clone());
        remote.timeout = std::time::Duration::from_millis(400);
        assert_clean(&mirrors.fetch(&remote, &Reference::Head).unwrap_err());
        let incomplete = Auth { known_hosts: None, ..auth.clone() };
        assert_clean(&mirrors.fetch(&remote.with_auth(incomplete), &Reference::Head).unwrap_err());
    }
}
