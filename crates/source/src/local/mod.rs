//! Repositories of this machine, read where they are.

mod repository;
mod watch;
mod worktree;

pub use repository::{Head, Repository, discover};
pub use watch::{LocalWatch, WatchError, watch_local};
pub use worktree::Worktree;
