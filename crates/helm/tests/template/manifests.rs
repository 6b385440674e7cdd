//! What becomes of rendered files.

use crate::oracle::Case;

fn one(text: &str) -> Case {
    Case::new(&[("templates/a.yaml", text)])
}

#[test]
fn manifests_come_in_the_order_of_their_kinds() {
    let text = Case::new(&[
        ("templates/z.yaml", "kind: Service\n---\nkind: Zebra\n---\nkind: Aardvark\n"),
        ("templates/b.yaml", "kind: Deployment\n---\nkind: Namespace\n"),
        ("templates/a/c.yaml", "kind: Service\nmetadata: {name: second}\n"),
        ("templates/_helpers.tpl", "kind: Never\n"),
        ("templates/NOTES.txt", "Thank you\n"),
        ("templates/empty.yaml", " \n\n"),
        ("templates/comment.yaml", "# nothing but this\n"),
        ("templates/.hidden.yaml", "kind: Never\n"),
        ("templates/a.txt", "kind: ConfigMap\n"),
    ])
    .same();
    assert!(text.starts_with("---\n# Source: web/templates/b.yaml\nkind: Namespace\n"));
}

#[test]
fn files_are_parted_at_dashes() {
    one("---\n\n---\na: 1\n---\n---\nb: 2\n--- # c\nc: 3\n---d: 4\n").same();
    one("a: |\n  x\n  ---\n  y\n   \n\n---   \n\n\nb: 2   \n\n").same();
    one("# Source: other/templates/x.yaml\na: 1\n").same();
    one("kind: A\r\n---\r\nkind: B\r\n").same();
    one("").same();
}

#[test]
fn hooks_come_last() {
    let hook = |kind: &str, annotations: &str| format!("kind: {kind}\nmetadata: {{annotations: {{{annotations}}}}}\n");
    let files = [
        ("templates/1.yaml", hook("Pod", "helm.sh/hook: test, helm.sh/hook-weight: 5")),
        ("templates/2.yaml", hook("Job", "helm.sh/hook: 'pre-install, POST-UPGRADE', helm.sh/hook-weight: '-5'")),
        ("templates/3.yaml", hook("ConfigMap", "helm.sh/hook: test-success, helm.sh/hook-delete-policy: x")),
        ("templates/4.yaml", hook("Secret", "helm.sh/hook: someday")),
        ("templates/5.yaml", hook("Secret", "other: annotation")),
    ];
    let case = || Case::new(&files.each_ref().map(|(name, content)| (*name, content.as_str())));
    let text = case().same();
    assert!(!text.contains("someday"));
    assert!(text.starts_with("---\n# Source: web/templates/5.yaml"));
    assert!(!case().switch("--skip-tests").same().contains("templates/1.yaml"));
    assert!(!case().switch("--no-hooks").same().contains("templates/2.yaml"));
    case().flag("--show-only", "templates/3.yaml").same();
    case().switch("--no-hooks").flag("--show-only", "templates/3.yaml").refused();
}

#[test]
fn a_chart_of_hooks_begins_with_an_empty_line() {
    let text = one("kind: Job\nmetadata: {annotations: {helm.sh/hook: pre-install}}\n").same();
    assert!(text.starts_with("\n---\n"));
}

#[test]
fn custom_resource_definitions_come_first_as_they_are() {
    let case = || {
        Case::new(&[
            ("crds/b.yaml", "\n\nkind: CustomResourceDefinition # {{ as it is }}\n---\nx: 1\n\n"),
            ("crds/a/c.YML", "kind: CustomResourceDefinition\n"),
            ("crds/readme.md", "no manifest"),
            ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
            ("charts/db/crds/d.json", "{\"kind\": \"CustomResourceDefinition\"}"),
            ("templates/a.yaml", "kind: A\n"),
        ])
    };
    case().same();
    case().switch("--include-crds").same();
    case().switch("--include-crds").flag("--show-only", "crds/b.yaml").same();
}

#[test]
fn single_templates_are_shown_by_pattern() {
    let case = || {
        Case::new(&[
            ("templates/a.yaml", "kind: B\n---\nkind: A\n"),
            ("templates/sub/b.yaml", "kind: C\n"),
            ("templates/nothing.yaml", ""),
            ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
            ("charts/db/templates/a.yaml", "kind: D\n"),
        ])
    };
    for pattern in
        ["templates/a.yaml", "templates/*", "templates/*/*.yaml", "charts/db/templates/a.yaml", "*/[a-b].yaml"]
    {
        case().flag("--show-only", pattern).same();
    }
    case().flag("--show-only", "templates/sub/b.yaml").flag("--show-only", "templates/*.yaml").same();
    for pattern in ["templates/nothing.yaml", "templates", "[", "web/templates/a.yaml"] {
        case().flag("--show-only", pattern).refused();
    }
}

#[test]
fn what_is_no_object_is_refused() {
    let texts = [
        "kind: [a]",
        "hello",
        "- a",
        "kind: A\nmetadata: {annotations: {a: [x]}}",
        "kind: A\nmetadata: {annotations: x}",
        "kind: A\nmetadata: x",
        "kind: A\nmetadata: {name: {}}",
    ];
    for text in texts {
        one(text).refused();
    }
    for text in ["kind: A\n  b: c\n d: e", "kind: A\nb: [a", "kind: A\nb:\n\t- a", "a: *b"] {
        one(text).refused_beginning("YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: ");
    }
    for text in ["kind: 5", "kind: null\nmetadata: null", "Kind: Namespace\nKIND: A", "kind: A\nkind: B", "kind: true"]
    {
        one(text).same();
    }
}
