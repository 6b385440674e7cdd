//! The commands that look at a running control plane and steer it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

fn code(fleet: &Fleet, arguments: &[&str]) -> (i32, String) {
    let output = fleet.running.cowherd(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[test]
fn suspended_things_wait_until_they_are_resumed() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    running.cowherd_ok(["suspend", "kustomization", "app"]);
    repository.config_map("app/red.yaml", "red", "2").config_map("other/map.yaml", "other", "2");
    running.wait_for_ready("other", "True", &repository.commit("change both"));
    running.kubectl_ok(["delete", "configmap", "blue", "-n", "default"]);
    let (status, said) = code(&fleet, &["reconcile", "kustomization", "app"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("suspended") && said.contains("cowherd resume"), "{said}");
    assert!(running.cowherd_ok(["get", "ks", "app"]).contains("True"));
    assert_eq!((running.value("red"), running.value("blue")), ("1".to_owned(), String::new()));

    running.cowherd_ok(["resume", "kustomization", "app", "--wait"]);
    running.wait_for_value("red", "2");
    running.wait_for_value("blue", "1");

    running.cowherd_ok(["suspend", "source", "git", "flux-system"]);
    repository.config_map("app/red.yaml", "red", "3");
    let commit = repository.commit("change red");
    running.cowherd_ok(["reconcile", "kustomization", "app"]);
    assert_eq!(running.value("red"), "2");
    running.cowherd_ok(["resume", "source", "git", "flux-system", "--wait"]);
    fleet.wait_until_applied(&commit);
}

#[test]
fn get_shows_what_there_is_in_tables_and_for_programs() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    let table = running.cowherd_ok(["get"]);
    let revision = format!("main@sha1:{}", &fleet.first[..8]);
    for row in ["gitrepository/flux-system", "kustomization/app", "kustomization/other", "kustomization/flux-system"] {
        let line = table.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row} in {table}"));
        assert!(line.contains(&revision) && line.contains("False") && line.contains("True"), "{line}");
    }
    for (format, parse) in [("json", Value::is_object as fn(&Value) -> bool), ("yaml", Value::is_object)] {
        let text = running.cowherd_ok(["get", "kustomizations", "-A", "-o", format]);
        let list = cowherd_yaml::parse_documents(text.as_bytes(), &Default::default()).unwrap().remove(0).value;
        assert!(parse(&list));
        let names: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["app", "flux-system", "other"]);
        assert_eq!(list["items"][0]["kind"], "Kustomization");
    }
    let one: Value = serde_json::from_str(&running.cowherd_ok(["get", "ks", "app", "-o", "json"])).unwrap();
    let mut same = running.get("kustomization app -n flux-system");
    same["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(one, same);

    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    let failed = running.cowherd_ok(["get", "-A", "--status-selector", "ready=false"]);
    assert!(failed.contains("app/broken.yaml") && !failed.contains("other"), "{failed}");
    let ready = running.cowherd_ok(["get", "kustomizations", "--status-selector", "ready=true", "--no-header"]);
    assert!(ready.contains("other") && !ready.contains("broken"), "{ready}");
    let mistyped = running.cowherd(["get", "-A", "--status-selector", "ready=flase"]);
    let error = String::from_utf8_lossy(&mistyped.stderr);
    assert!(!mistyped.status.success() && error.contains("true, false or unknown"), "{error}");
}

