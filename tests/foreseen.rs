//! What `cowherd check` foresees of `cowherd up`: all that fails for certain, and nothing that is not so.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::checking::Story;
use crate::program::fleet::Fleet;
use crate::program::repository::{Repository, config_map};
use crate::program::{cowherd, eventually};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";

/// A Story whose Kustomization `infra` makes the Namespace that `app` needs.
fn shop() -> Story {
    let story = Story::begin();
    story.repository.kustomization("infra", "./infra/dev", "").write("infra/base/ns.yaml", NAMESPACE);
    story.repository.write("infra/base/kustomization.yaml", "resources: [ns.yaml]\n");
    story.repository.write("infra/dev/kustomization.yaml", "resources:\n- ../base\n");
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("default", "shop"));
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    story
}

/// What `up --once` says of a path, and how it ends.
fn up(repository: &Path, path: &str) -> (String, Option<i32>) {
    let directory = repository.parent().unwrap();
    let mut command = cowherd(directory);
    command.arg("up").arg(repository).args(["--path", path, "--once", "--timeout", "60s"]);
    let output = command.args(["--listen", "127.0.0.1:0", "--data-dir", "data"]).output().unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn nothing_is_said_to_be_nowhere_that_what_cannot_be_built_may_bring() {
    let story = shop();
    let repository = &story.repository;
    for (file, content) in [
        (
            "infra/dev/kustomization.yaml",
            "resources:\n<<<<<<< HEAD\n- ../base\n=======\n- ../base\n- more.yaml\n>>>>>>> theirs\n",
        ),
        ("infra/dev/kustomization.yaml", "resources:\n- ../base\nnamePrefx: a\n"),
        ("infra/base/kustomization.yaml", "resources: [ns.yaml\n"),
        ("infra/base/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n labels: {}\n"),
    ] {
        let before = std::fs::read_to_string(repository.path.join(file)).unwrap();
        repository.write(file, content);
        let (lines, status) = story.lines(&[]);
        assert_eq!((lines.len(), status), (1, 1), "{file}: {lines:#?}");
        assert!(lines[0].starts_with(&format!("{file}:")), "{lines:#?}");
        repository.write(file, &before);
    }
    // What nothing may bring is told all the same.
    repository.write("infra/base/ns.yaml", &NAMESPACE.replace("shop", "other"));
    repository.write("infra/base/kustomization.yaml", "resources: [ns.yaml\n");
    story.says("app/red.yaml:5", "there is no Namespace shop in the repository");
}

#[test]
fn a_kustomization_that_is_none_takes_what_it_leads_to_with_it() {
    let story = shop();
    let file = story.repository.path.join("cluster/infra.yaml");
    let content = std::fs::read_to_string(&file).unwrap();
    story.repository.kustomization("later", "./later", "dependsOn: [{name: infra}]").config_map(
        "later/a.yaml",
        "a",
        "1",
    );
    for broken in [content.replace("prune:", "prnue:"), content.replace("prune: true", "prune: [")] {
        story.repository.write("cluster/infra.yaml", &broken);
        let (lines, status) = story.lines(&[]);
        assert!(status == 1 && lines.iter().all(|line| line.starts_with("cluster/infra.yaml:")), "{lines:#?}");
        let report: serde_json::Value = serde_json::from_slice(&story.run(&["-o", "json"]).stdout).unwrap();
        assert_eq!(report["clusters"], serde_json::json!(["./cluster"]), "{report}");
    }
}

#[test]
fn a_generated_object_of_which_nothing_comes_is_not_missing() {
    let story = Story::begin();
    story.repository.kustomization("vars", "./vars", "postBuild: {substitute: {a: b}}");
    let generator =
        "resources: [pod.yaml]\nconfigMapGenerator:\n- {name: settings, namespace: default, literals: ['a=${a']}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  containers:\n  - {name: a, image: b, \
               envFrom: [{configMapRef: {name: settings}}]}\n";
    story.repository.write("vars/kustomization.yaml", generator).write("vars/pod.yaml", pod);
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    assert!(lines[0].contains("ConfigMap/default/settings-"), "{lines:#?}");
}

#[test]
fn what_another_part_of_the_repository_describes_is_told_with_its_place() {
    let story = shop();
    let (lines, status) = story.lines(&["app"]);
    let told =
        "metadata.namespace: there is no Namespace shop in this cluster, though infra/base/ns.yaml:1 describes one;";
    assert!(lines.len() == 1 && status == 0 && lines[0].contains(told), "{lines:#?}");
}

#[test]
fn what_keeps_the_whole_from_being_followed_is_told_where_a_part_is_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("plain"));
    repository.config_map("real/map.yaml", "a", "1");
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n", "4d7a".repeat(16));
    repository.write("lfs.yaml", &pointer).commit("begin");
    let check = |arguments: &[&str]| {
        let output = cowherd(&repository.path).arg("check").args(arguments).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (lines, status) = check(&[]);
    assert_eq!(status, Some(0), "{lines}");
    let told = "the file is a pointer of Git LFS, and what it stands for is not in the repository";
    let is_told =
        |line: &str| line.starts_with("lfs.yaml:1: warning: ") && line.contains(told) && line.contains("`cowherd up`");
    assert!(lines.lines().count() == 1 && lines.lines().all(is_told), "{lines}");
    assert_eq!(check(&["--strict"]).1, Some(1));
    assert_eq!(check(&["real"]), (String::new(), Some(0)));
    let (said, status) = up(&repository.path, "./");
    assert!(status == Some(1) && said.contains(told), "{said}");
}

