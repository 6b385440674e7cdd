//! `cowherd check`: what in a repository would fail.

use std::process::Output;

use crate::program::cowherd;
use crate::program::repository::{Repository, config_map};

/// A repository with the Kustomizations `app` and `other`.
pub struct Story {
    pub repository: Repository,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Story {
    /// A repository in which nothing is wrong.
    pub fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("fleet"));
        repository.kustomization("app", "./app", "").kustomization("other", "./other", "");
        repository.config_map("app/red.yaml", "red", "1").config_map("other/map.yaml", "other", "1");
        repository.commit("begin");
        Self { repository, _directory: directory }
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        cowherd(&self.repository.path).arg("check").args(arguments).output().unwrap()
    }

    /// The lines that are printed, and how the program ended.
    pub fn lines(&self, arguments: &[&str]) -> (Vec<String>, i32) {
        let output = self.run(arguments);
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        (lines, output.status.code().unwrap())
    }

    /// Whether a line begins with a place and holds words.
    pub fn says(&self, place: &str, words: &str) {
        let (lines, _) = self.lines(&[]);
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}: ")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
}

#[test]
fn a_repository_in_which_nothing_is_wrong_passes() {
    let story = Story::begin();
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    assert_eq!(story.lines(&["cluster"]), (Vec::new(), 0));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let story = Story::begin();
    let repository = &story.repository;
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  replicas: \
                      three\n  selector:\n    matchLabels: {a: b}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      \
                      containers:\n      - name: a\n        image: b\n";
    repository.write("app/web.yaml", deployment);
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: default\nspec:\n  ports:\n  - name: \
                   a\n    port: 80\n    protcol: TCP\n  - {name: b, port: 99999, targetPort: 1}\n";
    repository.write("app/service.yaml", service);
    repository.write(
        "app/gadget.yaml",
        "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\n",
    );
    repository.config_map("app/other.yaml", "other", "1");
    repository.kustomization("lost", "./nowhere", "dependsOn:\n- name: app\n- name: nobody\n");
    repository.kustomization("broken", "./broken", "");
    repository.write("broken/kustomization.yaml", "resources:\n- gone.yaml\n- bad.yaml\npatches:\n- path: lost.yaml\n");
    repository.write("broken/bad.yaml", "a: 1\nb: [\n");
    repository.kustomization("one", "./one", "dependsOn: [{name: two}]").config_map("one/a.yaml", "one", "1");
    repository.kustomization("two", "./two", "dependsOn: [{name: one}]").config_map("two/a.yaml", "two", "1");
    repository.kustomization("vars", "./vars", "postBuild: {substitute: {known: x}}");
    repository.config_map("vars/a.yaml", "vars", "${known}-${forgotten}");
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1);
    for (place, words) in [
        ("app/web.yaml:7", "spec.replicas"),
        ("app/service.yaml:10", "unknown field \"spec.ports[0].protcol\""),
        ("app/service.yaml:11", "spec.ports[1].port: Invalid value: 99999"),
        ("app/gadget.yaml:2", "nothing serves the kind Gadget of example.com/v1"),
        ("other/map.yaml:2", "flux-system/app (app/other.yaml:2) does too"),
        ("cluster/lost.yaml:9", "spec.path: ./nowhere: no such directory"),
        ("cluster/lost.yaml:16", "there is no Kustomization flux-system/nobody"),
        ("broken/kustomization.yaml:2", "resources[0]: gone.yaml: no such file"),
        ("broken/kustomization.yaml:5", "patches[0].path: lost.yaml: no such file"),
        ("broken/bad.yaml:2", "did not find expected"),
        ("cluster/one.yaml:14", "dependency cycle: flux-system/one -> flux-system/two -> flux-system/one"),
        ("vars/a.yaml:7", "the variable forgotten has no value"),
    ] {
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}: error: ")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
    assert_eq!(lines.len(), 12, "nothing else, and nothing twice: {lines:#?}");
}

