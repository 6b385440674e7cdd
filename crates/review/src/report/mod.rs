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
