//! What the mirrors keep, and what they survive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use cowherd_source::{Access, FetchError, LocalAccess, MirrorOptions, Mirrors, MirrorsError, Reference};
use cowherd_tree::{Tree as _, TreePath};

use crate::support::http::{Behaviour, Server};
use crate::support::repository::run;
use crate::support::{Repository, mirrors, remote, text};

fn main_branch() -> Reference {
    Reference::Branch("main".into())
}

/// The repositories that the mirrors in `directory` have on disk.
fn generations(directory: &Path) -> Vec<PathBuf> {
    let below = |path: &Path| {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let mirrors = below(&directory.join("mirrors"));
    mirrors.iter().filter(|path| !path.ends_with("keys")).flat_map(|path| below(path)).collect()
}

#[test]
fn a_mirror_is_a_sound_shallow_repository_in_the_eyes_of_git() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    for round in 0..5 {
        repository.commit("a.yaml", &format!("a: {round}"));
        repository.commit("b/b.yaml", &format!("b: {round}"));
        mirrors.fetch(&remote, &main_branch()).unwrap();
        repository.git(&["checkout", "--quiet", "-B", "other", "main~1"]);
        repository.commit("c.yaml", &format!("c: {round}"));
        mirrors.fetch(&remote, &Reference::Branch("other".into())).unwrap();
        repository.git(&["checkout", "--quiet", "main"]);
    }
    let generations = generations(directory.path());
    assert_eq!(generations.len(), 1, "all references share one mirror: {generations:?}");
    run(&generations[0], &["fsck", "--full", "--strict", "--no-dangling"]);
    let commits = run(&generations[0], &["rev-list", "--all"]);
    assert_eq!(commits.lines().count(), 10, "the commits that were asked for and none of their history");
}

#[test]
fn a_change_back_to_old_content_arrives_whole() {
    // The server must not think that a shallow mirror has the history of its commits.
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "old content");
    repository.commit("a.yaml", "new content");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    mirrors.fetch(&remote, &main_branch()).unwrap();
    repository.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "old content");
}

#[test]
fn a_force_push_just_moves_and_a_deleted_branch_leaves_what_was_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    repository.git(&["checkout", "--quiet", "-b", "feature"]);
    repository.commit("a.yaml", "a: 2");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let feature = Reference::Branch("feature".into());
    let old = mirrors.fetch(&remote, &feature).unwrap();

    repository.git(&["reset", "--quiet", "--hard", "main"]);
    repository.commit("a.yaml", "a: rewritten");
    repository.git(&["reflog", "expire", "--expire=now", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);
    let new = mirrors.fetch(&remote, &feature).unwrap();
    assert_eq!(text(&new, "a.yaml"), "a: rewritten");
    assert_eq!(text(&old, "a.yaml"), "a: 2");

    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["branch", "-D", "feature"]);
    let error = mirrors.fetch(&remote, &feature).unwrap_err();
    assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
    assert!(error.to_string().contains("branch \"feature\""), "{error}");
    assert_eq!(text(&new, "a.yaml"), "a: rewritten");

    repository.git(&["branch", "feature", "main"]);
    assert_eq!(text(&mirrors.fetch(&remote, &feature).unwrap(), "a.yaml"), "a: 1");
}

#[test]
fn what_was_fetched_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let remote = remote(&server.url("repo/.git"));
    assert!(!mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap().unchanged);
    let again = mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap();
    assert!(again.unchanged);
    assert_eq!(text(&again, "a.yaml"), "a: 1");
}

#[test]
fn the_directory_belongs_to_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let _first = mirrors(directory.path());
    assert!(matches!(Mirrors::open(directory.path().join("mirrors")), Err(MirrorsError::InUse(_))));
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let remote = remote(&server.url("repo/.git"));
    mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap();
    let generation = generations(directory.path()).pop().unwrap();
    // Locks, half a pack under a temporary name, a pack without its index, a key, a generation that never began.
    fs::write(generation.join("shallow.lock"), "").unwrap();
    fs::write(generation.join("objects/pack/.tmpAbCdEf"), "PACK").unwrap();
    fs::write(generation.join("objects/pack/pack-1234.pack"), "PACK").unwrap();
    fs::create_dir_all(directory.path().join("mirrors/keys/ssh-left")).unwrap();
    fs::create_dir_all(generation.parent().unwrap().join("7/objects")).unwrap();

    repository.commit("a.yaml", "a: 2");
    let mirrors = mirrors(directory.path());
    let snapshot = mirrors.fetch(&remote, &main_branch()).unwrap();
    assert_eq!(text(&snapshot, "a.yaml"), "a: 2");
    assert_eq!(generations(directory.path()), std::slice::from_ref(&generation));
    assert_eq!(fs::read_dir(generation.join("objects/pack")).unwrap().count(), 4, "two packs with their indices");
    assert_eq!(fs::read_dir(directory.path().join("mirrors/keys")).unwrap().count(), 0);
}