#[test]
fn no_mistake_of_an_object_hides_another() {
    let story = Story::begin();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\n  labels:\n    a.b/c: 1\nspec:\n  replicas: \
                      \"two\"\n  minReadySeconds: \"x\"\n  selectr: {}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      \
                      containers:\n      - name: a\n        imag: b\n        stdin: 1\n";
    story.repository.write("app/web.yaml", deployment);
    let (lines, status) = story.lines(&[]);
    let told = [
        ("7", "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
        ("8", "spec.selector: Required value"),
        ("9", "DeploymentSpec.spec.replicas of type int32"),
        ("10", "DeploymentSpec.spec.minReadySeconds of type int32"),
        ("11", "unknown field \"spec.selectr\""),
        ("16", "spec.template.spec.containers[0].image: Required value"),
        ("17", "unknown field \"spec.template.spec.containers[0].imag\""),
        ("18", "Container.spec.template.spec.containers.stdin of type bool"),
    ];
    for (line, words) in told {
        let place = format!("app/web.yaml:{line}: error: Deployment/default/web: ");
        assert!(lines.iter().any(|line| line.starts_with(&place) && line.contains(words)), "{words}: {lines:#?}");
    }
    assert_eq!((lines.len(), status), (told.len(), 1), "nothing else: {lines:#?}");
}

#[test]
fn an_object_has_its_line_whatever_its_name_may_mean_in_yaml() {
    let story = Story::begin();
    for name in ["n", "on", "2024-01-01"] {
        let map =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndta: {{}}\n");
        story.repository.write(&format!("app/{name}.yaml"), &map);
        story.says(&format!("app/{name}.yaml:6"), "unknown field \"dta\"");
    }
}

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
fn what_no_definition_would_help_is_told_as_that() {
    let story = Story::begin();
    for (file, api_version, kind) in [
        ("policy", "image.toolkit.fluxcd.io/v1", "ImagePolicy"),
        ("claim", "resource.k8s.io/v1", "ResourceClaimTemplate"),
    ] {
        let object = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: g, namespace: default}}\n");
        story.repository.write(&format!("app/{file}.yaml"), &object);
    }
    story
        .repository
        .kustomization("keyed", "./keyed", "decryption: {provider: sops, serviceAccountName: a}")
        .config_map("keyed/a.yaml", "k", "1");
    story.says("app/policy.yaml:2", "cowherd does not do the kind ImagePolicy of image.toolkit.fluxcd.io/v1 yet");
    story.says("app/claim.yaml:2", "cowherd does not serve the kind ResourceClaimTemplate of resource.k8s.io/v1");
    story.says(
        "cluster/keyed.yaml:14",
        "spec.decryption.serviceAccountName is not supported yet; no key service is asked",
    );
    let (lines, _) = story.lines(&[]);
    assert!(!lines.iter().any(|line| line.contains("CustomResourceDefinition")), "{lines:?}");
}

#[test]
fn definitions_in_the_repository_bring_their_kinds() {
    let story = Story::begin();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
                      gadgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: gadgets, kind: \
                      Gadget}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      \
                      openAPIV3Schema:\n        type: object\n        properties:\n          size: {type: integer}\n";
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\nsize: large\n";
    story.repository.write("app/gadget.yaml", gadget);
    let given = story.repository.path.join("../definition.yaml");
    std::fs::write(&given, definition).unwrap();
    story.says("app/gadget.yaml:2", "nothing serves the kind Gadget");
    let (lines, _) = story.lines(&["--with", given.to_str().unwrap()]);
    assert!(lines[0].starts_with("app/gadget.yaml:4: error: Gadget/default/g: size: Invalid value"), "{lines:?}");
    story.repository.write("other/definition.yaml", definition);
    story.says("app/gadget.yaml:4", "size: Invalid value");
    assert_eq!(story.lines(&["--ignore", "schema"]), (Vec::new(), 0));
}

