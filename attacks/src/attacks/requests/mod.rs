//! Requests that cost more than they should, or mean more than they say.

pub mod circles_of_owners;
pub mod costly_alternatives;
pub mod dense_documents;
pub mod endless_patterns;
pub mod growing_metrics;
pub mod growing_patches;
pub mod large_defaults;
pub mod long_lists;
pub mod many_mistakes;
pub mod odd_names;
pub mod words_to_large_objects;
pub mod yaml_bombs;
