//! A data directory follows what it was told to follow, until somebody says that another is meant.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd};

/// A repository with two environments, each a directory of manifests with one ConfigMap.
fn environments(path: &Path) -> Repository {
    let repository = Repository::new(path.to_owned());
    for environment in ["dev", "prod"] {
        repository.config_map(&format!("{environment}/map.yaml"), environment, "1");
    }
    repository
}

/// Runs `cowherd up` with these words on the data directory of `directory` until all is ready, or it is refused.
fn once(directory: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = cowherd(directory);
    command.arg("up").args(words).args(["--once", "--listen", "127.0.0.1:0", "--data-dir"]);
    let Output { status, stderr, .. } = command.arg(directory.join("data")).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn plain_up_resumes_what_the_data_directory_follows() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("following branch main of file://"), "{said}");

    repository.config_map("prod/map.yaml", "prod", "2");
    let commit = repository.commit("change prod");
    repository.git(["checkout", "--quiet", "-b", "next"]);
    let flags = ["up", "--assume-ready", "CronJob,Ingress", "--allow-network=127.0.0.1", "--no-prune-protection"];
    let running = Running::start(directory.path(), flags);
    running.wait_for_ready("flux-system", "True", &commit);
    running.wait_until_said(&["resuming branch main of file://", "from ./prod"]);
    assert_eq!((running.value("prod").as_str(), running.value("dev").as_str()), ("2", ""));
    // With all that nothing remembers.
    let resume = format!(
        "cowherd up --data-dir {} --no-prune-protection --assume-ready=CronJob,Ingress --listen=127.0.0.1:0 --allow-network=127.0.0.1",
        running.data_dir.display()
    );
    let said = running.stop_and_listen();
    assert!(said.contains(&format!("stopping; `{resume}` resumes")), "{said}");
}

#[test]
fn who_ends_after_the_state_was_removed_is_told_that_nothing_is_left_to_resume() {
    let directory = tempfile::tempdir().unwrap();
    environments(&directory.path().join("fleet")).commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    let running = Running::start(directory.path(), ["up"]);
    running.wait_until_said(&["resuming branch main of file://"]);
    let state = running.data_dir.join("state.redb");
    std::fs::remove_file(&state).unwrap();
    let said = running.stop_and_listen();
    let told = format!("✗ stopping; nothing is left to go on with: {} was removed", state.display());
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&told) && !said.contains("resumes"), "{said}");
}

#[test]
fn another_path_branch_or_repository_is_refused_with_what_would_be_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    repository.git(["branch", "next"]);
    environments(&directory.path().join("other")).commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    let prod = "1 of the 1 object that was applied from it would be pruned: ConfigMap/default/prod\n";
    let nothing = "nothing of the 1 object that was applied from it would be pruned: the other describes all of it\n";
    for (words, lost) in [
        (&["fleet", "--path", "dev"][..], prod),
        (&["--path", "dev"], prod),
        (&["fleet", "--branch", "next"], nothing),
        (&["other", "--path", "prod"], nothing),
        (&["other", "--path", "dev"], prod),
    ] {
        let (status, said) = once(directory.path(), words);
        assert_eq!(status, Some(1), "{words:?}: {said}");
        for word in ["from ./prod", lost, "--switch", "cowherd up --data-dir"] {
            assert!(said.contains(word), "{words:?}: {word:?} is not in: {said}");
        }
    }
    for words in [&["fleet"][..], &["fleet", "--path", "./prod/"], &["--branch", "main"], &[]] {
        let (status, said) = once(directory.path(), words);
        assert_eq!(status, Some(0), "{words:?}: {said}");
        assert!(said.contains("resuming"), "{words:?}: {said}");
    }
    let running = Running::start(directory.path(), ["up"]);
    assert_eq!((running.value("prod").as_str(), running.value("dev").as_str()), ("1", ""));
}

#[test]
fn another_repository_is_refused_before_its_server_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    environments(&directory.path().join("fleet")).commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    // Nobody listens there.
    let (status, said) = once(directory.path(), &["https://127.0.0.1:1/fleet.git", "--path", "prod"]);
    assert_eq!(status, Some(1), "{said}");
    for words in [
        "follows branch main of file://",
        "not https://127.0.0.1:1/fleet.git: of the 1 object that was applied from it, what the other does not describe would be pruned",
        "(the other was not fetched)",
        "the same command with --switch",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("tried again"), "{said}");
    let (status, said) = once(directory.path(), &["https://127.0.0.1:1/fleet.git", "--switch", "--timeout", "1s"]);
    assert!(status == Some(1) && said.contains("127.0.0.1:1") && !said.contains("follows"), "{said}");
}

