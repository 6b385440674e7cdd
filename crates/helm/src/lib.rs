//! Helm charts to manifests, as `helm template` renders them.
//!
//! Everything about a chart except the execution of its templates is here: reading it from a tree, its values and
//! their order of precedence, its dependencies, the schema of its values, what the cluster is said to be capable of,
//! and how the rendered files become a list of hooks and manifests. The templates are executed by an [`Engine`].
//!
//! Helm v4.1.4 decides what is right.

pub mod capabilities;
pub mod chart;
pub mod dependencies;
pub mod engine;
mod error;
pub mod functions;
mod go;
pub mod release;
pub mod schema;
mod scope;
mod template;
pub mod values;

pub use capabilities::Capabilities;
pub use chart::Chart;
pub use error::Error;
pub use release::{Hook, Manifest, Release};
pub use scope::{ChartScope, Template, TemplateSet};
pub use template::{Engine, Output, Request, Selection, render, template};
