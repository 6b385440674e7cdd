//! A disk without room: reads go on, the error says what to do, and it goes on by itself when there is room.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::program::disk::Disk;
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

/// The holder of the lease.
fn holder(running: &Running) -> String {
    running.kubectl_ok(["get", "lease", "leader", "-n", "default", "-o", "jsonpath={.spec.holderIdentity}"])
}

/// What is there of what was filled in.
fn fillers(running: &Running) -> BTreeSet<String> {
    let names = running.identities("configmaps", "default").into_keys();
    names.filter(|name| name.starts_with("fill-")).collect()
}

/// What `/readyz` says where it is not.
fn unready(running: &Running) -> String {
    let answer = running.kubectl(["get", "--raw", "/readyz"]);
    assert!(!answer.status.success(), "it says that it is ready");
    String::from_utf8_lossy(&answer.stderr).into_owned()
}

#[test]
fn on_a_real_disk_without_room_deletions_and_leases_go_on_and_a_kill_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::of(32, directory.path()) else {
        eprintln!("not tested: nobody may mount a disk here");
        return;
    };
    disk.take(16);
    let data_dir = disk.path.join("data");
    let server = || {
        let mut command = cowherd(directory.path());
        command.arg("server");
        command
    };
    let running = Running::spawn(server(), &data_dir);
    let address = running.address();
    // Such a text can't be a word of a command.
    let text = directory.path().join("text");
    std::fs::write(&text, "x".repeat(900_000)).unwrap();
    let text = format!("--from-file={}", text.display());
    let make = |running: &Running, name: &str| running.kubectl(["create", "configmap", name, "-n", "default", &text]);
    let renew = |running: &Running, by: &str| {
        let patch = format!("{{\"spec\": {{\"holderIdentity\": \"{by}\"}}}}");
        running.kubectl_ok(["patch", "lease", "leader", "-n", "default", "--type=merge", "--patch", &patch]);
    };
    let lease = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: leader, namespace: default}\n";
    let file = directory.path().join("lease.yaml");
    std::fs::write(&file, lease).unwrap();
    running.kubectl_ok(["create", "-f", file.to_str().unwrap()]);

    let mut made = BTreeSet::new();
    let refusal = (0..30).find_map(|number| {
        let name = format!("fill-{number:03}");
        let output = make(&running, &name);
        match output.status.success() {
            true => {
                made.insert(name);
                None
            }
            false => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    });
    assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains("free space")), "{refusal:?}");
    disk.take(32);
    for round in 0..5 {
        renew(&running, &format!("holder-{round}"));
        let name = made.pop_first().unwrap();
        running.kubectl_ok(["delete", "configmap", &name, "-n", "default"]);
    }
    let told = unready(&running);
    assert!(told.contains("[-]store failed") && told.contains("free space"), "{told}");

    running.kill();
    let running = Running::without_room(server(), &data_dir, &address);
    assert_eq!((fillers(&running), holder(&running).as_str()), (made.clone(), "holder-4"));
    let told = unready(&running);
    assert!(told.contains("[-]store failed") && told.contains("free space"), "{told}");
    disk.take(32);
    renew(&running, "holder-5");
    let name = made.pop_first().unwrap();
    running.kubectl_ok(["delete", "configmap", &name, "-n", "default"]);

    disk.make_room();
    eventually("there is room again", || {
        let output = make(&running, "fill-last");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    });
    made.insert("fill-last".to_owned());
    running.kill();
    let running = Running::spawn(server(), &data_dir);
    assert_eq!((fillers(&running), holder(&running).as_str()), (made, "holder-5"));
}
