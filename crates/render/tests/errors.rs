//! What goes wrong, and what the error says: the file, the field or line, the cause.

use std::process::Command;

use cowherd_render::{
    Cause, LoadRestriction, Options, Overlay, RenderError, Surroundings, render, render_in, render_with,
};
use cowherd_tree::{DiskTree, MemoryTree, TreeError, TreePath};
use cowherd_yaml::Problem;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

fn fail(files: &[(&str, &str)]) -> RenderError {
    fail_at("app", files)
}

fn fail_at(path: &str, files: &[(&str, &str)]) -> RenderError {
    let tree = MemoryTree::new(files.iter().map(|(path, content)| (*path, content.to_string()))).expect("a tree");
    render(&tree, &TreePath::parse(path).expect("a path"), &Overlay::default()).expect_err("an error")
}

/// The message of the error of a kustomization with a ConfigMap besides it.
fn message(kustomization: &str) -> String {
    fail(&[("app/kustomization.yaml", kustomization), ("app/a.yaml", CONFIG)]).to_string()
}

#[test]
fn a_missing_file_is_named_with_the_field_that_names_it() {
    assert_eq!(
        message("resources: [a.yaml, missing.yaml]"),
        "app/kustomization.yaml: resources[1]: app/missing.yaml: no such file or directory"
    );
    let error = fail(&[("app/kustomization.yaml", "resources: [../base]"), ("base/x.yaml", CONFIG)]);
    assert!(matches!(*error.cause, Cause::NoKustomization));
    assert_eq!(error.file.as_str(), "base");
    assert!(matches!(*fail_at("nothing", &[("a", "")]).cause, Cause::Read(TreeError::NotFound(_))));
}

#[test]
fn broken_yaml_is_named_with_its_line() {
    let error = fail(&[("app/kustomization.yaml", "resources: [a.yaml]"), ("app/a.yaml", "kind: A\n  b: [\n")]);
    assert_eq!((error.file.as_str(), error.line), ("app/a.yaml", Some(2)));
    let error = fail(&[("app/a.yaml", "a: 1\n---\nb: 1\nb: 2\n")]);
    assert_eq!(
        error.to_string(),
        "app/a.yaml: line 4: the key \"b\" is already defined in this mapping; remove one of the two"
    );
    assert_eq!(fail(&[("app/kustomization.yaml", "a: [")]).file.as_str(), "app/kustomization.yaml");
}

#[test]
fn a_document_must_be_an_object() {
    let error = fail(&[("app/a.yaml", CONFIG), ("app/deep/b.yaml", "# a comment\n---\nreplicaCount: 3\n")]);
    assert_eq!(
        error.to_string(),
        "app/deep/b.yaml: line 3: not a Kubernetes object: missing kind; a kustomization.yaml says which files of a \
         directory are manifests"
    );
    let error = fail(&[("app/helmfile.yaml", "releases: []\n")]);
    assert!(
        error.to_string().ends_with("missing kind; Helmfile is not run here: commit what `helmfile template` prints")
    );
    let listed = [("app/kustomization.yaml", "resources: [b.yaml]"), ("app/b.yaml", "replicaCount: 3\n")];
    assert_eq!(fail(&listed).to_string(), "app/b.yaml: line 1: not a Kubernetes object: missing kind");
    let error = fail(&[("app/a.yml", "kind: A\nmetadata: {}\n")]);
    assert_eq!(error.to_string(), "app/a.yml: line 1: not a Kubernetes object: missing metadata.name in this A");
    assert!(matches!(*fail(&[("app/a.yaml", "just text")]).cause, Cause::NotAnObject(_)));
}

#[test]
fn a_chart_is_no_directory_of_manifests_and_the_error_says_how_it_is_rendered() {
    let chart = [("apps/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"), ("apps/a.yaml", CONFIG)];
    for path in ["apps/web", "apps", ""] {
        assert_eq!(
            fail_at(path, &chart).to_string(),
            "apps/web: the directory is a Helm chart, which is not rendered by its path alone: list it under helmCharts of \
             a kustomization.yaml, with the directory that it is in as helmGlobals.chartHome, or commit what `cowherd \
             render NAME apps/web` prints"
        );
    }
    let built_on = [chart[0], ("app/kustomization.yaml", "resources: [../apps/web]")];
    assert!(matches!(*fail(&built_on).cause, Cause::ChartDirectory(directory) if directory.as_str() == "apps/web"));
    // A manifest may have any name.
    let tree = MemoryTree::new([("app/Chart.yaml", CONFIG.to_owned())]).expect("a tree");
    assert_eq!(render(&tree, &TreePath::root(), &Overlay::default()).expect("a render").len(), 1);
}