#[test]
fn get_takes_the_words_of_kubectl_and_shows_as_much_as_is_asked_for() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    assert_eq!(running.cowherd_ok(["get", "ks/app", "-o", "name"]), "kustomization.kustomize.toolkit.fluxcd.io/app\n");
    let names = running.cowherd_ok(["get", "-o", "name"]);
    assert!(names.starts_with("gitrepository.source.toolkit.fluxcd.io/flux-system\nkustomization."), "{names}");
    let wide = running.cowherd_ok(["get", "kustomizations.kustomize.toolkit.fluxcd.io/app", "-o", "wide"]);
    let expected = [&format!("main@sha1:{}", fleet.first), "GitRepository/flux-system", "./app"];
    assert!(expected.iter().all(|text| wide.contains(*text)), "{wide}");
    let (status, said) = code(&fleet, &["get", "ks/app", "gitrepo/flux-system"]);
    assert!(status == 2 && said.contains("one kind at a time"), "{said}");
    for arguments in [&["reconcile", "hr", "podinfo"][..], &["get", "hr/podinfo"]] {
        let (status, said) = code(&fleet, arguments);
        assert!(status == 2 && said.contains("HelmRelease is not supported"), "{said}");
    }
}

#[test]
fn version_is_that_of_the_program_and_of_the_cluster() {
    let fleet = Fleet::start();
    let own = concat!("Client Version: v", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(fleet.running.cowherd_ok(["version", "--client"]), own);
    let both = fleet.running.cowherd_ok(["version"]);
    let server: Value = serde_json::from_str(&fleet.running.kubectl_ok(["version", "-o", "json"])).unwrap();
    let server = &server["serverVersion"];
    assert_eq!(both, format!("{own}Server Version: {}\n", server["gitVersion"].as_str().unwrap()));
    let structured: Value = serde_json::from_str(&fleet.running.cowherd_ok(["version", "-o", "json"])).unwrap();
    assert_eq!(structured["serverVersion"]["gitVersion"], server["gitVersion"]);
    let nowhere = tempfile::tempdir().unwrap();
    let output = cowherd(nowhere.path()).arg("version").env("HOME", nowhere.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout), (Some(0), own.as_bytes().to_vec()), "what can be told is told");
    assert!(said.contains("no version of a cluster") && said.contains("start a control plane here"), "{said}");
    // One that is named and does not answer is a failure only where a flag names it.
    let kubeconfig = fleet.running.kubeconfig();
    let Fleet { running, directory, .. } = fleet;
    running.stop();
    let named = |words: &[&str]| {
        let mut command = cowherd(nowhere.path());
        let output = command.arg("version").args(words).env("KUBECONFIG", &kubeconfig).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.stdout == own.as_bytes() && said.contains("the cluster does not answer"), "{words:?}: {said}");
        (output.status.code().unwrap(), said)
    };
    let (status, said) = named(&[]);
    assert!(status == 0 && said.contains("which KUBECONFIG names"), "{said}");
    for flag in [["--kubeconfig", kubeconfig.to_str().unwrap()], ["--context", "cowherd"]] {
        assert_eq!(named(&flag).0, 1, "{flag:?}");
    }
    drop(directory);
}

#[test]
fn history_tells_what_a_kustomization_was_brought_to_and_who_wrote_it() {
    let fleet = Fleet::start();
    fleet.repository.config_map("app/red.yaml", "red", "2");
    fleet.running.wait_for_ready("app", "True", &fleet.repository.commit("make it two"));
    let author = fleet.repository.git(["log", "-1", "--format=%an"]);
    let table = fleet.running.cowherd_ok(["history", "ks/app"]);
    let lines: Vec<&str> = table.lines().skip(1).collect();
    assert!(lines.len() == 2 && lines[0].ends_with("make it two") && lines[1].ends_with("begin"), "{table}");
    assert!(
        lines.iter().all(|line| line.contains("ReconciliationSucceeded") && line.contains(author.trim())),
        "{table}"
    );
    let entries = fleet.running.cowherd_ok(["history", "app", "-o", "json"]);
    let entries: Value = serde_json::from_str(&entries).unwrap();
    assert_eq!(entries[1]["commit"]["id"], fleet.first);
    assert_eq!(entries[1]["metadata"]["revision"], format!("main@sha1:{}", fleet.first));
}

