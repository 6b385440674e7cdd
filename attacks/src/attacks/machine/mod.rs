//! A machine that has no room, and processes that are killed.

pub mod full_disk;
pub mod kills;
