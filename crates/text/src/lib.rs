//! Text for people: harmless, whoever wrote it, lists that can be read however long they are, and names that may be meant.

mod harmless;
mod listed;
pub mod near;

pub use harmless::{harmless, is_more_than_text};
pub use listed::{clauses, listed, listed_of};
