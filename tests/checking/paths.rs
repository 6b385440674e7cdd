//! What is looked at: paths, revisions, what is not rendered.

use super::Story;
use crate::program::cowherd;
use crate::program::repository::{Repository, config_map};

#[test]
fn revisions_are_checked_too_and_findings_are_for_programs_as_well() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("\ndata:", "\ndta:"));
    assert_eq!(story.lines(&["--revision", "HEAD"]), (Vec::new(), 0));
    let output = story.run(&["-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["file"], &finding["line"]), (&"app/red.yaml".into(), &6.into()), "{report}");
    assert_eq!((&finding["rule"], &finding["severity"]), (&"schema".into(), &"error".into()));
    assert_eq!(report["kustomizations"], 3);
}

#[test]
fn what_cannot_be_checked_is_told_from_what_is_wrong() {
    let story = Story::begin();
    for arguments in [&["nowhere"] as &[&str], &["--revision", "no-such-branch"], &["--with", "nowhere.yaml"]] {
        assert_eq!(story.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    story.repository.write("notes/readme.md", "nothing that a cluster would have");
    let output = story.run(&["notes"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("nothing to check in notes"), "{error}");
}

#[test]
fn what_is_not_rendered_is_told_wherever_it_stands() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("chart", "./charts/web", "").kustomization("language", "./language", "");
    repository.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    repository.write("charts/web/templates/a.yaml", "kind: {{ .Values.kind }}\n");
    repository.write("language/main.jsonnet", "{}").write("app/more.cue", "");
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1);
    let begins = [
        "app/more.cue: warning: CUE is not rendered",
        "charts/web: error: the directory is a Helm chart",
        "language: error: no manifests are here, but what is not rendered: language/main.jsonnet (Jsonnet)",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{lines:#?}");
    }
}

#[test]
fn what_no_cluster_grows_from_for_it_is_not_rendered_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("examples"));
    repository.config_map("guestbook/map.yaml", "a", "1").write("jsonnet/main.jsonnet", "{}");
    for number in 0..15 {
        let chart = format!("apiVersion: v2\nname: web-{number:02}\nversion: 1.0.0\n");
        repository.write(&format!("charts/web-{number:02}/Chart.yaml"), &chart);
    }
    repository.commit("begin");
    let run = |arguments: &[&str]| {
        let output = cowherd(&repository.path).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (lines, said) = run(&["check", "."]);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 16, "{lines:#?}");
    for (number, line) in lines[..15].iter().enumerate() {
        let begin = format!("charts/web-{number:02}: warning: the directory is a Helm chart that nothing renders: ");
        assert!(line.starts_with(&begin) && line.contains("`cowherd render NAME charts/web-"), "{lines:#?}");
    }
    assert!(lines[15].starts_with("jsonnet: warning: Jsonnet is not rendered: "), "{lines:#?}");
    assert!(!said.contains("not looked at"), "{said}");
    let (_, said) = run(&["diff", "--base", "main"]);
    assert!(said.contains("not looked at: charts/web-00 (a Helm chart)") && said.contains("and 6 more"), "{said}");
}

#[test]
fn one_list_has_all_for_which_nothing_comes_of_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("examples"));
    repository.config_map("guestbook/map.yaml", "a", "1").write("jsonnet/main.jsonnet", "{}");
    repository.config_map("again/map.yaml", "a", "1");
    for name in ["api", "web"] {
        repository.write(&format!("{name}/Chart.yaml"), &format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n"));
    }
    repository.write("layered/kustomization.yaml", "resources: [map.yaml, gone.yaml]\n");
    repository.write("patched/kustomization.yaml", "resources: [map.yaml]\npatches: more.yaml\n");
    repository.write("layered/map.yaml", &config_map("b", "1").replace("\ndata:", "\ndta:"));
    repository.write(
        "policy.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: r, namespace: default}\n",
    );
    repository.commit("begin");
    let mut up = cowherd(directory.path());
    up.args(["up", "examples", "--path", "./", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let said = String::from_utf8(up.output().unwrap().stderr).unwrap();
    assert!(said.contains("the directory is a Helm chart"), "{said}");
    let offered =
        said.lines().find_map(|line| line.trim().strip_prefix("cowherd check ")).unwrap_or_else(|| panic!("{said}"));
    let words: Vec<&str> = offered.split('#').next().unwrap().split_whitespace().collect();
    let output = cowherd(directory.path()).arg("check").args(words).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    // Who stands outside of the repository sees where it is.
    let lines: Vec<&str> =
        lines.lines().filter_map(|line| line.split_once("/examples/")).map(|(_, line)| line).collect();
    assert_eq!(output.status.code(), Some(1));
    for begin in [
        "api: error: the directory is a Helm chart",
        "guestbook/map.yaml:1: error: may not add resource with an already registered id",
        "jsonnet/main.jsonnet: warning: Jsonnet is not rendered",
        "layered/kustomization.yaml:1: error: resources[1]: gone.yaml: no such file",
        "layered/map.yaml:6: error: ConfigMap/default/b: unknown field \"dta\"",
        "patched/kustomization.yaml:2: error: patches: must be a list, and is the text \"more.yaml\"",
        "patched/kustomization.yaml:1: error: resources[0]: map.yaml: no such file",
        "policy.yaml:2: error: AppProject/default/r: cowherd does not do the kind AppProject",
        "web: error: the directory is a Helm chart",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{begin}: {lines:#?}");
    }
    assert_eq!(lines.len(), 9, "{lines:#?}");
}

#[test]
fn every_rule_finds_paths_and_what_is_looked_at_is_said() {
    let story = Story::begin();
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec: \
                       {source: {repoURL: 'https://example.com/fleet', path: web}}\n";
    story.repository.write("argo/web.yaml", application).config_map("web/map.yaml", "web", "1");
    story.repository.config_map("plain/map.yaml", "plain", "1").config_map("lib/tests/map.yaml", "tested", "1");
    story.repository.write("scratch/map.yaml", "kind: [\n").config_map("scratch/more.yaml", "more", "1");
    let output = story.run(&["--exclude", "scratch", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = serde_json::json!([
        { "path": "./argo", "foundBy": "manifests" },
        { "path": "./cluster", "foundBy": "Flux Kustomizations" },
        { "path": "./plain", "foundBy": "manifests" },
        { "path": "./web", "foundBy": "Argo CD Application web" },
    ]);
    assert_eq!(report["lookedAt"], all, "{report}");
    let left_out = serde_json::json!([
        { "path": "lib/tests", "reason": "test data" },
        { "path": "scratch", "reason": "as asked" },
    ]);
    assert_eq!(report["leftOut"], left_out);
    let output = story.run(&[]);
    let said = String::from_utf8(output.stderr).unwrap();
    let words =
        "./cluster (Flux Kustomizations), ./plain (manifests), ./scratch (manifests), ./web (Argo CD Application web)";
    assert!(said.contains(words) && said.contains("not looked at: lib/tests (test data)"), "{said}");
    story.says("scratch/map.yaml:1", "did not find expected");
    story.says("argo/web.yaml:2", "cowherd does not do the kind Application");
}

#[test]
fn paths_are_those_that_can_be_opened_from_where_one_stands() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("\ndata:", "\ndta:"));
    story.repository.write("app/deep/blue.yaml", &config_map("blue", "1").replace("\ndata:", "\ndta:"));
    story.repository.write("other/map.yaml", &config_map("other", "1").replace("\ndata:", "\ndta:"));
    let from = |directory: &str| {
        let output = cowherd(&story.repository.path.join(directory)).arg("check").output().unwrap();
        let path = |line: &str| line.split_once(':').unwrap().0.to_owned();
        let paths: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(path).collect();
        (paths, String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(from(".").0, ["app/deep/blue.yaml", "app/red.yaml", "other/map.yaml"]);
    let (paths, said) = from("app");
    assert_eq!(paths, ["deep/blue.yaml", "red.yaml", "other/map.yaml"]);
    assert!(said.contains("begin at the top of the repository"), "{said}");
    assert_eq!(from("app/deep").0, ["blue.yaml", "app/red.yaml", "other/map.yaml"]);
    // Programs always have them from the top.
    let output = cowherd(&story.repository.path.join("app")).args(["check", "-o", "json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["file"], "app/deep/blue.yaml");
}

#[test]
fn each_cluster_below_a_directory_is_checked_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    for cluster in ["production", "staging"] {
        repository.kustomization("apps", &format!("./apps/{cluster}"), "");
        let written = std::fs::read_to_string(repository.path.join("cluster/apps.yaml")).unwrap();
        repository.remove("cluster/apps.yaml").write(&format!("clusters/{cluster}/apps.yaml"), &written);
        repository.write(&format!("apps/{cluster}/kustomization.yaml"), "resources: [../base]\n");
    }
    repository.write("apps/base/kustomization.yaml", "resources: [map.yaml]\n").config_map(
        "apps/base/map.yaml",
        "a",
        "1",
    );
    repository.kustomization("infra", "./infra", "").config_map("infra/one/map.yaml", "one", "1");
    repository.config_map("infra/two/map.yaml", "one", "1");
    repository.commit("begin");
    let check = |words: &[&str]| {
        let output = cowherd(&repository.path).arg("check").args(words).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), lines, String::from_utf8(output.stderr).unwrap())
    };
    let (status, lines, said) = check(&["clusters", "--strict"]);
    assert_eq!((status, lines.as_str()), (Some(0), ""), "{said}");
    let both = "2 paths: ./clusters/production (Flux Kustomizations), ./clusters/staging (Flux Kustomizations)";
    assert!(said.contains(both), "{said}");
    let (status, lines, said) = check(&["apps"]);
    assert_eq!((status, lines.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("./apps/production (a kustomization), ./apps/staging (a kustomization)"), "{said}");
    // One of them is one, and so is what a Kustomization leads to, and what is named by a flag.
    let (_, _, said) = check(&["clusters/production"]);
    assert!(said.contains("1 path: ./clusters/production"), "{said}");
    let (status, lines, _) = check(&["infra"]);
    assert!(status == Some(1) && lines.contains("already registered id"), "{lines}");
    let (status, lines, _) = check(&["--path", "clusters"]);
    assert!(status == Some(1) && lines.contains("already registered id"), "{lines}");
    let output = cowherd(&repository.path).args(["diff", "--base", "HEAD", "--path", "clusters"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("several clusters below it: ./clusters/production (Flux Kustomizations)"), "{said}");
}
