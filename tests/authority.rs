//! A certificate authority that is lost: every kubeconfig that was handed out hangs on it.

use std::path::Path;
use std::process::Output;

use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

/// A start that is expected to be refused.
fn start(directory: &Path) -> Output {
    let mut command = cowherd(directory);
    command.args(["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]).output().unwrap()
}

/// Whether a kubeconfig that was handed out opens the control plane that runs.
fn opens(running: &Running, handed_out: &Path) -> bool {
    let text = std::fs::read_to_string(handed_out).unwrap();
    let server = |text: &str| text.lines().find(|line| line.contains("server: ")).unwrap().to_owned();
    // Ports change, people do not.
    let now = std::fs::read_to_string(running.kubeconfig()).unwrap();
    std::fs::write(handed_out, text.replace(&server(&text), &server(&now))).unwrap();
    let directory = handed_out.parent().unwrap();
    let output = cowherd(directory).args(["events", "-A", "--kubeconfig"]).arg(handed_out).output().unwrap();
    output.status.success()
}

#[test]
fn a_lost_authority_is_refused_until_it_is_put_back_or_another_one_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let (handed_out, copy) = (directory.path().join("handed-out"), directory.path().join("copy"));
    std::fs::copy(running.kubeconfig(), &handed_out).unwrap();
    assert!(opens(&running, &handed_out));
    running.stop();
    let key = directory.path().join("data/pki/ca.key");
    let certificate = std::fs::read(directory.path().join("data/pki/ca.crt")).unwrap();
    std::fs::rename(&key, &copy).unwrap();

    let output = start(directory.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in ["data/pki/ca.key: there is no such file", "every kubeconfig that was handed out", "--new-ca"] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!key.exists() && std::fs::read(directory.path().join("data/pki/ca.crt")).unwrap() == certificate);

    std::fs::rename(&copy, &key).unwrap();
    let running = Running::start(directory.path(), ["server"]);
    assert!(opens(&running, &handed_out), "what was handed out is good again");
    running.stop();

    std::fs::remove_dir_all(directory.path().join("data/pki")).unwrap();
    assert_eq!(start(directory.path()).status.code(), Some(1), "somebody has the kubeconfig of before");
    let running = Running::start(directory.path(), ["server", "--new-ca"]);
    running.wait_until_said(&["another one was made", "every kubeconfig that was handed out is refused"]);
    assert!(!opens(&running, &handed_out));
    running.stop();
    // Once is enough.
    let running = Running::start(directory.path(), ["server"]);
    assert!(!running.said().contains("another one was made"), "{}", running.said());
}

#[test]
fn a_state_that_was_removed_beside_its_certificates_is_told_of() {
    const SAID: &str = "the state of before was not there, and this is a new cluster";
    for command in [vec!["server"], vec!["up", "fleet"]] {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("fleet"));
        repository.config_map("app.yaml", "app", "1").commit("first");
        let running = Running::start(directory.path(), &command);
        assert!(!running.said().contains(SAID), "{}", running.said());
        running.stop();
        std::fs::remove_file(directory.path().join("data/state.redb")).unwrap();
        let running = Running::start(directory.path(), &command);
        running.wait_until_said(&[SAID, "data/state.redb"]);
    }
}