#[test]
fn trace_goes_from_an_object_back_to_the_commit() {
    let fleet = Fleet::start();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
        selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    \
        spec:\n      containers:\n      - name: web\n        image: web\n";
    fleet.repository.write("other/web.yaml", deployment);
    let commit = fleet.repository.commit("run the web");
    fleet.wait_until_applied(&commit);
    let told = fleet.running.cowherd_ok(["trace", "cm/blue", "-n", "default"]);
    for part in ["ConfigMap/default/blue", "flux-system/app", "./app", "GitRepository", &commit] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
    assert!(!told.contains("run the web"), "it changed nothing of this one: {told}");
    let told = fleet.running.cowherd_ok(["trace", "deployment/web", "-n", "default"]);
    assert!(told.contains(&format!("Commit:          {commit}")) && told.contains("run the web"), "{told}");
    fleet.repository.write("README.md", "nothing that is applied");
    let unrelated = fleet.repository.commit("write about it");
    fleet.wait_until_applied(&unrelated);
    fleet.running.cowherd_ok(["reconcile", "ks", "other"]);
    let told = fleet.running.cowherd_ok(["trace", "deployment/web", "-n", "default"]);
    assert!(told.contains(&unrelated) && told.contains("run the web") && !told.contains("write about it"), "{told}");
    let pods = || fleet.running.kubectl_ok(["get", "pods", "-n", "default", "-o", "name"]);
    eventually("there is a Pod", || if pods().is_empty() { Err("none".to_owned()) } else { Ok(()) });
    let told = fleet.running.cowherd_ok(["trace", pods().trim(), "-n", "default", "-o", "json"]);
    let way: Value = serde_json::from_str(&told).unwrap();
    let kinds: Vec<&Value> = way["objects"].as_array().unwrap().iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["Pod", "ReplicaSet", "Deployment"]);
    assert_eq!((&way["kustomization"]["name"], &way["commit"]["id"]), (&"other".into(), &commit.into()));
    for (arguments, word) in [
        (["trace", "cm/none", "-n", "default"], "not found in \"default\" namespace"),
        (["trace", "sa/default", "-n", "default"], "applied by no Kustomization"),
        (["trace", "gadget/x", "-n", "default"], "doesn't have a resource type \"gadget\""),
        (["trace", "deploymnt/x", "-n", "default"], "resource type \"deploymnt\"; did you mean deployment?"),
    ] {
        let (status, said) = code(&fleet, &arguments);
        assert!(status == 1 && said.contains(word), "{said}");
    }
}

#[test]
fn tree_shows_what_was_applied_by_whom() {
    let fleet = Fleet::start();
    let tree = fleet.running.cowherd_ok(["tree", "kustomization", "flux-system"]);
    let expected = "Kustomization/flux-system/flux-system
├── Kustomization/flux-system/app
│   ├── ConfigMap/default/blue
│   └── ConfigMap/default/red
└── Kustomization/flux-system/other
    └── ConfigMap/default/other
";
    assert_eq!(tree, expected);
    let tree: Value = serde_json::from_str(&fleet.running.cowherd_ok(["tree", "flux-system", "-o", "json"])).unwrap();
    assert_eq!(tree["resources"][0]["resources"][1]["resource"]["name"], "red");
}

#[test]
fn events_tell_what_happened_to_what() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    running.wait_for_warning("Kustomization/app", &["app/broken.yaml"]);
    let events = running.cowherd_ok(["events", "--for", "Kustomization/app"]);
    assert!(events.contains("ReconciliationSucceeded") && events.contains("BuildFailed"), "{events}");
    assert!(!events.contains("kustomization/other") && !events.contains("Kustomization/other"), "{events}");
    for spelled in ["ks/app", "kustomizations/app", "kustomization.kustomize.toolkit.fluxcd.io/app"] {
        assert_eq!(running.cowherd_ok(["events", "--for", spelled]).lines().count(), events.lines().count());
    }
    let (status, said) = code(&fleet, &["events", "--for", "gadget/app"]);
    assert!(status == 1 && said.contains("resource type \"gadget\""), "{said}");
    let warnings = running.cowherd_ok(["events", "-A", "--types", "Warning"]);
    assert!(warnings.contains("app/broken.yaml") && !warnings.contains("ReconciliationSucceeded"), "{warnings}");
}

