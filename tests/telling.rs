//! What happened, and why, is told: on the terminal, in events, in the log.

use serde_json::Value;

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// The name of who writes the commits.
fn author(repository: &Repository) -> String {
    repository.git(["log", "-1", "--format=%an"]).trim().to_owned()
}

/// What the terminal says of a Kustomization, each line from its name on.
fn said_of(running: &Running, name: &str) -> Vec<String> {
    let said = running.said();
    let of_it = |line: &str| line.split_once(&format!(" {name}: ")).map(|(_, rest)| rest.to_owned());
    said.lines().filter_map(of_it).collect()
}

#[test]
fn the_terminal_says_what_was_done_to_which_object_by_whose_commit_and_why() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let author = author(repository);
    let what = |commit: &str, subject: &str| format!("main@sha1:{} \"{subject}\" by {author}", &commit[..8]);
    let first = what(&fleet.first, "begin");
    let applied = "2 applied, 2 changed: ConfigMap/default/blue created, ConfigMap/default/red created; ";
    running.wait_until_said(&[" app: ", applied, &first, "because it was made or changed"]);

    repository.config_map("app/red.yaml", "red", "2");
    let commit = repository.commit("paint it");
    running.wait_until_said(&[" source flux-system: ", &what(&commit, "paint it")]);
    let line = format!("2 applied, 1 changed: ConfigMap/default/red configured; {}", what(&commit, "paint it"));
    eventually("the commit is told", || {
        let said = said_of(running, "app");
        if said.contains(&line) { Ok(()) } else { Err(said.join("\n")) }
    });

    running.kubectl_ok(["delete", "configmap", "blue", "-n", "default"]);
    running.wait_until_said(&["ConfigMap/default/blue created", "because ConfigMap/default/blue was deleted at 20"]);
    let edit = ["patch", "configmap", "red", "-n", "default", "--type=merge", "--patch", r#"{"data":{"value":"9"}}"#];
    running.kubectl_ok(edit);
    running
        .wait_until_said(&["red configured", "because ConfigMap/default/red was changed by \"kubectl-patch\" at 20"]);
    running.cowherd_ok(["reconcile", "kustomization", "app"]);
    running.wait_until_said(&["2 applied; ", &what(&commit, "paint it"), "because somebody asked for it (20"]);

    // What fails is said whole, once, and again when it fails otherwise; what did not concern others is not said of them.
    let others = said_of(running, "other").len();
    repository.write("app/broken.yaml", "{");
    let commit = repository.commit("break it");
    running.wait_until_said(&[" app: ", "app/broken.yaml"]);
    running.wait_until_said(&[&what(&commit, "break it")]);
    eventually("it is tried again", || {
        let events = running.get("events -n flux-system");
        let mut failed = events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "BuildFailed");
        if failed.any(|event| event["count"].as_i64() > Some(2)) { Ok(()) } else { Err(events.to_string()) }
    });
    let failures = said_of(running, "app").into_iter().filter(|line| line.contains("app/broken.yaml")).count();
    assert_eq!((failures, said_of(running, "other").len()), (1, others), "{}", running.said());
    // Nobody looks on: each line has its whole time.
    let stamped = |line: &&str| line.starts_with("20") && line[10..].starts_with('T') && line[19..].starts_with("Z ");
    let lines = running.said();
    assert!(lines.lines().filter(|line| line.contains(" app: ")).all(|line| stamped(&line)), "{lines}");
}

#[test]
fn what_an_interval_brings_is_told_as_that() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let values = ["create", "configmap", "values", "-n", "flux-system", "--from-literal", "colour=red"];
    running.kubectl_ok(values);
    let manifest = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: vars, namespace: \
                    flux-system}\nspec:\n  interval: 1s\n  path: ./vars\n  prune: true\n  sourceRef: {kind: GitRepository, \
                    name: flux-system}\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: values}]}\n";
    repository.write("cluster/vars.yaml", manifest).config_map("vars/map.yaml", "painted", "${colour}");
    let commit = repository.commit("paint it");
    running.wait_for_ready("vars", "True", &commit);
    assert_eq!(running.value("painted"), "red");
    let patch = [
        "patch",
        "configmap",
        "values",
        "-n",
        "flux-system",
        "--type=merge",
        "--patch",
        r#"{"data":{"colour":"blue"}}"#,
    ];
    running.kubectl_ok(patch);
    running.wait_for_value("painted", "blue");
    running.wait_until_said(&[
        " vars: ",
        "ConfigMap/default/painted configured",
        "\"paint it\" by ",
        "because its interval is over",
    ]);
    let logged = running.cowherd_ok(["logs", "ks/vars"]);
    let line = logged.lines().find(|line| line.contains("painted configured"));
    assert!(line.is_some_and(|line| line.contains("cause=\"its interval is over\"")), "{logged}");
    let events = running.cowherd_ok(["events", "--for", "ks/vars"]);
    assert!(events.contains("because its interval is over"), "{events}");
}

