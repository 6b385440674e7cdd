//! `cowherd render` at the prompt, beside helm and kubectl.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cowherd_gitserver::files;
use cowherd_gitserver::registry::{Access, Registry};

use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

const HELPERS: &str = "{{ define \"web.name\" }}{{ .Release.Name }}-web{{ end }}\n\
                       {{ define \"web.deep\" }}{{ .Values.none.deep }}{{ end }}\n\
                       {{ define \"web.broken\" }}{{ include \"web.deep\" . }}{{ end }}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include \"web.name\" . }}
  namespace: {{ .Release.Namespace }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: {{ .Values.image }}
        env: {{ toYaml .Values.env | nindent 8 }}
";

fn chart(root: &Path) {
    for (path, content) in [
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("web/values.yaml", "replicas: 2\nimage: web:1\nenv:\n- {name: A, value: '1'}\n"),
        ("web/templates/_helpers.tpl", HELPERS),
        ("web/templates/deployment.yaml", DEPLOYMENT),
        (
            "web/templates/test.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\nspec: {containers: [{name: a, image: a}]}\n",
        ),
        (
            "web/crds/thing.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n",
        ),
        ("values-prod.yaml", "replicas: 5\nenv:\n- {name: B, value: two words}\n"),
        ("note.txt", "from a file"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn render(root: &Path, arguments: &[&str]) -> Output {
    cowherd(root).arg("render").args(arguments).output().unwrap()
}

fn helm(root: &Path, arguments: &[&str]) -> Output {
    Command::new("helm").current_dir(root).env("HOME", root).arg("template").args(arguments).output().unwrap()
}

#[test]
fn a_chart_is_rendered_as_helm_renders_it_with_the_same_flags() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    for flags in [
        &["web"][..],
        &["shop", "web", "--namespace", "prod", "-f", "values-prod.yaml"],
        &["shop", "web", "--set", "replicas=7,image=x:2", "--set-string", "env[0].name=C,env[0].value=3"],
        &[
            "shop",
            "web",
            "--set-file",
            "image=note.txt",
            "--set-json",
            "env=[{\"name\":\"J\"}]",
            "--set-literal",
            "image=a,b",
        ],
        &["shop", "web", "--include-crds", "--skip-tests"],
        &["shop", "web", "--no-hooks", "--kube-version", "1.31", "--api-versions", "x/v1,y/v1"],
        &["shop", "web", "--show-only", "templates/deploy*.yaml"],
        &["shop", "web", "-s", "templates/test.yaml", "--is-upgrade"],
    ] {
        assert_eq!(text(&render(root, flags)), text(&helm(root, flags)), "{flags:?}");
    }
    let package = Command::new("helm").current_dir(root).args(["package", "web"]).output().unwrap();
    assert!(package.status.success());
    assert_eq!(text(&render(root, &["shop", "web-0.1.0.tgz"])), text(&helm(root, &["shop", "web"])));
    // What its .helmignore leaves out of a package is a part of one in which it is all the same.
    fs::write(root.join("web/.helmignore"), "*.yaml\n").unwrap();
    fs::write(root.join("web/templates/.hidden.yaml"), "kind: Hidden\n").unwrap();
    let packed = Command::new("tar").current_dir(root).args(["-czf", "whole.tgz", "web"]).status().unwrap();
    assert!(packed.success());
    let whole = text(&render(root, &["shop", "whole.tgz"]));
    assert_eq!(whole, text(&helm(root, &["shop", "whole.tgz"])));
    assert!(whole.contains("kind: Hidden"), "{whole}");
    assert_eq!(render(root, &["shop", "web"]).status.code(), Some(1), "it leaves out Chart.yaml");
    fs::remove_file(root.join("web/templates/.hidden.yaml")).unwrap();
    fs::remove_file(root.join("web/.helmignore")).unwrap();
    // All files are in the directory `.`, where no chart is.
    let packed = Command::new("tar").current_dir(root).args(["-czf", "dot.tgz", "./web"]).status().unwrap();
    assert!(packed.success());
    assert!(!helm(root, &["shop", "dot.tgz"]).status.success());
    assert!(refused(&render(root, &["shop", "dot.tgz"])).contains("dot.tgz has no Chart.yaml"));
    let values = cowherd(root).args(["render", "web", "-o", "json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_str(&text(&values)).unwrap();
    assert_eq!(list["items"][0]["kind"], "Deployment");
}

#[test]
fn a_failure_names_the_file_the_line_and_the_templates_on_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    fs::write(root.join("web/templates/broken.yaml"), "a: 1\nb: {{ include \"web.broken\" . }}\n").unwrap();
    let said = refused(&render(root, &["web"]));
    for part in [
        "web/templates/broken.yaml:2:6",
        "web/templates/_helpers.tpl:3:",
        "web/templates/_helpers.tpl:2:",
        "interface {}.deep",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let theirs = String::from_utf8_lossy(&helm(root, &["web"]).stderr).into_owned();
    let words = theirs.trim_start_matches("Error: ").split("\n\nUse --debug").next().unwrap();
    assert_eq!(said.matches(words).count(), 1, "{said}\n{theirs}");
    assert!(refused(&render(root, &["web", "--set", "a"])).contains("failed parsing --set data"));
    fs::create_dir(root.join("plain")).unwrap();
    assert!(refused(&render(root, &["plain", "--set", "a=1"])).contains("is no chart, and --set is only for charts"));
}

#[test]
fn a_chart_goes_through_a_kustomization() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    fs::create_dir(root.join("overlay")).unwrap();
    let kustomization = "resources: [all.yaml]\nimages: [{name: web, newTag: '9'}]\nnamePrefix: pre-\n";
    fs::write(root.join("overlay/kustomization.yaml"), kustomization).unwrap();
    let ours = text(&render(root, &["shop", "web", "--post-render", "overlay"]));
    fs::write(root.join("overlay/all.yaml"), text(&helm(root, &["shop", "web"]))).unwrap();
    let theirs = Command::new("kubectl").args(["kustomize"]).arg(root.join("overlay")).output().unwrap();
    assert_eq!(ours, text(&theirs));
    assert!(ours.contains("image: web:9"));
}

#[test]
fn an_overlay_outside_of_a_repository_names_its_base() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (path, content) in [
        ("base/kustomization.yaml", "resources: [map.yaml]\n"),
        ("base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        ("overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: x-\n"),
    ] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
    }
    let theirs = Command::new("kubectl").arg("kustomize").arg(root.join("overlay")).output().unwrap();
    assert_eq!(text(&render(root, &["overlay"])), text(&theirs));
}

#[test]
fn chance_follows_from_the_seed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    fs::write(
        root.join("web/templates/chance.yaml"),
        "a: {{ randAlphaNum 30 }}\nb: {{ uuidv4 }}\nc: {{ now | unixEpoch }}\n",
    )
    .unwrap();
    let seeded = || text(&render(root, &["web", "--seed", "one", "--time", "2026-01-02T03:04:05Z"]));
    assert_eq!(seeded(), seeded());
    assert!(seeded().contains("c: 1767323045"));
    assert_ne!(text(&render(root, &["web"])), text(&render(root, &["web"])));
}

#[test]
fn a_cluster_says_what_it_would_refuse_and_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    fs::remove_dir_all(root.join("web/crds")).unwrap();
    let running = Running::start(root, ["server"]);
    running.kubectl_ok(["create", "namespace", "prod"]);
    running.kubectl_ok(["create", "configmap", "there", "-n", "prod", "--from-literal", "key=found"]);
    let kubeconfig = running.data_dir.join("kubeconfig");
    let validate = |more: &[&str]| {
        let flags = ["shop", "web", "-n", "prod", "--validate", "--kubeconfig", kubeconfig.to_str().unwrap()];
        render(root, &[&flags[..], more].concat())
    };
    text(&validate(&[]));
    let map = "apiVersion: v1
kind: ConfigMap
metadata:
  name: shown
  annotations:
    seen: {{ (lookup \"v1\" \"ConfigMap\" \"prod\" \"there\").data.key }}
    has: {{ .Capabilities.APIVersions.Has \"apps/v1/Deployment\" | quote }}
";
    fs::write(root.join("web/templates/lookup.yaml"), map).unwrap();
    let shown = text(&validate(&[]));
    assert!(shown.contains("seen: found") && shown.contains("has: \"true\""), "{shown}");
    let said = refused(&validate(&["--set", "replicas=many"]));
    assert!(said.contains("Deployment/prod/shop-web") && said.contains("replicas"), "{said}");
    assert!(running.kubectl_ok(["get", "deployments", "-A", "-o", "name"]).is_empty(), "nothing is written");
}

#[test]
fn explain_lists_what_was_read_and_what_changed_since() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.write("base/kustomization.yaml", "resources: [map.yaml]\n");
    repository.write("base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    repository.write("app/kustomization.yaml", "resources: [../base]\n");
    repository.write("other/kustomization.yaml", "resources: []\n");
    repository.commit("first");
    let explain = |more: &[&str]| text(&render(&repository.path, &[&["app", "--explain"][..], more].concat()));
    let said = explain(&[]);
    for line in ["content    app/kustomization.yaml", "content    base/map.yaml", "absence    app/kustomization.yml"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(!said.contains("other") && said.contains("it would not be rendered again"), "{said}");
    repository.write("other/kustomization.yaml", "resources: [x.yaml]\n");
    assert!(explain(&[]).contains("it would not be rendered again"));
    repository.write("base/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n");
    let said = explain(&[]);
    assert!(
        said.contains("its content changed") && said.contains("1 of them changed: it would be rendered again"),
        "{said}"
    );
    repository.commit("second");
    assert!(explain(&[]).contains("would not be rendered again"));
    assert!(explain(&["--since", "HEAD~1"]).contains("1 of them changed"));
    let explained: serde_json::Value = serde_json::from_str(&explain(&["--since", "HEAD~1", "-o", "json"])).unwrap();
    let read = explained["read"].as_array().unwrap();
    let changed = read.iter().filter(|one| !one["changes"].as_array().unwrap().is_empty()).count();
    assert_eq!((&explained["rendersAgain"], changed), (&true.into(), 1), "{explained}");
}

#[test]
fn a_chart_comes_from_a_repository_or_a_registry() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(root);
    let run = |arguments: &[&str]| {
        text(&Command::new("helm").current_dir(root).env("HOME", root).args(arguments).output().unwrap())
    };
    for version in ["0.1.0", "0.2.0"] {
        run(&["package", "web", "--version", version, "--destination", "repository"]);
    }
    run(&["repo", "index", "repository"]);
    let files = files::Server::start(&root.join("repository"));
    let registry = Registry::start(&root.join("registry"), &Access::Anyone);
    let url = format!("oci://{}/charts", registry.host);
    for version in ["0.1.0", "0.2.0"] {
        run(&["push", &format!("repository/web-{version}.tgz"), &url, "--plain-http"]);
    }
    let (repository, charts) = (files.url(""), format!("{url}/web"));
    for arguments in [
        &["shop", "web", "--repo", &repository][..],
        &["shop", "web", "--repo", &repository, "--version", "0.1.x", "--set", "replicas=7"],
        &["shop", &charts, "--plain-http", "-f", "values-prod.yaml"],
        &["shop", &charts, "--plain-http", "--version", "~0.1.0", "--include-crds"],
    ] {
        assert_eq!(text(&render(root, arguments)), text(&helm(root, arguments)), "{arguments:?}");
    }
    let error = refused(&render(root, &["web", "--repo", &repository, "--version", "2.x"]));
    assert!(error.contains("0.2.0, 0.1.0"), "{error}");
    files.behave(files::Behaviour { authorization: Some("Basic amFuZTpodW50ZXIy".to_owned()), ..Default::default() });
    let wrong = ["web", "--repo", &repository, "--username", "jane", "--password", "hunter3"];
    let error = refused(&render(root, &wrong));
    assert!(error.contains("401") && !error.contains("hunter3"), "{error}");
    let right = ["web", "--repo", &repository, "--username", "jane", "--password", "hunter2"];
    assert_eq!(text(&render(root, &right)), text(&helm(root, &right)));
}

#[test]
fn outside_of_a_repository_no_file_beyond_the_kustomization_is_read_as_with_kubectl() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let write = |path: &str, content: &str| {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
    };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {key: s3cret}\n";
    write("outside/secret.yaml", map);
    write("base/kustomization.yaml", "resources: [map.yaml]\n");
    write("base/map.yaml", &map.replace("s3cret", "known"));
    write("with-base/kustomization.yaml", "namePrefix: a-\nresources: [../base]\n");
    let passwd = format!("{}etc/passwd", "../".repeat(40));
    for (name, file) in
        [("above", "../outside/secret.yaml"), ("absolute", "/etc/passwd"), ("climbing", &passwd), ("link", "link.yaml")]
    {
        for kind in [format!("configMapGenerator:\n- name: m\n  files: [{file}]\n"), format!("resources: [{file}]\n")] {
            write(&format!("{name}/kustomization.yaml"), &kind);
            let link = root.join(name).join("link.yaml");
            if !link.exists() {
                std::os::unix::fs::symlink("../outside/secret.yaml", link).unwrap();
            }
            let kubectl = Command::new("kubectl").current_dir(root).args(["kustomize", name]).output().unwrap();
            assert!(!kubectl.status.success(), "{name}");
            let error = refused(&render(root, &[name]));
            assert!(!error.contains("s3cret") && !error.contains("root:"), "{error}");
        }
    }
    let kubectl = Command::new("kubectl").current_dir(root).args(["kustomize", "with-base"]).output().unwrap();
    assert_eq!(text(&render(root, &["with-base"])), text(&kubectl));

    // Who names a directory of manifests, or a chart, means what is in it.
    write("plain/a.yaml", map);
    assert!(text(&render(root, &["plain"])).contains("s3cret"));
    write("linked/b.yaml", &map.replace("s3cret", "known"));
    std::os::unix::fs::symlink("../outside/secret.yaml", root.join("linked/a.yaml")).unwrap();
    assert!(!refused(&render(root, &["linked"])).contains("s3cret"));
}

#[test]
fn what_is_not_rendered_is_told_at_the_prompt() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    for (path, content) in
        [("a/a.yaml", config), ("a/b.cue", ""), ("b/b.cue", ""), ("c/charts/web/Chart.yaml", "name: web")]
    {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
    }
    let render = |path: &str| cowherd(root).args(["render", path]).output().unwrap();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let output = render("a");
    assert!(text(&output).contains("name: a"));
    assert_eq!(said(&output), "# Warning: not rendered: b.cue (CUE)\n");
    for (path, words) in
        [("b", "b.cue (CUE); render it beforehand"), ("c", "charts/web: the directory is a Helm chart")]
    {
        let output = render(path);
        assert!(!output.status.success() && said(&output).contains(words), "{}", said(&output));
    }
}

#[test]
fn the_documented_kustomization_renders_a_chart_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    chart(&root.join("apps"));
    fs::remove_file(root.join("apps/values-prod.yaml")).unwrap();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rendering.md")).unwrap();
    let begin = page.find("# apps/kustomization.yaml").unwrap();
    let kustomization = page[begin..].split("```").next().unwrap();
    fs::write(root.join("apps/kustomization.yaml"), kustomization).unwrap();
    let rendered = text(&cowherd(root).args(["render", "apps"]).output().unwrap());
    assert!(rendered.contains("name: web-web") && rendered.contains("replicas: 2"), "{rendered}");
}