#[test]
fn what_only_other_programs_render_is_named_where_nothing_else_is_there() {
    let error = fail(&[("app/guestbook.jsonnet", "{}"), ("app/lib/main.tf.json", "{}"), ("app/README.md", "")]);
    assert_eq!(
        error.to_string(),
        "app: no manifests are here, but what is not rendered: app/guestbook.jsonnet (Jsonnet), app/lib/main.tf.json \
         (Terraform); render it beforehand and commit the manifests as .yaml"
    );
    let error = fail(&[("app/service.json", "{}")]);
    assert!(error.to_string().ends_with("; JSON is read where a kustomization.yaml names it"), "{error}");
    let unrendered = |files: &[(&str, &str)]| -> Vec<String> {
        let tree = MemoryTree::new(files.iter().map(|(path, content)| (*path, content.to_string()))).expect("a tree");
        let (overlay, options) = (Overlay::default(), Options::default());
        let rendered = render_in(&tree, &TreePath::root(), &overlay, &options, &Surroundings::default());
        rendered.expect("a render").unrendered.iter().map(ToString::to_string).collect()
    };
    assert_eq!(unrendered(&[("a.yaml", CONFIG), ("b.cue", ""), ("c.json", "{}")]), ["b.cue (CUE)"]);
    assert_eq!(
        unrendered(&[("kustomization.yaml", "resources: [a.yaml]"), ("a.yaml", CONFIG), ("b.cue", "")]),
        [""; 0]
    );
    // Nothing at all is nothing.
    assert_eq!(unrendered(&[("README.md", "")]), [""; 0]);
}