#[test]
fn what_would_be_pruned_is_what_would_go() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = Repository::new(directory.path().join("fleet"));
    // Of `shop`, what says so stays; of `kept`, all; `moved` comes from elsewhere there.
    fleet.kustomization("shop", "./shop", "").config_map("shop/a.yaml", "a", "1").config_map("shop/b.yaml", "b", "1");
    let spared = config_map("spared", "1").replace(
        "namespace: default",
        "namespace: default\n  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}",
    );
    fleet.write("shop/spared.yaml", &spared);
    fleet.kustomization("kept", "./kept", "deletionPolicy: Orphan").config_map("kept/k.yaml", "kept", "1");
    fleet.kustomization("moved", "./moved", "").config_map("moved/m.yaml", "moved", "1");
    fleet.commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "cluster"]);
    assert_eq!(status, Some(0), "{said}");

    let other = Repository::new(directory.path().join("other"));
    other.kustomization("shop", "./store", "").config_map("store/b.yaml", "b", "2");
    other.kustomization("new", "./new", "").config_map("new/m.yaml", "moved", "1");
    other.commit("begin");
    let (status, said) = once(directory.path(), &["other", "--path", "cluster"]);
    let lost = "3 of the 8 objects that were applied from it would be pruned: ConfigMap/default/a, \
                Kustomization/flux-system/kept, Kustomization/flux-system/moved\n";
    assert!(status == Some(1) && said.contains(lost), "{said}");

    other.write("store/c.yaml", "kind: [\n").commit("break it");
    let (status, said) = once(directory.path(), &["other", "--path", "cluster"]);
    for words in ["2 of the 8 objects", "cannot be told of what these have: flux-system/shop (", "store/c.yaml"] {
        assert!(status == Some(1) && said.contains(words), "{words}: {said}");
    }
    // What is said is so.
    other.remove("store/c.yaml").commit("mend it");
    let (status, said) = once(directory.path(), &["other", "--path", "cluster", "--switch"]);
    assert_eq!(status, Some(0), "{said}");
    let running = Running::start(directory.path(), ["up"]);
    running.wait_for_value("a", "");
    for (name, value) in [("b", "2"), ("spared", "1"), ("kept", "1"), ("moved", "1")] {
        running.wait_for_value(name, value);
    }
}