#[test]
fn what_two_describe_is_told_by_both_with_who_has_it() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let commit = repository.config_map("other/red.yaml", "red", "9").commit("describe it twice");
    fleet.wait_until_applied(&commit);
    let of_other = "ConfigMap/default/red is as flux-system/app describes it, which describes it too and";
    let of_app = "ConfigMap/default/red is as described here, though flux-system/other describes it too";
    for (name, told) in [("other", of_other), ("app", of_app)] {
        running.wait_until_said(&[told]);
        eventually(&format!("{name} has the condition"), || {
            let conditions =
                running.get(&format!("kustomization {name} -n flux-system"))["status"]["conditions"].clone();
            let all = conditions.as_array().cloned().unwrap_or_default();
            let has = |kind: &str, words: &str| {
                let found = all.iter().find(|one| one["type"] == kind && one["status"] == "True");
                found.is_some_and(|one| one["message"].as_str().unwrap_or_default().contains(words))
            };
            if has("SharedObjects", told) && has("Ready", &commit) { Ok(()) } else { Err(conditions.to_string()) }
        });
    }
    assert_eq!(running.value("red"), "1", "what was there first has it");
    let commit = repository.remove("app/red.yaml").commit("leave it to the other");
    fleet.wait_until_applied(&commit);
    running.wait_for_value("red", "9");
    let conditions = running.get("kustomization other -n flux-system")["status"]["conditions"].to_string();
    assert!(!conditions.contains("SharedObjects"), "{conditions}");
}

#[test]
fn of_several_objects_that_fail_the_same_one_is_told_each_time_and_once() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    for number in 0..20 {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map, namespace: no-{number:02}}}\n");
        repository.write(&format!("app/{number}.yaml"), &map);
    }
    repository.commit("into namespaces that nobody makes");
    let tries = || {
        let events = running.get("events -n flux-system");
        let failed = events["items"].as_array().unwrap().iter().filter_map(|event| {
            let message = event["message"].as_str().unwrap_or_default().to_owned();
            let is_one = event["involvedObject"]["name"] == "app" && message.contains("namespaces \"no-");
            is_one.then(|| (message, event["count"].as_i64().unwrap_or(1)))
        });
        failed.collect::<Vec<_>>()
    };
    eventually("it is tried again and again", || {
        let count: i64 = tries().iter().map(|(_, count)| count).sum();
        if count > 5 { Ok(()) } else { Err(running.said()) }
    });
    let events = tries();
    let [(message, _)] = &events[..] else { panic!("{events:#?}") };
    for words in ["ConfigMap/no-00/map ", "; describe the Namespace no-00, too", "(main@sha1:", ")"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    let said = said_of(running, "app");
    assert_eq!(said.iter().filter(|line| line.contains("no-")).count(), 1, "{said:#?}");
    let table = running.cowherd_ok(["events", "--for", "ks/app"]);
    assert!(table.contains("mend the name (main@sha1:"), "{table}");
}

#[test]
fn events_say_it_for_people_and_programs() {
    let fleet = Fleet::start();
    fleet.running.kubectl_ok(["delete", "configmap", "blue", "-n", "default"]);
    let told = || {
        let events = fleet.running.get("events -n flux-system");
        let events = events["items"].as_array().unwrap().clone();
        events.into_iter().find(|event| event["message"].as_str().unwrap_or_default().contains("was deleted at 20"))
    };
    eventually("an event says why", || told().map(drop).ok_or_else(|| "none".to_owned()));
    let annotations = &told().unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["kustomize.toolkit.fluxcd.io/revision"], format!("main@sha1:{}", fleet.first));
    assert_eq!(annotations["cowherd.dev/subject"], "begin");
    assert_eq!(annotations["cowherd.dev/author"], author(&fleet.repository));
    let table = fleet.running.cowherd_ok(["events", "--for", "ks/app"]);
    assert!(table.contains("because ConfigMap/default/blue was deleted at 20"), "{table}");
}

