//! Who we are to a registry, and what a manifest may reach.

use cowherd_gitserver::artifact::{LAYER, Repository, descriptor, digest, packed};
use cowherd_gitserver::files::{Behaviour, Server};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::tokens;
use cowherd_source::{
    Access as Reach, ArtifactProblem, ArtifactSource, Auth, Cancel, Logins, Network, ProxyServer, Secret, WebProblem,
};

use super::references::semver;
use super::{artifact, artifacts, fetch, source, text};

/// Jane, whose password is `open-sesame`.
const JANE: &str = "jane:$2y$05$XoLvnbgft9x0ZmG1CGEZbeFof1S40j3jYVUdJ3LIwlJ/S60Gm2vlS\n";

fn jane() -> Auth {
    Auth { username: Some("jane".into()), password: Some("open-sesame".into()), ..Auth::default() }
}

#[test]
fn a_registry_with_passwords_wants_one_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Passwords(JANE.into()));
    let repository =
        Repository { login: Some(("jane", "open-sesame")), ..Repository::new(&registry.host, "team/apps") };
    let digest = artifact("1").push(&repository, "latest");
    let artifacts = artifacts(directory.path());
    let refused = |auth: Auth| {
        let error = artifacts.fetch(&ArtifactSource { auth, ..source(&repository) }).unwrap_err();
        assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Refused { .. })), "{error}");
        assert!(!format!("{error} {error:?}").contains("5ecret"), "{error}");
    };
    refused(Auth::default());
    refused(Auth { password: Some("pass-5ecret".into()), ..jane() });
    let wanted = ArtifactSource { auth: jane(), ..source(&repository) };
    assert_eq!(text(&fetch(&artifacts, &wanted), "a"), "1");
    // What is here already is no way around the password, and neither is a repository of one's own that names it.
    refused(Auth::default());
    let own = Repository::new(&registry.host, "other/apps");
    assert!(artifacts.held(&source(&own), digest.parse().unwrap()).is_none());

    let config =
        format!("{{\"auths\": {{{:?}: {{\"username\": \"jane\", \"password\": \"open-sesame\"}}}}}}", registry.host);
    let logins = Logins::read(&[(".dockerconfigjson".to_owned(), config.into_bytes())].into()).unwrap();
    let auth = wanted.repository.login(&logins);
    assert!(fetch(&artifacts, &ArtifactSource { auth, ..source(&repository) }).unchanged);
}

#[test]
fn who_chooses_who_answers_finds_nothing_of_others_by_a_digest() {
    let directory = tempfile::tempdir().unwrap();
    let layer = packed(&[("a", "secret")]);
    let manifest = format!("{{\"config\": null, \"layers\": [{}]}}", descriptor(LAYER, &digest(&layer), layer.len()));
    let repository = directory.path().join("v2/team/apps");
    for (place, content) in
        [("manifests/latest".to_owned(), manifest.as_bytes()), (format!("blobs/{}", digest(&layer)), &layer)]
    {
        std::fs::create_dir_all(repository.join(&place).parent().unwrap()).unwrap();
        std::fs::write(repository.join(place), content).unwrap();
    }
    let server = Server::start(directory.path());
    let host = server.address.to_string();
    let repository = Repository::new(&host, "team/apps");
    let artifacts = artifacts(directory.path());
    let in_scope = |scope: &str| ArtifactSource {
        scope: Some(scope.to_owned()).filter(|it| !it.is_empty()),
        ..source(&repository)
    };
    for scope in ["", "jane"] {
        fetch(&artifacts, &in_scope(scope));
    }
    // From now on it is another server that answers, and says yes to a digest that it has heard of.
    let headers = vec![("Docker-Content-Digest".to_owned(), digest(manifest.as_bytes()))];
    server.behave(Behaviour { content: Some(b"nothing".to_vec()), headers, ..Behaviour::default() });
    let heard = digest(manifest.as_bytes()).parse().unwrap();
    let of_eve = in_scope("eve");
    let error = artifacts.fetch(&of_eve).map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Protocol { .. })), "{error}");
    assert!(artifacts.held(&of_eve, heard).is_none());
    for scope in ["", "jane"] {
        assert_eq!(text(&fetch(&artifacts, &in_scope(scope)), "a"), "secret", "what is one's own is found");
        assert!(artifacts.held(&in_scope(scope), heard).is_some());
    }
}

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("registry");
    let open = Registry::start(&data, &Access::Anyone);
    artifact("1").push(&Repository::new(&open.host, "team/apps"), "latest");
    drop(open);
    let tokens = tokens::Server::start(Some("Basic amFuZTpvcGVuLXNlc2FtZQ=="));
    let registry = Registry::start(&data, &tokens.access());
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    assert!(artifacts.fetch(&source(&repository)).is_err());
    tokens.seen();
    fetch(&artifacts, &ArtifactSource { auth: jane(), ..source(&repository) });
    assert_eq!(tokens.seen(), ["/token?scope=repository%3Ateam%2Fapps%3Apull&service=charts"], "one for all requests");
}

