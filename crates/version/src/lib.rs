//! Versions and constraints on them as Helm and Flux read them: those of Go's Masterminds/semver 3.4, which are looser
//! than SemVer 2.0.

mod constraint;
mod number;
mod written;

pub use constraint::{Constraint, ConstraintError};
pub use number::{Version, VersionError};

/// Whether `version` is one that `constraint` allows; neither a broken constraint nor a broken version allows any.
pub fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(constraint)) {
        (Ok(version), Ok(constraint)) => constraint.allows(&version),
        _ => false,
    }
}
