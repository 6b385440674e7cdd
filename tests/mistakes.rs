//! Commits that cannot be applied: the error says where it is, what worked goes on, and the next commit mends it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;

/// Commits a mistake in the Kustomization `app`, lives with it for a while, and takes it back.
fn harms_nothing(mistake: impl FnOnce(&Repository), words: &[&str]) -> Fleet {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let before = running.identities("configmaps", "default");

    mistake(repository);
    // A mistake in `app` itself is not alone: what is right about its commit must not be applied by half. One in its
    // Kustomization counts from when that is applied, which may be after the commit's `app` was.
    if !repository.git(["status", "--porcelain"]).contains("cluster/") {
        repository.config_map("app/red.yaml", "red", "with the mistake");
    }
    repository.config_map("other/map.yaml", "other", "2");
    let broken = repository.commit("make a mistake");
    running.wait_for_condition("kustomization app", "False", words);
    running.wait_for_warning("Kustomization/app", words);
    running.wait_until_said(&[&["app"], words].concat());
    running.wait_for_ready("other", "True", &broken);
    assert_eq!(running.value("other"), "2");

    repository.config_map("other/map.yaml", "other", "3");
    running.wait_for_ready("other", "True", &repository.commit("go on beside it"));
    assert_eq!(running.value("other"), "3");
    running.wait_for_condition("kustomization app", "False", words);
    let meanwhile = running.identities("configmaps", "default");
    for name in ["red", "blue"] {
        assert_eq!(meanwhile[name], before[name], "{name} was touched");
    }

    repository.git(["rm", "-r", "-q", "--force", "app", "cluster"]);
    repository.git(["checkout", "--quiet", &fleet.first, "--", "app", "cluster"]);
    repository.config_map("app/red.yaml", "red", "mended");
    fleet.wait_until_applied(&repository.commit("take it back"));
    let after = running.identities("configmaps", "default");
    assert_eq!(running.value("red"), "mended");
    assert_eq!(after["red"].0, before["red"].0, "red was made anew");
    assert_eq!(after["blue"], before["blue"], "blue was touched");
    fleet
}

/// The mistake is a file.
fn writing(path: &str, content: &str) -> impl FnOnce(&Repository) {
    move |repository| {
        repository.write(path, content);
    }
}

#[test]
fn broken_yaml_names_file_and_line() {
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\ndata:\n  - [\n";
    harms_nothing(writing("app/broken.yaml", yaml), &["app/broken.yaml", "line 4"]);
}

#[test]
fn a_kustomization_that_names_a_missing_file_says_which() {
    let kustomization = "resources: [red.yaml, blue.yaml, gone.yaml]\n";
    harms_nothing(writing("app/kustomization.yaml", kustomization), &["app/kustomization.yaml", "gone.yaml"]);
}

#[test]
fn a_helm_chart_where_manifests_should_be_is_named_with_what_renders_it() {
    let chart = writing("app/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    harms_nothing(chart, &["app/web", "Helm chart", "helmCharts", "cowherd render NAME app/web"]);
}

#[test]
fn a_path_with_nothing_but_what_is_not_rendered_prunes_nothing_and_says_so() {
    let jsonnet = |repository: &Repository| {
        repository.write("lang/main.jsonnet", "{ kind: 'ConfigMap' }").kustomization("app", "./lang", "");
    };
    harms_nothing(jsonnet, &["lang", "main.jsonnet (Jsonnet)", "commit the manifests"]);
}

#[test]
fn an_object_that_the_api_refuses_is_named_with_its_field() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
                      selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: other}\n    \
                      spec:\n      containers:\n        - name: web\n          image: nginx\n";
    harms_nothing(
        writing("app/web.yaml", deployment),
        &["Deployment/default/web", "spec.template.metadata.labels", "does not match template `labels`"],
    );
}

#[test]
fn an_object_of_an_unknown_kind_is_named() {
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata:\n  name: one\n  namespace: default\n";
    harms_nothing(writing("app/gadget.yaml", gadget), &["Gadget/default/one", "example.com/v1"]);
}

#[test]
fn a_cycle_of_dependencies_is_named() {
    let cycle = |repository: &Repository| {
        repository.config_map("loop/map.yaml", "loop", "1");
        repository.kustomization("app", "./app", "dependsOn:\n- name: loop");
        repository.kustomization("loop", "./loop", "dependsOn:\n- name: app");
    };
    harms_nothing(cycle, &["cycle", "flux-system/app", "flux-system/loop"]);
}

#[test]
fn a_path_outside_of_the_repository_is_refused() {
    let elsewhere = |repository: &Repository| {
        repository.kustomization("app", "../../etc", "");
    };
    harms_nothing(elsewhere, &["../../etc"]);
}

#[test]
fn a_resource_outside_of_the_repository_is_refused() {
    let kustomization = "resources: [red.yaml, ../../../etc/passwd]\n";
    harms_nothing(writing("app/kustomization.yaml", kustomization), &["app/kustomization.yaml", "../../../etc/passwd"]);
}

#[test]
fn a_link_out_of_the_repository_is_refused_and_not_followed() {
    let link = |repository: &Repository| symlink("/etc/passwd", repository.path.join("app/link.yaml")).unwrap();
    let fleet = harms_nothing(link, &["app/link.yaml"]);
    assert!(!fleet.running.said().contains("root:"), "the file was read");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb, namespace: default}\nlol:\n".to_owned();
    bomb += "  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("  a{level}: &a{level} [{aliases}]\n");
    }
    harms_nothing(writing("app/bomb.yaml", &bomb), &["app/bomb.yaml", "alias"]);
}

#[test]
fn a_file_of_100_mb_is_refused_and_not_read_into_memory() {
    let huge = |repository: &Repository| {
        let file = fs::File::create(repository.path.join("app/huge.yaml")).unwrap();
        file.set_len(100 << 20).unwrap();
    };
    let fleet = harms_nothing(huge, &["app/huge.yaml", "bytes"]);
    let status = fs::read_to_string(format!("/proc/{}/status", fleet.running.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kibibytes < 400 << 10, "{kibibytes} KiB were used");
}