#[test]
fn exit_codes_tell_scripts_how_it_went() {
    let fleet = Fleet::start();
    for (arguments, expected, word) in [
        (&["get", "ks", "nothing"][..], 1, "not found"),
        (&["get", "gadgets"], 2, "unknown kind"),
        (&["tree", "nothing"], 1, "not found"),
        (&["reconcile", "kustomization", "nothing"], 1, "not found"),
        (&["suspend", "kustomization", "nothing"], 1, "not found"),
        (&["resume", "source", "git", "nothing"], 1, "not found"),
        (&["reconcile", "--nonsense"], 2, "--nonsense"),
        (&["nonsense"], 2, "nonsense"),
        (&["suspend"], 2, "required"),
        (&["reconcile"], 0, "Applied revision"),
    ] {
        let (status, said) = code(&fleet, arguments);
        assert_eq!(status, expected, "{arguments:?}: {said}");
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    let (status, said) = code(&fleet, &["reconcile", "kustomization", "app"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("app/broken.yaml"), "{said}");
}

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

/// A fleet, and its branch `next` with what `change` makes of it.
fn branched(change: impl FnOnce(&Repository)) -> Fleet {
    let fleet = Fleet::start();
    let repository = &fleet.repository;
    repository.git(["checkout", "--quiet", "-b", "next"]);
    change(repository);
    repository.commit("what comes next");
    repository.git(["checkout", "--quiet", "main"]);
    fleet
}

#[test]
fn diff_says_that_uncommitted_edits_are_no_part_of_it_and_takes_them_when_asked_for() {
    let fleet = Fleet::start();
    let (status, said) = code(&fleet, &["diff"]);
    assert!(status == 0 && !said.contains("uncommitted"), "{said}");
    fleet.repository.config_map("app/red.yaml", "red", "2");
    let output = fleet.running.cowherd(["diff"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("uncommitted changes are not looked at; --worktree does").count(), 1, "{said}");
    let output = fleet.running.cowherd(["diff", "-o", "json"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("uncommitted"), "{output:?}");
    let (status, said) = code(&fleet, &["diff", "ks/app", "--worktree"]);
    assert!(status == 1 && said.contains("► ConfigMap/default/red configured"), "{said}");
    assert!(!said.contains("uncommitted"), "{said}");
    let (status, said) = code(&fleet, &["diff", "--revision", "mian"]);
    assert!(status == 3 && said.contains("there is no revision \"mian\" in ") && said.contains("main?"), "{said}");
}

#[test]
fn one_broken_kustomization_hides_no_other_in_a_comparison_with_a_cluster() {
    let fleet = branched(|repository| {
        repository.write("app/broken.yaml", "{").config_map("other/map.yaml", "other", "2");
    });
    for more in [&[][..], &["-o", "json"]] {
        let output = fleet.running.cowherd([&["diff", "--revision", "next"], more].concat());
        let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{printed}{said}");
        assert!(printed.contains("other") && printed.contains("configured"), "{printed}{said}");
        assert!(said.contains("✗ Kustomization flux-system/app: ") && said.contains("app/broken.yaml"), "{said}");
    }
    let (status, said) = code(&fleet, &["diff", "ks/app", "--revision", "next"]);
    assert!(status == 3 && !said.contains("the cluster is as the revision describes it"), "{said}");
}

#[test]
fn a_kustomization_of_another_repository_is_not_compared_with_this_one() {
    let fleet = Fleet::start();
    let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: far, namespace: \
                  flux-system}\nspec: {url: 'https://git.invalid/far', interval: 1h}\n";
    let far = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: far, namespace: \
               flux-system}\nspec: {interval: 1h, prune: true, path: ./app, sourceRef: {kind: GitRepository, name: far}}\n";
    fleet.repository.write("cluster/far-source.yaml", source).write("cluster/far.yaml", far);
    fleet.wait_until_applied(&fleet.repository.commit("follow another one"));
    fleet.repository.git(["remote", "add", "origin", "https://git.invalid/fleet"]);
    fleet.repository.config_map("app/red.yaml", "red", "2").commit("change");
    let mut command = cowherd(&fleet.repository.path);
    let output = command.args(["diff", "--data-dir"]).arg(&fleet.running.data_dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("✗ Kustomization flux-system/far: it follows https://git.invalid/far, and you stand in"),
        "{said}"
    );
    let mut command = cowherd(&fleet.repository.path);
    command.args(["diff", "ks/far", "--source", "flux-system/far", "--data-dir"]).arg(&fleet.running.data_dir);
    let said = String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned();
    assert!(!said.contains("you stand in"), "whoever says that it is one has it compared: {said}");
}

#[test]
fn diff_tells_what_goes_with_what_is_deleted_and_what_only_moves() {
    let fleet = branched(|repository| {
        repository.remove("cluster/app.yaml").remove("app/red.yaml").config_map("other/blue.yaml", "blue", "1");
    });
    let (status, said) = code(&fleet, &["diff", "--revision", "next"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("► Kustomization/flux-system/app deleted"), "{said}");
    assert!(said.contains("► ConfigMap/default/red deleted"), "it goes with the Kustomization: {said}");
    assert!(!said.contains("ConfigMap/default/blue deleted"), "it goes over to the other one: {said}");
    let (_, said) = code(&fleet, &["diff", "--revision", "next", "-o", "json"]);
    let changes: Value = serde_json::from_str(&said).unwrap();
    let red = |change: &&Value| change["name"] == "red";
    assert_eq!(changes.as_array().unwrap().iter().filter(red).count(), 1, "{said}");
    assert_eq!(fleet.running.value("red"), "1", "nothing was changed");
}

#[test]
fn diff_tells_of_deletions_that_wait_until_they_are_approved_and_then_they_wait() {
    let fleet = branched(|repository| {
        repository.remove("app/red.yaml").remove("app/blue.yaml").write("app/README.md", "nothing is left");
    });
    let (repository, running) = (&fleet.repository, &fleet.running);
    let (status, said) = code(&fleet, &["diff", "--revision", "next"]);
    assert_eq!(status, 1, "{said}");
    let waiting = "    waits until it is approved: nothing would be left of what this Kustomization applied";
    for name in ["red", "blue"] {
        assert!(said.contains(&format!("► ConfigMap/default/{name} deleted\n{waiting}\n")), "{said}");
    }
    repository.git(["merge", "--quiet", "--ff-only", "next"]);
    running.wait_for_condition("kustomization app", "False", &["waits until it is approved"]);
    // The same is said while they wait.
    let (_, said) = code(&fleet, &["diff"]);
    assert!(said.contains(waiting), "{said}");
}

#[test]
fn diff_tells_what_goes_with_a_namespace_that_nobody_here_applied() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    repository.write("app/shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    running.wait_for_ready("app", "True", &repository.commit("open a shop"));
    running.kubectl_ok(["create", "configmap", "by-hand", "-n", "shop"]);
    repository.git(["checkout", "--quiet", "-b", "next"]);
    repository.remove("app/shop.yaml").commit("close it");
    repository.git(["checkout", "--quiet", "main"]);
    let told = |until: &str| {
        let (status, said) = code(&fleet, &["diff", "--revision", "next"]);
        let with = "with Namespace/shop would go what this Kustomization does not prune: ConfigMap/shop/by-hand";
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(&format!("► Namespace/shop deleted\n    {until}{with}\n")), "{said}");
    };
    told("waits until it is approved: ");
    repository.git(["checkout", "--quiet", "next"]);
    let app = std::fs::read_to_string(repository.path.join("cluster/app.yaml")).unwrap();
    let unprotected = "metadata:\n  annotations: {cowherd.dev/prune-protection: disabled}\n";
    repository.write("cluster/app.yaml", &app.replace("metadata:\n", unprotected)).commit("mean it");
    told("");
}

#[test]
fn diff_tells_that_with_a_namespace_would_go_what_waits_in_it() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    running.kubectl_ok(["create", "namespace", "shop"]);
    let inside = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inside, namespace: shop}\n";
    repository.write("app/inside.yaml", inside);
    running.wait_for_ready("app", "True", &repository.commit("something in the shop"));
    let red = std::fs::read_to_string(repository.path.join("app/red.yaml")).unwrap();
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other, namespace: default}\n";
    repository
        .remove("app/red.yaml")
        .remove("app/blue.yaml")
        .remove("app/inside.yaml")
        .write("app/other.yaml", account);
    let mistake = repository.commit("a mistake");
    running.wait_for_condition("kustomization app", "False", &[&mistake, "waits until it is approved"]);
    repository.write("app/red.yaml", &red);
    repository.write("app/shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    let shop = repository.commit("some of it, and the shop itself");
    running.wait_for_condition("kustomization app", "False", &[&shop, "waits until it is approved"]);
    repository.git(["checkout", "--quiet", "-b", "next"]);
    repository.remove("app/shop.yaml").commit("close it");
    let (_, said) = code(&fleet, &["diff", "--revision", "next"]);
    let with = "waits until it is approved: with Namespace/shop would go what this Kustomization does not prune: \
                ConfigMap/shop/inside";
    assert!(said.contains(&format!("► Namespace/shop deleted\n    {with}\n")), "{said}");
}

