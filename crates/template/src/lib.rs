//! Go templates, as `text/template` executes them.

mod error;
mod exec;
pub mod format;
mod function;
pub mod parse;
mod value;

pub use error::{Cause, Error, Failure};
pub use exec::Execution;
pub use function::{Body, Fault, Function, Type};
pub use value::{Kind, List, MAX_DEPTH, Map, Object, Text, Value};
