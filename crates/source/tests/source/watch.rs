//! A local repository is seen the moment it changes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cowherd_source::{LocalWatch, LocalWatches};

use crate::support::Repository;

/// Whether a change is told within `time`.
fn told(watch: &mut LocalWatch, time: Duration) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(time, watch.changed()).await }).is_ok_and(|told| told.is_some())
}

/// Waits until nothing is told any more.
fn settle(watch: &mut LocalWatch) {
    while told(watch, Duration::from_millis(300)) {}
}

fn expect(watch: &mut LocalWatch, what: &str, act: impl FnOnce()) {
    act();
    // Far less than the interval of polling, which would hide that nothing was reported.
    assert!(told(watch, Duration::from_millis(1500)), "{what} was not told");
    settle(watch);
}

fn expect_nothing(watch: &mut LocalWatch, what: &str, act: impl FnOnce()) {
    act();
    assert!(!told(watch, Duration::from_millis(500)), "{what} was told");
}

fn watch(path: &Path) -> LocalWatch {
    let mut watch = LocalWatches::default().watch(path).unwrap();
    settle(&mut watch);
    watch
}

#[test]
fn commits_switches_resets_and_packed_references_are_told_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let mut watch = watch(&repository.path);
    expect(&mut watch, "a commit", || drop(repository.commit("a.yaml", "a: 2")));
    expect(&mut watch, "a new branch with a slash", || drop(repository.git(&["branch", "team/feature"])));
    expect(&mut watch, "a commit on it", || {
        repository.git(&["checkout", "--quiet", "team/feature"]);
        repository.commit("a.yaml", "a: 3");
    });
    expect(&mut watch, "a switch", || drop(repository.git(&["checkout", "--quiet", "main"])));
    expect(&mut watch, "a reset", || drop(repository.git(&["reset", "--quiet", "--hard", "HEAD~1"])));
    expect(&mut watch, "packing", || drop(repository.git(&["pack-refs", "--all"])));
    expect(&mut watch, "a commit after packing", || drop(repository.commit("a.yaml", "a: 4")));
    expect(&mut watch, "a tag", || drop(repository.git(&["tag", "v1"])));
    expect_nothing(&mut watch, "the index", || {
        fs::write(repository.path.join("b.yaml"), "b: 1").unwrap();
        repository.git(&["add", "b.yaml"]);
    });
    expect_nothing(&mut watch, "an object", || drop(repository.git(&["hash-object", "-w", "a.yaml"])));
    expect_nothing(&mut watch, "a look", || drop(repository.git(&["log", "--oneline"])));
}

#[test]
fn a_worktree_is_told_of_its_own_head_and_of_shared_branches() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    repository.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = Repository { path: directory.path().join("side") };
    let mut watch = watch(&side.path);
    expect(&mut watch, "a commit in the worktree", || drop(side.commit("a.yaml", "a: 2")));
    expect(&mut watch, "a switch in the worktree", || drop(side.git(&["checkout", "--quiet", "--detach"])));
    expect(&mut watch, "a commit elsewhere", || drop(repository.commit("a.yaml", "a: 3")));
}

#[test]
fn watching_a_bare_repository_tells_of_a_push() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    crate::support::repository::run(directory.path(), &["clone", "--quiet", "--bare", "repo", "bare.git"]);
    let mut watch = watch(&directory.path().join("bare.git"));
    repository.commit("a.yaml", "a: 2");
    expect(&mut watch, "a push", || drop(repository.git(&["push", "--quiet", "../bare.git", "main"])));
}

#[test]
fn what_is_no_repository_cannot_be_watched() {
    let directory = tempfile::tempdir().unwrap();
    assert!(LocalWatches::default().watch(directory.path()).is_err());
}

#[test]
fn all_who_watch_a_repository_are_told_and_who_comes_later_is_told_what_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let other = Repository::new(directory.path().join("other"));
    other.commit("a.yaml", "a: 1");
    let watches = LocalWatches::default();
    let watch = |repository: &Repository| watches.watch(&repository.path).unwrap();
    let (mut all, mut elsewhere) = ([watch(&repository), watch(&repository), watch(&repository)], watch(&other));
    all.iter_mut().for_each(settle);
    settle(&mut elsewhere);
    repository.commit("a.yaml", "a: 2");
    for watch in &mut all {
        assert!(told(watch, Duration::from_secs(30)));
        settle(watch);
    }
    assert!(!told(&mut elsewhere, Duration::from_millis(300)), "another repository");
    let mut later = watch(&repository);
    settle(&mut later);
    drop(all);
    expect(&mut later, "a commit after others have gone", || drop(repository.commit("a.yaml", "a: 3")));
    expect(&mut elsewhere, "a commit in the other repository", || drop(other.commit("a.yaml", "a: 2")));
}

#[test]
fn with_nobody_left_there_is_nothing_that_watches_until_somebody_comes() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let watches = LocalWatches::default();
    drop(watches.watch(&repository.path).unwrap());
    let end = Instant::now() + Duration::from_secs(60);
    while format!("{watches:?}").contains("true") {
        assert!(Instant::now() < end, "{watches:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut watch = watches.watch(&repository.path).unwrap();
    settle(&mut watch);
    expect(&mut watch, "a commit", || drop(repository.commit("a.yaml", "a: 2")));
}

#[test]
fn as_long_as_nothing_happens_nothing_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let mut watch = watch(&repository.path);
    let (opened, seen) = std::sync::mpsc::channel();
    let mut others = notify::recommended_watcher(move |event| drop(opened.send(event))).unwrap();
    notify::Watcher::watch(&mut others, &repository.path.join(".git"), notify::RecursiveMode::Recursive).unwrap();
    // To begin to watch opens directories, too.
    while seen.recv_timeout(Duration::from_millis(300)).is_ok() {}
    // Time for a look at it, or two.
    let event = seen.recv_timeout(Duration::from_secs(5));
    assert!(event.is_err(), "every look would wake all who watch: {event:?}");
    expect(&mut watch, "a commit", || drop(repository.commit("a.yaml", "a: 2")));
}

#[test]
fn a_repository_that_was_replaced_is_watched_further_on() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let mut watch = watch(&repository.path);
    let another = Repository::new(directory.path().join("another"));
    another.commit("a.yaml", "a: 2");
    fs::rename(&repository.path, directory.path().join("gone")).unwrap();
    fs::rename(&another.path, &repository.path).unwrap();
    assert!(told(&mut watch, Duration::from_secs(60)), "that it was replaced");
    settle(&mut watch);
    expect(&mut watch, "a commit in the new one", || drop(repository.commit("a.yaml", "a: 3")));
}
