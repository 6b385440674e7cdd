//! Repositories of every sort, and what is found in them.

use cowherd_source::RepositoryUrl;
use cowherd_tree::MemoryTree;

use super::*;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn kustomization(path: &str, source: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {}, namespace: \
         flux-system}}\nspec: {{interval: 1m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: {source}}}}}\n",
        path.replace(['.', '/'], "x")
    )
}

fn application(name: &str, url: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec: {{source: {{repoURL: \
         '{url}', path: {path}}}}}\n"
    )
}

fn discovery<const N: usize>(files: [(&str, String); N], excluded: &[TreePath]) -> Discovery {
    let side = Side { name: String::new(), commit: None, tree: Arc::new(MemoryTree::new(files).unwrap()) };
    let urls = vec![RepositoryUrl::parse("https://example.com/fleet").unwrap()];
    let context = Context::alone().with_repository(urls, Vec::new());
    discover(&side, &context, excluded, None).unwrap()
}

/// What is found in files, each with the word of what found it, and what is left out. A content that is a path is a Kustomization of
/// it, with a source where a name follows.
fn found<const N: usize>(files: [(&str, &str); N]) -> (Vec<String>, Vec<String>) {
    let content = |text: &str| match text.split_once(' ') {
        _ if !text.starts_with('.') => text.to_owned(),
        Some((path, source)) => kustomization(path, source),
        None => kustomization(text, "flux-system"),
    };
    told(&discovery(files.map(|(file, text)| (file, content(text))), &[]))
}

fn told(found: &Discovery) -> (Vec<String>, Vec<String>) {
    let paths = found.clusters.iter().map(|one| format!("{} {}", one.cluster.path, one.by));
    (paths.collect(), found.left_out.iter().map(ToString::to_string).collect())
}

