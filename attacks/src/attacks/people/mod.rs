//! What people at their terminals are shown, and what they run on what others wrote.

pub mod escape_sequences;
pub mod hostile_reviews;
