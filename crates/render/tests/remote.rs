//! What is elsewhere: repositories, files and charts that a kustomization names by their address.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cowherd_render::{
    Cause, Options, Overlay, Remote, RemoteSource, Remotes, RenderError, Rendered, Surroundings, render_in,
};
use cowherd_tree::{DiskTree, MemoryTree, Tree, TreePath};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n";

fn config(name: &str) -> String {
    CONFIG.replace("NAME", name)
}

/// What is elsewhere, by its source.
#[derive(Default)]
struct Fetched(BTreeMap<RemoteSource, Remote>);

impl Remotes for Fetched {
    fn find(&self, source: &RemoteSource) -> Option<Remote> {
        self.0.get(source).cloned()
    }
}

impl Fetched {
    fn with(mut self, source: RemoteSource, tree: impl Tree + 'static, revision: &str) -> Self {
        self.0.insert(source, Remote { tree: Arc::new(tree), revision: revision.into() });
        self
    }
}

fn git(url: &str, reference: Option<&str>) -> RemoteSource {
    RemoteSource::Git { url: url.into(), reference: reference.map(str::to_owned), timeout: None }
}

fn memory(files: &[(&str, &str)]) -> MemoryTree {
    MemoryTree::new(files.iter().map(|(path, content)| (*path, content.to_string()))).expect("a tree")
}

fn render(tree: &dyn Tree, path: &str, remotes: &Fetched) -> Result<Rendered, RenderError> {
    let surroundings = Surroundings { remotes, ..Surroundings::default() };
    let path = TreePath::parse(path).expect("a path");
    render_in(tree, &path, &Overlay::default(), &Options::default(), &surroundings)
}

fn names(rendered: &Rendered) -> Vec<&str> {
    rendered.objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect()
}

#[test]
fn all_that_is_missing_is_named_at_once_and_then_what_that_names() {
    let kustomization = "resources: [github.com/org/a//base?ref=v1, here.yaml, https://example.com/crd.yaml]\n\
        components: ['git@example.com:org/b.git//part']\nnamePrefix: p-\n";
    let tree = memory(&[("app/kustomization.yaml", kustomization), ("app/here.yaml", &config("here"))]);
    let a = git("https://github.com/org/a", Some("v1"));
    let b = git("git@example.com:org/b.git", None);
    let file = RemoteSource::File { url: "https://example.com/crd.yaml".into() };
    let missing = |fetched: &Fetched| match render(&tree, "app", fetched) {
        Err(RenderError { cause, .. }) => match *cause {
            Cause::MissingRemotes(missing) => missing,
            other => panic!("{other}"),
        },
        Ok(_) => Vec::new(),
    };
    assert_eq!(missing(&Fetched::default()), [b.clone(), a.clone(), file.clone()]);
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -b\n";
    let fetched = Fetched::default()
        .with(
            a.clone(),
            memory(&[
                ("base/kustomization.yaml", "resources: [a.yaml, ../more, github.com/org/c]"),
                ("base/a.yaml", &config("a")),
                ("more/kustomization.yaml", "resources: [m.yaml]"),
                ("more/m.yaml", &config("m")),
            ]),
            "sha1:a",
        )
        .with(b.clone(), memory(&[("part/kustomization.yaml", component)]), "sha1:b")
        .with(file.clone(), memory(&[("crd.yaml", &config("crd"))]), "sha256:f");
    let c = git("https://github.com/org/c", None);
    assert_eq!(missing(&fetched), std::slice::from_ref(&c));
    let fetched = fetched.with(
        c.clone(),
        memory(&[("kustomization.yaml", "resources: [c.yaml]"), ("c.yaml", &config("c"))]),
        "sha1:c",
    );
    let rendered = render(&tree, "app", &fetched).expect("a render");
    assert_eq!(names(&rendered), ["p-a-b", "p-c-b", "p-crd-b", "p-here-b", "p-m-b"]);
    let revisions: Vec<(RemoteSource, String)> = rendered.remotes.into_iter().collect();
    let expected = [(b, "sha1:b"), (a, "sha1:a"), (c, "sha1:c"), (file, "sha256:f")];
    assert_eq!(revisions, expected.map(|(source, revision)| (source, revision.to_owned())));
}

