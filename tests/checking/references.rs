//! Names that lead nowhere, and what may be meant.

use super::Story;

#[test]
fn what_may_be_meant_is_a_warning() {
    let story = Story::begin();
    story.repository.config_map("app/red.yaml", "red", "1");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  containers:\n  - name: a\n    image: \
               b\n    envFrom:\n    - configMapRef: {name: nobody}\n    - configMapRef: {name: red}\n";
    story.repository.write("app/pod.yaml", pod);
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 0);
    assert!(
        lines[0].starts_with("app/pod.yaml:9: warning: ") && lines[0].contains("there is no ConfigMap nobody"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 1);
    assert_eq!(story.lines(&["--strict"]).1, 1);
}

#[test]
fn names_that_lead_nowhere_are_told_with_those_that_may_be_meant() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("late", "./late", "dependsOn: [{name: ohter}]").config_map("late/a.yaml", "late", "1");
    repository.write("app/source.yaml", SOURCE);
    let misspelt = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: far, namespace: \
                    flux-system}\nspec:\n  interval: 1m\n  prune: true\n  path: ./\n  sourceRef:\n    kind: GitRepository\n    \
                    name: podinof\n";
    repository.write("cluster/far.yaml", misspelt);
    story
        .says("cluster/far.yaml:8", "there is no GitRepository podinof in the repository (did you mean podinfo?); say");
    story.says(
        "cluster/late.yaml:14",
        "there is no Kustomization flux-system/ohter in this cluster; did you mean other?",
    );
}

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: podinfo, namespace: \
                      flux-system}\nspec: {interval: 1m, url: https://git.example.com/podinfo}\n";
