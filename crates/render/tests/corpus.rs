//! Every kustomization of the corpus, compared byte for byte with `kubectl kustomize`.

use std::fs;
use std::path::{Path, PathBuf};

use cowherd_oracle::Tool;
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};

/// The directories below `directory` that hold a kustomization of their own.
fn kustomizations(directory: &Path, found: &mut Vec<PathBuf>) {
    let file = ["kustomization.yaml", "kustomization.yml", "Kustomization"].map(|name| directory.join(name));
    let is_component = |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains("kind: Component"));
    if file.iter().any(|file| file.exists()) && !file.iter().any(is_component) {
        found.push(directory.to_owned());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for entry in entries.iter().filter(|entry| entry.is_dir()) {
        kustomizations(entry, found);
    }
}

fn oracle(root: &Path, directory: &Path) -> Result<String, String> {
    let topic = directory.strip_prefix(root).expect("below the root").iter().next().expect("a topic");
    let output = Tool::new("kubectl")
        .args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"])
        .arg(directory)
        .reads(root.join(topic))
        .output();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("kubectl prints UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn ours(root: &Path, directory: &Path) -> Result<String, String> {
    let relative = directory.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
    let tree = DiskTree::new(root);
    let path = TreePath::parse(&relative).expect("a path");
    let objects = render(&tree, &path, &Overlay::default()).map_err(|error| error.to_string())?;
    Ok(cowherd_yaml::write_documents(&objects))
}

/// The first line in which two texts differ, with those before it.
fn difference(ours: &str, expected: &str) -> String {
    let (mut ours_lines, mut expected_lines) = (ours.lines(), expected.lines());
    let mut before: Vec<&str> = Vec::new();
    loop {
        match (ours_lines.next(), expected_lines.next()) {
            (None, None) => return "only in line breaks".into(),
            (a, b) if a == b => before.extend(a),
            (a, b) => {
                let context = before[before.len().saturating_sub(12)..].join("\n");
                return format!("{context}\n  ours:     {a:?}\n  expected: {b:?}");
            }
        }
    }
}

#[test]
fn every_kustomization_of_the_corpus_is_built_as_kubectl_builds_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut found = Vec::new();
    kustomizations(&root, &mut found);
    assert!(found.len() >= 60, "only {} kustomizations in the corpus", found.len());
    let mut failures = Vec::new();
    for directory in &found {
        let name = directory.strip_prefix(&root).expect("below the root").display().to_string();
        match (ours(&root, directory), oracle(&root, directory)) {
            (Ok(ours), Ok(expected)) if ours == expected => {}
            (Ok(ours), Ok(expected)) => failures.push(format!("== {name}\n{}", difference(&ours, &expected))),
            (Err(error), _) => failures.push(format!("== {name}: we fail: {error}")),
            (_, Err(error)) => failures.push(format!("== {name}: kubectl fails: {error}")),
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), found.len(), failures.join("\n"));
}
