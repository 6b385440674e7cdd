//! The process is killed at random moments of large applies, and ends in exactly what the repository says.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd, eventually, succeeded};

const OBJECTS: usize = 200;
const ROUNDS: usize = 10;

/// Writes the objects of a round: two thirds of all, half of them with another value each time.
fn describe(repository: &Repository, round: usize) -> BTreeMap<String, String> {
    let _ = std::fs::remove_dir_all(repository.path.join("app"));
    let numbers = (0..OBJECTS).filter(|number| !(number + round).is_multiple_of(3));
    let described: BTreeMap<String, String> = numbers
        .map(|number| {
            let value = if number % 2 == 0 { "same".to_owned() } else { format!("of round {round}") };
            (format!("map-{number:03}"), value)
        })
        .collect();
    let manifests: Vec<String> = described.iter().map(|(name, value)| config_map(name, value)).collect();
    repository.write("app/maps.yaml", &manifests.join("---\n"));
    described
}

fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

fn up(directory: &Path) -> Command {
    let mut command = cowherd(directory);
    command.args(["up", "fleet", "--path", "cluster", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    command
}

/// How long it takes from a start to everything applied, on this machine, now.
fn converge(directory: &Path) -> Duration {
    let start = Instant::now();
    succeeded(up(directory).arg("--once").output().unwrap());
    start.elapsed()
}

/// Starts, and kills within the time that starting and applying take.
fn crash(directory: &Path, takes: Duration) -> Duration {
    let mut child = up(directory).stderr(Stdio::null()).spawn().unwrap();
    let time = takes.mul_f64(0.2 + 0.008 * random(100) as f64);
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    time
}

#[test]
fn whatever_is_interrupted_ends_as_described() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "");
    describe(&repository, 0);
    let first = repository.commit("begin");
    let takes = converge(directory.path());
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.kubectl_ok(["create", "configmap", "by-hand", "-n", "default"]);
    running.wait_for_ready("app", "True", &first);
    let steady = running.identities("configmaps", "default");
    running.kill();

    let mut times = Vec::new();
    let mut described = BTreeMap::new();
    let mut commit = String::new();
    for round in 1..=ROUNDS {
        described = describe(&repository, round);
        commit = repository.commit("change a lot");
        times.push(crash(directory.path(), takes));
    }
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", &commit);
    let found = || -> BTreeMap<String, String> {
        let list = running.get("configmaps -n default");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let items = list["items"].as_array().unwrap().iter();
        let items = items.map(|item| (text(&item["metadata"]["name"]), text(&item["data"]["value"])));
        items.filter(|(name, _)| name != "kube-root-ca.crt").collect()
    };
    let mut expected = described.clone();
    expected.insert("by-hand".to_owned(), String::new());
    eventually(&format!("the cluster is as described, after kills at {times:?}"), || {
        let found = found();
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
    let inventory = running.get("kustomization app -n flux-system")["status"]["inventory"]["entries"].clone();
    assert_eq!(inventory.as_array().unwrap().len(), described.len());
    let now = running.identities("configmaps", "default");
    assert_eq!(now["by-hand"], steady["by-hand"]);
}

#[test]
fn what_every_commit_describes_is_never_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").kustomization("kept", "./kept", "");
    repository.config_map("kept/map.yaml", "kept", "1");
    describe(&repository, 0);
    let first = repository.commit("begin");
    let takes = converge(directory.path());
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", &first);
    running.wait_for_ready("kept", "True", &first);
    let before = running.identities("configmaps", "default");
    running.kill();
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let manifests: Vec<String> = before
            .keys()
            .filter(|name| name.starts_with("map-"))
            .map(|name| config_map(name, &format!("of round {round}")))
            .collect();
        repository.write("app/maps.yaml", &manifests.join("---\n"));
        repository.commit("change all values");
        times.push(crash(directory.path(), takes));
    }
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", repository.git(["rev-parse", "HEAD"]).trim());
    let after = running.identities("configmaps", "default");
    for (name, (uid, _)) in &before {
        assert_eq!(after.get(name).map(|(uid, _)| uid), Some(uid), "{name}, after kills at {times:?}");
    }
    assert_eq!(after["kept"], before["kept"]);
}
