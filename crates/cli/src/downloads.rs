//! Where commands find what manifests name elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cowherd_gitops::{Elsewhere, Unrendered};
use cowherd_render::{Helm, RenderError, Surroundings};
use cowherd_source::{Access, Charts, Mirrors};

/// Where downloads are kept between calls of commands that have no data directory.
pub fn cache() -> Result<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    Ok(base.context("no place for downloads: set XDG_CACHE_HOME")?.join("cowherd"))
}

/// Renders for the person at the prompt, and fetches what that finds missing, as they would themselves. Most renders need nothing, and then nothing is opened.
pub fn at_the_prompt<T>(
    helm: &Helm,
    mut attempt: impl FnMut(&Surroundings<'_>) -> Result<T, RenderError>,
) -> Result<T> {
    match Elsewhere::nothing().render(&Access::own(), helm, &mut attempt) {
        Err(Unrendered::Elsewhere { .. }) => {}
        result => return Ok(result?),
    }
    let directory = own_directory()?;
    let result = opened(&directory).and_then(|elsewhere| Ok(elsewhere.render(&Access::own(), helm, attempt)?));
    let _ = fs::remove_dir_all(directory);
    result
}

/// What is elsewhere, with mirrors below `directory`.
pub fn opened(directory: &Path) -> Result<Elsewhere> {
    Ok(Elsewhere::new(Mirrors::open(directory)?, Charts::open(cache()?.join("charts"))?))
}

/// A directory of this call alone: mirrors belong to one process.
pub fn own_directory() -> Result<PathBuf> {
    let directory = cache()?.join(format!("mirrors-{}", std::process::id()));
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}