#[test]
fn diff_makes_up_by_chance_what_the_agents_made_up() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: password, namespace: default}\ndata: {password: {{ \
                  randAlphaNum 20 | b64enc }}, at: {{ now | unixEpoch | toString | b64enc }}}\n";
    repository.kustomization("app", "./app", "");
    repository.write("app/kustomization.yaml", "helmCharts: [{name: web, releaseName: web}]\n");
    repository.write("app/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    repository.write("app/charts/web/values.yaml", "{}\n").write("app/charts/web/templates/secret.yaml", secret);
    let commit = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", &commit);
    let diff = |arguments: &[&str]| {
        let output = cowherd(directory.path()).arg("diff").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let kubeconfig = running.kubeconfig();
    let data_dir = kubeconfig.parent().unwrap();
    let (status, said) = diff(&["--data-dir", data_dir.to_str().unwrap()]);
    assert_eq!((status, said.contains("by chance")), (0, false), "{said}");
    // A kubeconfig that is somewhere else has no seed beside it.
    let elsewhere = directory.path().join("elsewhere");
    std::fs::copy(&kubeconfig, &elsewhere).unwrap();
    let (status, said) = diff(&["--kubeconfig", elsewhere.to_str().unwrap()]);
    assert_eq!((status, said.contains("app: what its charts make up by chance")), (1, true), "{said}");
}

#[test]
fn diff_shows_field_by_field_what_an_unpushed_revision_would_change() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let (status, said) = code(&fleet, &["diff"]);
    assert_eq!((status, said.contains("as the revision describes it")), (0, true), "{said}");

    repository.git(["checkout", "--quiet", "-b", "next"]);
    repository.config_map("app/red.yaml", "red", "2").config_map("app/green.yaml", "green", "1");
    repository.remove("app/blue.yaml");
    repository.write(
        "app/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\n  namespace: default\nstringData:\n  token: hunter2\n",
    );
    repository.kustomization("more", "./more", "").config_map("more/map.yaml", "more", "1");
    repository.commit("what comes next");
    repository.git(["checkout", "--quiet", "main"]);

    let (status, said) = code(&fleet, &["diff", "--revision", "next"]);
    assert_eq!(status, 1, "{said}");
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    for line in [
        "► ConfigMap/default/red configured",
        "data.value",
        "- \"1\"",
        "+ \"2\"",
        "► ConfigMap/default/green created",
        "► ConfigMap/default/blue deleted",
        "► Secret/default/token created",
        "► Kustomization/flux-system/more created",
        "► ConfigMap/default/more created",
    ] {
        assert!(lines.contains(&line), "{line:?} is not in: {said}");
    }
    assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg"), "{said}");

    let (status, said) = code(&fleet, &["diff", "kustomization", "other", "--revision", "next"]);
    assert_eq!(status, 0, "{said}");
    let (status, said) = code(&fleet, &["diff", "app", "--revision", "next", "-o", "json"]);
    assert_eq!(status, 1, "{said}");
    let changes: Value = serde_json::from_str(&said).unwrap();
    let red = changes.as_array().unwrap().iter().find(|change| change["name"] == "red").unwrap();
    assert_eq!(red["fields"][0], serde_json::json!({ "path": "data.value", "before": "1", "after": "2" }));
    let (status, said) = code(&fleet, &["diff", "--revision", "nowhere"]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("nowhere"), "{said}");
    assert_eq!(running.value("red"), "1", "nothing was changed");
}

