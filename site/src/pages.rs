//! The pages: those of `docs/`, and those that stand at the top of the repository, in one folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::links;

const CONTENTS: &str = include_str!("../SUMMARY.md");

/// The pages that are not in `docs/`, and how they are called on the site.
const OTHERS: &[(&str, &str)] = &[
    ("README.md", "README.md"),
    ("ARCHITECTURE.md", "ARCHITECTURE.md"),
    ("CONTRIBUTING.md", "CONTRIBUTING.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("examples/tenants/README.md", "tenants.md"),
];

/// Pages by their paths in the repository, with their names on the site.
type Pages = BTreeMap<PathBuf, String>;

/// Puts everything that the site is made of into `source`, with links that are right there.
pub(crate) fn gather(repository: &Path, source: &Path) -> Result<()> {
    fs::create_dir_all(source)?;
    fs::write(source.join("SUMMARY.md"), CONTENTS)?;
    let repository = repository.canonicalize()?;
    let pages = pages(&repository)?;
    let mut files = BTreeSet::new();
    for (page, name) in &pages {
        ensure!(CONTENTS.contains(&format!("]({name})")), "site/SUMMARY.md lacks the page {name}");
        let path = repository.join(page);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().context("a page has no folder")?;
        let text = links::rewritten(&text, |link| target(&repository, folder, link, &pages, &mut files));
        fs::write(source.join(name), text)?;
    }
    for file in files {
        let copy = source.join(&file);
        fs::create_dir_all(copy.parent().context("a file has no folder")?)?;
        fs::copy(repository.join(&file), copy).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(())
}

fn pages(repository: &Path) -> Result<Pages> {
    let mut pages: Pages = OTHERS.iter().map(|(path, name)| (PathBuf::from(path), (*name).to_owned())).collect();
    for entry in fs::read_dir(repository.join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            pages.insert(Path::new("docs").join(&name), name);
        }
    }
    Ok(pages)
}

/// Where a link to something of the repository leads on the site: to a page, or to a file that is noted to be copied;
/// `None` for a folder, and for a page that the site does not have.
fn target(
    repository: &Path,
    folder: &Path,
    link: &str,
    pages: &Pages,
    files: &mut BTreeSet<PathBuf>,
) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    if path.is_empty() {
        return Some(link.to_owned());
    }
    let file = folder.join(path).canonicalize().ok().filter(|file| file.is_file())?;
    let inside = file.strip_prefix(repository).ok()?.to_owned();
    let there = match pages.get(&inside) {
        Some(name) => name.clone(),
        None if inside.extension().is_some_and(|extension| extension == "md") => return None,
        None => {
            files.insert(inside.clone());
            inside.to_string_lossy().into_owned()
        }
    };
    Some(anchor.map_or(there.clone(), |anchor| format!("{there}#{anchor}")))
}