#[test]
fn every_object_of_a_missing_kind_is_told_with_its_place() {
    let story = Story::begin();
    let gadget = |name: usize| {
        format!("---\napiVersion: example.com/v1\nkind: Gadget\nmetadata: {{name: g{name:02}, namespace: default}}\n")
    };
    story.repository.write("app/gadgets.yaml", &(0..30).map(gadget).collect::<String>());
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    let places: String = (1..=10).map(|number| format!(" app/gadgets.yaml:{},", 4 * number + 3)).collect();
    let told = format!("; 30 objects, also at{places} and 19 more (-v names them) [unserved-kind]");
    assert!(
        lines[0].starts_with("app/gadgets.yaml:3: error: Gadget/default/g00: ") && lines[0].ends_with(&told),
        "{lines:#?}"
    );
    let (lines, status) = story.lines(&["-v"]);
    assert_eq!((lines.len(), status), (30, 1), "{lines:#?}");
    assert!(lines[29].starts_with("app/gadgets.yaml:119: error: Gadget/default/g29: nothing serves"), "{lines:#?}");
    // Programs get all of them.
    let report: serde_json::Value = serde_json::from_slice(&story.run(&["-o", "json"]).stdout).unwrap();
    let others = report["findings"][0]["others"].as_array().unwrap();
    assert_eq!(others.len(), 29);
    let last = serde_json::json!({ "file": "app/gadgets.yaml", "line": 119, "object": "Gadget/default/g29" });
    assert_eq!(others[28], last);
}

