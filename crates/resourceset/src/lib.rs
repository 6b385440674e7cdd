//! Objects made of templates and inputs, as a ResourceSet of the Flux Operator says.
//!
//! [`combine`] has the inputs of several providers come together; [`build`] fills templates in with each of them. Nothing here asks
//! a cluster or a clock, and all that it takes is bounded.
//!
//! ```
//! use cowherd_resourceset::{Limits, Templates, build};
//! use serde_json::json;
//!
//! let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "<< inputs.team >>-map" } });
//! let inputs = [json!({ "team": "a" }), json!({ "team": "b" })].map(|input| input.as_object().unwrap().clone());
//! let inputs = inputs.to_vec().into();
//! let objects = build(&Templates { resources: &[map], text: None }, &inputs, &Limits::default())?;
//! assert_eq!(objects[1]["metadata"]["name"], "b-map");
//! # Ok::<(), cowherd_resourceset::BuildError>(())
//! ```

mod build;
mod combine;
mod error;
mod functions;
mod key;
mod numbers;
mod slug;
mod value;

pub use build::{Limits, RECONCILE, Templates, build};
pub use combine::{CombineError, Inputs, MAX_PERMUTATIONS, Provider, Strategy, combine};
pub use error::BuildError;
pub use key::{id, normalized};
pub use slug::slug;

/// What templates are filled in with, by name.
pub type Input = serde_json::Map<String, serde_json::Value>;
