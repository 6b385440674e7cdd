//! Repositories in directories of this machine.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::content::Content;
use crate::web::WebProblem;
use crate::web::location::scheme;

/// The index of the repository in `directory`.
pub(super) fn index(directory: &Path, limit: u64) -> Result<Content, WebProblem> {
    open(&directory.join("index.yaml"), limit)
}

/// The archive that the index of the repository in `directory` calls `reference`: a path in the repository.
pub(super) fn archive(directory: &Path, reference: &str, limit: u64) -> Result<Content, WebProblem> {
    let refused = |cause: &str| WebProblem::Location { url: reference.to_owned(), cause: cause.to_owned() };
    let path = match scheme(reference) {
        Some("file") => PathBuf::from(reference.trim_start_matches("file:").trim_start_matches("//")),
        Some(_) => return Err(refused("its scheme is not supported")),
        None => directory.join(reference),
    };
    let real = |path: &Path| path.canonicalize().map_err(|error| absent(path, &error));
    let path = real(&path)?;
    if !path.starts_with(real(directory)?) {
        return Err(refused("it is outside of the repository's directory"));
    }
    open(&path, limit)
}

fn open(path: &Path, limit: u64) -> Result<Content, WebProblem> {
    let shown = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| absent(path, &error))?;
    // A pipe or a device would make us wait, or never end.
    if !metadata.is_file() {
        return Err(WebProblem::NotFound { url: shown(), cause: "it is no regular file".to_owned() });
    }
    let file = File::open(path).map_err(|error| absent(path, &error))?;
    let size = file.metadata().map_err(|error| absent(path, &error))?.len();
    if size > limit { Err(WebProblem::TooLarge { url: shown(), limit }) } else { Ok(Content::in_file(file, 0, size)) }
}

fn absent(path: &Path, error: &io::Error) -> WebProblem {
    WebProblem::NotFound { url: path.display().to_string(), cause: error.to_string() }
}
