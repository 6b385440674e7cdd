//! A disk without room: reads go on, the error says what to do, and it goes on by itself when there is room.

use std::path::Path;
use std::process::Command;

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd, eventually, succeeded};

/// How many ConfigMaps of 100 kB it takes to fill what the limit leaves.
const LARGE: usize = 120;

/// The program, whose files may not grow beyond a few megabytes: that is to it what a full disk is, and needs no disk.
fn on_a_small_disk(directory: &Path, redirection: &str) -> Command {
    let cowherd = cowherd(directory);
    let mut command = Command::new("sh");
    command.current_dir(directory);
    for (key, value) in cowherd.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.args(["-c", &format!("trap '' XFSZ; ulimit -S -f 12000; exec \"$0\" \"$@\" {redirection}")]);
    command.arg(cowherd.get_program());
    command
}

fn make_room(running: &Running) {
    succeeded(Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &running.pid()]).output().unwrap());
}

#[test]
fn who_cannot_even_say_that_the_disk_is_full_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    // What it says goes to the full disk, too.
    let mut command = on_a_small_disk(directory.path(), "2>/dev/full");
    command.arg("server");
    let running = Running::spawn(command, &directory.path().join("data"));
    let literal = format!("--from-literal=a={}", "x".repeat(100_000));
    let make = |name: &str| running.kubectl(["create", "configmap", name, "-n", "default", &literal]);
    let refusal = (0..LARGE).find_map(|number| {
        let output = make(&format!("large-{number}"));
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    });
    assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains("free space")), "{refusal:?}");
    for number in 0..3 {
        let again = make(&format!("more-{number}"));
        let told = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success() || told.contains("free space"), "{told}");
    }
    make_room(&running);
    eventually("there is room again", || {
        let made = make("last");
        if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned()) }
    });
}

#[test]
fn a_full_disk_is_said_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").config_map("app/small.yaml", "small", "1");
    let first = repository.commit("begin");
    let mut command = on_a_small_disk(directory.path(), "");
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

    make_room(&running);
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
