//! Repositories in directories of this machine.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::web::WebProblem;
use crate::web::location::scheme;

/// The index of the repository in `directory`.
pub(super) fn index(directory: &Path, limit: u64) -> Result<Vec<u8>, WebProblem> {
    read(&directory.join("index.yaml"), limit)
}

/// The archive that the index of the repository in `directory` calls `reference`: a path in the repository.
pub(super) fn archive(directory: &Path, reference: &str, limit: u64) -> Result<Vec<u8>, WebProblem> {
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
    read(&path, limit)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, WebProblem> {
    let shown = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| absent(path, &error))?;
    // A pipe or a device would make us wait, or never end.
    if !metadata.is_file() {
        return Err(WebProblem::NotFound { url: shown(), cause: "it is no regular file".to_owned() });
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| absent(path, &error))?;
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(|error| absent(path, &error))?;
    if content.len() as u64 > limit { Err(WebProblem::TooLarge { url: shown(), limit }) } else { Ok(content) }
}

fn absent(path: &Path, error: &io::Error) -> WebProblem {
    WebProblem::NotFound { url: path.display().to_string(), cause: error.to_string() }
}
