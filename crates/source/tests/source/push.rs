//! Commits that are pushed to real servers: over HTTP to git's own `http-backend`, and over ssh to `sshd`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use cowherd_source::{
    Auth, CommitSigner, Draft, DraftError, Identity, Mirrors, Push, PushError, RefUpdate, Reference, Remote,
    SigningError, Snapshot, Words,
};
use cowherd_tree::TreePath;

use crate::support::http::{Behaviour, Server};
use crate::support::sshd::{Sshd, make_key};
use crate::support::{Repository, mirrors, remote, text};

/// A repository that is served and may be pushed to.
fn served(directory: &Path) -> Repository {
    let repository = Repository::new(directory.join("repo"));
    for (key, value) in [
        ("http.receivepack", "true"),
        ("receive.denyCurrentBranch", "ignore"),
        ("receive.advertisePushOptions", "true"),
    ] {
        repository.git(&["config", key, value]);
    }
    repository.commit("apps/web/a.yaml", "a: 1\n");
    repository.commit("README", "read me\n");
    repository
}

fn main_branch() -> Reference {
    Reference::Branch("main".into())
}

fn words<'w>(author: &'w Identity, signer: Option<&'w CommitSigner>) -> Words<'w> {
    Words { author, message: "change it\n\nfor a reason", time: 1_800_000_000, signer }
}

fn draft(parent: &Snapshot, path: &str, content: &str) -> Draft {
    let author = Identity { name: "Robot".to_owned(), email: "robot@example.com".to_owned() };
    let files = [(TreePath::parse(path).unwrap(), content.as_bytes().to_vec())];
    Draft::new(parent, files, &words(&author, None)).unwrap()
}

fn to(draft: &Draft, name: &str) -> Push {
    let update = RefUpdate { name: name.to_owned(), is_forced: false, must_exist: false };
    Push { draft: draft.clone(), updates: vec![update], options: Vec::new() }
}

/// Pushes a change of a file that everybody sees afterwards, and nothing else.
fn pushes(mirrors: &Mirrors, remote: &Remote, repository: &Repository) {
    let before = mirrors.fetch(remote, &main_branch()).unwrap();
    let draft = draft(&before, "apps/web/a.yaml", "a: 2\n");
    mirrors.push(remote, &to(&draft, "refs/heads/main")).unwrap();
    assert_eq!(repository.git(&["rev-parse", "main"]), draft.id().to_string());
    assert_eq!(repository.git(&["rev-parse", "main^"]), before.commit.id.to_string());
    assert_eq!(repository.git(&["diff", "--name-status", "main^", "main"]), "M\tapps/web/a.yaml");
    assert_eq!(repository.git(&["show", "main:apps/web/a.yaml"]), "a: 2");
    let told = repository.git(&["log", "-1", "--format=%an <%ae> %at|%cn <%ce>|%B", "main"]);
    assert_eq!(told, "Robot <robot@example.com> 1800000000|Robot <robot@example.com>|change it\n\nfor a reason");
    repository.git(&["fsck", "--strict"]);
    let after = mirrors.fetch(remote, &main_branch()).unwrap();
    assert_eq!((after.commit.id, text(&after, "README")), (draft.id(), "read me\n".to_owned()));
    mirrors.push(remote, &to(&draft, "refs/heads/main")).unwrap();
}

#[test]
fn a_commit_is_pushed_over_http() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start(directory.path());
    pushes(&mirrors(directory.path()), &remote(&server.url("repo/.git")), &repository);
}

#[test]
fn a_commit_is_pushed_over_tls_with_a_password_and_without_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start_tls(directory.path());
    server.behave(Behaviour { authorization: Some("Basic amFuZTpodW50ZXIy".to_owned()), ..Behaviour::default() });
    let auth = |password: &str| Auth {
        username: Some("jane".to_owned()),
        password: Some(password.into()),
        ca: server.certificate.clone().map(String::into_bytes),
        ..Auth::default()
    };
    let (mirrors, url) = (mirrors(directory.path()), server.url("repo/.git"));
    let good = remote(&url).with_auth(auth("hunter2"));
    pushes(&mirrors, &good, &repository);
    let head = repository.git(&["rev-parse", "main"]);
    let parent = mirrors.fetch(&good, &main_branch()).unwrap();
    let refused = to(&draft(&parent, "README", "x"), "refs/heads/main");
    let error = mirrors.push(&remote(&url).with_auth(auth("open-sesame")), &refused).unwrap_err();
    assert!(matches!(error, PushError::Refused { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("whether they may write") && !said.contains("open-sesame"), "{said}");
    assert_eq!(repository.git(&["rev-parse", "main"]), head);
}

#[test]
fn a_commit_is_pushed_over_ssh() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    let auth = Auth {
        identity: Some(sshd.identity().into()),
        known_hosts: Some(sshd.known_hosts("host_key.pub")),
        ..Auth::default()
    };
    let remote = remote(&sshd.url(&repository.path)).with_auth(auth);
    pushes(&mirrors(directory.path()), &remote, &repository);
}

