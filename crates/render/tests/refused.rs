//! Kustomizations that kubectl refuses, and so do we.

use std::fs;
use std::path::Path;

use cowherd_oracle::Tool;
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};

/// What the kustomizations are about.
const FILES: [(&str, &str); 6] = [
    (
        "objects.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: one}\n---\napiVersion: v1\nkind: ConfigMap\n\
         metadata: {name: b}\ndata: {}\nspec: {n: 1, list: [1], map: {}}\n",
    ),
    ("labels.yaml", "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\n"),
    ("strict.yaml", "namePrefixes: []\n"),
    ("conflict.yaml", "commonLabels: [{path: metadata/labels, create: false}]\n"),
    ("schema.json", "{\"definitions\": {}}"),
    ("text.yaml", "only text\n"),
];

const REFUSED: [&str; 37] = [
    "replacements: [{source: {kind: ConfigMap}, targets: [{select: {name: a}}]}]",
    "replacements: [{source: {kind: Nothing}, targets: [{select: {name: a}}]}]",
    "replacements: [{source: {name: a}}]",
    "replacements: [{targets: [{select: {name: a}}]}]",
    "replacements: [{source: {name: a, fieldPath: data.no}, targets: [{select: {name: b}, fieldPaths: [data.y]}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x}, targets: [{select: {name: b}, fieldPaths: [data.y]}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x}, targets: [{select: {name: b}, fieldPaths: [spec.n]}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x}, targets: [{fieldPaths: [spec.n]}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x, options: {delimiter: '-', index: 2}}, targets: [{select: {name: b}}]}]",
    "replacements: [{source: {name: b, fieldPath: spec.list, options: {delimiter: '-'}}, targets: [{select: {name: a}}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x}, targets: [{select: {name: b}, fieldPaths: [spec.list.5]}]}]",
    "replacements: [{source: {name: a, fieldPath: data.x}, targets: [{select: {name: b}, fieldPaths: ['spec.list.[x]']}]}]",
    "replacements: [{source: {name: a}, sourceValue: x, targets: [{select: {name: b}}]}]",
    "replacements: [{path: text.yaml}]",
    "replacements: [{path: text.yaml, source: {name: a}}]",
    "replacements: [{source: {name: a, fieldpaths: data.x}, targets: []}]",
    "replacements: [{sourceValue: x, targets: [{select: {name: b}, fieldPaths: [data.true], options: {create: true}}]}]",
    "replacements: [{sourceValue: x, targets: [{select: {name: b}, fieldPaths: ['data.[1.5]'], options: {create: true}}]}]",
    "replacements: [{sourceValue: x, targets: [{select: {name: b}, fieldPaths: ['data.null.x'], options: {create: true}}]}]",
    "vars: [{name: X, objref: {kind: ConfigMap, version: v1, name: no}}]",
    "vars: [{name: X, objref: {kind: ConfigMap, version: v1, name: a}, fieldref: {fieldPath: data.no}}]",
    "vars: [{name: X, objref: {kind: ConfigMap, version: v1, name: a}}, {name: X, objref: {kind: ConfigMap, version: v1, name: b}}]",
    "configurations: [strict.yaml]",
    "configurations: [conflict.yaml]",
    "configurations: [no.yaml]",
    "crds: [text.yaml]",
    "openapi: {version: v1.0.0}",
    "openapi: {version: v1.21.2, path: schema.json}",
    "transformers: [objects.yaml]",
    "transformers: ['{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: x}, prefix: a-}']",
    "transformers: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}}']",
    "transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}}']",
    "transformers: ['{apiVersion: builtin, kind: ValueAddTransformer, metadata: {name: x}}']",
    "generators: [labels.yaml]",
    "validators: ['{apiVersion: builtin, kind: LabelTransformer, metadata: {name: x}, labels: {a: b}, fieldSpecs: [{path: metadata/labels, create: true}]}']",
    "patches: [{target: {name: a}, patch: '[{op: add, path: /data/y, value: z}]'}]",
    "labels: [{pairs: {a: b}, fields: [{path: metadata/labels, create: false}]}]",
];

#[test]
fn what_kubectl_refuses_is_refused() {
    let mut failures = Vec::new();
    for field in REFUSED {
        let directory = tempfile::tempdir().expect("a directory");
        for (path, content) in FILES {
            fs::write(directory.path().join(path), content).expect("a file");
        }
        let kustomization = format!("resources: [objects.yaml]\n{field}\n");
        fs::write(directory.path().join("kustomization.yaml"), kustomization).expect("a file");
        let refused = |path: &Path| {
            let output = Tool::new("kubectl").arg("kustomize").arg(path).output();
            !output.status.success()
        };
        if !refused(directory.path()) {
            failures.push(format!("kubectl builds: {field}"));
        }
        let tree = DiskTree::new(directory.path());
        if let Ok(objects) = render(&tree, &TreePath::root(), &Overlay::default()) {
            failures.push(format!("we build: {field}\n{}", cowherd_yaml::write_documents(&objects)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