#[test]
fn what_is_missing_is_named_where_it_is_used() {
    let tree = memory(&[
        ("kustomization.yaml", "resources: [base]\nnamePrefix: x-\n"),
        ("base/kustomization.yaml", "resources: [here@v1.yaml, 'git@example.com:org/x.git']\n"),
        ("base/here@v1.yaml", &config("here")),
    ]);
    let error = render(&tree, "", &Fetched::default()).expect_err("an error");
    let expected = "base/kustomization.yaml: resources[1]: not fetched: git@example.com:org/x.git";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_elsewhere_reaches_nothing_outside_its_repository_or_its_directories() {
    let source = || git("https://github.com/org/a", None);
    let fail = |files: &[(&str, &str)]| {
        let tree =
            memory(&[("kustomization.yaml", "resources: [github.com/org/a/base]"), ("secret.yaml", &config("s"))]);
        render(&tree, "", &Fetched::default().with(source(), memory(files), "r")).expect_err("an error")
    };
    let error = fail(&[("base/kustomization.yaml", "resources: [../../secret.yaml]")]);
    assert!(matches!(*error.cause, Cause::Path(_)), "{error}");
    assert!(
        error.to_string().starts_with("https://github.com/org/a: base/kustomization.yaml: resources[0]: "),
        "{error}"
    );
    let error = fail(&[("base/kustomization.yaml", "resources: [../file.yaml]"), ("file.yaml", &config("f"))]);
    assert!(error.to_string().contains("is not in or below base"), "{error}");
    let error = fail(&[("base/kustomization.yaml", "resources: [a.yaml]"), ("base/a.yaml", "kind: [")]);
    assert!(error.to_string().starts_with("https://github.com/org/a: base/a.yaml: line 1"), "{error}");
    let error = fail(&[("other/kustomization.yaml", "")]);
    assert!(error.to_string().contains("base: no such file or directory"), "{error}");
}

#[test]
fn cycles_between_repositories_are_found() {
    let a = memory(&[("kustomization.yaml", "resources: [github.com/org/b]")]);
    let b = memory(&[("kustomization.yaml", "resources: ['https://github.com/org/a.git//']")]);
    let c = memory(&[("kustomization.yaml", "resources: [github.com/org/b]")]);
    let fetched = Fetched::default()
        .with(git("https://github.com/org/a", None), a, "a")
        .with(git("https://github.com/org/b", None), b, "b")
        .with(git("https://github.com/org/a.git", None), c, "c");
    let tree = memory(&[("kustomization.yaml", "resources: [github.com/org/a]")]);
    let error = render(&tree, "", &fetched).expect_err("an error");
    assert!(
        matches!(&*error.cause, Cause::Cycle { directory, .. } if directory == "https://github.com/org/b//."),
        "{error}"
    );
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(directory).output().expect("the program runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn write(directory: &Path, path: &str, content: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, content).expect("a file");
}

#[test]
fn a_repository_is_built_as_kubectl_builds_its_clone() {
    let directory = tempfile::tempdir().expect("a directory");
    let repository = directory.path().join("repository");
    write(
        &repository,
        "base/kustomization.yaml",
        "resources: [a.yaml, ../other]\nnamePrefix: r-\n\
        configMapGenerator: [{name: made, literals: [a=b]}]\n",
    );
    write(&repository, "base/a.yaml", &config("a"));
    write(&repository, "other/kustomization.yaml", "resources: [o.yaml]\ntransformers: [labels.yaml]\n");
    write(&repository, "other/o.yaml", &config("o"));
    write(
        &repository,
        "other/labels.yaml",
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\n\
        labels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
    );
    run(&repository, "git", &["init", "--quiet", "--initial-branch=main"]);
    run(&repository, "git", &["add", "."]);
    run(&repository, "git", &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "x"]);
    run(&repository, "git", &["tag", "v1"]);
    let url = format!("file://{}", repository.display());
    let local = directory.path().join("local");
    write(
        &local,
        "kustomization.yaml",
        &format!(
            "resources: ['{url}//base?ref=v1']\nnameSuffix: -s\n\
        buildMetadata: [originAnnotations, transformerAnnotations]\n"
        ),
    );
    let fetched = Fetched::default().with(git(&url, Some("v1")), DiskTree::new(&repository), "v1");
    let rendered = render(&DiskTree::new(&local), "", &fetched).expect("a render");
    let expected = run(&local, "kubectl", &["kustomize", "."]);
    assert_eq!(cowherd_yaml::write_documents(&rendered.objects), expected);
}
