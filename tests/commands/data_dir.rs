//! Which control plane a command means.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

#[test]
fn a_control_plane_that_is_not_there_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let output = cowherd(directory.path()).args(["get", "--data-dir", "nowhere"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("nowhere") && said.contains("cowherd up --data-dir nowhere"), "{said}");

    let Fleet { running, directory, .. } = Fleet::start();
    running.stop();
    let output = cowherd(directory.path()).args(["get", "--data-dir", "data"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("does not answer"), "{said}");
}

#[test]
fn commands_find_the_control_plane_of_the_directory_that_one_stands_in() {
    let fleet = Fleet::start();
    std::fs::rename(fleet.running.kubeconfig(), fleet.directory.path().join("moved")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let found = place.path().join(".cowherd");
    std::fs::create_dir(&found).unwrap();
    std::fs::copy(fleet.directory.path().join("moved"), found.join("kubeconfig")).unwrap();
    std::fs::set_permissions(&found, Permissions::from_mode(0o700)).unwrap();
    let output = cowherd(place.path()).args(["get", "kustomizations"]).output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("app"), "{output:?}");
    let output = cowherd(fleet.directory.path()).args(["get", "--kubeconfig", "moved"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = cowherd(place.path()).arg("get").env("KUBECONFIG", fleet.directory.path().join("moved")).output();
    assert!(output.unwrap().status.success());
}

#[test]
fn a_data_directory_that_came_with_a_repository_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    let kubeconfig =
        "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
        clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: a, user: {exec: {
        apiVersion: client.authentication.k8s.io/v1, command: touch, args: [RAN], interactiveMode: Never}}}]}";
    let kubeconfig = kubeconfig.replace("RAN", directory.path().join("ran").to_str().unwrap());
    repository.config_map("app/map.yaml", "map", "1");
    repository.write(".cowherd/.gitignore", "*\n").write(".cowherd/kubeconfig", &kubeconfig);
    repository.git(["add", "--force", ".cowherd"]);
    repository.commit("begin");
    let clone = directory.path().join("clone");
    repository.git(["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let found = clone.join(".cowherd");
    std::fs::set_permissions(&found, Permissions::from_mode(0o755)).unwrap();
    for command in [&["get"][..], &["trace", "cm/map"], &["logs"], &["up", "--once", "--listen", "127.0.0.1:0"]] {
        let output = cowherd(&clone.join("app")).args(command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(".cowherd is not used"), "{command:?}: {said}");
    }
    assert!(!directory.path().join("ran").exists(), "its command ran");

    // Git makes directories closed where the umask is 077; what the commit has is not used all the same.
    std::fs::set_permissions(&found, Permissions::from_mode(0o700)).unwrap();
    let home = directory.path().join("home");
    std::fs::create_dir_all(home.join(".kube")).unwrap();
    std::fs::write(home.join(".kube/config"), "{}").unwrap();
    for command in [&["get"][..], &["logs"], &["up", "--once", "--listen", "127.0.0.1:0"]] {
        let output = cowherd(&clone.join("app")).args(command).env("HOME", &home).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_told = said.contains(".cowherd is not used") && said.contains("the commit that is checked out");
        assert!(!output.status.success() && is_told, "{command:?}: {said}");
        let other = format!("--kubeconfig {}", home.join(".kube/config").display());
        assert!(command != ["get"] || said.contains(&other), "{said}");
    }
    // Nor is what came in another way, if its kubeconfig does what none of ours does.
    let unpacked = directory.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    std::fs::rename(&found, unpacked.join(".cowherd")).unwrap();
    let output = cowherd(&unpacked).arg("get").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("it would run a command"), "{said}");
    std::fs::rename(unpacked.join(".cowherd"), &found).unwrap();
    assert!(!directory.path().join("ran").exists(), "its command ran");

    // Who names it means it.
    let named = cowherd(&clone).arg("get").env("COWHERD_DATA_DIR", &found).output().unwrap();
    let said = String::from_utf8_lossy(&named.stderr).into_owned();
    assert!(!said.contains("is not used") && directory.path().join("ran").exists(), "{said}");
}