#[test]
fn a_repository_that_cannot_be_followed_is_not_checked_as_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("map.yaml"), config_map("a", "1")).unwrap();
    assert_eq!(cowherd(&path).arg("check").status().unwrap().code(), Some(0));
    cowherd_gitserver::repository::run(&path, &["init", "--quiet", "--object-format=sha256"]);
    let output = cowherd(&path).arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("sha256 object ids is not supported"), "{said}");
}

#[test]
fn text_is_taken_as_it_stands_where_no_variables_are_replaced() {
    let story = Story::begin();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${CLUSTER_NAME}\n";
    story.repository.write("app/ns.yaml", namespace);
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    let told = "app/ns.yaml:4: error: Namespace/${CLUSTER_NAME}: metadata.name: Invalid value: \"${CLUSTER_NAME}\"";
    let why = "${CLUSTER_NAME} stays as it is: the Kustomization replaces no variables (spec.postBuild)";
    assert!(lines[0].starts_with(told) && lines[0].contains(why), "{lines:#?}");
    // Where they are, nobody knows yet; where the text is meant as it is, everybody does.
    let from = "postBuild: {substituteFrom: [{kind: ConfigMap, name: elsewhere}]}";
    story.repository.kustomization("app", "./app", from);
    let (lines, status) = story.lines(&[]);
    assert!(status == 0 && lines.iter().all(|line| line.contains("[reference]")), "{lines:#?}");
    let escaped = namespace.replace("${", "$${");
    story.repository.kustomization("app", "./app", "postBuild: {substitute: {a: b}}").write("app/ns.yaml", &escaped);
    story.says("app/ns.yaml:4", "metadata.name: Invalid value");
}

#[test]
fn variables_that_only_something_optional_may_have_are_told() {
    let story = Story::begin();
    let from =
        "postBuild:\n  substitute: {domian: x}\n  substituteFrom: [{kind: ConfigMap, name: vars, optional: true}]";
    story.repository.kustomization("app", "./app", from).config_map("app/red.yaml", "red", "${domain}${zone:=a}");
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 0), "{lines:#?}");
    let told = "app/red.yaml:7: warning: ConfigMap/default/red: the variable domain has a value only if ConfigMap \
                flux-system/vars has it, which is optional and not in the repository";
    assert!(lines[0].starts_with(told), "{lines:#?}");
    let given = story.repository.path.join("../vars.yaml");
    let vars = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {domain: a.b}\n";
    std::fs::write(&given, vars).unwrap();
    assert_eq!(story.lines(&["--strict", "--with", given.to_str().unwrap()]), (Vec::new(), 0));
}