#[test]
fn a_damaged_mirror_is_fetched_anew() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let damage: [fn(&Path); 4] = [
        |generation| fs::remove_dir_all(generation.join("objects")).unwrap(),
        |generation| fs::remove_file(generation.join("HEAD")).unwrap(),
        |generation| {
            for entry in fs::read_dir(generation.join("objects/pack")).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "pack") {
                    let mut content = fs::read(&path).unwrap();
                    let middle = content.len() / 2;
                    content[middle] ^= 0xff;
                    fs::remove_file(&path).unwrap();
                    fs::write(&path, content).unwrap();
                }
            }
        },
        |generation| {
            for entry in fs::read_dir(generation.join("objects/pack")).unwrap() {
                fs::write(entry.unwrap().path(), "").unwrap();
            }
        },
    ];
    for damage in damage {
        drop(mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap());
        damage(&generations(directory.path()).pop().unwrap());
        let mirrors = mirrors(directory.path());
        assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "a: 1");
        assert_eq!(generations(directory.path()).len(), 1);
    }
}

#[test]
fn damage_that_shows_while_reading_is_mended_by_the_next_fetch() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("deep/a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let mirrors = mirrors(directory.path());
    drop(mirrors.fetch(&remote, &main_branch()).unwrap());
    // A file that is mapped stays readable when it is removed; an object that was never there does not.
    repository.commit("deep/a.yaml", "a: 2");
    let broken = mirrors.fetch(&remote, &main_branch()).unwrap();
    for entry in fs::read_dir(generations(directory.path())[0].join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let length = fs::metadata(&path).unwrap().len();
        fs::write(path, vec![0; usize::try_from(length).unwrap()]).unwrap();
    }
    assert!(broken.tree.read(&TreePath::parse("deep/a.yaml").unwrap()).is_err());
    assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "deep/a.yaml"), "a: 2");
}

#[test]
fn many_fetch_the_same_and_different_references_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "main");
    for number in 0..4 {
        repository.git(&["checkout", "--quiet", "-B", &format!("branch-{number}"), "main"]);
        repository.commit("a.yaml", &format!("branch-{number}"));
    }
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let url = server.url("repo/.git");
    let start = Barrier::new(16);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (mirrors, url, start) = (mirrors.clone(), &url, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..3 {
                    let branch = format!("branch-{}", (thread + round) % 4);
                    let snapshot = mirrors.fetch(&remote(url), &Reference::Branch(branch.clone())).unwrap();
                    assert_eq!(text(&snapshot, "a.yaml"), branch);
                }
            });
        }
    });
    let transfers = server.seen().iter().filter(|request| request.fetches()).count();
    assert_eq!(transfers, 4, "each commit was transferred once");
    run(&generations(directory.path())[0], &["fsck", "--full", "--strict", "--no-dangling"]);
}

#[test]
fn a_forgotten_mirror_goes_when_nobody_reads_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let held = mirrors.fetch(&remote, &main_branch()).unwrap();
    mirrors.forget(&remote.url);
    assert_eq!(text(&held, "a.yaml"), "a: 1");
    drop(held);
    assert!(generations(directory.path()).is_empty());
    assert!(!mirrors.fetch(&remote, &main_branch()).unwrap().unchanged);
}

#[test]
fn a_mirror_that_has_grown_begins_anew_and_keeps_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let server = Server::start(directory.path());
    let options = MirrorOptions { max_commits: 3, ..MirrorOptions::default() };
    let mirrors = Mirrors::open_with(directory.path().join("mirrors"), options).unwrap();
    let remote = remote(&server.url("repo/.git"));
    let mut held = Vec::new();
    for round in 0..10 {
        repository.commit("deep/a.yaml", &format!("a: {round}"));
        held.push(mirrors.fetch(&remote, &main_branch()).unwrap());
    }
    assert_eq!(generations(directory.path()).len(), 4);
    for (round, snapshot) in held.iter().enumerate() {
        assert_eq!(text(snapshot, "deep/a.yaml"), format!("a: {round}"));
    }
    drop(held);
    assert_eq!(generations(directory.path()).len(), 1);
    assert!(mirrors.fetch(&remote, &main_branch()).unwrap().unchanged);
}

