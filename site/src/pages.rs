//! The pages: those of `docs/`, and those that stand at the top of the repository, in one folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::links;

const CONTENTS: &str = include_str!("../SUMMARY.md");

/// The pages at the top of the repository that the site has too.
const TOP: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// Puts everything that the site is made of into `source`, with links that are right there.
pub(crate) fn gather(repository: &Path, source: &Path) -> Result<()> {
    fs::create_dir_all(source)?;
    fs::write(source.join("SUMMARY.md"), CONTENTS)?;
    let mut files = BTreeSet::new();
    for page in written(repository)? {
        let name = page.file_name().context("a page has no name")?.to_string_lossy().into_owned();
        ensure!(CONTENTS.contains(&format!("]({name})")), "site/SUMMARY.md lacks the page {name}");
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        let folder = page.parent().context("a page has no folder")?;
        let text = links::rewritten(&text, |link| target(repository, folder, link, &mut files));
        fs::write(source.join(name), text)?;
    }
    for file in files {
        let copy = source.join(&file);
        fs::create_dir_all(copy.parent().context("a file has no folder")?)?;
        fs::copy(repository.join(&file), copy).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(())
}

fn written(repository: &Path) -> Result<Vec<PathBuf>> {
    let mut pages: Vec<PathBuf> = TOP.iter().map(|name| repository.join(name)).collect();
    for entry in fs::read_dir(repository.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(pages)
}

/// Where a link to something of the repository leads on the site: to a page, or to a file that is noted to be copied;
/// `None` for a folder, which the site does not have.
fn target(repository: &Path, folder: &Path, link: &str, files: &mut BTreeSet<PathBuf>) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    if path.is_empty() {
        return Some(link.to_owned());
    }
    let file = folder.join(path).canonicalize().ok().filter(|file| file.is_file())?;
    let inside = file.strip_prefix(repository.canonicalize().ok()?).ok()?.to_owned();
    let is_page = inside.extension().is_some_and(|extension| extension == "md");
    let there = if is_page {
        inside.file_name()?.to_string_lossy().into_owned()
    } else {
        files.insert(inside.clone());
        inside.to_string_lossy().into_owned()
    };
    Some(anchor.map_or(there.clone(), |anchor| format!("{there}#{anchor}")))
}
