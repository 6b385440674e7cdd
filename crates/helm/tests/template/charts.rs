//! What makes a chart.

use cowherd_helm::Capabilities;
use serde_json::{Value, json};

use crate::oracle::{Case, VALUES, package};

fn chart(text: &str) -> Case {
    Case::new(&[("Chart.yaml", text), ("templates/a.yaml", "kind: A\n")])
}

#[test]
fn charts_are_read_as_helm_reads_them() {
    let texts = [
        "apiVersion: v2\nname: web\nversion: 1.0\n",
        "name: web\nversion: 1.0.0\n",
        "ApiVersion: v2\nNAME: web\nversion: v1\n",
        "apiVersion: v2\nname: web\nversion: 1.0.0\nannotations: {a: 1.50, b: true, c: null}\nunknown: [1]\n",
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndeprecated: true\ntype: application\n",
        "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '>=1.20.0-0 <2'\n",
        "\u{feff}apiVersion: v1\nname: web\nversion: 1.0.0-rc.1+build\n",
    ];
    for text in texts {
        chart(text).same();
    }
}

#[test]
fn charts_are_refused_in_the_same_words() {
    let v2 = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let texts = [
        "apiVersion: v2\nname: [web]\nversion: 1.0.0\n".to_owned(),
        "- a".to_owned(),
        "a".to_owned(),
        String::new(),
        "apiVersion: v2\nname: web\n".to_owned(),
        "apiVersion: v3\nname: web\nversion: 1.0.0\n".to_owned(),
        "apiVersion: v9\nname: web\nversion: 1.0.0\n".to_owned(),
        "apiVersion: v2\nname: a/b\nversion: 1.0.0\n".to_owned(),
        "apiVersion: v2\nname: ..\nversion: 1.0.0\n".to_owned(),
        "apiVersion: v2\nname: web\nversion: x\n".to_owned(),
        "apiVersion: v2\nname: web\nversion: 1.0.0-01\n".to_owned(),
        format!("{v2}type: library\n"),
        format!("{v2}type: other\n"),
        format!("{v2}kubeVersion: '>=1.99'\n"),
        format!("{v2}deprecated: 1\n"),
        format!("{v2}annotations: {{a: [1]}}\n"),
        format!("{v2}maintainers: [null]\n"),
        format!("{v2}maintainers: [{{name: [a]}}]\n"),
        format!("{v2}dependencies: [{{name: a, tags: x}}]\n"),
        format!("{v2}dependencies: [x]\n"),
        format!("{v2}dependencies: [null]\n"),
        format!("{v2}dependencies: [{{name: a}}, {{name: b, alias: c}}]\n"),
        format!("{v2}dependencies: [{{name: a}}, {{name: b, alias: a}}]\n"),
        format!("{v2}dependencies: [{{name: a, alias: a/b}}]\n"),
    ];
    for text in texts {
        chart(&text).refused();
    }
    chart("apiVersion: v2\nname: web: b\n")
        .refused_beginning("cannot load Chart.yaml: error converting YAML to JSON: yaml: ");
}

#[test]
fn the_kubernetes_that_a_chart_needs_is_compared_without_what_follows_its_numbers() {
    let chart = || chart("apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '>=1.30'\n");
    chart().flag("--kube-version", "v1.30.2-gke.1").same();
    chart().flag("--kube-version", "1.29.9").refused();
}

#[test]
fn release_names_are_checked() {
    for name in ["UP", "a_b", "", &"a".repeat(54)] {
        chart("apiVersion: v2\nname: web\nversion: 1.0.0\n").named(name).refused();
    }
}

#[test]
fn ignored_files_are_no_part_of_the_chart() {
    let files = [
        ("templates/a.yaml", "kind: A\n"),
        ("templates/b.yaml", "kind: B\n"),
        ("templates/tests/c.yaml", "kind: C\n"),
        ("templates/d.txt", "kind: D\n"),
        ("values.yaml", "a: 1\n"),
    ];
    let rules = [
        "b.yaml",
        "tests/",
        "/templates/*.txt",
        "templates/[a-b].yaml\n# comment\n\n *.txt ",
        "!*.yaml",
        "values.yaml",
        "tests",
        "/b.yaml",
    ];
    for rules in rules {
        let case = Case::new(&files);
        case.file(".helmignore", rules);
        case.same();
    }
    let case = Case::new(&files);
    case.file(".helmignore", "**/x");
    case.refused_beginning("");
    assert!(case.ours().unwrap_err().ends_with("double-star (**) syntax is not supported"));
}