#[test]
fn a_page_of_tags_at_another_server_is_not_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (registry, other) = (Server::start(directory.path()), Server::start(directory.path()));
    let header = |name: &str, value: String| (name.to_owned(), value);
    let host = registry.address.to_string();
    let wanted = ArtifactSource { auth: jane(), ..semver(&Repository::new(&host, "team/apps"), ">=2", None) };
    let artifacts = artifacts(directory.path());
    let elsewhere = other.url("v2/team/apps/tags/list?last=1.0.0");
    for next in [elsewhere.clone(), elsewhere.trim_start_matches("http:").to_owned()] {
        registry.behave(Behaviour {
            authorization: Some("Basic amFuZTpvcGVuLXNlc2FtZQ==".into()),
            content: Some(b"{\"tags\": [\"1.0.0\"]}".to_vec()),
            headers: vec![
                header("WWW-Authenticate", "Basic realm=\"charts\"".into()),
                header("Link", format!("<{next}>; rel=\"next\"")),
            ],
            ..Behaviour::default()
        });
        let error = artifacts.fetch(&wanted).unwrap_err();
        let expected = format!("next page of tags is at {}, which is another", other.url("v2/team/apps/tags/list"));
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(other.seen(), []);
    }
}

#[test]
fn a_server_that_a_registry_sends_us_to_does_not_say_who_gets_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let (registry, storage) = (Server::start(directory.path()), Server::start(directory.path()));
    registry.behave(Behaviour { redirect: Some(storage.url("").trim_end_matches('/').into()), ..Behaviour::default() });
    let challenge = format!("Bearer realm=\"{}\"", storage.url("token"));
    storage.behave(Behaviour {
        status: Some(401),
        headers: vec![("WWW-Authenticate".to_owned(), challenge)],
        ..Behaviour::default()
    });
    let host = registry.address.to_string();
    let wanted = ArtifactSource { auth: jane(), ..source(&Repository::new(&host, "team/apps")) };
    let error = artifacts(directory.path()).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Refused { .. })), "{error}");
    let seen = storage.seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.authorization.is_none()), "{seen:?}");
}

#[test]
fn a_manifest_has_no_server_of_this_machine_asked_unless_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    artifact("1").push(&repository, "latest");
    let artifacts = artifacts(directory.path());
    let error = artifacts.fetch(&ArtifactSource { access: Reach::default(), ..source(&repository) }).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Forbidden { .. })), "{error}");
    let allowed = Reach { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Reach::default() };
    fetch(&artifacts, &ArtifactSource { access: allowed, ..source(&repository) });
    // A proxy is connected to, and has to be allowed itself.
    let proxy = ProxyServer::new("http://127.0.0.1:1", None, None).ok();
    let through = ArtifactSource { access: Reach::default(), proxy, ..source(&repository) };
    let error = artifacts.fetch(&through).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Forbidden { .. })), "{error}");
    assert!(error.to_string().contains("127.0.0.1, where manifests must not"), "{error}");
}

#[test]
fn a_registry_is_asked_through_the_proxy_that_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    artifact("1").push(&repository, "latest");
    let proxy = cowherd_gitserver::proxy::Proxy::start("jane:open-sesame");
    let artifacts = artifacts(directory.path());
    let through = |password: &str| {
        let secret = Secret::from(password);
        let proxy = ProxyServer::new(&format!("http://{}", proxy.address), Some("jane"), Some(&secret)).ok();
        artifacts.fetch(&ArtifactSource { proxy, ..source(&repository) })
    };
    let error = through("pass-5ecret").map(drop).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("5ecret"), "{error}");
    assert_eq!(text(&through("open-sesame").unwrap(), "a"), "1");
    assert!(proxy.seen().iter().all(|host| *host == registry.host), "{:?}", proxy.seen());
    for address in ["", "127.0.0.1:3128", "socks5://127.0.0.1", "http://", "http://jane:p@127.0.0.1", "http://a/b"] {
        assert!(ProxyServer::new(address, None, None).is_err(), "{address}");
    }
}

#[test]
fn a_registry_with_its_own_authority_is_trusted_when_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_tls(directory.path());
    let host = format!("localhost:{}", server.address.port());
    let repository = Repository::new(&host, "team/apps");
    let artifacts = artifacts(directory.path());
    let auth = Auth { ca: server.certificate.clone().map(String::into_bytes), ..Auth::default() };
    let error = artifacts.fetch(&ArtifactSource { auth, ..source(&repository) }).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::NotFound { .. })), "{error}");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    let auth = Auth { ca: Some(other.into_bytes()), ..Auth::default() };
    let error = artifacts.fetch(&ArtifactSource { auth, ..source(&repository) }).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Tls { .. })), "{error}");
    let auth = Auth { ca: Some(b"none".to_vec()), ..Auth::default() };
    let error = artifacts.fetch(&ArtifactSource { auth, ..source(&repository) }).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Credentials(_))), "{error}");
}

#[test]
fn what_nobody_wants_any_more_is_broken_off() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let cancel = Cancel::default();
    cancel.cancel();
    let wanted = ArtifactSource { cancel, ..source(&Repository::new(&registry.host, "team/apps")) };
    let error = artifacts(directory.path()).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Cancelled)), "{error}");
}
