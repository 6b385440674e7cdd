//! YAML as Kubernetes' tools read and write it, within limits.
//!
//! [`parse_documents`] reads what people wrote, [`to_string`] writes what `kubectl -o yaml` and `kubectl kustomize`
//! would print, byte for byte. Values are [`serde_json::Value`]: whatever YAML can say beyond JSON (tags, anchors,
//! comments) is resolved or refused.
//!
//! ```
//! let documents = cowherd_yaml::parse_documents(b"a: 0777\n---\nb: [x, 'y']\n", &Default::default())?;
//! assert_eq!(documents[1].line, 3);
//! assert_eq!(cowherd_yaml::to_string(&documents[0].value), "a: 511\n");
//! assert_eq!(cowherd_yaml::to_string(&documents[1].value), "b:\n- x\n- \"y\"\n");
//! # Ok::<(), cowherd_yaml::YamlError>(())
//! ```

mod block;
mod encoding;
mod error;
mod key_order;
mod limits;
mod next_line;
mod node;
mod number;
mod older;
mod places;
mod read;
mod reader;
mod resolve;
mod scalar;
mod timestamp;
mod weight;
mod write;

pub use error::{Problem, YamlError};
pub use limits::Limits;
pub use next_line::fold_next_lines;
pub use node::{Node, Shape};
pub use places::{Step, line_of};
pub use read::{Document, parse_documents, parse_documents_as, parse_documents_with_texts, parse_first_document};
pub use resolve::{Dialect, Plain, resolve};
pub use weight::{TooHeavy, Weight, guess as guess_weight};
pub use write::{to_bytewise_string, to_pretty_string, to_string, write_documents};
