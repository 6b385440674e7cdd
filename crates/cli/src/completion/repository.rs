//! Names of what is in the repository that one stands in.

use std::ffi::OsStr;
use std::path::Path;

use clap_complete::CompletionCandidate;
use cowherd_source::local;

use super::candidates;

/// Branches, also those of remotes, and tags.
pub fn revisions(so_far: &OsStr) -> Vec<CompletionCandidate> {
    let found = local::discover(Path::new(".")).map(|repository| repository.names()).unwrap_or_default();
    candidates(found, &so_far.to_string_lossy())
}

/// Branches.
pub fn branches(so_far: &OsStr) -> Vec<CompletionCandidate> {
    let found = local::discover(Path::new(".")).map(|repository| repository.branches()).unwrap_or_default();
    candidates(found, &so_far.to_string_lossy())
}