/// The paths alone; nothing may be left out.
fn paths<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    let (paths, left_out) = found(files);
    assert_eq!(left_out, [""; 0]);
    paths.iter().map(|path| path.split(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn clusters_are_found_where_nobody_names_them() {
    let bootstrapped = [
        ("clusters/a/flux-system/gotk-sync.yaml", "./clusters/a"),
        ("clusters/a/apps.yaml", "./apps"),
        ("clusters/b/apps.yaml", "./apps"),
        ("apps/x/ks.yaml", "./apps/x/app"),
        ("apps/x/app/a.yaml", MAP),
    ];
    let all = ["./clusters/a flux bootstrap", "./clusters/b Flux Kustomizations"].map(str::to_owned).to_vec();
    assert_eq!(found(bootstrapped), (all, Vec::new()));
    let home = [
        ("kubernetes/flux/cluster/ks.yaml", "./kubernetes/apps"),
        ("kubernetes/apps/default/x/ks.yaml", "./kubernetes/apps/default/x/app"),
        ("kubernetes/apps/default/x/app/a.yaml", MAP),
    ];
    assert_eq!(paths(home), ["./kubernetes/flux/cluster"]);
    let nested = [
        ("fleet/kustomization.yaml", "resources: [apps]"),
        ("fleet/apps/kustomization.yaml", "resources: [ks.yaml]"),
        ("fleet/apps/ks.yaml", "./apps"),
    ];
    assert_eq!(paths(nested), ["./fleet"]);
    let based = [
        ("clusters/a/kustomization.yaml", "resources: [../../base, more.yaml]"),
        ("base/kustomization.yaml", "resources: [ks.yaml]"),
        ("base/ks.yaml", "./apps"),
        ("clusters/a/more.yaml", "./more"),
    ];
    assert_eq!(paths(based), ["./clusters/a"]);
    let tenant = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: tenant}\nspec: {url: \
                  'https://example.com/tenant', interval: 1m}\n";
    let tenants = [
        ("clusters/a/tenants.yaml", "./tenants/a"),
        ("tenants/a/kustomization.yaml", "resources: [../base]"),
        ("tenants/base/kustomization.yaml", "resources: [source.yaml, sync.yaml]"),
        ("tenants/base/source.yaml", tenant),
        ("tenants/base/sync.yaml", "./ tenant"),
    ];
    assert_eq!(paths(tenants), ["./clusters/a"]);
}

#[test]
fn no_rule_hides_what_another_one_finds() {
    let mixed = [
        ("examples/quick/kustomization.yaml", "resources: [clusters/quick]"),
        ("examples/quick/clusters/quick/kustomization.yaml", "resources: [apps.yaml]"),
        ("examples/quick/clusters/quick/apps.yaml", "./examples/quick/apps"),
        ("examples/quick/apps/a.yaml", MAP),
        ("examples/tenants/clusters/production/tenants.yaml", "./examples/tenants/tenants"),
        ("examples/tenants/tenants/a.yaml", MAP),
        ("deploy/a.yaml", MAP),
        ("base/kustomization.yaml", "resources: [a.yaml]"),
        ("base/a.yaml", MAP),
        ("overlays/a/kustomization.yaml", "resources: [../../base]"),
    ];
    let all = [
        "./deploy manifests",
        "./examples/quick Flux Kustomizations",
        "./examples/tenants/clusters/production Flux Kustomizations",
        "./overlays/a a kustomization",
    ];
    assert_eq!(found(mixed), (all.map(str::to_owned).to_vec(), Vec::new()));
    // Each leads to where the other one stands, and nothing leads to both.
    let circle = [("a/ks.yaml", "./b"), ("b/ks.yaml", "./a")];
    assert_eq!(paths(circle), ["./a"]);
    assert_eq!(paths([("README.md", "")]), [""; 0]);
}

#[test]
fn applications_lead_to_their_paths() {
    let own = "https://example.com/fleet.git";
    let files = [
        ("apps/web.yaml", application("web", own, "base")),
        ("apps/chart.yaml", application("chart", own, "chart")),
        ("apps/other.yaml", application("other", "https://example.com/other", "base")),
        ("apps/lost.yaml", application("lost", own, "nowhere")),
        ("base/kustomization.yaml", "resources: [a.yaml]".to_owned()),
        ("base/a.yaml", MAP.to_owned()),
        ("overlay/kustomization.yaml", "resources: [../base]".to_owned()),
        ("chart/Chart.yaml", "name: chart".to_owned()),
    ];
    let (paths, left_out) = told(&discovery(files, &[]));
    assert_eq!(paths, ["./apps manifests", "./base Argo CD Application web", "./overlay a kustomization"]);
    let words = [
        "apps/lost.yaml (Argo CD Application lost is about ./nowhere, which is not here)",
        "apps/other.yaml (Argo CD Application other is about another repository)",
        "chart (a Helm chart)",
    ];
    assert_eq!(left_out, words);
}

#[test]
fn what_is_not_looked_at_is_left_out_by_name() {
    let files = [
        ("guestbook/a.yaml", MAP),
        ("guestbook/more/c.cue", ""),
        ("web/Chart.yaml", "name: web"),
        ("web/templates/a.yaml", MAP),
        ("jsonnet/main.jsonnet", "{}"),
        ("src/package.json", "{}"),
        ("used/kustomization.yaml", "helmGlobals: {chartHome: ../charts}\nhelmCharts: [{name: used}]\n"),
        ("charts/used/Chart.yaml", "name: used"),
        ("lib/tests/a.yaml", MAP),
        ("part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"),
        ("skaffold/skaffold.yaml", "apiVersion: skaffold/v4\nkind: Config\nmetadata: {name: x}\n"),
        (".github/workflows/a.yaml", MAP),
        ("broken/a.yaml", "kind: ConfigMap\napiVersion: [\n"),
    ];
    let (paths, left_out) = found(files);
    assert_eq!(paths, ["./guestbook manifests", "./used a kustomization"]);
    let words = [
        "broken/a.yaml (no YAML, alone in its directory)",
        "jsonnet (Jsonnet)",
        "lib/tests (test data)",
        "part (a component that no kustomization builds on)",
        "web (a Helm chart)",
    ];
    assert_eq!(left_out, words);
}

#[test]
fn a_cluster_may_be_called_as_test_data_is() {
    let stages = [
        ("clusters/test/flux-system/gotk-sync.yaml", "./clusters/test"),
        ("clusters/test/apps.yaml", "./apps"),
        ("clusters/production/apps.yaml", "./apps"),
        ("apps/a.yaml", MAP),
    ];
    assert_eq!(paths(stages), ["./clusters/production", "./clusters/test"]);
    // A directory of `clusters` is one however its objects are written.
    assert_eq!(
        paths([("clusters/test/a.yaml", MAP), ("clusters/tests/a.yaml", MAP)]),
        ["./clusters/test", "./clusters/tests"]
    );
    // Elsewhere it is where Kustomizations stand in it, or are about it.
    let elsewhere = [("test/apps.yaml", "./apps"), ("fleet/tests/flux-system/gotk-sync.yaml", "./fleet/tests")];
    assert_eq!(paths(elsewhere), ["./fleet/tests", "./test"]);
    // What is deeper in test data is none.
    let (found, left_out) = found([
        ("tests/case/apps.yaml", "./apps"),
        ("lib/testdata/a.yaml", MAP),
        ("tests/clusters/test/apps.yaml", "./apps"),
    ]);
    assert_eq!((found, left_out), (Vec::new(), vec!["lib/testdata (test data)".into(), "tests (test data)".into()]));
}

#[test]
fn what_stands_above_others_hides_none_of_them() {
    let above = [("a.yaml", MAP), ("clusters/a/ks.yaml", "./apps"), ("apps/a.yaml", MAP)];
    let words = "manifests above others that are looked at one by one";
    assert_eq!(found(above), (vec!["./clusters/a Flux Kustomizations".to_owned()], vec![format!(". ({words})")]));
    let layers = [
        ("a.yaml", MAP),
        ("base/kustomization.yaml", "resources: []"),
        ("over/kustomization.yaml", "resources: [../base]"),
    ];
    assert_eq!(found(layers), (vec!["./over a kustomization".to_owned()], vec![format!(". ({words})")]));
    let unnamed = [
        ("a/kustomization.yaml", "resources: [ks.yaml]"),
        ("a/ks.yaml", "./b"),
        ("a/more.yaml", "./c"),
        ("b/a.yaml", MAP),
        ("c/a.yaml", MAP),
    ];
    let (paths, left_out) = found(unnamed);
    assert_eq!(paths, ["./a Flux Kustomizations", "./c manifests"]);
    assert_eq!(left_out, ["a/more.yaml (the kustomization beside it does not name it)"]);
}

#[test]
fn one_that_cannot_be_read_hides_nothing_and_is_found_once() {
    let broken = [
        ("clusters/a/apps.yaml", "./apps"),
        ("apps/kustomization.yaml", "resources: [../base, gone.yaml]"),
        ("base/kustomization.yaml", "resources: [a.yaml]"),
        ("base/a.yaml", MAP),
        ("plain/a.yaml", "kind: [\n"),
        ("more/a.yaml", MAP),
    ];
    assert_eq!(paths(broken), ["./clusters/a", "./more"]);
}

#[test]
fn nothing_is_looked_for_in_what_is_excluded() {
    let files = [("a/a.yaml", MAP.to_owned()), ("b/c/a.yaml", MAP.to_owned())];
    let (paths, left_out) = told(&discovery(files, &[TreePath::parse("b").unwrap()]));
    assert_eq!((paths, left_out), (vec!["./a manifests".to_owned()], vec!["b/c (as asked)".to_owned()]));
}
