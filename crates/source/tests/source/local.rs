//! Repositories of this machine.

use std::fs;

use cowherd_source::local::{Head, Repository as Local, Worktree, discover};
use cowherd_source::{FetchError, Reference};
use cowherd_tree::{Tree, TreePath};

use cowherd_gitserver::pack::feed;

use crate::support::repository::run;
use crate::support::{Repository, mirrors, remote, text};

#[test]
fn the_repository_around_a_path_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let commit = repository.commit("clusters/prod/a.yaml", "a: 1");
    let root = repository.path.canonicalize().unwrap();
    for (path, prefix) in
        [("", "."), ("clusters/prod", "clusters/prod"), ("clusters/prod/a.yaml", "clusters/prod/a.yaml")]
    {
        let found = discover(&repository.path.join(path)).unwrap();
        assert_eq!(found.root(), root);
        assert_eq!(found.prefix().to_string(), prefix);
        assert_eq!(found.head().unwrap(), Head::Branch("main".into()));
    }
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(discover(&root).unwrap().head().unwrap(), Head::Detached(commit.parse().unwrap()));
    let error = discover(directory.path()).unwrap_err();
    assert!(matches!(error, FetchError::RepositoryNotFound { .. }), "{error}");
    let empty = Repository::new(directory.path().join("empty"));
    assert_eq!(discover(&empty.path).unwrap().head().unwrap(), Head::Unborn("main".into()));
}

#[test]
fn bare_repositories_worktrees_and_alternates_are_read_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    repository.git(&["gc", "--quiet"]);
    run(directory.path(), &["clone", "--quiet", "--bare", "repo", "bare.git"]);
    run(directory.path(), &["clone", "--quiet", "--shared", "repo", "borrowing"]);
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = Repository { path: directory.path().join("side") };
    let commit = side.commit("a.yaml", "a: side");
    let mirrors = mirrors(directory.path());
    for (name, content) in [("repo", "a: 1"), ("bare.git", "a: 1"), ("borrowing", "a: 1"), ("side", "a: side")] {
        let path = directory.path().join(name);
        for url in [path.display().to_string(), format!("file://{}", path.display())] {
            assert_eq!(text(&mirrors.fetch(&remote(&url), &Reference::Head).unwrap(), "a.yaml"), content, "{url}");
        }
    }
    let found = discover(&side.path).unwrap();
    assert_eq!(found.root(), side.path.canonicalize().unwrap());
    assert_eq!(found.snapshot(&Reference::Head).unwrap().revision.to_string(), format!("side@sha1:{commit}"));
    assert_eq!(discover(&directory.path().join("bare.git/refs")).unwrap().prefix().to_string(), ".");
}

#[test]
fn a_revision_is_found_as_git_finds_it() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let one = repository.commit("a.yaml", "a: 1");
    repository.git(&["tag", "-a", "v1", "-m", "one"]);
    repository.commit("a.yaml", "a: 2");
    let local = Local::open(&repository.path).unwrap();
    for revision in ["HEAD~1", "main^", "v1", &one, &one[..10]] {
        let snapshot = local.revision(revision).unwrap_or_else(|error| panic!("{revision}: {error}"));
        assert_eq!(snapshot.commit.id.to_string(), one, "{revision}");
        assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
    }
    assert_eq!(local.revision(&one[..10]).unwrap().revision.to_string(), format!("sha1:{one}"));
    assert_eq!(local.revision("HEAD~1").unwrap().revision.to_string(), format!("HEAD~1@sha1:{one}"));
    let error = local.revision("nothing~3").unwrap_err();
    assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
}

