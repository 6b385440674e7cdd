//! Repositories in repositories, from git's own `http-backend`, beside what `git clone --recurse-submodules` makes of them.

use std::path::Path;

use cowherd_source::{Access, Auth, FetchError, Network, Reference, Remote, Submodule};
use cowherd_tree::{Tree, TreePath};

use crate::support::http::{Behaviour, Server};
use crate::support::repository::run;
use crate::support::{Repository, mirrors, remote};

fn main_branch() -> Reference {
    Reference::Branch("main".into())
}

/// Makes a commit of a repository a submodule of another, with this URL.
fn add(repository: &Repository, path: &str, url: &str, commit: &str) {
    stage(repository, path, url, commit);
    repository.git(&["add", ".gitmodules"]);
    repository.git(&["commit", "--quiet", "-m", "a submodule"]);
}

fn stage(repository: &Repository, path: &str, url: &str, commit: &str) {
    let file = repository.path.join(".gitmodules");
    let declared = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, format!("{declared}[submodule {path:?}]\n\tpath = {path}\n\turl = {url}\n")).unwrap();
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
}

/// Text that cannot be packed much.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 33) as u8 % 26)
    };
    (0..length).map(next).collect()
}

/// The submodules of the tip of main, where the servers of this machine may be reached.
fn submodules(directory: &Path, remote: &Remote) -> Result<Vec<Submodule>, FetchError> {
    let mirrors = mirrors(directory);
    let snapshot = mirrors.fetch(remote, &main_branch()).unwrap();
    let access = Access { network: Network::Any, ..Access::default() };
    mirrors.submodules(remote, &snapshot, &access)
}

fn text(submodule: &Submodule, path: &str) -> String {
    String::from_utf8(submodule.tree.read(&TreePath::parse(path).unwrap()).unwrap().to_vec()).unwrap()
}

#[test]
fn submodules_and_theirs_are_what_git_checks_out() {
    let directory = tempfile::tempdir().unwrap();
    let new = |name: &str| Repository::new(directory.path().join(name));
    let (fleet, lib, deep) = (new("fleet"), new("lib"), new("deep"));
    let inner = deep.commit("c.yaml", "c: 1");
    lib.commit("b.yaml", "b: 1");
    add(&lib, "in/deep", "../../deep/.git", &inner);
    let outer = lib.git(&["rev-parse", "HEAD"]);
    // What comes later is not what the commit names.
    lib.commit("b.yaml", "b: 2");
    deep.commit("c.yaml", "c: 2");
    fleet.commit("a.yaml", "a: 1");
    add(&fleet, "libs/lib", "../../lib/.git", &outer);
    let server = Server::start(directory.path());
    let url = server.url("fleet/.git");
    let remote = remote(&url);
    let found = submodules(directory.path(), &remote).unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.path.to_string(), one.commit.to_string())).collect();
    assert_eq!(told, [("libs/lib".to_owned(), outer), ("libs/lib/in/deep".to_owned(), inner)]);
    assert_eq!((text(&found[0], "b.yaml"), text(&found[1], "c.yaml")), ("b: 1".to_owned(), "c: 1".to_owned()));

    run(directory.path(), &["clone", "--quiet", "--recurse-submodules", &url, "clone"]);
    let clone = directory.path().join("clone/libs/lib");
    for (file, ours) in [("b.yaml", text(&found[0], "b.yaml")), ("in/deep/c.yaml", text(&found[1], "c.yaml"))] {
        assert_eq!(std::fs::read_to_string(clone.join(file)).unwrap(), ours);
    }
}

#[test]
fn what_is_declared_and_not_there_or_there_and_not_declared_is_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = Repository::new(directory.path().join("fleet"));
    let commit = fleet.commit("a.yaml", "a: 1");
    add(&fleet, "gone", "/etc", &commit);
    fleet.git(&["update-index", "--force-remove", "gone"]);
    fleet.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},undeclared")]);
    fleet.git(&["commit", "--quiet", "-m", "a commit"]);
    let server = Server::start(directory.path());
    assert!(submodules(directory.path(), &remote(&server.url("fleet/.git"))).unwrap().is_empty());
}

#[test]
fn a_submodule_is_never_a_path_of_this_machine_and_never_in_clear_text_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let new = |name: &str| Repository::new(directory.path().join(name));
    let (fleet, secret) = (new("fleet"), new("secret"));
    let commit = secret.commit("a.yaml", "secret: 1");
    fleet.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let remote_of = remote(&server.url("fleet/.git"));
    let path = secret.path.display().to_string();
    for (url, why) in [
        (path.clone(), "its URL is a path of a machine"),
        (format!("file://{path}"), "its URL is a path of a machine"),
        ("../../../../../srv/x".to_owned(), ""),
        (server.url("secret/.git"), "its URL is one of clear text"),
        ("-oProxyCommand=id@x:y".to_owned(), ""),
    ] {
        add(&fleet, "secret", &url, &commit);
        let error = submodules(directory.path(), &remote_of).unwrap_err();
        assert!(matches!(error, FetchError::Submodules { .. }), "{error}");
        let told = error.to_string();
        assert!(told.starts_with("the submodule at secret of http://") && told.contains(why), "{told}");
        fleet.git(&["reset", "--quiet", "--hard", "HEAD~"]);
    }
    // Nor where the repository itself is one of this machine.
    add(&fleet, "secret", "../secret", &commit);
    let error = submodules(directory.path(), &remote(&format!("file://{}", fleet.path.display()))).unwrap_err();
    assert!(error.to_string().contains("relative to a repository of this machine"), "{error}");
}