#[test]
fn values_of_secrets_are_not_shown() {
    let story = Story::begin();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\ndata: {a: 'hunter2!'}\n";
    story.repository.write("app/secret.yaml", secret);
    let output = story.run(&[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("app/secret.yaml:4: error: Secret/default/s") && !text.contains("hunter2"), "{text}");
}

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
fn revisions_are_checked_too_and_findings_are_for_programs_as_well() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("\ndata:", "\ndta:"));
    assert_eq!(story.lines(&["--revision", "HEAD"]), (Vec::new(), 0));
    let output = story.run(&["-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["file"], &finding["line"]), (&"app/red.yaml".into(), &6.into()), "{report}");
    assert_eq!((&finding["rule"], &finding["severity"]), (&"schema".into(), &"error".into()));
    assert_eq!(report["kustomizations"], 3);
}

#[test]
fn what_cannot_be_checked_is_told_from_what_is_wrong() {
    let story = Story::begin();
    for arguments in [&["nowhere"] as &[&str], &["--revision", "no-such-branch"], &["--with", "nowhere.yaml"]] {
        assert_eq!(story.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    story.repository.write("notes/readme.md", "nothing that a cluster would have");
    let output = story.run(&["notes"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("nothing to check in notes"), "{error}");
}

#[test]
fn what_is_not_rendered_is_told_wherever_it_stands() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("chart", "./charts/web", "").kustomization("language", "./language", "");
    repository.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    repository.write("charts/web/templates/a.yaml", "kind: {{ .Values.kind }}\n");
    repository.write("language/main.jsonnet", "{}").write("app/more.cue", "");
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1);
    let begins = [
        "app/more.cue: warning: CUE is not rendered",
        "charts/web: error: the directory is a Helm chart",
        "language: error: no manifests are here, but what is not rendered: language/main.jsonnet (Jsonnet)",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{lines:#?}");
    }
}

#[test]
fn what_no_cluster_grows_from_for_it_is_not_rendered_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("examples"));
    repository.config_map("guestbook/map.yaml", "a", "1").write("jsonnet/main.jsonnet", "{}");
    for number in 0..15 {
        let chart = format!("apiVersion: v2\nname: web-{number:02}\nversion: 1.0.0\n");
        repository.write(&format!("charts/web-{number:02}/Chart.yaml"), &chart);
    }
    repository.commit("begin");
    let run = |arguments: &[&str]| {
        let output = cowherd(&repository.path).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (lines, said) = run(&["check", "."]);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 16, "{lines:#?}");
    for (number, line) in lines[..15].iter().enumerate() {
        let begin = format!("charts/web-{number:02}: warning: the directory is a Helm chart that nothing renders: ");
        assert!(line.starts_with(&begin) && line.contains("`cowherd render NAME charts/web-"), "{lines:#?}");
    }
    assert!(lines[15].starts_with("jsonnet: warning: Jsonnet is not rendered: "), "{lines:#?}");
    assert!(!said.contains("not looked at"), "{said}");
    let (_, said) = run(&["diff", "--base", "main"]);
    assert!(said.contains("not looked at: charts/web-00 (a Helm chart)") && said.contains("and 6 more"), "{said}");
}

#[test]
fn one_list_has_all_for_which_nothing_comes_of_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("examples"));
    repository.config_map("guestbook/map.yaml", "a", "1").write("jsonnet/main.jsonnet", "{}");
    repository.config_map("again/map.yaml", "a", "1");
    for name in ["api", "web"] {
        repository.write(&format!("{name}/Chart.yaml"), &format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n"));
    }
    repository.write("layered/kustomization.yaml", "resources: [map.yaml, gone.yaml]\n");
    repository.write("patched/kustomization.yaml", "resources: [map.yaml]\npatches: more.yaml\n");
    repository.write("layered/map.yaml", &config_map("b", "1").replace("\ndata:", "\ndta:"));
    repository.write(
        "policy.yaml",
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: r, namespace: default}\n",
    );
    repository.commit("begin");
    let mut up = cowherd(directory.path());
    up.args(["up", "examples", "--path", "./", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let said = String::from_utf8(up.output().unwrap().stderr).unwrap();
    assert!(said.contains("the directory is a Helm chart"), "{said}");
    let offered =
        said.lines().find_map(|line| line.trim().strip_prefix("cowherd check ")).unwrap_or_else(|| panic!("{said}"));
    let words: Vec<&str> = offered.split('#').next().unwrap().split_whitespace().collect();
    let output = cowherd(directory.path()).arg("check").args(words).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    // Who stands outside of the repository sees where it is.
    let lines: Vec<&str> =
        lines.lines().filter_map(|line| line.split_once("/examples/")).map(|(_, line)| line).collect();
    assert_eq!(output.status.code(), Some(1));
    for begin in [
        "api: error: the directory is a Helm chart",
        "guestbook/map.yaml:1: error: may not add resource with an already registered id",
        "jsonnet/main.jsonnet: warning: Jsonnet is not rendered",
        "layered/kustomization.yaml:1: error: resources[1]: gone.yaml: no such file",
        "layered/map.yaml:6: error: ConfigMap/default/b: unknown field \"dta\"",
        "patched/kustomization.yaml:2: error: patches: must be a list, and is the text \"more.yaml\"",
        "patched/kustomization.yaml:1: error: resources[0]: map.yaml: no such file",
        "policy.yaml:2: error: ImagePolicy/default/r: cowherd does not do the kind ImagePolicy",
        "web: error: the directory is a Helm chart",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{begin}: {lines:#?}");
    }
    assert_eq!(lines.len(), 9, "{lines:#?}");
}

#[test]
fn every_rule_finds_paths_and_what_is_looked_at_is_said() {
    let story = Story::begin();
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec: \
                       {source: {repoURL: 'https://example.com/fleet', path: web}}\n";
    story.repository.write("argo/web.yaml", application).config_map("web/map.yaml", "web", "1");
    story.repository.config_map("plain/map.yaml", "plain", "1").config_map("lib/tests/map.yaml", "tested", "1");
    story.repository.write("scratch/map.yaml", "kind: [\n").config_map("scratch/more.yaml", "more", "1");
    let output = story.run(&["--exclude", "scratch", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = serde_json::json!([
        { "path": "./argo", "foundBy": "manifests" },
        { "path": "./cluster", "foundBy": "Flux Kustomizations" },
        { "path": "./plain", "foundBy": "manifests" },
        { "path": "./web", "foundBy": "Argo CD Application web" },
    ]);
    assert_eq!(report["lookedAt"], all, "{report}");
    let left_out = serde_json::json!([
        { "path": "lib/tests", "reason": "test data" },
        { "path": "scratch", "reason": "as asked" },
    ]);
    assert_eq!(report["leftOut"], left_out);
    let output = story.run(&[]);
    let said = String::from_utf8(output.stderr).unwrap();
    let words =
        "./cluster (Flux Kustomizations), ./plain (manifests), ./scratch (manifests), ./web (Argo CD Application web)";
    assert!(said.contains(words) && said.contains("not looked at: lib/tests (test data)"), "{said}");
    story.says("scratch/map.yaml:1", "did not find expected");
    story.says("argo/web.yaml:2", "cowherd does not do the kind Application");
}

#[test]
fn what_the_agents_would_not_act_on_or_refuse_is_told() {
    let story = Story::begin();
    let kind = |api_version: &str, kind: &str, name: &str, more: &str| {
        format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\n{more}")
    };
    let claim = "spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
    story.repository.write("app/one.yaml", &kind("v1", "PersistentVolumeClaim", "one", claim));
    story.repository.write("app/two.yaml", &kind("v1", "PersistentVolumeClaim", "two", claim));
    let ports = "  ports: [{port: 80}]\n";
    story.repository.write("app/in.yaml", &kind("v1", "Service", "inside", &format!("spec:\n{ports}")));
    story
        .repository
        .write("app/out.yaml", &kind("v1", "Service", "outside", &format!("spec:\n  type: LoadBalancer\n{ports}")));
    story.repository.kustomization("moved", "./moved", "targetNamespace: nobodys").config_map("moved/a.yaml", "a", "1");
    story
        .repository
        .write("app/far.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: far\n  namespace: far\n");
    let source = |name: &str, url: &str, more: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 1m\n  url: {url}\n{more}"
        )
    };
    story.repository.write("cluster/disk.yaml", &source("disk", "file:///srv/fleet", ""));
    story.repository.write("cluster/cloud.yaml", &source("cloud", "http://169.254.169.254/fleet", ""));
    story
        .repository
        .write("cluster/range.yaml", &source("range", "https://example.com/fleet", "  ref: {semver: 'not one'}\n"));
    story.repository.write("cluster/good.yaml", &source("good", "https://example.com/fleet", ""));
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "a source that can never be fetched is an error: {lines:#?}");
    for (place, words) in [
        (
            "app/one.yaml:2: warning: PersistentVolumeClaim/default/one",
            "the control plane of cowherd has no controller for PersistentVolumeClaim: what describes it is not Ready there; \
             2 objects, also at app/two.yaml:2 [no-controller]",
        ),
        ("app/out.yaml:2: warning: Service/default/outside", "has no controller for Service of type LoadBalancer:"),
        (
            "cluster/moved.yaml:14: warning: Kustomization/flux-system/moved",
            "there is no Namespace nobodys in the repository",
        ),
        ("app/far.yaml:5: warning: ConfigMap/far/far", "there is no Namespace far in the repository"),
        ("cluster/disk.yaml:6: warning: GitRepository/flux-system/disk", "start cowherd with --local-repository"),
        (
            "cluster/cloud.yaml:6: warning: GitRepository/flux-system/cloud",
            "start cowherd with --allow-network 169.254.169.254",
        ),
        ("cluster/range.yaml:6: error: GitRepository/flux-system/range", "spec.ref.semver"),
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(place) && line.contains(words)),
            "{place}: {words}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 7, "{lines:#?}");
    let namespaces = "apiVersion: v1\nkind: Namespace\nmetadata: {name: nobodys}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: far}\n";
    let given = story.repository.path.join("../namespaces.yaml");
    std::fs::write(&given, namespaces).unwrap();
    let (lines, status) = story.lines(&["--with", given.to_str().unwrap(), "--ignore", "no-controller,source"]);
    assert_eq!((lines, status), (Vec::new(), 0));
}

#[test]
fn an_artifact_that_can_never_be_had_is_told() {
    let story = Story::begin();
    for (name, spec) in [
        ("tagged", "{interval: 1m, url: 'oci://example.com/apps:1'}"),
        ("cloud", "{interval: 1m, url: 'oci://example.com/apps', provider: aws}"),
        ("keyless", "{interval: 1m, url: 'oci://example.com/apps', verify: {provider: cosign}}"),
        (
            "anybody",
            "{interval: 1m, url: 'oci://example.com/apps', verify: {matchOIDCIdentity: [{issuer: '(', subject: x}]}}",
        ),
        ("good", "{interval: 1m, url: 'oci://example.com/apps', verify: {provider: cosign, secretRef: {name: keys}}}"),
    ] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: OCIRepository\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec: {spec}\n"
        );
        story.repository.write(&format!("cluster/{name}.yaml"), &source);
    }
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "{lines:#?}");
    for (name, words) in [
        ("tagged", "the URL must have no tag"),
        ("cloud", "spec.provider \"aws\" is not supported yet"),
        ("anybody", "spec.verify.matchOIDCIdentity[0].issuer is no regular expression"),
    ] {
        let place = format!("cluster/{name}.yaml:4: error: OCIRepository/flux-system/{name}");
        assert!(lines.iter().any(|line| line.starts_with(&place) && line.contains(words)), "{place}: {lines:#?}");
    }
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn addresses_of_this_machine_and_its_link_are_told_wherever_something_is_fetched_from() {
    let story = Story::begin();
    for (name, kind, url) in [
        ("registry", "OCIRepository", "oci://localhost:5000/apps"),
        ("link", "OCIRepository", "oci://[fe80::1]:5000/apps"),
        ("charts", "HelmRepository", "http://127.0.0.1:8879/charts"),
        ("far", "OCIRepository", "oci://ghcr.io/org/apps"),
        ("office", "HelmRepository", "https://10.0.0.7/charts"),
    ] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 1m\n  url: {url}\n"
        );
        story.repository.write(&format!("cluster/{name}.yaml"), &source);
    }
    let kustomization = "resources:\n- red.yaml\n- http://localhost:1/base.yaml\nhelmCharts:\n- name: x\n  repo: \
                         https://169.254.169.254/charts\n  version: 1.0.0\n";
    story.repository.write("app/kustomization.yaml", kustomization);
    let (lines, _) = story.lines(&["--offline"]);
    for (place, address) in [
        ("cluster/registry.yaml:6: warning: OCIRepository/flux-system/registry: ", "127.0.0.1"),
        ("cluster/link.yaml:6: warning: OCIRepository/flux-system/link: ", "fe80::1"),
        ("cluster/charts.yaml:6: warning: HelmRepository/flux-system/charts: ", "127.0.0.1"),
        ("app/kustomization.yaml:3: warning: resources[1]: ", "127.0.0.1"),
        ("app/kustomization.yaml:6: warning: helmCharts[0].repo: ", "169.254.169.254"),
    ] {
        let told = format!("start cowherd with --allow-network {address} if they may [source]");
        assert!(
            lines.iter().any(|line| line.starts_with(place) && line.ends_with(&told)),
            "{place}: {told}: {lines:#?}"
        );
    }
    let refused = lines.iter().filter(|line| line.ends_with("[source]")).count();
    assert_eq!(refused, 5, "{lines:#?}");
}