#[test]
fn subcharts_are_directories_and_archives() {
    let case = Case::new(&[
        ("templates/a.yaml", "kind: A\n"),
        ("values.yaml", "db: {port: 2}\n"),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/values.yaml", "port: 1\nsize: 1\n"),
        ("charts/db/templates/a.yaml", VALUES),
        ("charts/_off/nothing", ""),
        ("charts/.gitkeep", ""),
    ]);
    case.same();
    package(&case.chart().join("charts/db"), &case.chart().join("charts/db-1.0.0.tgz"));
    std::fs::remove_dir_all(case.chart().join("charts/db")).unwrap();
    assert!(case.same().contains("\"port\":2,\"size\":1"));
    case.file("charts/broken.tgz", "no archive");
    assert!(case.ours().unwrap_err().starts_with("error unpacking subchart broken.tgz in web: "));
    assert!(case.theirs().unwrap_err().starts_with("error unpacking subchart broken.tgz in web: "));
}

#[test]
fn what_is_no_subchart_is_refused() {
    Case::new(&[("charts/README.md", "a text")]).refused();
    Case::new(&[("charts/db/values.yaml", "a: 1")]).refused();
    Case::new(&[("charts/db/Chart.yaml", "name: db\n")]).refused();
    Case::new(&[("charts/a.tgz/Chart.yaml", "name: db\n")]).refused();
}

#[test]
fn charts_of_version_1_name_their_dependencies_elsewhere() {
    let case = |version: &str, extra: &str| {
        let chart = format!("apiVersion: {version}\nname: web\nversion: 1.0.0\n");
        let case = Case::new(&[
            ("Chart.yaml", &chart),
            ("requirements.yaml", "dependencies: [{name: db, version: 1.x, condition: db.enabled}]\n"),
            ("charts/db/Chart.yaml", "apiVersion: v1\nname: db\nversion: 1.0.0\n"),
            ("charts/db/templates/a.yaml", "kind: DB\n"),
            ("templates/a.yaml", "kind: A\n"),
        ]);
        case.file("values.yaml", extra);
        case
    };
    for version in ["v1", "v2"] {
        assert!(case(version, "").same().contains("kind: DB"));
        assert!(!case(version, "db: {enabled: false}").same().contains("kind: DB"));
    }
    Case::new(&[("requirements.yaml", "dependencies: [{name: db}]\n")]).refused();
    Case::new(&[("requirements.lock", "- a")]).refused();
    Case::new(&[("Chart.lock", "text")]).refused();
}

#[test]
fn library_charts_only_give_partials() {
    let case = Case::new(&[
        ("charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"),
        ("charts/lib/templates/a.yaml", "kind: Never\n"),
        ("charts/lib/templates/_b.tpl", "text"),
        ("templates/a.yaml", "kind: A\n"),
    ]);
    assert!(!case.same().contains("Never"));
}

#[test]
fn a_cluster_is_capable_of_what_helm_assumes() {
    let text = Case::new(&[("templates/a.yaml", "v: {{ toJson .Capabilities }}")]).theirs().unwrap();
    let theirs: Value = serde_json::from_str(text.split("v: ").nth(1).unwrap()).unwrap();
    let ours = Capabilities::default();
    let (kube, helm) = (&ours.kube_version, &ours.helm_version);
    let ours = json!({
        "KubeVersion": {"Version": kube.version, "Major": kube.major, "Minor": kube.minor},
        "APIVersions": ours.api_versions,
        "HelmVersion": {
            "version": helm.version,
            "git_commit": helm.git_commit,
            "git_tree_state": helm.git_tree_state,
            "go_version": helm.go_version,
            "kube_client_version": helm.kube_client_version,
        },
    });
    assert_eq!(ours, theirs);
}

#[test]
fn metadata_are_shown_under_the_names_of_their_fields() {
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: 2\nkeywords: [a, 1]\nannotations: {a: 1}\n\
        maintainers: [{name: m, url: u}]\ndependencies: [{name: db, version: '*', alias: x, tags: [t], \
        import-values: [data, {child: a, parent: b}]}]\n";
    let case = Case::new(&[
        ("Chart.yaml", chart),
        ("templates/a.yaml", "v: {{ toJson .Chart }}"),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
    ]);
    let text = case.theirs().unwrap();
    let theirs: Value = serde_json::from_str(text.split("v: ").nth(1).unwrap()).unwrap();
    let tree = cowherd_tree::DiskTree::new(case.chart());
    let mut chart = cowherd_helm::chart::load(&tree, &Default::default(), &Default::default()).unwrap();
    cowherd_helm::dependencies::process(&mut chart, &Default::default()).unwrap();
    let mut ours = chart.metadata.to_map();
    ours.insert("IsRoot".to_owned(), json!(true));
    assert_eq!(Value::Object(ours), theirs);
}

#[test]
fn numbers_in_the_place_of_texts_are_printed_as_helm_prints_them() {
    for number in ["1e6", "1000000", "1000000.0", "1234567.5", "72445e2", "1.10", "0x10", "1_000", "1.5e300", "-0.0"] {
        let chart = format!("apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: {number}\n");
        Case::new(&[("Chart.yaml", &chart), ("templates/a.yaml", "v: {{ .Chart.AppVersion | quote }}")]).same();
    }
    let chart = "apiVersion: v2\nname: web\nversion: 72445e2\n";
    Case::new(&[("Chart.yaml", chart)]).refused();
}
