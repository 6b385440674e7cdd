//! What is said of a review: for people at a terminal, for programs, for a comment on a pull request.

mod lines;
mod markdown;
mod structured;
mod tally;
mod text;

pub use lines::clean;
pub use markdown::markdown;
pub use structured::{left_out, looked_at, structured};
pub use tally::Tally;
pub use text::text;

/// That two revisions have no common history, and what that means for what is said.
pub fn unrelated(base: &str) -> String {
    format!(
        "no common history with {base}: compared with {base} itself, so that what only {base} has looks as if it was taken away; in a \
         shallow clone `git fetch --unshallow` brings the rest"
    )
}
