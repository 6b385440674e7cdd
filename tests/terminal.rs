//! What a person at a terminal sees of `cowherd up`.

use std::process::Command;

use crate::program::cowherd;
use crate::program::repository::Repository;

/// Runs a command of the program on a pseudo-terminal; how it ended and all that it drew.
fn on_a_terminal(command: &Command) -> (Option<i32>, String) {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    script.current_dir(command.get_current_dir().unwrap()).env_remove("KUBECONFIG").env("TERM", "xterm");
    let output = script.env("HOME", command.get_current_dir().unwrap()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn those_without_a_line_of_their_own_are_counted_on_one() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    for number in 0..40 {
        let (name, path) = (format!("app-{number:02}"), format!("app-{number:02}/map.yaml"));
        repository.kustomization(&name, &format!("./{name}"), "").config_map(&path, &name, "1");
    }
    // One of those that come last fails.
    repository.write("app-39/map.yaml", "{").commit("forty apps, one broken");
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let (status, seen) = on_a_terminal(&command);
    assert_eq!(status, Some(1), "{seen}");
    // The root and 40 others, of which 16 have a line of their own.
    assert!(seen.contains("and 25 more: "), "{seen}");
    assert!(seen.contains("40 of 41 Kustomizations are ready"), "{seen}");
    assert!(seen.contains("app-39/map.yaml"), "{seen}");
}