#[test]
fn a_commit_is_found_on_a_server_that_gives_only_tips() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let one = repository.commit("a.yaml", "a: 1");
    repository.commit("a.yaml", "a: 2");
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    let side = repository.commit("a.yaml", "a: side");
    repository.commit("a.yaml", "a: side 2");
    repository.git(&["checkout", "--quiet", "main"]);
    let server = Server::start(directory.path());
    // The old protocol refuses what no reference names.
    server.behave(Behaviour { old_protocol: true, ..Behaviour::default() });
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    mirrors.fetch(&remote, &main_branch()).unwrap();
    let snapshot = mirrors.fetch(&remote, &Reference::commit(&one)).unwrap();
    assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
    let of_side = Reference::Commit { id: side, branch: Some("side".into()) };
    assert_eq!(text(&mirrors.fetch(&remote, &of_side).unwrap(), "a.yaml"), "a: side");
    let error = mirrors.fetch(&remote, &Reference::commit("1".repeat(40))).unwrap_err();
    assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
    assert!(mirrors.fetch(&remote, &main_branch()).unwrap().unchanged, "what is here stays");
    run(&generations(directory.path())[0], &["fsck", "--full", "--strict", "--no-dangling"]);
}

/// Not a test of its own: the process that `a_process_killed_while_it_fetches…` kills.
#[test]
fn fetch_until_killed() {
    let Ok(arguments) = std::env::var("COWHERD_TEST_FETCH_UNTIL_KILLED") else { return };
    let (directory, url) = arguments.split_once(' ').unwrap();
    let mirrors = mirrors(Path::new(directory));
    loop {
        mirrors.fetch(&remote(url), &main_branch()).unwrap();
    }
}

#[test]
fn a_process_killed_while_it_fetches_leaves_a_mirror_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 0");
    let server = Server::start(directory.path());
    let url = server.url("repo/.git");
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "mirrors::fetch_until_killed"])
            .env("COWHERD_TEST_FETCH_UNTIL_KILLED", format!("{} {url}", directory.path().display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // New commits keep it busy; the moment of the kill moves through the fetch.
        for change in 0..4 {
            repository.commit("a.yaml", &format!("a: {round} {change} {}", "x".repeat(2000)));
            std::thread::sleep(Duration::from_millis(3 * round));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mirrors = mirrors(directory.path());
        let snapshot = mirrors.fetch(&remote(&url), &main_branch()).unwrap();
        assert!(text(&snapshot, "a.yaml").starts_with(&format!("a: {round} 3 ")), "round {round}");
        run(&generations(directory.path())[0], &["fsck", "--full", "--strict", "--no-dangling"]);
    }
    assert!(fs::read_dir(generations(directory.path())[0].join("refs/cowherd")).unwrap().count() > 12);
}

#[test]
fn a_shallow_source_gives_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let origin = Repository::new(directory.path().join("origin"));
    origin.commit("a.yaml", "a: 1");
    origin.commit("a.yaml", "a: 2");
    let url = format!("file://{}", origin.path.display());
    run(directory.path(), &["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let local = directory.path().join("shallow").display().to_string();
    for url in [server.url("shallow/.git"), local] {
        assert_eq!(text(&mirrors.fetch(&remote(&url), &Reference::Head).unwrap(), "a.yaml"), "a: 2");
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_told_and_recovered_from() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let old = mirrors.fetch(&remote, &main_branch()).unwrap();
    repository.commit("a.yaml", "a: 2");
    // A file where the directory for packs should be stops even those whom permissions do not.
    let packs = generations(directory.path())[0].join("objects/pack");
    let aside = packs.with_file_name("aside");
    fs::rename(&packs, &aside).unwrap();
    fs::write(&packs, "").unwrap();
    fs::set_permissions(&packs, fs::Permissions::from_mode(0o444)).unwrap();
    let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Storage { .. }), "{error}");
    fs::remove_file(&packs).unwrap();
    fs::rename(&aside, &packs).unwrap();
    assert_eq!(text(&old, "a.yaml"), "a: 1");
    assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "a: 2");
}

#[test]
fn a_local_repository_is_read_only_where_that_was_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let open = Repository::new(directory.path().join("open/repository"));
    open.commit("a", "1");
    let closed = Repository::new(directory.path().join("closed"));
    closed.commit("a", "1");
    std::os::unix::fs::symlink(directory.path().join("closed"), directory.path().join("open/link")).unwrap();
    let local = LocalAccess::Only(vec![directory.path().join("open")]);
    let mirrors = mirrors(directory.path());
    let fetch = |path: &str| {
        let url = format!("file://{}", directory.path().join(path).display());
        let access = Access { local: local.clone(), ..Access::default() };
        mirrors.fetch(&remote(&url).with_access(access), &Reference::Head)
    };
    assert!(fetch("open/repository").is_ok());
    for path in ["closed", "open/../closed", "open/link"] {
        assert!(matches!(fetch(path), Err(FetchError::NotAllowed(_))), "{path}");
    }
}