#[test]
fn paths_and_links_stay_in_the_repository() {
    for path in ["../../etc/passwd", "../../../x", "/etc/passwd"] {
        let error = fail(&[("app/kustomization.yaml", &format!("resources: [{path}]")), ("app/a.yaml", CONFIG)]);
        assert!(matches!(*error.cause, Cause::Path(_)), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
    let mut tree = MemoryTree::new([("app/kustomization.yaml", "resources: [out.yaml]")]).expect("a tree");
    tree.link("app/out.yaml", "../../etc/passwd").expect("a link");
    let error = render(&tree, &TreePath::parse("app").expect("a path"), &Overlay::default()).expect_err("an error");
    assert!(matches!(*error.cause, Cause::Read(TreeError::Outside { .. })), "{error}");
}

#[test]
fn kubectls_restriction_can_be_asked_for() {
    let files = [("app/kustomization.yaml", "resources: [../shared/a.yaml]"), ("shared/a.yaml", CONFIG)];
    let tree = MemoryTree::new(files).expect("a tree");
    let path = TreePath::parse("app").expect("a path");
    assert!(render(&tree, &path, &Overlay::default()).is_ok());
    let options = Options { load: LoadRestriction::RootOnly, ..Options::default() };
    let error = render_with(&tree, &path, &Overlay::default(), &options).expect_err("an error");
    assert!(error.to_string().contains("is not in or below app"), "{error}");
}

#[test]
fn cycles_are_refused() {
    let error = fail(&[
        ("app/kustomization.yaml", "resources: [../b]"),
        ("b/kustomization.yaml", "resources: [../c]"),
        ("c/kustomization.yaml", "resources: [../app]"),
    ]);
    assert_eq!(error.file.as_str(), "c/kustomization.yaml");
    assert!(matches!(&*error.cause, Cause::Cycle { directory, .. } if directory == "app"), "{error}");
    for path in [".", "..", "./"] {
        let error = fail(&[("app/kustomization.yaml", &format!("resources: [{path:?}]"))]);
        assert!(matches!(*error.cause, Cause::Cycle { .. }), "{error}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = format!("{CONFIG}a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    let error = fail(&[("app/bomb.yaml", &bomb)]);
    assert!(
        matches!(&*error.cause, Cause::Yaml(error) if matches!(error.problem, Problem::Expansion { .. })),
        "{error}"
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = std::fs::File::create(directory.path().join("large.yaml")).expect("a file");
    file.set_len(100 * 1024 * 1024).expect("a size");
    for field in ["resources: [large.yaml]", "configMapGenerator: [{name: a, files: [large.yaml]}]"] {
        std::fs::write(directory.path().join("kustomization.yaml"), field).expect("a file");
        let tree = DiskTree::new(directory.path());
        let error = render(&tree, &TreePath::root(), &Overlay::default()).expect_err("an error");
        assert!(matches!(*error.cause, Cause::Read(TreeError::TooLarge { .. })), "{error}");
        assert!(error.to_string().contains("large.yaml: the file has 104857600 bytes"), "{error}");
    }
}

#[test]
fn bases_that_multiply_are_bounded() {
    let mut files = vec![
        ("l0/a.yaml".to_owned(), CONFIG.to_owned()),
        ("l0/kustomization.yaml".into(), "resources: [a.yaml]".into()),
    ];
    for level in 1..9 {
        for side in ["x", "y"] {
            let text = format!("resources: [../l{}]\nnamePrefix: {side}{level}-\n", level - 1);
            files.push((format!("{side}{level}/kustomization.yaml"), text));
        }
        files.push((format!("l{level}/kustomization.yaml"), format!("resources: [../x{level}, ../y{level}]")));
    }
    let tree = MemoryTree::new(files).expect("a tree");
    let options = Options { kustomizations: 100, ..Options::default() };
    let path = TreePath::parse("l8").expect("a path");
    let error = render_with(&tree, &path, &Overlay::default(), &options).expect_err("an error");
    assert!(matches!(*error.cause, Cause::TooMuch { what: "kustomizations in one build", .. }), "{error}");
}

#[test]
fn two_objects_of_one_identity_are_refused_with_both_files() {
    let error = fail(&[("app/a.yaml", CONFIG), ("app/b.yaml", &format!("---\n{CONFIG}"))]);
    assert_eq!(
        error.to_string(),
        "app/b.yaml: line 2: may not add resource with an already registered id: \
         ConfigMap.v1.[noGrp]/a.default; it is also in app/a.yaml (line 1)"
    );
}

#[test]
fn what_kustomize_does_not_know_or_we_do_not_support_is_named() {
    assert_eq!(
        message("resources: [a.yaml]\nreesources: []"),
        "app/kustomization.yaml: line 2: json: unknown field \"reesources\""
    );
    assert_eq!(message("images: [{name: a, tag: b}]"), "app/kustomization.yaml: line 1: json: unknown field \"tag\"");
    assert_eq!(
        message("resources: [a.yaml]\nlabels: [{pairs: {a: b}, fields: [{path: x, creat: true}]}]"),
        "app/kustomization.yaml: line 2: json: unknown field \"creat\""
    );
}

#[test]
fn plugins_that_would_run_something_are_refused_by_their_kind() {
    let program = "apiVersion: example.com/v1\nkind: Sed\nmetadata: {name: x}\n";
    let container = "apiVersion: v1\nkind: Fn\nmetadata:\n  name: x\n  annotations:\n    \
        config.kubernetes.io/function: 'container: {image: x}'\n";
    for (field, plugin, what) in [
        ("transformers", program, "the plugin Sed is a program"),
        ("generators", container, "the plugin Fn is a container or a program"),
        ("validators", program, "the plugin Sed is a program"),
    ] {
        let kustomization = format!("resources: [a.yaml]\n{field}: [plugin.yaml]");
        let files =
            [("app/kustomization.yaml", kustomization.as_str()), ("app/a.yaml", CONFIG), ("app/plugin.yaml", plugin)];
        let error = fail(&files);
        assert_eq!(error.file.as_str(), "app/plugin.yaml");
        assert!(matches!(*error.cause, Cause::Plugin { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    let error = message("resources: [a.yaml]\ntransformers: ['{apiVersion: builtin, kind: X, metadata: {name: x}}']");
    assert!(error.contains("transformers: unable to load builtin X"), "{error}");
}

#[test]
fn a_kustomization_that_says_nothing_or_is_there_twice_is_refused() {
    assert!(message("# nothing").ends_with("kustomization.yaml is empty"));
    assert!(message("kind: Kustomization").ends_with("kustomization.yaml is empty"));
    let error = fail(&[("app/kustomization.yaml", "namePrefix: a"), ("app/kustomization.yml", "namePrefix: a")]);
    assert!(
        error.to_string().contains("found multiple kustomization files: kustomization.yaml, kustomization.yml"),
        "{error}"
    );
    assert!(message("kind: Pod\nresources: []").contains("kind should be Kustomization or Component"));
    assert!(
        message("namePrefix: 1")
            .contains("app/kustomization.yaml: line 1: namePrefix: must be a text, and is the number 1")
    );
}

#[test]
fn patches_that_fit_nothing_or_cannot_be_applied_are_refused() {
    let error = message(
        "resources: [a.yaml]\npatches:\n- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: b}\n",
    );
    assert!(
        error.starts_with("app/kustomization.yaml: patches[0]: no matches for Id ConfigMap.v1.[noGrp]/b"),
        "{error}"
    );
    let error = message(
        "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '- {op: remove, path: /data/x}'\n",
    );
    // The words behind the object are kustomize's.
    let why =
        "patches[0]: ConfigMap.v1.[noGrp]/a.default: remove operation does not apply: doc is missing path: \"/data/x\"";
    assert!(error.contains(why), "{error}");
    let error = message("resources: [a.yaml]\npatches: [{patch: nonsense}]\n");
    assert!(error.contains("unable to parse SM or JSON patch"), "{error}");
    assert!(message("resources: [a.yaml]\npatches: [{}]").contains("must specify one of patch and path"));
    assert!(message("resources: [a.yaml]\npatches: [{patch: '[]'}]").contains("must specify a target"));
    let error = message("resources: [a.yaml]\npatches:\n- target: {name: '('}\n  patch: '[]'\n");
    assert!(error.contains("is no regular expression"), "{error}");
    assert!(message("resources: [a.yaml]\nreplicas: [{name: x, count: 1}]").contains("replicas[0]: no Deployment"));
}

#[test]
fn generators_say_what_is_wrong_and_no_secret_value() {
    let of = |entry: &str| message(&format!("resources: [a.yaml]\nsecretGenerator: [{entry}]"));
    assert!(of("{name: s, literals: ['=hunter2']}").contains("secretGenerator[0]: invalid literal source"));
    assert!(!of("{name: s, literals: ['=hunter2']}").contains("hunter2"));
    assert!(of("{name: s, literals: [a=1, a=hunter2]}").contains("illegally repeats the key `a`"));
    assert!(of("{literals: [a=1]}").contains("must have a name"));
    assert!(of("{name: s, files: [x=y=z]}").contains("contains '='"));
    assert!(of("{name: s, behavior: merge, literals: [a=1]}").contains("does not exist; cannot merge or replace"));
    let error = message("resources: [a.yaml]\nconfigMapGenerator: [{name: a, literals: [x=y]}]");
    assert!(error.contains("exists; behavior must be merge or replace"), "{error}");
}

#[test]
fn components_and_bases_are_told_apart() {
    let component = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nnamePrefix: c-\n";
    let error = fail(&[("app/kustomization.yaml", "resources: [../c]"), ("c/kustomization.yaml", component)]);
    assert!(error.to_string().contains("list it under components"), "{error}");
    let error = fail(&[("app/kustomization.yaml", "components: [../c]"), ("c/kustomization.yaml", "namePrefix: a")]);
    assert!(error.to_string().contains("components[0]: expected kind 'Component'"), "{error}");
}

#[test]
fn what_is_neither_a_file_nor_a_directory_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let fails = |name: &str| {
        let path = directory.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        let error = render(&DiskTree::new(directory.path()), &TreePath::root(), &Overlay::default());
        std::fs::remove_file(path).expect("it was there");
        error.expect_err("an error").to_string()
    };
    for name in ["kustomization.yaml", "config.yaml"] {
        let error = fails(name);
        assert!(error.starts_with(&format!("{name}: {name} is neither a file nor a directory")), "{error}");
    }
    std::fs::write(directory.path().join("kustomization.yaml"), "resources: [other]\n").expect("a file");
    let error = fails("other");
    assert!(error.contains("resources[0]: other is neither a file nor a directory"), "{error}");
}

#[test]
fn what_kubectl_would_leave_out_is_an_error() {
    let object = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n");
    let json = |name: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"{name}\"}}}}\n")
    };
    for (text, line) in [(object("a") + "...\n" + &object("b"), 6), (json("a") + &json("b"), 2)] {
        let error = fail(&[("app/kustomization.yaml", "resources: [a.yaml]"), ("app/a.yaml", &text)]);
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.to_string().contains("put a line --- before it"), "{error}");
    }
    let wide: Vec<u8> =
        format!("\u{feff}{}---\n{}", object("a"), object("b")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let tree = MemoryTree::new([("app/kustomization.yaml", b"resources: [a.yaml]".to_vec()), ("app/a.yaml", wide)])
        .expect("a tree");
    let error = render(&tree, &TreePath::parse("app").expect("a path"), &Overlay::default()).expect_err("an error");
    assert!(error.to_string().contains("line 6: kubectl leaves out what follows"), "{error}");
    let long = format!("A=1\nB={}\nC=1\n", "x".repeat(65_534));
    let error = fail(&[("app/kustomization.yaml", "configMapGenerator: [{name: a, envs: [e]}]"), ("app/e", &long)]);
    assert!(error.to_string().contains("line 2 has 65536 bytes"), "{error}");
    let fits = format!("A=1\nB={}\nC=1\n", "x".repeat(65_533));
    let tree =
        MemoryTree::new([("kustomization.yaml", "configMapGenerator: [{name: a, envs: [e]}]".to_owned()), ("e", fits)])
            .expect("a tree");
    let objects = render(&tree, &TreePath::root(), &Overlay::default()).expect("a ConfigMap");
    assert_eq!(objects[0]["data"]["C"], "1");
}
