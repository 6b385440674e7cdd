//! `helmCharts`, with Helm itself as the renderer, compared with `kubectl kustomize --enable-helm`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cowherd_oracle::Tool;
use cowherd_render::{
    Cause, ChartRenderer, ChartRequest, Options, Overlay, ReleaseName, Remote, RemoteSource, Remotes, RenderError,
    Rendered, Surroundings, render_in,
};
use cowherd_tree::{DiskTree, EntryKind, MemoryTree, Tree, TreePath};

/// Helm, as a program.
struct Helm;

fn unpack(tree: &dyn Tree, from: &TreePath, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for (name, entry) in tree.read_dir(from).expect("a listing") {
        let path = from.join(&name).expect("a path");
        match entry.kind {
            EntryKind::Directory => unpack(tree, &path, &to.join(&name)),
            _ => fs::write(to.join(&name), tree.read(&path).expect("a file")).expect("a file"),
        }
    }
}

impl ChartRenderer for Helm {
    fn template(&self, chart: &dyn Tree, path: &TreePath, request: &ChartRequest) -> Result<String, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let chart_directory = directory.path().join("chart");
        unpack(chart, path, &chart_directory);
        let mut helm = Tool::new("helm");
        helm.arg("template");
        match &request.release {
            ReleaseName::Named(name) => helm.arg(name),
            ReleaseName::Template(template) => helm.args(["--generate-name", "--name-template", template]),
            ReleaseName::Generated => helm.arg("--generate-name"),
        };
        helm.arg(&chart_directory);
        helm.args(request.namespace.iter().flat_map(|namespace| ["--namespace", namespace]));
        for (at, values) in request.values.iter().enumerate() {
            let file = directory.path().join(format!("{at}.yaml"));
            fs::write(&file, serde_json::to_vec(values).expect("JSON")).expect("a file");
            helm.arg("-f").arg(file);
        }
        helm.args(request.api_versions.iter().flat_map(|version| ["--api-versions", version]));
        helm.args(request.kube_version.iter().flat_map(|version| ["--kube-version", version]));
        let flags = [
            (request.include_crds, "--include-crds"),
            (request.skip_hooks, "--no-hooks"),
            (request.skip_tests, "--skip-tests"),
        ];
        helm.args(flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
        let output = helm.output();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

const CHART: [(&str, &str); 6] = [
    ("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.2.3\n"),
    ("values.yaml", "name: from-chart\nnested: {a: 1, b: 2}\nlist: [1, 2]\ngone: here\n"),
    (
        "templates/all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Values.name }}\n  \
         namespace: {{ .Release.Namespace }}\n  annotations: {number: 1.10}\ndata:\n  \
         values: {{ .Values | toJson | quote }}\n  kube: {{ .Capabilities.KubeVersion | quote }}\n  \
         has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n",
    ),
    (
        "templates/hook.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: pre-install}\n",
    ),
    (
        "templates/tests/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n",
    ),
    (
        "crds/crd.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n",
    ),
];

fn write(directory: &Path, path: &str, content: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, content).expect("a file");
}

fn render(tree: &dyn Tree, surroundings: &Surroundings<'_>) -> Result<Rendered, RenderError> {
    render_in(tree, &TreePath::root(), &Overlay::default(), &Options::default(), surroundings)
}

fn with_helm() -> Surroundings<'static> {
    Surroundings { charts: &Helm, ..Surroundings::default() }
}

