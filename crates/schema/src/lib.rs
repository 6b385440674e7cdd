//! Kubernetes' types as data: fields, list types, merge keys, validation, OpenAPI documents.
//!
//! A [`Schema`] says what a value may be and how it merges. The schemas of the built-in kinds come from
//! [`builtin`], those of custom resources from their CustomResourceDefinitions; whoever merges, prunes or
//! validates need not know which.
//!
//! Validation rules in CEL (`x-kubernetes-validations`) are kept in documents and not evaluated.

pub mod builtin;
mod decoding;
mod defaults;
mod embedded;
pub mod field;
mod formats;
mod go;
mod lists;
mod model;
pub mod openapi;
mod pattern;
mod prune;
mod read;
mod rules;
mod structural;
mod validate;

pub use decoding::{Undecodable, metadata_decoding_error, metadata_decoding_errors};
pub use defaults::DefaultsTooLarge;
pub use field::{ErrorKind, FieldError, FieldPath};
pub use go::{GoField, Presence};
pub use model::{ListType, MapType, Schema, SchemaError, Type};
pub use validate::MAX_ERRORS;
