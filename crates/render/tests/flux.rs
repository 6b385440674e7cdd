//! What Flux adds to kustomize: directories without a kustomization, and changes by a Kustomization.

use std::fs;

use cowherd_oracle::Tool;
use cowherd_render::{Image, InlinePatch, Overlay, Selector, render};
use cowherd_tree::{MemoryTree, Recorder, TreePath};
use serde_json::{Value, json};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n";
const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: nginx:1.25
        envFrom:
        - configMapRef: {name: settings}
";

fn config(name: &str) -> String {
    CONFIG.replace("NAME", name)
}

fn build(files: &[(&str, String)], path: &str, overlay: &Overlay) -> Vec<Value> {
    let tree = MemoryTree::new(files.iter().cloned()).expect("a tree");
    render(&tree, &TreePath::parse(path).expect("a path"), overlay).expect("a render")
}

fn names(objects: &[Value]) -> Vec<&str> {
    objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect()
}

#[test]
fn a_directory_without_a_kustomization_is_every_manifest_below_it() {
    let files = [
        ("apps/a.yaml", config("a")),
        ("apps/deep/er/b.yml", config("b")),
        ("apps/deep/readme.md", "nothing".into()),
        ("apps/values.json", "{}".into()),
        ("apps/own/kustomization.yaml", "namePrefix: own-\nresources: [../../elsewhere/c.yaml]\n".into()),
        ("apps/own/ignored.yaml", "not an object".into()),
        ("elsewhere/c.yaml", config("c")),
    ];
    assert_eq!(names(&build(&files, "apps", &Overlay::default())), ["a", "b", "own-c"]);
    assert_eq!(names(&build(&[("apps/x.txt", String::new())], "apps", &Overlay::default())), [""; 0]);
}

#[test]
fn the_root_of_the_repository_can_be_built() {
    assert_eq!(
        names(&build(&[("a.yaml", config("a")), ("b/c.yaml", config("c"))], "./", &Overlay::default())),
        ["a", "c"]
    );
}

#[test]
fn an_overlay_gives_what_a_kustomization_on_top_gives() {
    let overlay = Overlay {
        target_namespace: Some("prod".into()),
        name_prefix: Some("p-".into()),
        name_suffix: Some("-s".into()),
        patches: vec![InlinePatch {
            patch: "- {op: add, path: /spec/replicas, value: 3}".into(),
            target: Some(Selector { kind: "Deployment".into(), ..Selector::default() }),
        }],
        images: vec![Image { name: "nginx".into(), new_tag: "1.27".into(), ..Image::default() }],
        components: vec!["../component".into(), "../not-there".into()],
        ignore_missing_components: true,
    };
    let component =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {by: component}\n";
    let files = [
        ("app/kustomization.yaml", "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [a=b]\nimages: [{name: nginx, newName: registry/nginx}]\n".to_owned()),
        ("app/web.yaml", WEB.to_owned()),
        ("component/kustomization.yaml", component.to_owned()),
    ];
    let written_out = "resources: [web.yaml]
namespace: prod
namePrefix: p-
nameSuffix: -s
configMapGenerator:
- name: settings
  literals: [a=b]
images: [{name: nginx, newName: registry/nginx, newTag: '1.27'}]
components: [../component]
patches:
- patch: |-
    - {op: add, path: /spec/replicas, value: 3}
  target: {kind: Deployment}
";
    let directory = tempfile::tempdir().expect("a directory");
    for (path, content) in &files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, if path.ends_with("app/kustomization.yaml") { written_out } else { content }).expect("a file");
    }
    let output =
        Tool::new("kubectl").arg("kustomize").arg(directory.path().join("app")).reads(directory.path()).output();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(cowherd_yaml::write_documents(&build(&files, "app", &overlay)), expected);
}

#[test]
fn an_overlay_is_what_the_fields_of_a_kustomization_say() {
    let spec = json!({
        "interval": "1m", "path": "./app", "targetNamespace": "x",
        "patches": [{"patch": "[]", "target": {"kind": "A", "labelSelector": "a=b"}}],
        "images": [{"name": "a", "newTag": "b"}],
    });
    let overlay: Overlay = serde_json::from_value(spec).expect("an overlay");
    assert_eq!(overlay.target_namespace.as_deref(), Some("x"));
    assert_eq!(overlay.patches[0].target.as_ref().map(|target| target.label_selector.as_str()), Some("a=b"));
    assert_eq!(overlay.images[0].new_tag, "b");
}

#[test]
fn what_was_read_says_whether_a_commit_matters() {
    let files = [
        ("app/kustomization.yaml", "resources: [../base]\n".to_owned()),
        ("base/kustomization.yaml", "resources: [a.yaml]\n".to_owned()),
        ("base/a.yaml", config("a")),
        ("base/unused.yaml", config("unused")),
        ("other/b.yaml", config("b")),
    ];
    let mut tree = MemoryTree::new(files).expect("a tree");
    let recorder = Recorder::new(&tree);
    render(&recorder, &TreePath::parse("app").expect("a path"), &Overlay::default()).expect("a render");
    let reads = recorder.into_reads();
    for path in ["other/b.yaml", "base/unused.yaml", "base/new.yaml"] {
        tree.insert(path, "changed").expect("a path");
        assert!(reads.unchanged_in(&tree).expect("an answer"), "{path}");
    }
    let mut changed = tree.clone();
    changed.insert("base/a.yaml", config("z")).expect("a path");
    assert!(!reads.unchanged_in(&changed).expect("an answer"));
    // A second kustomization file would be an error.
    tree.insert("base/kustomization.yml", "").expect("a path");
    assert!(!reads.unchanged_in(&tree).expect("an answer"));
}
