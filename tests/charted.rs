//! `cowherd check`: what charts bring, those of the repository and those from elsewhere.

use crate::checking::Story;

#[test]
fn what_releases_make_of_charts_in_the_repository_is_checked_where_the_chart_says_it() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    repository.write("charts/web/values.yaml", "replicas: 1\nkind: ConfigMap\n");
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  replicas: {{ \
               .Values.replicas }}\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: \
               {containers: [{name: a, image: b}]}\n";
    repository.write("charts/web/templates/web.yaml", web);
    let more = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: of-the-chart}\n---\napiVersion: {{ if eq .Values.kind \
                \"ConfigMap\" }}v1{{ else }}example.com/v1{{ end }}\nkind: {{ .Values.kind }}\nmetadata: {name: more}\n";
    repository.write("charts/web/templates/more.yaml", more);
    let release = |values: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
             interval: 1m\n  chart:\n    spec:\n      chart: ./charts/web\n      sourceRef: {{kind: GitRepository, name: \
             flux-system, namespace: flux-system}}\n  values: {values}\n"
        )
    };
    repository.write("app/release.yaml", &release("{}"));
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  serviceAccountName: of-the-chart\n  \
               containers: [{name: a, image: b}]\n";
    repository.write("app/pod.yaml", pod);
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0), "what the chart brings is there");
    repository.write("app/release.yaml", &release("{replicas: two, kind: Gadget}"));
    let by = "HelmRelease default/web makes it of this chart";
    story.says("charts/web/templates/web.yaml", "Deployment/default/web: json: cannot unmarshal string");
    story.says("charts/web/templates/web.yaml", by);
    story.says("charts/web/templates/more.yaml", "nothing serves the kind Gadget of example.com/v1");
    assert_eq!(story.lines(&[]).1, 1);
    repository.write("app/release.yaml", &release("{kind: Gadget}"));
    repository.write("charts/web/templates/broken.yaml", "{{ .Values.lost.one }}");
    story.says("app/release.yaml:10", "nothing comes of the chart charts/web: ");
    // What is in the cluster alone may mend all of it.
    let from = release("{}") + "  valuesFrom: [{kind: ConfigMap, name: far-away}]\n";
    repository.write("app/release.yaml", &from);
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 0, "{lines:#?}");
}

#[test]
fn what_a_chart_from_elsewhere_may_define_is_a_warning_and_it_is_named_once() {
    let story = Story::begin();
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\n";
    story.repository.write("app/gadget.yaml", gadget);
    let release = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: far, namespace: default}\n\
        spec: {interval: 1m, url: 'https://charts.example.com'}\n---\n\
        apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: operator, namespace: default}\nspec:\n  \
        interval: 1m\n  chart: {spec: {chart: operator, sourceRef: {kind: HelmRepository, name: far}}}\n";
    story.repository.write("other/release.yaml", release);
    let checks = "healthChecks: [{apiVersion: example.com/v1, kind: Gizmo, name: g, namespace: default}]";
    story.repository.kustomization("waits", "./waits", checks).config_map("waits/a.yaml", "waits", "1");
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (2, 0), "{lines:#?}");
    let told = "nothing in the repository serves the kind Gadget of example.com/v1, so that this is not checked: what comes from";
    story.says("app/gadget.yaml:2: warning", &format!("Gadget/default/g: {told}"));
    story.says("cluster/waits.yaml:14: warning", "unless that comes with what is from elsewhere");
    // Who that is is told once, however many kinds there are, and where any of them is.
    let named = |arguments: &[&str]| {
        let said = String::from_utf8_lossy(&story.run(arguments).stderr).into_owned();
        said.split_whitespace().collect::<Vec<_>>().join(" ").matches("HelmRelease default/operator").count()
    };
    assert_eq!((named(&[]), named(&["--ignore", "unserved-kind"])), (1, 0));
    assert!(!lines.iter().any(|line| line.contains("HelmRelease default/operator")), "{lines:#?}");
    let report: serde_json::Value = serde_json::from_slice(&story.run(&["-o", "json"]).stdout).unwrap();
    assert_eq!(report["mayDefine"], serde_json::json!(["HelmRelease default/operator"]));
    assert_eq!(story.lines(&["--strict"]).1, 1);
    // What nothing can bring stays an error.
    story.repository.write("app/gadget.yaml", "apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: g}\n");
    story.says("app/gadget.yaml:2: error", "cowherd does not serve the kind Deploymnet of apps/v1");
}