#[test]
fn an_object_that_many_describe_is_told_once() {
    let story = Story::begin();
    for number in 0..20 {
        story.repository.kustomization(&format!("many-{number:02}"), "./many", "");
    }
    story.repository.config_map("many/a.yaml", "a", "1").config_map("many/b.yaml", "b", "1");
    let (lines, _) = story.lines(&[]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let words = "Kustomization flux-system/many-01 describes it, and flux-system/many-00 (many/a.yaml:2) does too; so do \
                 flux-system/many-02, flux-system/many-03, flux-system/many-04, flux-system/many-05, flux-system/many-06, and 13 more";
    assert!(lines[0].contains(words), "{lines:#?}");
}

#[test]
fn every_bad_document_of_a_file_is_told() {
    let story = Story::begin();
    let good = config_map("good", "1");
    let unreadable = format!("{good}---\na: [\n---\n{good}---\nb: }}\n");
    story.repository.write("app/unreadable.yaml", &unreadable);
    let nameless = "apiVersion: v1\nkind: ConfigMap\n";
    story
        .repository
        .write("app/nameless.yaml", &format!("{nameless}---\n{good}---\n{nameless}---\nmetadata: {{name: x}}\n"));
    let (lines, status) = story.lines(&[]);
    let first = good.lines().count() + 2;
    let expected = [
        format!("app/nameless.yaml:{}: error: not a Kubernetes object: missing metadata.name in this ConfigMap", 1),
        format!(
            "app/nameless.yaml:{}: error: not a Kubernetes object: missing metadata.name in this ConfigMap",
            first + 3
        ),
        format!("app/nameless.yaml:{}: error: not a Kubernetes object: missing kind", first + 6),
        format!("app/unreadable.yaml:{}: error: ", first),
        format!("app/unreadable.yaml:{}: error: ", 2 * first + 1),
    ];
    assert_eq!((lines.len(), status), (expected.len(), 1), "{lines:#?}");
    for (line, begin) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin), "{begin}: {lines:#?}");
    }
}

