//! `cowherd diff` with a cluster: what a revision would change there.

use serde_json::Value;

use super::{branched, code};
use crate::program::fleet::Fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

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

#[test]
fn diff_with_a_cluster_makes_a_comment_too() {
    let fleet = branched(|repository| {
        repository.config_map("app/red.yaml", "red", "2").remove("app/blue.yaml").config_map(
            "other/new.yaml",
            "new",
            "1",
        );
    });
    let (status, comment) = code(&fleet, &["diff", "app", "--revision", "next", "-o", "markdown"]);
    assert_eq!(status, 1, "{comment}");
    for words in [
        "<!-- cowherd diff -->\n### 1 configured, 1 deleted\n\n`the cluster` → `next`\n",
        "<details><summary><b>flux-system/app</b> <code>./app</code>: ",
        "@@ ConfigMap/default/red configured @@\n  data.value\n- \"1\"\n+ \"2\"\n",
        "@@ ConfigMap/default/blue deleted @@",
    ] {
        assert!(comment.contains(words), "{words:?} is not in: {comment}");
    }
    assert!(!comment.contains("new"), "{comment}");
    let (_, comment) = code(&fleet, &["diff", "--revision", "next", "-o", "markdown"]);
    assert!(comment.contains("### 1 created, 1 configured, 1 deleted"), "{comment}");
    assert!(comment.contains("; 1 unchanged\n") && comment.contains("<b>flux-system/other</b>"), "{comment}");
    let (_, short) = code(&fleet, &["diff", "--revision", "next", "-o", "markdown", "--max-size", "700"]);
    assert!(short.len() <= 700 && short.contains("have no room here"), "{short}");
    let (status, comment) = code(&fleet, &["diff", "-o", "markdown"]);
    assert!(status == 0 && comment.contains("### Nothing changes"), "{comment}");
    // What cannot be told is told in the comment as well.
    fleet.repository.git(["checkout", "--quiet", "next"]);
    fleet.repository.write("app/broken.yaml", "{").commit("break it");
    let (status, comment) = code(&fleet, &["diff", "-o", "markdown"]);
    assert!(status == 3 && comment.contains("- ❌ Kustomization flux-system/app: "), "{comment}");
}