#[test]
fn credentials_go_to_the_repositorys_own_server_alone() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let new = |name: &str| Repository::new(directory.path().join(name));
    let (fleet, lib) = (new("fleet"), new("lib"));
    let commit = lib.commit("b.yaml", "b: 1");
    let other = Repository::new(elsewhere.path().join("other")).commit("c.yaml", "c: 1");
    fleet.commit("a.yaml", "a: 1");
    add(&fleet, "lib", "../../lib/.git", &commit);
    let server = Server::start(directory.path());
    // jane:open-sesame
    let basic = "Basic amFuZTpvcGVuLXNlc2FtZQ==";
    server.behave(Behaviour { authorization: Some(basic.to_owned()), ..Behaviour::default() });
    let jane = Auth { username: Some("jane".into()), password: Some("open-sesame".into()), ..Auth::default() };
    let fleet_of = remote(&server.url("fleet/.git")).with_auth(jane);
    assert_eq!(submodules(directory.path(), &fleet_of).unwrap().len(), 1);
    let asked: Vec<_> = server.seen().into_iter().filter(|seen| seen.path.starts_with("/lib/")).collect();
    assert!(!asked.is_empty() && asked.iter().all(|seen| seen.authorization.as_deref() == Some(basic)));

    // Another port is another server, whose certificate is nobody's either.
    let stranger = Server::start_tls(elsewhere.path());
    add(&fleet, "other", &stranger.url("other/.git"), &other);
    let error = submodules(directory.path(), &fleet_of).unwrap_err();
    assert!(matches!(error.innermost(), FetchError::Tls { .. }), "{error}");
    assert!(error.to_string().starts_with("its submodule at other: "), "{error}");
    assert!(stranger.seen().iter().all(|seen| seen.authorization.is_none()));
    let ca = |of: &Server| of.certificate.clone().map(String::into_bytes);
    let trusting = Auth { ca: ca(&stranger), ..fleet_of.auth.clone() };
    let error = submodules(directory.path(), &fleet_of.clone().with_auth(trusting)).unwrap_err();
    assert!(matches!(error.innermost(), FetchError::Tls { .. }), "who is trusted is for one server as well: {error}");
}

#[test]
fn a_submodule_is_where_a_fetch_may_go_and_no_more_than_so_many() {
    let directory = tempfile::tempdir().unwrap();
    let new = |name: &str| Repository::new(directory.path().join(name));
    let (fleet, lib) = (new("fleet"), new("lib"));
    let commit = lib.commit("b.yaml", "b: 1");
    fleet.commit("a.yaml", "a: 1");
    add(&fleet, "lib", "../../lib/.git", &commit);
    let server = Server::start(directory.path());
    let remote = remote(&server.url("fleet/.git"));
    let at = mirrors(directory.path());
    let snapshot = at.fetch(&remote, &main_branch()).unwrap();
    let error = at.submodules(&remote, &snapshot, &Access::default()).unwrap_err();
    assert!(matches!(error.innermost(), FetchError::Forbidden { .. }), "{error}");
    drop(at);
    add(&fleet, "missing", "../../lib/.git", &"1".repeat(40));
    let error = submodules(directory.path(), &remote).unwrap_err();
    assert!(matches!(error.innermost(), FetchError::ReferenceNotFound { .. }), "{error}");
    assert!(error.to_string().starts_with("its submodule at missing: "), "{error}");
    // What they may send is theirs together.
    fleet.git(&["reset", "--quiet", "--hard", "HEAD~"]);
    let large = lib.commit("large", &noise(200_000));
    add(&fleet, "large", "../../lib/.git", &large);
    let limited = Remote { max_size: 50_000, ..remote.clone() };
    let error = submodules(directory.path(), &limited).unwrap_err();
    assert!(matches!(error.innermost(), FetchError::TooLarge { .. }), "{error}");

    (0..100).for_each(|name| stage(&fleet, &format!("many/{name}"), "../../lib/.git", &commit));
    fleet.git(&["add", ".gitmodules"]);
    fleet.git(&["commit", "--quiet", "-m", "many"]);
    let error = submodules(directory.path(), &remote).unwrap_err();
    assert!(error.to_string().contains("there are more than 100 submodules"), "{error}");
}