#[test]
fn charts_are_made_objects_as_kustomize_does_it() {
    let directory = tempfile::tempdir().expect("a directory");
    // kustomize wants Helm 3 by name; what it asks for, Helm 4 answers in the same way.
    let helm = directory.path().join("helm");
    write(directory.path(), "helm", "#!/bin/sh\n[ \"$1\" = version ] && echo v3.99.0 && exit\nexec helm \"$@\"\n");
    assert!(Command::new("chmod").arg("+x").arg(&helm).status().expect("chmod").success());
    let charts = [
        "{name: app, releaseName: r}",
        "{name: app, releaseName: r, namespace: ns, includeCRDs: true, skipTests: true}",
        "{name: app, releaseName: r, skipHooks: true, apiVersions: [example.com/v1], kubeVersion: v1.30.0}",
        "{name: app, nameTemplate: 'named-{{ add 1 2 }}'}",
        "{name: app, releaseName: r, valuesFile: own.yaml}",
        "{name: app, releaseName: r, additionalValuesFiles: [own.yaml, more.yaml]}",
        "{name: app, releaseName: r, valuesInline: {name: x, nested: {a: null, c: 3}, list: [9]}}",
        "{name: app, releaseName: r, valuesInline: {name: x, nested: {c: 3}, new: {z: 1}}, valuesMerge: merge}",
        "{name: app, releaseName: r, valuesInline: {name: x, nested: {c: 3}}, valuesMerge: replace}",
        "{name: app, releaseName: r, valuesFile: own.yaml, valuesInline: {nested: {a: 5}}, valuesMerge: override}",
    ];
    let mut fields: Vec<String> = charts.iter().map(|chart| format!("helmCharts: [{chart}]\n")).collect();
    fields
        .push("helmCharts: [{name: app, releaseName: r}]\nhelmGlobals: {chartHome: elsewhere, configHome: x}\n".into());
    fields.push(
        "helmChartInflationGenerator: [{chartName: app, chartHome: elsewhere, releaseName: r, values: own.yaml, \
         valuesLocal: {a: 1}}]\n"
            .into(),
    );
    fields.push(
        "generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: x}\n  \
         name: app\n  releaseName: plugin\n  chartHome: elsewhere\n  valuesInline: {b: 2}\n"
            .into(),
    );
    for (at, fields) in fields.iter().enumerate() {
        let root = directory.path().join(at.to_string());
        for (path, content) in CHART {
            write(&root, &format!("charts/app/{path}"), content);
            write(&root, &format!("elsewhere/app/{path}"), &content.replace("from-chart", "from-elsewhere"));
        }
        write(&root, "own.yaml", "name: from-own\nnested: {b: 7}\n");
        write(&root, "more.yaml", "name: from-more\n");
        let metadata = if at % 2 == 0 { "buildMetadata: [originAnnotations]\n" } else { "" };
        write(&root, "kustomization.yaml", &format!("{fields}namePrefix: p-\n{metadata}"));
        let output =
            Tool::new("kubectl").args(["kustomize", "--enable-helm", "--helm-command"]).arg(&helm).arg(&root).output();
        assert!(output.status.success(), "{fields}{}", String::from_utf8_lossy(&output.stderr));
        let rendered = render(&DiskTree::new(&root), &with_helm()).expect("a render");
        let expected = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(cowherd_yaml::write_documents(&rendered.objects), expected, "{fields}");
    }
}

struct One(RemoteSource, Remote);

impl Remotes for One {
    fn find(&self, source: &RemoteSource) -> Option<Remote> {
        (*source == self.0).then(|| self.1.clone())
    }
}

#[test]
fn a_chart_that_is_not_in_the_tree_is_asked_for() {
    let kustomization =
        "helmCharts: [{name: app, repo: 'https://charts.example.com/', version: 1.2.3, releaseName: r}]\n";
    let tree = MemoryTree::new([("kustomization.yaml", kustomization)]).expect("a tree");
    let source = RemoteSource::Chart {
        repository: "https://charts.example.com".into(),
        name: "app".into(),
        version: Some("1.2.3".into()),
        prereleases: false,
    };
    let error = render(&tree, &with_helm()).expect_err("an error");
    assert!(matches!(&*error.cause, Cause::MissingRemotes(missing) if *missing == [source.clone()]), "{error}");
    let chart = MemoryTree::new(CHART).expect("a tree");
    let remotes = One(source.clone(), Remote { tree: Arc::new(chart), revision: "sha256:1".into() });
    let surroundings = Surroundings { remotes: &remotes, ..with_helm() };
    let rendered = render(&tree, &surroundings).expect("a render");
    assert!(rendered.objects.iter().any(|object| object["metadata"]["name"] == "r-from-chart"));
    assert_eq!(rendered.remotes.get(&source).map(String::as_str), Some("sha256:1"));
}

#[test]
fn what_is_wrong_with_a_chart_is_said() {
    let message = |fields: &str, surroundings: &Surroundings<'_>| {
        let files = CHART.map(|(path, content)| (format!("charts/app/{path}"), content.to_owned()));
        let tree = files.into_iter().chain([("kustomization.yaml".into(), fields.to_owned())]);
        render(&MemoryTree::new(tree).expect("a tree"), surroundings).expect_err("an error").to_string()
    };
    let helm = with_helm();
    assert!(message("helmCharts: [{name: app}]", &Surroundings::default()).contains("are not rendered here"));
    assert!(message("helmCharts: [{name: other}]", &helm).contains("no repo specified for pull, no chart found at"));
    assert!(message("helmCharts: [{version: 1.0.0}]", &helm).contains("helmCharts[0]: chart name cannot be empty"));
    assert!(message("helmCharts: [{name: app, valuesMerge: x}]", &helm).contains("valuesMerge must be one of"));
    assert!(message("helmCharts: [{name: app, value: x}]", &helm).contains("unknown field \"value\""));
}