#[test]
fn every_object_that_the_api_refuses_is_told() {
    let story = Story::begin();
    let repository = &story.repository;
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  selector: \
                      {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      serviceAccountName: nobody\n      \
                      containers:\n      - name: a\n        image: b\n        env:\n        - {name: X, value: a}\n        - {name: X, \
                      value: b}\n";
    repository.write("app/web.yaml", deployment);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  priorityClassName: urgent\n  \
               containers: [{name: a, image: b}]\n";
    repository.write("app/pod.yaml", pod);
    let service = |name: &str, port: u32| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  type: NodePort\n  ports:\n  - \
             port: 80\n    nodePort: {port}\n"
        )
    };
    repository.write("app/low.yaml", &service("low", 80)).write("app/one.yaml", &service("one", 30_080));
    repository.write("app/two.yaml", &service("two", 30_080));
    let address = service("far", 30_081).replace("  type: NodePort\n", "  type: NodePort\n  clusterIP: 1.2.3.4\n");
    repository.write("app/far.yaml", &address);
    let owned = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: owned\n  namespace: default\n  ownerReferences:\n  - {apiVersion: \
                 v1, kind: Pod, name: p, uid: f7a7a5c3-0000-0000-0000-000000000000}\n";
    repository.write("app/owned.yaml", owned);
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\ndata: {a: eA==}\nsops: {mac: x}\n";
    repository.write("app/secret.yaml", secret);
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: sync-\n  namespace: default\n";
    repository.write("other/job.yaml", job);
    let (lines, status) = story.lines(&["--ignore", "no-controller"]);
    assert_eq!(status, 1);
    let told = [
        ("app/web.yaml:9: warning: ", "spec.template.spec.serviceAccountName: there is no ServiceAccount nobody"),
        (
            "app/web.yaml:15: error: ",
            "spec.template.spec.containers[0].env[1]: another item of the list has the key [name=\"X\"]",
        ),
        ("app/pod.yaml:5: warning: ", "spec.priorityClassName: there is no PriorityClass urgent in the repository"),
        ("app/low.yaml:8: error: ", "80 is not in the range of ports of nodes, 30000-32767"),
        ("app/two.yaml:8: error: ", "spec.ports[0].nodePort: 30080 is that of Service/default/one already"),
        ("app/far.yaml:6: warning: ", "spec.clusterIP: 1.2.3.4 is not in 10.96.0.0/12"),
        ("app/owned.yaml:6: warning: ", "metadata.ownerReferences: owners are told by their uid"),
        ("app/secret.yaml:5: error: ", "it is encrypted with SOPS"),
        (
            "other/job.yaml:1: error: ",
            "missing metadata.name in this Job: by its metadata.generateName each apply would make another one",
        ),
    ];
    for (place, words) in told {
        assert!(lines.iter().any(|line| line.starts_with(place) && line.contains(words)), "{place}{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), told.len(), "{lines:#?}");
}

#[test]
fn kustomizations_that_can_never_be_ready_are_told() {
    let story = Story::begin();
    let repository = &story.repository;
    let child = |name: &str, more: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec: {{interval: 1m, path: ./other, prune: true, sourceRef: {{kind: GitRepository, name: \
             flux-system}}{more}}}\n"
        )
    };
    let long = "a".repeat(64);
    repository
        .kustomization("app", "./app", "dependsOn:\n- name: inside")
        .write("app/inside.yaml", &child("inside", ""));
    repository.kustomization("waits", "./waits", "wait: true");
    repository.write("waits/below.yaml", &child("below", ", dependsOn: [{name: waits}]"));
    repository.kustomization(&long, "./long", "").config_map("long/a.yaml", "a", "1");
    repository.kustomization("still", "./still", "suspend: true").config_map("still/a.yaml", "f", "1");
    repository.kustomization("idle", "./idle", "dependsOn:\n- name: still").config_map("idle/a.yaml", "g", "1");
    repository.kustomization("rich", "./rich", "serviceAccountName: kustomize-controller").config_map(
        "rich/a.yaml",
        "h",
        "1",
    );
    repository.kustomization("poor", "./poor", "serviceAccountName: nobody").config_map("poor/a.yaml", "b", "1");
    let checks = "healthChecks:\n- {apiVersion: example.com/v1, kind: Gadget, name: g, namespace: default}\n- {apiVersion: v1, \
                  kind: ConfigMap, name: gone, namespace: default}";
    repository.kustomization("ill", "./ill", checks).config_map("ill/a.yaml", "c", "1");
    repository.kustomization("late", "./late", "timeout: 1x").config_map("late/a.yaml", "d", "1");
    repository.kustomization("patched", "./patched", "patches:\n- patch: nonsense").config_map(
        "patched/a.yaml",
        "e",
        "1",
    );
    let (lines, status) = story.lines(&["--ignore", "duplicate"]);
    assert_eq!(status, 1);
    let named = format!("cluster/{long}.yaml:4: error: ");
    let told = [
        (
            "cluster/app.yaml:14: error: ",
            "flux-system/app waits for flux-system/inside (spec.dependsOn); flux-system/inside is there only once flux-system/app was \
             applied, which describes it",
        ),
        (
            "waits/below.yaml:4: error: ",
            "flux-system/waits waits for flux-system/below, which it describes (spec.wait)",
        ),
        (&named, "its objects have the name as a label, which takes 63 characters at most"),
        (
            "cluster/poor.yaml:14: warning: ",
            "spec.serviceAccountName: there is no ServiceAccount nobody in the repository",
        ),
        ("cluster/idle.yaml:15: warning: ", "spec.dependsOn[0]: flux-system/still is suspended"),
        ("cluster/ill.yaml:15: error: ", "spec.healthChecks[0]: nothing serves the kind Gadget of example.com/v1"),
        ("cluster/ill.yaml:16: warning: ", "spec.healthChecks[1]: there is no ConfigMap gone in the repository"),
        ("cluster/late.yaml:14: error: ", "spec.timeout"),
        ("cluster/patched.yaml:15: error: ", "spec.patches[0]: unable to parse"),
    ];
    for (place, words) in told {
        assert!(lines.iter().any(|line| line.starts_with(place) && line.contains(words)), "{place}{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), told.len(), "{lines:#?}");
}

#[test]
fn what_releases_name_in_vain_is_told_and_their_charts_are_no_strangers() {
    let story = Story::begin();
    let release = |name: &str, spec: &str| {
        let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: default\nspec:\n  \
             interval: 1m\n{spec}"
        )
    };
    let chart = |path: &str| {
        format!(
            "chart:\n  spec:\n    chart: {path}\n    sourceRef: {{kind: GitRepository, name: flux-system, namespace: flux-system}}\n"
        )
    };
    story.repository.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    story.repository.write("charts/web/templates/map.yaml", &config_map("{{ .Release.Name }}", "1"));
    story.repository.write("app/good.yaml", &release("good", &chart("./charts/web")));
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0), "the chart is rendered by its release");
    let far = "kubeConfig: {secretRef: {name: far}}\ntargetNamespace: there\nserviceAccountName: there\n";
    story.repository.write("app/far.yaml", &release("far", &format!("{}{far}", chart("./charts/web"))));
    assert_eq!(
        story.lines(&["--strict", "--ignore", "unsupported,reference"]),
        (Vec::new(), 0),
        "of another cluster nothing is known"
    );
    let (lines, _) = story.lines(&["--ignore", "unsupported"]);
    assert!(lines.len() == 1 && lines[0].contains("spec.kubeConfig.secretRef: there is no Secret far"), "{lines:#?}");
    story.repository.remove("app/far.yaml");
    story.repository.write("app/path.yaml", &release("path", &chart("./charts/wbe")));
    let from = "chart:\n  spec:\n    chart: web\n    sourceRef: {kind: HelmRepository, name: nobodys}\n";
    story.repository.write("app/source.yaml", &release("source", from));
    let more = "dependsOn:\n- {name: gone}\nvaluesFrom:\n- {kind: ConfigMap, name: values}\n- {kind: Secret, name: any, optional: \
                true}\ntargetNamespace: elsewhere\nserviceAccountName: nobody\n";
    story.repository.write("app/names.yaml", &release("names", &format!("{}{more}", chart("./charts/web"))));
    let (lines, _) = story.lines(&[]);
    let told = [
        ("app/path.yaml:10: error: ", "spec.chart.spec.chart: there is no chart at ./charts/wbe in the repository"),
        ("app/source.yaml:11: warning: ", "there is no HelmRepository nobodys in the repository"),
        ("app/names.yaml:13: error: ", "spec.dependsOn[0]: there is no HelmRelease gone in the repository"),
        ("app/names.yaml:15: warning: ", "spec.valuesFrom[0]: there is no ConfigMap values in the repository"),
        ("app/names.yaml:17: warning: ", "spec.targetNamespace: there is no Namespace elsewhere in the repository"),
        (
            "app/names.yaml:18: warning: ",
            "spec.serviceAccountName: there is no ServiceAccount nobody in the repository",
        ),
    ];
    for (place, words) in told {
        assert!(lines.iter().any(|line| line.starts_with(place) && line.contains(words)), "{place}{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), told.len(), "{lines:#?}");
}

#[test]
fn kinds_that_are_not_served_are_told_in_the_order_of_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("plain"));
    let object = |kind: &str| {
        format!("---\napiVersion: example.com/v1\nkind: {kind}\nmetadata: {{name: a, namespace: default}}\n")
    };
    repository.write("all.yaml", &["Zebra", "Apple", "Mango"].map(object).concat()).commit("begin");
    let (said, status) = up(&repository.path, "./");
    let lines: Vec<usize> = said
        .match_indices("all.yaml:")
        .map(|(at, _)| said[at + 9..].split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!((&lines[..3], status), (&[3, 7, 11][..], Some(1)), "{said}");
}

#[test]
fn an_object_without_a_namespace_is_told_once_with_what_to_do() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("  namespace: default\n", ""));
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    assert!(lines[0].contains("its Kustomization gives it none; set it, or spec.targetNamespace"), "{lines:#?}");
}

