//! Text for people: harmless, whoever wrote it, lists that can be read however long they are, names that may be meant, and words as a
//! shell takes them.

mod harmless;
mod listed;
pub mod near;
pub mod shell;

pub use harmless::{harmless, is_more_than_text};
pub use listed::{clauses, listed, listed_of};