#[test]
fn paths_are_those_that_can_be_opened_from_where_one_stands() {
    let story = Story::begin();
    story.repository.write("app/red.yaml", &config_map("red", "1").replace("\ndata:", "\ndta:"));
    story.repository.write("app/deep/blue.yaml", &config_map("blue", "1").replace("\ndata:", "\ndta:"));
    story.repository.write("other/map.yaml", &config_map("other", "1").replace("\ndata:", "\ndta:"));
    let from = |directory: &str| {
        let output = cowherd(&story.repository.path.join(directory)).arg("check").output().unwrap();
        let path = |line: &str| line.split_once(':').unwrap().0.to_owned();
        let paths: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(path).collect();
        (paths, String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(from(".").0, ["app/deep/blue.yaml", "app/red.yaml", "other/map.yaml"]);
    let (paths, said) = from("app");
    assert_eq!(paths, ["deep/blue.yaml", "red.yaml", "other/map.yaml"]);
    assert!(said.contains("begin at the top of the repository"), "{said}");
    assert_eq!(from("app/deep").0, ["blue.yaml", "app/red.yaml", "other/map.yaml"]);
    // Programs always have them from the top.
    let output = cowherd(&story.repository.path.join("app")).args(["check", "-o", "json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["file"], "app/deep/blue.yaml");
}

#[test]
fn fields_of_releases_that_are_refused_are_told_where_they_are_written() {
    let story = Story::begin();
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: \
                   default\nspec:\n  interval: 1m\n  chartRef: {kind: OCIRepository, name: web}\n  healthCheckExprs:\n    \
                   - {apiVersion: v1, kind: ConfigMap, current: data.ready ==}\n";
    let repository = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata:\n  name: web\n  namespace: \
                      default\nspec:\n  url: https://charts.example.com\n  provider: aws\n";
    story.repository.write("app/release.yaml", release).write("app/repository.yaml", repository).commit("far away");
    let wrong = "spec.healthCheckExprs[0].current cannot be read as an expression of CEL: 1:14: syntax error: unexpected the end";
    story.says("app/release.yaml:10", wrong);
    story.says("app/repository.yaml:8", "spec.provider");
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

/// The account of a Kustomization, with a role that is bound to it in a namespace.
fn account(verbs: &str, resources: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: robot, namespace: flux-system}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: robot, namespace: default}}\nrules:\n\
         - {{apiGroups: [\"\", apps], resources: [{resources}], verbs: [{verbs}]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: robot, namespace: default}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: robot}}\n\
         subjects: [{{kind: ServiceAccount, name: robot, namespace: flux-system}}]\n"
    )
}

#[test]
fn accounts_that_may_not_apply_what_they_are_to_are_told_with_what_they_lack() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("app", "./app", "serviceAccountName: robot");
    repository.write("app/more.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    repository.config_map("app/blue.yaml", "blue", "1");
    repository.write("cluster/account.yaml", &account("get, create, patch", "configmaps"));
    let by = "ServiceAccount flux-system/robot";
    story.says("app/blue.yaml:2", "which may not delete configmaps in namespace default by what is bound to it");
    story.says("app/blue.yaml:2", "(RoleBinding/default/robot); 2 objects, also at app/red.yaml:2 [rights]");
    story.says(
        "app/more.yaml:2",
        &format!("{by}, which may not get, create, patch, delete namespaces in namespace shop"),
    );
    // One that may all, by a role that every cluster has.
    repository.write("cluster/all.yaml", ALL);
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    // A role that is nowhere, and nothing at all.
    repository.write("cluster/all.yaml", &ALL.replace("cluster-admin", "clutser-admins"));
    story.says("cluster/app.yaml:14", "there is no ClusterRole clutser-admins in the repository");
    repository.remove("cluster/all.yaml");
    repository.write("cluster/account.yaml", account("", "").split("---").next().unwrap());
    story.says("cluster/app.yaml:14", &format!("nothing in the repository gives {by} rights"));
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 0), "once, as a warning: {lines:#?}");
}

const ALL: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: robot}\nroleRef: \
                   {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: \
                   ServiceAccount, name: robot, namespace: flux-system}]\n";