#[test]
fn a_data_directory_that_a_repository_links_to_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.config_map("app/map.yaml", "map", "1");
    repository.write("payload/.gitignore", "*\n").write("payload/following.json", "{}");
    // By the name of the directory that the clone is made in, the link leads outside for who reads it in the commit.
    std::os::unix::fs::symlink("../fleet/payload", directory.path().join("fleet/.cowherd")).unwrap();
    repository.git(["add", "--force", "."]);
    repository.commit("begin");
    let place = directory.path().join("place");
    std::fs::create_dir(&place).unwrap();
    let clone = place.join("fleet");
    repository.git(["clone", "--quiet", ".", clone.to_str().unwrap()]);
    // As git makes it where the umask is 077.
    std::fs::set_permissions(clone.join("payload"), Permissions::from_mode(0o700)).unwrap();
    assert!(clone.join(".cowherd/following.json").exists(), "the link leads to what was cloned");
    let refused = |why: &str| {
        for command in [&["get"][..], &["logs"], &["up", "--once", "--listen", "127.0.0.1:0"]] {
            let output = cowherd(&clone.join("app")).args(command).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_told = said.contains(".cowherd is not used") && said.contains(why) && said.contains("--data-dir");
            assert!(!output.status.success() && is_told, "{command:?}: {said}");
        }
        let made: Vec<_> = std::fs::read_dir(clone.join("payload")).unwrap().collect();
        assert_eq!(made.len(), 2, "{made:?}");
    };
    refused("a symbolic link");
    // Where the commit has a link, what is there as a directory is not used either.
    std::fs::remove_file(clone.join(".cowherd")).unwrap();
    std::fs::create_dir(clone.join(".cowherd")).unwrap();
    std::fs::set_permissions(clone.join(".cowherd"), Permissions::from_mode(0o700)).unwrap();
    std::fs::write(clone.join(".cowherd/.gitignore"), "*\n").unwrap();
    refused("the commit that is checked out");
    let within = clone.to_str().unwrap();
    repository.git(["-C", within, "rm", "--quiet", "--cached", ".cowherd"]);
    repository.git(["-C", within, "commit", "--quiet", "--message", "take it out"]);
    let output = cowherd(&clone).arg("get").output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("is not used"), "{output:?}");
}

#[test]
fn commands_mean_the_data_directory_that_the_environment_names() {
    let Fleet { running, directory, .. } = &Fleet::start();
    let get = |variables: &[(&str, &Path)]| {
        let mut command = cowherd(directory.path());
        command.args(["get", "kustomizations"]).envs(variables.iter().copied()).output().unwrap()
    };
    let nowhere = Path::new("nowhere");
    assert!(get(&[("COWHERD_DATA_DIR", &running.data_dir), ("KUBECONFIG", nowhere)]).status.success());
    let output = get(&[("COWHERD_DATA_DIR", nowhere), ("KUBECONFIG", &running.kubeconfig())]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere holds no control plane"), "{output:?}");
}

#[test]
fn the_data_directory_of_an_agent_is_told_from_one_of_a_control_plane() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let mut agent = cowherd(directory.path());
    agent.args(["agent", "--install-crds", "--data-dir", "agent", "--kubeconfig"]).arg(running.kubeconfig());
    let mut agent = agent.stderr(Stdio::null()).spawn().unwrap();
    let mark = directory.path().join("agent/agent.json");
    eventually("the agent works", || if mark.exists() { Ok(()) } else { Err("not yet".to_owned()) });
    agent.kill().unwrap();
    agent.wait().unwrap();

    let server = running.kubectl_ok(["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let says = |words: &[&str], told: &[&str]| {
        let output = cowherd(directory.path()).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(told.iter().all(|told| said.contains(told)), "{words:?}: {said}");
    };
    let works_on = format!("of an agent, which works on the cluster at {server}");
    says(&["get", "--data-dir", "agent"], &[&works_on, "--kubeconfig FILE", "cowherd logs --data-dir agent"]);
    // No control plane is started in it, nor an agent where a control plane is.
    let repository = Repository::new(directory.path().join("fleet"));
    repository.config_map("map.yaml", "map", "1").commit("begin");
    for command in [&["up", "fleet", "--once"][..], &["server"]] {
        let listening = ["--listen", "127.0.0.1:0", "--data-dir", "agent"];
        says(&[command, &listening].concat(), &["it is that", &works_on, "name another with --data-dir"]);
    }
    assert!(!directory.path().join("agent/state.redb").exists());
    let kubeconfig = running.kubeconfig();
    let on_it = ["agent", "--data-dir", "data", "--kubeconfig", kubeconfig.to_str().unwrap()];
    says(&on_it, &["data holds a control plane", "name another with --data-dir"]);
    running.kubectl_ok(["get", "namespaces"]);
}
