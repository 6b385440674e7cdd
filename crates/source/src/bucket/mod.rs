//! Buckets of object storage that speaks S3: the part of the protocol that it takes to list objects and to get them.
//!
//! What of a bucket is kept here, and how it becomes a tree, is in `artifact/bucket.rs`.

mod client;
mod document;
mod error;
mod index;
mod keys;
mod listing;
mod patterns;
mod place;
#[cfg(test)]
mod recorded;
mod sign;
mod source;

pub(crate) use client::Client;
pub use error::{BucketError, BucketProblem, BucketStep};
pub(crate) use index::{Index, Listed};
pub(crate) use keys::{is_taken, places, shown};
pub(crate) use listing::{pages, unquoted};
pub(crate) use patterns::KeyPatterns;
pub use place::{BucketPlace, BucketPlaceError};
pub use source::{BucketKeys, BucketSource};
