//! ResourceSets in a repository, followed by the built program and steered by its commands.

use crate::checking::Story;
use crate::program::Running;
use crate::program::fleet::repository;
use crate::program::repository::Repository;

/// A provider of one team, and a ResourceSet that makes a ConfigMap of it and of two that it names itself.
fn describe(fleet: &Repository, value: &str) {
    let provider = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: green, namespace: \
                    flux-system}\nspec:\n  type: Static\n  defaultValues: {team: green}\n---\n";
    let set = format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {{name: teams, namespace: flux-system}}\nspec:\n  inputs:\n  - \
         team: red\n  - team: blue\n  inputsFrom:\n  - name: green\n  resources:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      \
         name: team-<< inputs.team >>\n      namespace: default\n    data:\n      value: {value:?}\n"
    );
    fleet.write("cluster/teams.yaml", &[provider, &set].concat());
}

#[test]
fn a_commit_changes_what_templates_make_and_commands_know_them() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = repository(&directory.path().join("fleet"));
    describe(&fleet, "<< inputs.team >> 1");
    fleet.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    for team in ["red", "blue", "green"] {
        running.wait_for_value(&format!("team-{team}"), &format!("{team} 1"));
    }
    running.wait_for_condition("resourceset/teams", "True", &["Applied 3 objects"]);
    describe(&fleet, "<< inputs.team >> 2");
    let second = fleet.commit("another value");
    for team in ["red", "blue", "green"] {
        running.wait_for_value(&format!("team-{team}"), &format!("{team} 2"));
    }
    let all = running.cowherd_ok(["get"]);
    for row in ["resourceset/teams", "resourcesetinputprovider/green"] {
        assert!(all.lines().any(|line| line.starts_with(row) && line.contains("True")), "{row}: {all}");
    }
    let tree = running.cowherd_ok(["tree", "flux-system"]);
    assert!(tree.contains("ResourceSet/flux-system/teams") && tree.contains("ConfigMap/default/team-green"), "{tree}");
    let trace = running.cowherd_ok(["trace", "configmap/team-red", "-n", "default"]);
    assert!(trace.contains("ResourceSet/flux-system/teams") && trace.contains(&second), "{trace}");
    running.cowherd_ok(["reconcile", "rset", "teams"]);
    running.cowherd_ok(["reconcile", "rsip/green"]);
    let events = running.cowherd_ok(["events", "--for", "rset/teams"]);
    assert!(events.contains("ConfigMap/default/team-red"), "{events}");
    let wide = running.kubectl_ok(["get", "rset,rsip", "-n", "flux-system"]);
    assert!(wide.contains("Applied 3 objects") && wide.contains("Exported 1 input"), "{wide}");
}

#[test]
fn one_is_suspended_and_resumed_by_commands() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = repository(&directory.path().join("fleet"));
    let running = {
        fleet.commit("begin");
        Running::start(directory.path(), ["up", "fleet"])
    };
    running.wait_for_ready("flux-system", "True", "");
    // Nobody describes this one, so that what a command says holds.
    let set = directory.path().join("set.yaml");
    let describe = |value: &str| {
        let text = format!(
            "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {{name: own, namespace: default}}\nspec:\n  resources:\n  - \
             {{apiVersion: v1, kind: ConfigMap, metadata: {{name: own, namespace: default}}, data: {{value: {value:?}}}}}\n"
        );
        std::fs::write(&set, text).unwrap();
        running.kubectl_ok(["apply", "-f", set.to_str().unwrap()]);
    };
    describe("1");
    running.wait_for_value("own", "1");
    running.cowherd_ok(["suspend", "rset/own", "-n", "default"]);
    describe("2");
    let shown = running.cowherd_ok(["get", "rset", "-n", "default"]);
    assert!(shown.lines().any(|line| line.contains("own") && line.contains("True")), "{shown}");
    assert_eq!(running.value("own"), "1");
    running.cowherd_ok(["resume", "rset/own", "-n", "default"]);
    running.wait_for_value("own", "2");
}

#[test]
fn what_is_wrong_is_told_where_it_is_written() {
    let story = Story::begin();
    describe(&story.repository, "1");
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    let steps = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: steps, namespace: flux-system}\nspec:\n  \
                 steps:\n  - name: one\n    resourcesTemplate: x\n";
    story.repository.write("cluster/steps.yaml", steps);
    story.says("cluster/steps.yaml:5", "spec.steps is not supported yet; write a ResourceSet for each step");
    let provider = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: p, namespace: \
                    flux-system}\nspec:\n  type: ECRArtifactTag\n  url: oci://a/b\n";
    story.repository.write("cluster/steps.yaml", provider);
    story.says("cluster/steps.yaml:5", "spec.type \"ECRArtifactTag\" is not supported yet");
}
