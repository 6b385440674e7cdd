//! What in a repository would fail.

pub mod dependencies;
