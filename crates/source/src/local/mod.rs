//! Repositories of this machine, read where they are.

mod repository;
mod watch;
mod worktree;

pub use repository::{Head, Repository, discover, is_in_one};
pub use watch::{LocalWatch, LocalWatches, WatchError};
pub use worktree::Worktree;