#[test]
fn mistakes_are_told_in_words_of_whoever_made_them() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", "<<<<<<< HEAD\na: b\n=======\na: c\n>>>>>>> theirs\n");
    story.says("app/red.yaml:1", "a merge conflict that is not resolved");
    story.repository.config_map("app/red.yaml", "red", "1");
    symlink("/etc/passwd", story.repository.path.join("app/link.yaml")).unwrap();
    story.says("app/link.yaml", "a link leads to \"/etc/passwd\", which is outside of the repository");
    story.repository.remove("app/link.yaml");
    story.repository.write(
        "app/kustomization.yaml",
        "resources: [red.yaml]\npatches:\n- target: {kind: ConfigMap}\n  path: x.yaml\n- overlays/x.yaml\n",
    );
    story.says(
        "app/kustomization.yaml:5",
        "patches[1]: must be a mapping with path or patch, and is the text \"overlays/x.yaml\"",
    );
    let output = story.run(&["clustr"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("clustr is not there; did you mean cluster?"), "{said}");
}

#[test]
fn a_variable_without_a_value_is_told_once_for_each_revision() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let events = || {
        let list = running.get("events -n flux-system");
        let of_variables = list["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "UnsetVariables");
        let counts = of_variables
            .map(|event| event["count"].as_u64().unwrap_or(1).max(event["series"]["count"].as_u64().unwrap_or(1)));
        counts.sum::<u64>()
    };
    repository.kustomization("app", "./app", "postBuild: {substitute: {domian: x}}");
    repository.config_map("app/red.yaml", "red", "a${domain}b");
    let commit = repository.commit("replace variables");
    running.wait_for_ready("app", "True", &commit);
    // It is Flux's way all the same.
    running.wait_for_value("red", "ab");
    let words = "a variable without a value, in whose place nothing is put: domain (ConfigMap/default/red)";
    running.wait_for_warning("Kustomization/app", &[words]);
    running.wait_until_said(&[words]);
    let told = events();
    assert!(told >= 1);
    // Drift at the same revision is put right and tells nothing of it; another revision does.
    running.kubectl_ok([
        "patch",
        "configmap",
        "red",
        "-n",
        "default",
        "--type",
        "merge",
        "-p",
        r#"{"data":{"value":"drifted"}}"#,
    ]);
    running.wait_for_value("red", "ab");
    running.cowherd_ok(["reconcile", "kustomization", "app"]);
    assert_eq!(events(), told);
    repository.config_map("app/red.yaml", "red", "c${domain}d");
    running.wait_for_ready("app", "True", &repository.commit("another one"));
    eventually("it is told of the next revision", || if events() > told { Ok(()) } else { Err(events().to_string()) });
    repository.config_map("app/red.yaml", "red", "${domian}");
    running.wait_for_ready("app", "True", &repository.commit("mend it"));
    let status = running.get("kustomization app -n flux-system")["status"].to_string();
    assert!(!status.contains("UnsetVariables"), "{status}");
}