#[test]
fn what_somebody_else_has_pushed_is_never_overwritten_unless_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    let draft = draft(&parent, "README", "mine\n");
    let others = repository.commit("README", "theirs\n");
    let error = mirrors.push(&remote, &to(&draft, "refs/heads/main")).unwrap_err();
    assert!(error.is_overtaken() && error.may_pass(), "{error}");
    assert_eq!(repository.git(&["rev-parse", "main"]), others);
    // On a branch of its own there is room, at most once.
    mirrors.push(&remote, &to(&draft, "refs/heads/auto")).unwrap();
    assert_eq!(repository.git(&["rev-parse", "auto"]), draft.id().to_string());
    let other = to(&self::draft(&parent, "README", "another\n"), "refs/heads/auto");
    assert!(mirrors.push(&remote, &other).unwrap_err().is_overtaken());
    let gone = RefUpdate { name: "refs/heads/gone".to_owned(), is_forced: true, must_exist: true };
    let error = mirrors.push(&remote, &Push { updates: vec![gone], ..other.clone() }).unwrap_err();
    assert!(error.is_overtaken(), "what was deleted is not brought back: {error}");
    let forced = RefUpdate { name: "refs/heads/auto".to_owned(), is_forced: true, must_exist: false };
    mirrors.push(&remote, &Push { updates: vec![forced], ..other }).unwrap();
    assert_eq!(repository.git(&["show", "auto:README"]), "another");
    assert_eq!(repository.git(&["rev-parse", "main"]), others, "nothing else is touched");
}

#[test]
fn all_references_move_or_none_does() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    let before = parent.commit.id.to_string();
    let hook = repository.path.join(".git/hooks/update");
    std::fs::write(&hook, "#!/bin/sh\necho no branch but main >&2\ntest \"$1\" = refs/heads/main\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let draft = draft(&parent, "README", "mine\n");
    let updates = ["refs/heads/main", "refs/heads/auto"];
    let updates = updates.map(|name| RefUpdate { name: name.to_owned(), is_forced: false, must_exist: false }).to_vec();
    let error = mirrors.push(&remote, &Push { draft: draft.clone(), updates, options: Vec::new() }).unwrap_err();
    assert!(matches!(error, PushError::Rejected { .. }), "{error}");
    assert!(error.to_string().contains("no branch but main"), "{error}");
    assert_eq!(repository.git(&["rev-parse", "main"]), before);
    mirrors.push(&remote, &to(&draft, "refs/heads/main")).unwrap();
    assert_eq!(repository.git(&["rev-parse", "main"]), draft.id().to_string());
}

#[test]
fn options_come_to_the_hooks_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let hook = repository.path.join(".git/hooks/post-receive");
    let told = directory.path().join("told");
    let script = format!("#!/bin/sh\necho $GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0 > {}\n", told.display());
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    let push = to(&draft(&parent, "README", "mine\n"), "refs/heads/main");
    mirrors.push(&remote, &Push { options: vec!["merge_request.create".to_owned()], ..push.clone() }).unwrap();
    assert_eq!(std::fs::read_to_string(&told).unwrap(), "1 merge_request.create\n");
    // The length of a packet has four digits: those of a longer one would have the rest read as packets.
    let long = format!("x{}", "y".repeat(0xffff));
    let error = mirrors.push(&remote, &Push { options: vec![long], ..push.clone() }).unwrap_err();
    assert!(matches!(error, PushError::LongOption(0x10000)), "{error}");
    repository.git(&["config", "receive.advertisePushOptions", "false"]);
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    let push = to(&draft(&parent, "README", "again\n"), "refs/heads/main");
    let error = mirrors.push(&remote, &Push { options: vec!["x".to_owned()], ..push }).unwrap_err();
    assert!(matches!(error, PushError::Unable { .. }), "{error}");
}

#[test]
fn a_commit_is_signed_so_that_git_verifies_it() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let author = Identity { name: "Robot".to_owned(), email: "robot@example.com".to_owned() };
    for (number, kind) in ["ed25519", "ecdsa", "rsa"].into_iter().enumerate() {
        let key = directory.path().join(kind);
        let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&key).status().unwrap();
        assert!(made.success());
        let signer = CommitSigner::ssh(&std::fs::read(&key).unwrap()).unwrap();
        assert_eq!(format!("{signer:?}"), "CommitSigner");
        let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
        let files = [(TreePath::parse("README").unwrap(), number.to_string().into_bytes())];
        let draft = Draft::new(&parent, files, &words(&author, Some(&signer))).unwrap();
        mirrors.push(&remote, &to(&draft, "refs/heads/main")).unwrap();
        let allowed = directory.path().join("allowed");
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        std::fs::write(&allowed, format!("robot@example.com {public}")).unwrap();
        repository.git(&["config", "gpg.ssh.allowedSignersFile", allowed.to_str().unwrap()]);
        repository.git(&["verify-commit", "main"]);
        repository.git(&["fsck", "--strict"]);
    }
    let locked = directory.path().join("locked");
    make_key(&locked, "hunter2");
    assert_eq!(CommitSigner::ssh(&std::fs::read(&locked).unwrap()).unwrap_err(), SigningError::Encrypted);
    assert_eq!(CommitSigner::ssh(b"nothing").unwrap_err(), SigningError::Unreadable);
}

