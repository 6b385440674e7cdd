//! What there is to render below a directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The names that kustomize knows for a kustomization file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A file beside a corpus' own that names the one directory to build below it, itself the whole file system of the
/// build. Tests of kustomize, once they are written out, are kept this way.
const BUILD_DIRECTORY: &str = ".build-dir";

/// What decides how a directory is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// By `kubectl kustomize`.
    Kustomize,
    /// By `helm template`.
    Helm,
}

/// One thing to render.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The part of the corpora that it is counted with.
    pub corpus: String,
    /// The path from the directory that was searched, and the values file where there is one.
    pub name: String,
    /// Who renders it.
    pub kind: Kind,
    /// The directory that we take as the repository.
    pub root: PathBuf,
    /// The directory to render, relative to the root.
    pub path: String,
    /// A file of values for the chart, relative to it.
    pub values: Option<String>,
    /// The directory whose content decides whether a kept answer still holds.
    pub inputs: PathBuf,
}

/// Everything below `root`, in order of names.
pub fn cases(root: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    visit(root, root, Within::Repository, &mut cases)?;
    cases.sort();
    Ok(cases)
}

/// Where a directory stands: what belongs to a chart is no case of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Repository,
    Chart,
}

fn visit(root: &Path, directory: &Path, within: Within, cases: &mut Vec<Case>) -> Result<()> {
    let mut names: Vec<(String, bool)> = fs::read_dir(directory)
        .with_context(|| directory.display().to_string())?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?.is_dir()))
        })
        .collect();
    names.sort();
    let has_file = |name: &str| names.iter().any(|(found, is_directory)| found == name && !is_directory);
    if has_file(BUILD_DIRECTORY) {
        let path = fs::read_to_string(directory.join(BUILD_DIRECTORY))?.trim().to_owned();
        cases.push(case(root, directory, Kind::Kustomize, directory, path));
        return Ok(());
    }
    let path = relative(root, directory);
    let file = KUSTOMIZATIONS.into_iter().find(|name| has_file(name));
    if file.is_some_and(|file| within == Within::Repository && !is_component(&directory.join(file))) {
        cases.push(case(root, directory, Kind::Kustomize, root, path.clone()));
    }
    let is_chart = has_file("Chart.yaml");
    if is_chart {
        let chart = Case { inputs: directory.to_owned(), ..case(root, directory, Kind::Helm, root, path) };
        for values in ci_values(directory)? {
            cases.push(Case { name: format!("{} {values}", chart.name), values: Some(values), ..chart.clone() });
        }
        cases.push(chart);
    }
    for (name, _) in names.iter().filter(|(name, is_directory)| *is_directory && name != ".git") {
        let of_the_chart = is_chart && matches!(name.as_str(), "charts" | "templates");
        if of_the_chart {
            continue;
        }
        let within = if is_chart { Within::Chart } else { within };
        visit(root, &directory.join(name), within, cases)?;
    }
    Ok(())
}

/// A case at `directory`, counted with the first component of its path.
fn case(root: &Path, directory: &Path, kind: Kind, tree: &Path, path: String) -> Case {
    let name = relative(root, directory);
    let first = name.split('/').next().unwrap_or_default().to_owned();
    let top = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (corpus, inputs) = if tree != root {
        (top.clone(), tree.to_owned())
    } else if first == "." {
        (top.clone(), root.to_owned())
    } else {
        (format!("{top}/{first}"), root.join(&first))
    };
    Case { corpus, name: format!("{top}/{name}"), kind, root: tree.to_owned(), path, values: None, inputs }
}

/// The files with values that a chart keeps for its own tests.
fn ci_values(chart: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(chart.join("ci")) else { return Ok(Vec::new()) };
    let mut files: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with("values.yaml"))
        .map(|name| format!("ci/{name}"))
        .collect();
    files.sort();
    Ok(files)
}

/// Components are built only as part of a kustomization.
fn is_component(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| line.strip_prefix("kind:").is_some_and(|kind| kind.trim() == "Component"))
}

fn relative(root: &Path, directory: &Path) -> String {
    match directory.strip_prefix(root) {
        Ok(path) if !path.as_os_str().is_empty() => path.to_string_lossy().into_owned(),
        _ => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kustomizations_and_charts_are_found_but_not_the_parts_of_either() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join("corpus").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("app/kustomization.yaml", "resources: []\n");
        write("part/kustomization.yml", "kind: Component\n");
        write("written/.build-dir", "overlay\n");
        write("written/overlay/kustomization.yaml", "resources: [../base]\n");
        write("web/Chart.yaml", "name: web\n");
        write("web/ci/tls-values.yaml", "tls: true\n");
        write("web/charts/redis/Chart.yaml", "name: redis\n");
        write("web/examples/kustomization.yaml", "resources: []\n");
        let cases = cases(&root.path().join("corpus")).unwrap();
        let found: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.path.as_str(), case.kind)).collect();
        assert_eq!(
            found,
            [
                ("corpus/written", "overlay", Kind::Kustomize),
                ("corpus/app", "app", Kind::Kustomize),
                ("corpus/web", "web", Kind::Helm),
                ("corpus/web ci/tls-values.yaml", "web", Kind::Helm),
            ]
        );
    }
}
