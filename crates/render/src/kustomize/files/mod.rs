//! What a build reads: kustomization files, the directories they stand in, and what is elsewhere.

pub(crate) mod blank;
pub(crate) mod decode;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod repository;
pub(crate) mod sources;