#[test]
fn what_is_no_reference_and_no_file_is_not_pushed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    let good = draft(&parent, "README", "mine\n");
    for name in ["main", "refs/heads/a b", "refs/heads/../../x", "HEAD"] {
        let error = mirrors.push(&remote, &to(&good, name)).unwrap_err();
        assert!(matches!(error, PushError::Reference(_)), "{name}: {error}");
    }
    let author = Identity { name: String::new(), email: "a@b".to_owned() };
    for path in ["nothing", "apps", "README/x"] {
        let files = [(TreePath::parse(path).unwrap(), Vec::new())];
        let error = Draft::new(&parent, files, &words(&author, None)).unwrap_err();
        assert!(matches!(error, DraftError::NoFile(_)), "{path}: {error}");
    }
    assert_eq!(repository.git(&["rev-parse", "main"]), parent.commit.id.to_string());
}

/// A bare repository with nothing in it.
fn empty(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("new.git");
    cowherd_gitserver::repository::run(directory, &["init", "--quiet", "--bare", "--initial-branch=trunk", "new.git"]);
    cowherd_gitserver::repository::run(&path, &["config", "http.receivepack", "true"]);
    path
}

fn added(parent: Option<&Snapshot>, files: &[(&str, &str)]) -> Result<Draft, DraftError> {
    let author = Identity { name: "Robot".to_owned(), email: String::new() };
    let files = files.iter().map(|(path, content)| (TreePath::parse(path).unwrap(), content.as_bytes().to_vec()));
    Draft::adding(parent, files, &words(&author, None))
}

#[test]
fn the_first_commit_of_a_repository_is_pushed_over_http_and_ssh() {
    let directory = tempfile::tempdir().unwrap();
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    let auth = Auth {
        identity: Some(sshd.identity().into()),
        known_hosts: Some(sshd.known_hosts("host_key.pub")),
        ..Auth::default()
    };
    let server = Server::start(directory.path());
    let path = empty(directory.path());
    let all = mirrors(directory.path());
    for remote in [remote(&server.url("new.git")), remote(&sshd.url(&path)).with_auth(auth)] {
        let git = |arguments: &[&str]| cowherd_gitserver::repository::run(&path, arguments);
        assert_eq!(all.branches(&remote).unwrap(), Vec::<String>::new());
        let first = added(None, &[("a/b/c.yaml", "c: 1\n"), ("a.yaml", "a: 1\n")]).unwrap();
        all.push(&remote, &to(&first, "refs/heads/main")).unwrap();
        git(&["fsck", "--strict"]);
        assert_eq!(git(&["rev-list", "--count", "main"]), "1");
        assert_eq!(git(&["ls-tree", "-r", "--name-only", "main"]), "a.yaml\na/b/c.yaml");
        assert_eq!(all.branches(&remote).unwrap(), ["main"]);
        // Whoever believes that there is nothing yet overwrites nothing.
        let late = added(None, &[("d", "")]).unwrap();
        assert!(all.push(&remote, &to(&late, "refs/heads/main")).unwrap_err().is_overtaken());
        let parent = all.fetch(&remote, &main_branch()).unwrap();
        let second = added(Some(&parent), &[("a/b.yaml", "b: 1\n"), ("a/b/c.yaml", "c: 2\n")]).unwrap();
        all.push(&remote, &to(&second, "refs/heads/main")).unwrap();
        git(&["fsck", "--strict"]);
        assert_eq!(git(&["diff", "--name-status", "main^", "main"]), "A\ta/b.yaml\nM\ta/b/c.yaml");
        git(&["update-ref", "-d", "refs/heads/main"]);
    }
}

#[test]
fn a_new_file_takes_no_other_things_place() {
    let directory = tempfile::tempdir().unwrap();
    let repository = served(directory.path());
    std::os::unix::fs::symlink("README", repository.path.join("link")).unwrap();
    repository.commit_all("link");
    let server = Server::start(directory.path());
    let (mirrors, remote) = (mirrors(directory.path()), remote(&server.url("repo/.git")));
    let parent = mirrors.fetch(&remote, &main_branch()).unwrap();
    for path in ["apps", "README/x", "link", "link/x"] {
        let error = added(Some(&parent), &[(path, "")]).unwrap_err();
        assert!(matches!(error, DraftError::Occupied(_)), "{path}: {error}");
    }
}