#[test]
fn a_repository_that_is_gone_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    // A path that is none is no reason to look for the repository.
    let (status, said) = once(directory.path(), &["--path", "/etc"]);
    assert!(status == Some(1) && said.contains("--path takes a path inside"), "{said}");
    assert!(!said.contains("cannot resume"), "{said}");
    std::fs::rename(&repository.path, directory.path().join("moved")).unwrap();
    let (status, said) = once(directory.path(), &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot resume branch main of file://") && said.contains("--switch"), "{said}");
    let (status, said) = once(directory.path(), &["moved", "--path", "prod", "--switch"]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn another_path_is_followed_when_that_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = once(directory.path(), &["--path", "dev", "--switch"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("switching to branch main"), "{said}");
    let running = Running::start(directory.path(), ["up"]);
    running.wait_until_said(&["resuming", "./dev"]);
    running.wait_for_value("dev", "1");
    running.wait_for_value("prod", "");
}

#[test]
fn a_path_that_is_not_there_is_refused_with_those_that_may_be_meant_and_is_not_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.config_map("clusters/live/map.yaml", "live", "1").commit("begin");
    for (path, meant) in [("prdo", "./prod"), ("live", "./clusters/live"), ("clusters/lvie", "./clusters/live")] {
        let (status, said) = once(directory.path(), &["fleet", "--path", path]);
        assert_eq!(status, Some(1), "{said}");
        let words = [format!("there is no ./{path} in main@sha1:"), format!("did you mean {meant}?")];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod/map.yaml"]);
    assert!(status == Some(1) && said.contains("./prod/map.yaml is no directory"), "{said}");
    assert!(!directory.path().join("data/following.json").exists());
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert_eq!(status, Some(0), "{said}");
    // Nor does it displace what is followed.
    let (status, said) = once(directory.path(), &["fleet", "--path", "devv", "--switch"]);
    assert!(status == Some(1) && said.contains("did you mean ./dev?"), "{said}");
    let (status, said) = once(directory.path(), &[]);
    assert!(status == Some(0) && said.contains("from ./prod"), "{said}");
}

#[test]
fn what_was_never_applied_binds_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.write("dev/map.yaml", "kind: [\n").commit("begin");
    let (status, said) = once(directory.path(), &["fleet", "--path", "dev", "--timeout", "20s"]);
    assert!(status == Some(1) && said.contains("dev/map.yaml"), "{said}");
    let (status, said) = once(directory.path(), &["fleet", "--path", "prod"]);
    assert!(status == Some(0) && said.contains("following branch main"), "{said}");
    let (status, said) = once(directory.path(), &["fleet", "--path", "dev"]);
    assert!(status == Some(1) && said.contains("of the 1 object that was applied from it"), "{said}");
}

#[test]
fn below_the_top_of_a_repository_its_control_plane_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    let up = |at: &str, words: &[&str]| {
        let mut command = cowherd(&repository.path.join(at));
        let command = command.arg("up").args(words).args(["--once", "--listen", "127.0.0.1:0"]);
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    };
    // The first one begins at the top as well, with the directory that one stands in.
    let (status, said) = up("prod", &[]);
    assert!(status == Some(0) && said.contains("following") && said.contains("from ./prod"), "{said}");
    let (status, said) = up("dev", &[]);
    assert!(status == Some(0) && said.contains("resuming") && said.contains("from ./prod"), "{said}");
    let state = format!("its state is in {}", repository.path.canonicalize().unwrap().join(".cowherd").display());
    assert!(said.contains(&state), "{said}");
    let (status, said) = up("dev", &["."]);
    assert!(status == Some(1) && said.contains("follows branch main") && said.contains("not branch main"), "{said}");
    let (status, said) = up(".", &[]);
    assert!(status == Some(0) && said.contains("resuming") && !said.contains("its state is in"), "{said}");
    for place in ["prod", "dev"] {
        assert!(!repository.path.join(place).join(".cowherd").exists());
    }
    let output = cowherd(&repository.path.join("dev")).args(["logs", "ks/flux-system"]).output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_start_that_is_refused_makes_nothing_and_does_not_say_that_it_listens() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    std::fs::create_dir(directory.path().join("plain")).unwrap();
    let served = cowherd_gitserver::http::Server::start(directory.path());
    let (url, missing) = (served.url("fleet/.git"), served.url("other/.git"));
    let refused = |words: &[&str], told: &str| {
        let (status, said) = once(directory.path(), words);
        assert!(status == Some(1) && said.contains(told) && !said.contains("listens"), "{words:?}: {said}");
        said
    };
    for (words, told) in [
        (&["fleet", "--path", "prdo"][..], "did you mean ./prod?"),
        (&["fleet", "--path", "prod/map.yaml"], "is no directory"),
        (&["fleet", "--path", "../prod"], "leaves the repository"),
        (&["fleet", "--branch", "mian"], "mian"),
        (&["plain"], "is a Git repository"),
        (&["fleet", "--path", "prod", "--assume-ready=Job,Statefulsets"], "did you mean StatefulSet?"),
        (&["fleet", "--path", "/prod"], "write --path ./prod"),
        (&["nowhere"], "nowhere"),
        (&[&url, "--path", "prdo"], "did you mean ./prod?"),
        (&[&missing, "--path", "prod"], "other"),
    ] {
        refused(words, told);
        assert!(!directory.path().join("data").exists(), "{words:?}");
    }
    // Nor does it where the address is taken, whether what was fetched would do or not.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for repository in ["fleet", &url] {
        let mut command = cowherd(directory.path());
        command.args(["up", repository, "--path", "prod", "--data-dir", "new/data", "--listen"]);
        let output = command.arg(taken.local_addr().unwrap().to_string()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("cannot listen on"), "{said}");
        assert!(!directory.path().join("new").exists(), "{said}");
    }
    // One that follows something goes on to follow it.
    assert_eq!(once(directory.path(), &[&url, "--path", "prod"]).0, Some(0));
    refused(&[&url, "--path", "dev"], "follows branch main");
    refused(&[&url, "--path", "prdo"], "did you mean ./prod?");
    let (status, said) = once(directory.path(), &[]);
    assert!(status == Some(0) && said.contains("resuming") && said.contains("listens"), "{said}");
}

#[test]
fn a_start_ends_when_it_is_asked_to_whatever_it_waits_for() {
    let directory = tempfile::tempdir().unwrap();
    let repository = environments(&directory.path().join("fleet"));
    repository.commit("begin");
    let data_dir = directory.path().join("data");
    std::fs::create_dir_all(data_dir.join("pki")).unwrap();
    // Reading from it never ends.
    let certificate = data_dir.join("pki/ca.crt");
    assert!(Command::new("mkfifo").arg(&certificate).status().unwrap().success());
    std::fs::write(data_dir.join("pki/ca.key"), "").unwrap();
    let mut up = cowherd(directory.path());
    up.args(["up", "fleet", "--path", "prod", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let mut child = up.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let is_starting =
        || if data_dir.join("state.redb").exists() { Ok(()) } else { Err("it keeps no state".to_owned()) };
    crate::program::eventually("it is starting", is_starting);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // One that goes on is waited for no longer.
    let _ = child.kill();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(
        status.code() == Some(0) && said.contains("stopping before the control plane has started"),
        "{status}: {said}"
    );
}
