//! Go templates, as `text/template` executes them.

mod error;
mod exec;
pub mod format;
mod function;
pub mod parse;
mod templates;
mod value;

pub use error::{Cause, Error, Failure};
pub use exec::{Execution, Limits, MissingKey};
pub use function::{Body, Fault, Function, Type};
pub use parse::Delimiters;
pub use templates::{Definitions, Functions, Templates};
pub use value::{Kind, List, MAX_DEPTH, Map, Methods, Object, Text, Value, lossy};