#[test]
fn what_was_done_is_told_for_programs_too() {
    let fleet = Fleet::start();
    let parsed = |arguments: &[&str]| -> Value {
        let output = fleet.running.cowherd(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    };
    let suspended = parsed(&["suspend", "ks/app", "-o", "json"]);
    assert_eq!((&suspended["metadata"]["name"], &suspended["spec"]["suspend"]), (&"app".into(), &true.into()));
    let resumed = parsed(&["resume", "ks/app", "ks/other", "--wait", "-o", "json"]);
    assert_eq!(resumed["kind"], "List");
    for (item, name) in resumed["items"].as_array().unwrap().iter().zip(["app", "other"]) {
        assert_eq!((&item["metadata"]["name"], &item["spec"]["suspend"]), (&name.into(), &false.into()));
        let ready = item["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
        assert_eq!(ready["status"], "True");
    }
    let reconciled = parsed(&["reconcile", "source", "git", "flux-system", "-o", "json"]);
    assert_eq!(reconciled["kind"], "GitRepository");
    assert!(reconciled["status"]["artifact"]["revision"].as_str().unwrap().ends_with(&fleet.first));
}

#[test]
fn trace_looks_where_kubectl_does_and_then_for_the_only_one() {
    let fleet = Fleet::start();
    let map = |name: &str, namespace: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\n")
    };
    for namespace in ["one", "two"] {
        fleet.repository.write(
            &format!("other/{namespace}.yaml"),
            &format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n"),
        );
        fleet.repository.write(&format!("other/twice-{namespace}.yaml"), &map("twice", namespace));
    }
    fleet.repository.write("other/far.yaml", &map("far", "two"));
    let commit = fleet.repository.commit("more namespaces");
    fleet.wait_until_applied(&commit);
    let told = fleet.running.cowherd_ok(["trace", "cm/red"]);
    assert!(told.contains("ConfigMap/default/red") && !told.contains("not in"), "{told}");
    for words in [&["trace", "cm/far"][..], &["trace", "far", "--kind", "ConfigMap", "--api-version", "v1"]] {
        let told = fleet.running.cowherd_ok(words);
        assert!(
            told.contains("ConfigMap/two/far") && told.contains("not in \"default\" namespace, but in \"two\""),
            "{told}"
        );
    }
    let flux = ["trace", "twice", "--kind", "configmap", "--api-version", "v1", "--namespace", "one"];
    assert!(fleet.running.cowherd_ok(flux).contains("ConfigMap/one/twice"));
    let kustomization = ["trace", "app", "--kind", "Kustomization", "--api-version", "kustomize.toolkit.fluxcd.io/v1"];
    assert!(fleet.running.cowherd_ok(kustomization).contains("Kustomization/flux-system/app"));
    let (status, said) = code(&fleet, &["trace", "cm/twice"]);
    assert!(status == 1 && said.contains("in several namespaces: one, two; name one with -n"), "{said}");
    let config = std::fs::read_to_string(fleet.running.kubeconfig()).unwrap();
    let set = ["config", "set-context", "--current", "--namespace", "one"];
    fleet.running.kubectl_ok(set);
    let told = fleet.running.cowherd_ok(["trace", "cm/twice"]);
    std::fs::write(fleet.running.kubeconfig(), config).unwrap();
    assert!(told.contains("ConfigMap/one/twice"), "{told}");
}

#[test]
fn what_is_mistyped_is_told_with_what_may_be_meant() {
    let fleet = Fleet::start();
    for (words, told) in [
        (&["get", "kustomisations"][..], "did you mean kustomizations?"),
        (&["get", "hr"], "the kind HelmRelease is not supported yet"),
        (&["get", "ks/othr"], "\"othr\" not found in \"flux-system\" namespace; did you mean other?"),
        (&["reconcile", "kustomisation", "app"], "unknown kind \"kustomisation\"; did you mean kustomization?"),
        (&["suspend", "ks/ap"], "not found in \"flux-system\" namespace; did you mean app?"),
        (&["resume", "ks/app", "-n", "default"], "it is elsewhere: -n flux-system"),
        (&["history", "othr"], "did you mean other?"),
        (&["get", "--context", "nope"], "context \"nope\" does not exist; the contexts of"),
    ] {
        let (status, said) = code(&fleet, words);
        // A word that is no kind makes no sense; a name that nothing has is one that could be there.
        let expected = if told.contains("kind ") || told.contains("kustomizations?") { 2 } else { 1 };
        assert!(status == expected && said.contains(told), "{words:?}: {said}");
    }
    let (_, said) = code(&fleet, &["get", "--context", "nope"]);
    assert!(said.contains("are: cowherd") && !said.contains("cowherd up"), "{said}");
    let output = fleet.running.cowherd(["trcae", "cm/red"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("'trace'"), "{output:?}");
    for words in [&["get", "sources", "all"][..], &["get", "source", "all"], &["get", "sources"]] {
        let all = fleet.running.cowherd_ok(words);
        assert!(
            all.lines().nth(1).is_some_and(|line| line.starts_with("gitrepository/flux-system")),
            "{words:?}: {all}"
        );
        assert_eq!(all.lines().count(), 2, "{words:?}: {all}");
    }
}

#[test]
fn diff_says_to_whom_may_only_look_what_is_missing_and_what_does_without() {
    let fleet = branched(|repository| {
        repository.config_map("app/red.yaml", "red", "2");
    });
    let running = &fleet.running;
    running.kubectl_ok(["create", "serviceaccount", "viewer", "-n", "default"]);
    let binding = ["create", "clusterrolebinding", "viewer", "--clusterrole=view", "--serviceaccount=default:viewer"];
    running.kubectl_ok(binding);
    let token = running.kubectl_ok(["create", "token", "viewer", "-n", "default"]);
    let config = std::fs::read_to_string(running.kubeconfig()).unwrap();
    let keys = ["client-certificate-data:", "client-key-data:"];
    let lines = config.lines().filter(|line| !keys.iter().any(|key| line.trim_start().starts_with(key)));
    let lines = lines.map(|line| match line.trim() {
        "user:" => format!("{line}\n    token: {}", token.trim()),
        _ => line.to_owned(),
    });
    let viewing = fleet.directory.path().join("viewing");
    std::fs::write(&viewing, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let kubeconfig = viewing.to_str().unwrap();
    let output = cowherd(&fleet.repository.path)
        .args(["diff", "ks/app", "--revision", "next", "--kubeconfig", kubeconfig])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for words in ["cannot patch resource \"configmaps\"", "by a dry run", "cowherd diff --base REVISION"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (status, said) = code(&fleet, &["diff", "ks/app", "--revision", "next"]);
    assert!(status == 1 && said.contains("ConfigMap/default/red configured"), "{said}");
}
