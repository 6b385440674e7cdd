//! The documentation as a site: the pages of the repository as an mdBook, and a reference of the commands in their own
//! words.

mod commands;
mod links;
mod pages;

use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

/// Builds the site of the checkout at `repository` into `site`. The `program` tells what its commands are.
///
/// # Errors
/// When a page of [the table of contents](../SUMMARY.md) is not there, a page of the documentation is not in it, the program
/// does not run, or the site can't be written.
pub fn build(repository: &Path, program: &Path, site: &Path) -> Result<()> {
    let book = tempfile::tempdir()?;
    let source = book.path().join("src");
    pages::gather(repository, &source)?;
    let reference = commands::reference(program)?;
    std::fs::write(source.join("commands.md"), reference)?;
    std::fs::create_dir_all(site)?;
    let book = MDBook::load_with_config(book.path(), config(&site.canonicalize()?)?)?;
    book.build().context("cannot build the site")
}

fn config(site: &Path) -> Result<Config> {
    let mut config = Config::default();
    config.book.title = Some("cowherd".to_owned());
    config.book.description = Some("Keep clusters, workloads and clouds converged on a Git repository".to_owned());
    config.book.language = Some("en".to_owned());
    site.clone_into(&mut config.build.build_dir);
    config.build.create_missing = false;
    config.set("output.html.no-section-label", true)?;
    // Flags have two dashes.
    config.set("output.html.smart-punctuation", false)?;
    Ok(config)
}
