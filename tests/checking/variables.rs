//! Variables and expressions.

use super::Story;

#[test]
fn variables_are_told_where_they_stand() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("vars", "./vars", "postBuild: {substitute: {known: x}}");
    let two = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\n  namespace: default\ndata:\n  a: ${lost}-${known}\n  \
               # ${lost}\n  b: |\n    one ${missing}\n    two ${missing} ${lost:+x}\n";
    repository.write("vars/two.yaml", two).config_map("vars/patched.yaml", "patched", "1");
    let patch =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: patched, namespace: default}\ndata:\n  c: ${patch}\n";
    repository.write("vars/patch.yaml", patch);
    repository.write("vars/a.env", "# for a\nA=${generated}\n");
    let generator = "configMapGenerator:\n- {name: made, namespace: default, envs: [a.env]}\n";
    let kustomization = format!("resources: [two.yaml, patched.yaml]\npatches: [{{path: patch.yaml}}]\n{generator}");
    repository.write("vars/kustomization.yaml", &kustomization);
    let (lines, _) = story.lines(&[]);
    for (place, words) in [
        ("vars/two.yaml:7", "the variable lost has no value, so nothing is put in its place, nor on line 11;"),
        ("vars/two.yaml:10", "the variable missing has no value, so nothing is put in its place, nor on line 11;"),
        ("vars/patch.yaml:5", "the variable patch has no value, so nothing is put in its place;"),
        ("vars/a.env:2", "the variable generated has no value, so nothing is put in its place;"),
    ] {
        let found =
            lines.iter().any(|line| line.starts_with(&format!("{place}: error: ConfigMap/")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[test]
fn expressions_that_cannot_be_replaced_are_told_each_with_its_line() {
    let story = Story::begin();
    story.repository.kustomization("vars", "./vars", "postBuild: {substitute: {known: x, no: n}}");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata:\n  a: ${known\n  b: ${known}\n  \
               c: ${known-x}\n";
    story.repository.write("vars/a.yaml", map).config_map("vars/b.yaml", "b", "${known}");
    let named = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: default\n  name: ${no}\n";
    story.repository.write("vars/named.yaml", named);
    let (lines, status) = story.lines(&[]);
    for (place, words) in [
        ("vars/a.yaml:5", "error: ConfigMap/default/a: data.a: "),
        ("vars/a.yaml:7", "error: ConfigMap/default/a: data.c: "),
        ("vars/named.yaml:5", "metadata.name is missing or not a text"),
    ] {
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}: ")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
    assert_eq!((lines.len(), status), (3, 1), "{lines:#?}");
}

#[test]
fn expressions_that_are_none_are_told_with_their_field_their_line_and_their_place_in_it() {
    let story = Story::begin();
    let repository = &story.repository;
    let expressions = "dependsOn:\n  - name: app\n    readyExpr: deps.status.ready\nhealthCheckExprs:\n  - apiVersion: example.com/v1\n    \
                       kind: Widget\n    failed: status.phase = 'Broken'\n    current: status.phase == 'Fine'";
    repository.kustomization("late", "./late", expressions).config_map("late/a.yaml", "late", "1");
    let receiver = "apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: hook, namespace: flux-system}\nspec:\n  \
                    type: generic\n  secretRef: {name: hook}\n  resources:\n    - kind: GitRepository\n      name: flux-system\n      \
                    filter: res.metadata.name\n";
    let provider = "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata: {name: github, namespace: flux-system}\n\
                    spec:\n  type: github\n  address: https://github.com/org/repo\n  commitStatusExpr: event.reason ==\n";
    repository.write("app/receiver.yaml", receiver).write("app/provider.yaml", provider);
    let wrong = "cannot be read as an expression of CEL:";
    let undeclared = "1:1: undeclared reference to 'deps'";
    story.says("cluster/late.yaml:16", &format!("spec.dependsOn[0].readyExpr {wrong} {undeclared}"));
    let character = "1:14: syntax error: unexpected character '='";
    story.says("cluster/late.yaml:20", &format!("spec.healthCheckExprs[0].failed {wrong} {character}"));
    let type_ = "1:1: the expression has to be of the type bool";
    story.says("app/receiver.yaml:10", &format!("spec.resources[0].filter {wrong} {type_}"));
    let end = "1:16: syntax error: unexpected the end";
    story.says("app/provider.yaml:7", &format!("spec.commitStatusExpr {wrong} {end}"));
}
