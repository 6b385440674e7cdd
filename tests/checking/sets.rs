//! What ResourceSets make of templates and inputs takes part, as what a Kustomization describes does.

use super::Story;
use crate::program::cowherd;

/// A ResourceSet that makes a ConfigMap and a Kustomization for each team.
fn teams(inputs: &str) -> String {
    format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {{name: teams, namespace: flux-system}}\nspec:\n  \
         {inputs}\n  resources:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: << inputs.team >>, namespace: \
         default}}\n    data: {{size: << inputs.size >>}}\n  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: \
         Kustomization\n    metadata: {{name: team-<< inputs.team >>, namespace: flux-system}}\n    spec:\n      interval: 10m\n      \
         path: ./teams/<< inputs.team >>\n      prune: true\n      sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

const A: &str = "inputs: [{team: a, size: small}]";
const A_AND_B: &str = "inputs: [{team: a, size: large}, {team: b, size: small}]";

fn story() -> Story {
    let story = Story::begin();
    story.repository.write("cluster/teams.yaml", &teams(A)).config_map("teams/a/map.yaml", "of-a", "1");
    story.repository.commit("teams");
    story
}

#[test]
fn what_they_make_is_checked_where_the_template_is() {
    let story = story();
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    // A Kustomization that comes of a template leads somewhere like any other.
    story.repository.write("cluster/teams.yaml", &teams(A_AND_B));
    story.says("cluster/teams.yaml:6", "Kustomization/flux-system/team-b");
    let (lines, status) = story.lines(&[]);
    assert!(status == 1 && lines.iter().any(|line| line.contains("no such directory")), "{lines:#?}");
    story.repository.config_map("teams/b/map.yaml", "of-b", "1");
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    // What is wrong with the file that it leads to is told there.
    story
        .repository
        .write("teams/b/map.yaml", "apiVersion: v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\n");
    story.says("teams/b/map.yaml:2", "Gadget");
}

#[test]
fn templates_that_fail_are_errors_and_inputs_that_others_give_are_named() {
    let story = story();
    story.repository.write("cluster/teams.yaml", &teams("inputs: [{team: a}]"));
    story.says("cluster/teams.yaml:4", "size");
    assert_eq!(story.lines(&[]).1, 1);

    let provider = |kind: &str, values: &str| {
        format!(
            "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {{name: given, namespace: \
             flux-system}}\nspec: {{type: {kind}, defaultValues: {values}}}\n"
        )
    };
    let from = "inputsFrom: [{name: given}]";
    story.repository.write("cluster/teams.yaml", &teams(from));
    story.repository.write("cluster/given.yaml", &provider("Static", "{team: a, size: small}"));
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    story.repository.remove("cluster/given.yaml");
    let (lines, status) = story.lines(&[]);
    let told = "what it makes is not foreseen, and not checked: there is no ResourceSetInputProvider given in namespace flux-system here";
    assert!(status == 0 && lines.iter().any(|line| line.contains(told)), "{lines:#?}");
}

#[test]
fn a_branch_shows_what_becomes_of_what_they_make() {
    let story = story();
    let repository = &story.repository;
    repository.git(["checkout", "--quiet", "-b", "change"]);
    repository.write("cluster/teams.yaml", &teams(A_AND_B)).config_map("teams/b/map.yaml", "of-b", "1");
    repository.commit("another team");
    let diff = |base: &str| {
        let mut command = cowherd(&repository.path);
        let output = command.args(["diff", "--base", base]).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    let (text, status) = diff("main");
    assert_eq!(status, Some(1), "{text}");
    for words in ["ConfigMap/default/b", "Kustomization/flux-system/team-b", "ConfigMap/default/of-b", "large"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // What a ResourceSet makes no more is deleted.
    repository.git(["checkout", "--quiet", "-b", "back"]);
    repository.write("cluster/teams.yaml", &teams(A)).remove("teams/b");
    repository.commit("without it");
    let (text, _) = diff("change");
    let gone = text.lines().find(|line| line.contains("ConfigMap/default/b"));
    assert!(gone.is_some_and(|line| line.contains("deleted")), "{text}");
}
