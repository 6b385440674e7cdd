//! A disk without room: reads go on, the error says what to do, and it goes on by itself when there is room.

use std::process::Command;

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd, eventually, succeeded};

/// How many ConfigMaps of 100 kB it takes to fill what the limit leaves.
const LARGE: usize = 120;

#[test]
fn a_full_disk_is_said_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").config_map("app/small.yaml", "small", "1");
    let first = repository.commit("begin");
    // A file that may not grow is to the program what a full disk is; and needs no disk.
    let program = cowherd(directory.path()).get_program().to_owned();
    let mut command = cowherd(directory.path());
    let arguments: Vec<_> =
        command.get_envs().map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new("sh");
    command.current_dir(directory.path());
    for (key, value) in arguments {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 12000; exec \"$0\" \"$@\""]).arg(program);
    command.args(["up", "fleet", "--path", "cluster"]);
    let running = Running::spawn(command, &directory.path().join("data"));
    running.wait_for_ready("app", "True", &first);
    let before = running.identities("configmaps", "default");

    let value = "x".repeat(100_000);
    let manifests: Vec<String> = (0..LARGE).map(|number| config_map(&format!("large-{number:03}"), &value)).collect();
    repository.write("app/large.yaml", &manifests.join("---\n"));
    let commit = repository.commit("describe more than there is room for");
    running.wait_until_said(&["app", "large-", "free space on its disk"]);
    let meanwhile = running.identities("configmaps", "default");
    assert_eq!(meanwhile["small"], before["small"]);
    // What was refused as a group may leave room for one more.
    let refusal = (0..LARGE).find_map(|number| {
        let (name, literal) = (format!("more-{number}"), format!("--from-literal=a={value}"));
        let output = running.kubectl(["create", "configmap", &name, "-n", "default", &literal]);
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    });
    assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains("free space")), "{refusal:?}");

    let unready = running.kubectl(["get", "--raw", "/readyz"]);
    let told = String::from_utf8_lossy(&unready.stderr).into_owned();
    assert!(!unready.status.success() && told.contains("[-]store failed") && told.contains("free space"), "{told}");

    succeeded(Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &running.pid()]).output().unwrap());
    eventually("the server says that it is ready again", || {
        let ready = running.kubectl(["get", "--raw", "/readyz"]);
        if ready.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ready.stderr).into_owned()) }
    });
    running.wait_for_ready("app", "True", &commit);
    eventually("everything is applied", || {
        let found = running.identities("configmaps", "default");
        let large = found.keys().filter(|name| name.starts_with("large-")).count();
        if large == LARGE { Ok(()) } else { Err(format!("{large} of {LARGE}")) }
    });
    assert_eq!(running.identities("configmaps", "default")["small"], before["small"]);
}
