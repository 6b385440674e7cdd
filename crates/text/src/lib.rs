//! Text for people: harmless, whoever wrote it, and lists that can be read however long they are.

mod harmless;
mod listed;

pub use harmless::{harmless, is_more_than_text};
pub use listed::{clauses, listed, listed_of};
