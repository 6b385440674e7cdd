//! What is too much: kustomizations that would take the machine say so instead.

use cowherd_render::{Options, Overlay, render_with};
use cowherd_tree::{MemoryTree, TreePath};

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: b}}\ndata: {a: x-y}\nspec: {p: 1}\n";

fn message(files: &[(&str, String)], options: &Options) -> String {
    let mut tree = MemoryTree::new(files.iter().cloned()).expect("a tree");
    tree.insert("a.yaml", CONFIG).expect("a path");
    let rendered = render_with(&tree, &TreePath::root(), &Overlay::default(), options);
    rendered.expect_err("it is too much").to_string()
}

fn refused(kustomization: &str) -> String {
    let kustomization = format!("resources: [a.yaml]\n{kustomization}");
    message(&[("kustomization.yaml", kustomization)], &Options { bytes: 10_000_000, ..Options::default() })
}

fn replacement(source: &str, target: &str, options: &str) -> String {
    format!(
        "- {{source: {{kind: ConfigMap, fieldPath: {source}}}, targets: [{{select: {{kind: ConfigMap}}, \
         fieldPaths: [{target}], options: {{create: true{options}}}}}]}}\n"
    )
}

#[test]
fn fields_are_not_made_inside_each_other_without_end() {
    let long = |separator: &str| vec!["a"; 500_000].join(separator);
    let error = refused(&format!("replacements:\n{}", replacement("data.a", &long("."), "")));
    assert!(error.ends_with("the path has more than 100 parts"), "{}", error.len());
    let error = refused(&format!("labels: [{{pairs: {{a: b}}, fields: [{{path: {}, create: true}}]}}]", long("/")));
    assert!(error.contains("a field path is longer than 1024 bytes"), "{}", error.len());
    let config = format!("namePrefix: [{{path: {}, create: true}}]", long("/"));
    let files = [
        ("kustomization.yaml", "resources: [a.yaml]\nnamePrefix: x\nconfigurations: [c.yaml]\n".to_owned()),
        ("c.yaml", config),
    ];
    let error = message(&files, &Options::default());
    assert!(error.contains("a field path is longer than 1024 bytes"), "{}", error.len());
}

#[test]
fn what_is_put_into_itself_does_not_grow_without_end() {
    let nested = replacement("spec", "spec.x", "").repeat(1000);
    let error = refused(&format!("replacements:\n{nested}"));
    assert!(error.ends_with("the value at \"spec\" is nested more than 150 levels deep"), "{error}");
    let doubled = (replacement("spec", "spec.x", "") + &replacement("spec", "spec.y", "")).repeat(30);
    let error = refused(&format!("replacements:\n{doubled}"));
    assert!(error.ends_with("bytes read and written; split the kustomization"), "{error}");
    let text = replacement("data.a", "data.a", ", delimiter: '-', index: 0").repeat(60);
    let error = refused(&format!("replacements:\n{text}"));
    assert!(error.ends_with("bytes read and written; split the kustomization"), "{error}");
}

#[test]
fn what_is_used_again_and_again_counts_each_time() {
    let options = Options { bytes: 100_000, ..Options::default() };
    let large = || "x".repeat(10_000);
    let refused = |kustomization: String| {
        let files = [("kustomization.yaml", kustomization), ("large", large())];
        let error = message(&files, &options);
        assert!(error.contains("more than 100000 bytes read and written"), "{error}");
    };
    let each = |entry: &dyn Fn(usize) -> String| (0..11).map(entry).collect::<String>();
    refused(format!("configMapGenerator:\n{}", each(&|at| format!("- {{name: c{at}, files: [large]}}\n"))));

    let objects = |count| {
        let object = |at| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{at}}}\n---\n");
        (0..count).map(object).collect::<String>()
    };
    let refused = |kustomization: String| {
        let files =
            [("kustomization.yaml", format!("resources: [many.yaml]\n{kustomization}")), ("many.yaml", objects(20))];
        let error = message(&files, &options);
        assert!(error.contains("more than 100000 bytes read and written"), "{error}");
    };
    let large = large();
    refused(format!("namePrefix: {large}"));
    refused(format!("commonLabels: {{a: {large}}}"));
    refused(format!("namespace: {large}"));
    refused(format!(
        "patches: [{{target: {{kind: ConfigMap}}, patch: '[{{\"op\": \"add\", \"path\": \"/a\", \"value\": \"{large}\"}}]'}}]"
    ));
    refused(format!(
        "patches: [{{target: {{kind: ConfigMap}}, patch: '{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"x\"}}, \"data\": {{\"a\": \"{large}\"}}}}'}}]"
    ));
    let specs = "{path: metadata/labels, create: true}, ".repeat(20);
    refused(format!(
        "transformers:\n- |\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {{name: x}}\n  labels: {{a: {large}}}\n  fieldSpecs: [{specs}]\n"
    ));
}

#[test]
fn objects_and_kustomizations_are_counted() {
    let chain = |length: usize| {
        let mut files = vec![("kustomization.yaml".to_owned(), "resources: [base0]\n".to_owned())];
        for at in 0..length {
            let next = if at + 1 < length { format!("../base{}", at + 1) } else { "../a.yaml".to_owned() };
            files.push((format!("base{at}/kustomization.yaml"), format!("resources: [{next}]\n")));
        }
        files
    };
    let refused = |files: &[(String, String)], options: &Options| {
        let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
        message(&files, options)
    };
    let error = refused(&chain(70), &Options::default());
    assert_eq!(
        error,
        "base63/kustomization.yaml: more than 64 kustomizations that build on each other; split the kustomization"
    );
    let error = refused(&chain(5), &Options { kustomizations: 5, ..Options::default() });
    assert_eq!(error, "base4/kustomization.yaml: more than 5 kustomizations in one build; split the kustomization");
    let objects = |count| (0..count).map(|at| format!("{CONFIG}---\n").replacen("name: a", &format!("name: a{at}"), 1));
    let files = [
        ("kustomization.yaml".to_owned(), "resources: [a.yaml, many.yaml]\n".to_owned()),
        ("many.yaml".to_owned(), objects(10).collect()),
    ];
    let error = refused(&files, &Options { objects: 10, ..Options::default() });
    assert_eq!(error, "kustomization.yaml: more than 10 objects; split the kustomization");
}

#[test]
fn directories_are_not_descended_into_without_end() {
    let deep = format!("{}b.yaml", "d/".repeat(130));
    let error = message(&[(&deep, CONFIG.to_owned())], &Options::default());
    assert!(error.ends_with("more than 128 directories inside each other; split the kustomization"), "{error}");
}