fn lines(running: &Running, arguments: &[&str]) -> Vec<String> {
    let output = running.cowherd([&["logs"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_log_tells_by_object_level_and_time_what_was_done_and_why() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    repository.write("app/broken.yaml", "{");
    repository.commit("break it");
    running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    let all = lines(running, &[]);
    let finished = |line: &&String| line.contains(" info Kustomization/app.flux-system - Reconciliation finished in");
    let line = all.iter().find(finished).unwrap_or_else(|| panic!("{all:#?}"));
    for word in
        ["done=\"ConfigMap/default/blue created, ", "subject=begin", "cause=\"it was made or changed\"", &fleet.first]
    {
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
    assert!(
        all.iter().any(|line| line.contains(" info GitRepository/flux-system.flux-system - stored artifact")),
        "{all:#?}"
    );

    let failed = lines(running, &["--level", "error"]);
    assert!(!failed.is_empty() && failed.iter().all(|line| line.contains(" error Kustomization/app.")), "{failed:#?}");
    assert!(failed[0].contains("app/broken.yaml") && failed[0].contains("subject=\"break it\""), "{failed:#?}");
    let of_other = lines(running, &["ks/other"]);
    assert!(!of_other.is_empty() && of_other.iter().all(|line| line.contains("Kustomization/other.")), "{of_other:#?}");
    assert_eq!(of_other, lines(running, &["--kind", "Kustomization", "--name", "other"]));
    assert_eq!(lines(running, &["ks/app", "-n", "default"]), Vec::<String>::new());
    assert!(!lines(running, &["ks/app", "-A"]).is_empty());
    assert_eq!(lines(running, &["--since-time", "2999-01-01T00:00:00Z"]), Vec::<String>::new());
    assert_eq!(lines(running, &["ks/other", "--tail", "1"]), of_other[of_other.len() - 1..]);
    let record: Value = serde_json::from_str(&lines(running, &["ks/other", "--tail", "1", "-o", "json"])[0]).unwrap();
    assert_eq!(record["spans"][0]["object"], "flux-system/other");
    let output = running.cowherd(["logs", "--level", "loud"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_log_is_followed_as_it_grows_and_outlives_the_program() {
    let fleet = Fleet::start();
    let log = fleet.directory.path().join("followed");
    let mut command = cowherd(fleet.directory.path());
    command.args(["logs", "ks/app", "--follow", "--data-dir"]).arg(&fleet.running.data_dir);
    let mut follower = command.stdout(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    fleet.running.kubectl_ok(["delete", "configmap", "blue", "-n", "default"]);
    eventually("the drift is in the log that is followed", || {
        let text = std::fs::read_to_string(&log).unwrap();
        let is_told = text.lines().any(|line| line.contains("drift: ConfigMap/default/blue was deleted at 20"));
        if is_told { Ok(()) } else { Err(text) }
    });
    follower.kill().unwrap();
    follower.wait().unwrap();
    let Fleet { running, directory, .. } = fleet;
    let data_dir = running.kill();
    let output = cowherd(directory.path()).args(["logs", "--data-dir"]).arg(data_dir).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("Reconciliation finished in"));
    let output = cowherd(directory.path()).args(["logs", "--data-dir", "nowhere"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("no log in nowhere/logs") && said.contains("--data-dir"),
        "{said}"
    );
}

#[test]
fn reconcile_of_what_waits_says_what_for() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "dependsOn:\n- name: infra").config_map("app/map.yaml", "map", "1");
    repository.kustomization("infra", "./infra", "").write("infra/map.yaml", "{");
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
        selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    \
        spec:\n      containers:\n      - name: web\n        image: web\n";
    repository.kustomization("web", "./web", "wait: true\ntimeout: 10m").write("web/web.yaml", deployment);
    repository.commit("wait for it");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_condition("kustomization app", "False", &["dependency 'flux-system/infra' is not ready"]);
    for _ in 0..2 {
        let output = running.cowherd(["reconcile", "kustomization", "app", "--timeout", "55s"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("✗ kustomization app: dependency 'flux-system/infra' is not ready"), "{said}");
        assert!(!said.contains("within"), "{said}");
    }
    running.wait_for_condition("kustomization web", "Unknown", &["node"]);
    for _ in 0..2 {
        let output = running.cowherd(["reconcile", "kustomization", "web", "--timeout", "55s"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let why =
            "✗ kustomization web: Deployment/default/web waits for Pods, and those for a node: this cluster has none";
        assert!(said.contains(why) && !said.contains("within"), "{said}");
    }
}

#[test]
fn what_the_api_refused_is_neither_in_the_tree_nor_counted() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    let refused = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
        replicas: -1\n  selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        \
        app: web\n    spec:\n      containers:\n      - name: web\n        image: web\n";
    repository.kustomization("app", "./app", "").config_map("app/map.yaml", "map", "1");
    repository.write("app/web.yaml", refused).commit("less than nothing");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_condition("kustomization app", "False", &["Deployment/default/web", "spec.replicas"]);
    running.wait_until_said(&[" app: ", "Deployment/default/web", "spec.replicas"]);
    let tree = running.cowherd_ok(["tree", "app"]);
    assert!(tree.starts_with("Kustomization/flux-system/app\n") && !tree.contains("web"), "{tree}");
    let said = said_of(&running, "app").join("\n");
    assert!(said.contains("main@sha1") && !said.contains(" applied"), "{said}");
    assert!(!said.contains("building"), "{said}");
}

#[test]
fn the_roles_of_kubernetes_let_people_see_the_agents_resources() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    for (role, user) in [("view", "eve"), ("edit", "ed"), ("admin", "ann")] {
        let binding = ["create", "rolebinding", user, "-n", "flux-system", "--clusterrole", role, "--user", user];
        running.kubectl_ok(binding);
        let may = |verb: &str, resource: &str| {
            let asked = ["auth", "can-i", verb, resource, "-n", "flux-system", "--as", user];
            String::from_utf8_lossy(&running.kubectl(asked).stdout).trim() == "yes"
        };
        eventually(&format!("{role} is made of its parts"), || {
            let resources = ["kustomizations.kustomize.toolkit.fluxcd.io", "gitrepositories.source.toolkit.fluxcd.io"];
            let missing: Vec<_> = resources.iter().filter(|resource| !may("list", resource)).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
        });
        // A Kustomization without an account is applied with the rights of the agents.
        assert!(!may("create", "kustomizations.kustomize.toolkit.fluxcd.io"), "{role}");
    }
    let directory = tempfile::tempdir().unwrap();
    crate::program::fleet::repository(&directory.path().join("fleet")).commit("begin");
    let locked = ["up", "fleet", "--path", "cluster", "--default-service-account", "default"];
    let running = Running::start(directory.path(), locked);
    running.kubectl_ok(["create", "rolebinding", "ed", "-n", "default", "--clusterrole", "edit", "--user", "ed"]);
    eventually("who may edit a namespace may edit its Kustomizations", || {
        let asked =
            ["auth", "can-i", "patch", "kustomizations.kustomize.toolkit.fluxcd.io", "-n", "default", "--as", "ed"];
        let output = running.kubectl(asked);
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if said == "yes" { Ok(()) } else { Err(said) }
    });
}

#[test]
fn the_log_says_what_it_has_no_line_about() {
    let fleet = Fleet::start();
    for (words, told) in [
        (&["ks/othr"][..], "no line about Kustomization \"othr\"; did you mean other?"),
        (
            &["--kind", "kustomisation"],
            "the kind kustomisation; did you mean Kustomization? (it has: GitRepository, Kustomization",
        ),
        (&["--name", "nobody"], "no line about object \"nobody\""),
    ] {
        let output = fleet.running.cowherd([&["logs"], words].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(told), "{words:?}: {said}");
    }
    for words in [&["ks/other", "--level", "error"][..], &["ks/other", "-n", "default"]] {
        let output = fleet.running.cowherd([&["logs"], words].concat());
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("no such lines"), "{output:?}");
    }
    let output = fleet.running.cowherd(["logs", "ks/other"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