#[test]
fn programs_that_a_repository_names_are_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let trap = directory.path().join("trapped");
    let touch = format!("touch {}", trap.display());
    for key in ["core.fsmonitor", "core.sshCommand", "filter.x.smudge", "uploadpack.packObjectsHook", "core.pager"] {
        repository.git(&["config", key, &touch]);
    }
    fs::write(repository.path.join(".git/info/attributes"), "* filter=x\n").unwrap();
    let snapshot = mirrors(directory.path()).fetch(&remote(repository.path.to_str().unwrap()), &Reference::Head);
    assert_eq!(text(&snapshot.unwrap(), "a.yaml"), "a: 1");
    assert!(!trap.exists());
}

#[test]
fn a_repository_with_another_reference_storage_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    // What `git refs migrate --ref-format=reftable` leaves in the configuration; a git before 2.46 has no such command.
    repository.git(&["config", "core.repositoryformatversion", "1"]);
    repository.git(&["config", "extensions.refStorage", "reftable"]);
    let error =
        mirrors(directory.path()).fetch(&remote(repository.path.to_str().unwrap()), &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("reftable"), "{error}");
}

#[test]
fn a_tree_that_is_held_survives_a_repack() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    for number in 0..20 {
        repository.commit(&format!("dir-{number}/a.yaml"), &format!("a: {number}"));
    }
    let local = Local::open(&repository.path).unwrap();
    let snapshot = local.snapshot(&Reference::Head).unwrap();
    assert_eq!(text(&snapshot, "dir-0/a.yaml"), "a: 0");
    repository.git(&["gc", "--quiet", "--prune=now"]);
    for number in 0..20 {
        assert_eq!(text(&snapshot, &format!("dir-{number}/a.yaml")), format!("a: {number}"));
    }
}

#[test]
fn files_on_disk_have_the_ids_that_they_have_in_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    std::os::unix::fs::symlink("a.yaml", repository.path.join("link")).unwrap();
    fs::write(repository.path.join("b.yaml"), "b: 1").unwrap();
    repository.commit("a.yaml", "a: 1");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--amend", "--no-edit"]);
    let committed = discover(&repository.path).unwrap().snapshot(&Reference::Head).unwrap().tree;
    fs::write(repository.path.join("b.yaml"), "b: 2").unwrap();
    let worktree = Worktree::new(&repository.path);
    let id = |tree: &dyn Tree, path: &str| tree.entry(&TreePath::parse(path).unwrap()).unwrap().map(|entry| entry.id);
    for path in ["a.yaml", "link"] {
        assert_eq!(id(&worktree, path), id(committed.as_ref(), path), "{path}");
    }
    assert_ne!(id(&worktree, "b.yaml"), id(committed.as_ref(), "b.yaml"));
    assert_eq!(id(&worktree, "none"), None);
}

#[test]
fn whether_a_path_is_committed_follows_the_path_alone() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let opened = || cowherd_source::local::discover(&repository.path).unwrap();
    let has = |path: &str| opened().has_committed(&TreePath::parse(path).unwrap()).unwrap();
    assert!(!has(".cowherd"), "there is no commit yet");
    // Ten directories that are all the same one, twelve levels deep: too many to be walked.
    let blob = feed(&repository, &["hash-object", "-w", "--stdin"], b"a").trim().to_owned();
    let mut tree = feed(&repository, &["mktree"], format!("100644 blob {blob}\ta\n").as_bytes()).trim().to_owned();
    for _ in 0..12 {
        let same: String = (0..10).map(|number| format!("040000 tree {tree}\td{number}\n")).collect();
        tree = feed(&repository, &["mktree"], same.as_bytes()).trim().to_owned();
    }
    let top = format!("120000 blob {blob}\t.link\n040000 tree {tree}\tdeep\n040000 tree {tree}\tdir\n");
    let top = feed(&repository, &["mktree"], top.as_bytes()).trim().to_owned();
    let commit = repository.git(&["commit-tree", &top, "-m", "many"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    let error = opened().snapshot(&Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::TooManyFiles { .. }), "{error}");
    for (path, is_there) in [("dir", true), ("dir/d3/d4", true), (".link", true), (".cowherd", false), ("dir/x", false)]
    {
        assert_eq!(has(path), is_there, "{path}");
    }
}
