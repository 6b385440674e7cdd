//! The message of a commit: a template of Go, with what was changed.

mod data;
mod functions;

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_helm::functions::Context;
use cowherd_template::{Definitions, Execution, Limits, Templates, Value};
use jiff::Timestamp;

use crate::Changes;

/// The message where nobody has said another.
const DEFAULT: &str = "Update from image update automation";

/// What errors call the template.
const NAME: &str = "commit message";

/// How much a template may write and take.
const LIMITS: Limits = Limits { depth: 100, output: 1 << 20, steps: 5_000_000 };

/// Which automation changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automation {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Why there is no message, in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is no template.
    #[error("unable to create commit message template from spec: {0}")]
    Parse(String),
    /// It fails.
    #[error("failed to run template from spec: {0}")]
    Execute(String),
    /// It asks for what was there in former versions of Flux.
    #[error(
        "template uses removed '{field}' field. Please use '{instead}' instead. \
         See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template"
    )]
    RemovedField {
        /// The field.
        field: &'static str,
        /// What is there now.
        instead: &'static str,
    },
}

/// The fields that were there in former versions, by what is said where one is asked for, and what is there now.
const REMOVED: [(&str, &str, &str); 2] = [
    ("can't evaluate field Updated in type source.TemplateData", ".Updated", ".Changed"),
    (
        "can't evaluate field ImageResult in type update.Result",
        ".Changed.ImageResult",
        ".Changed.FileChanges' or '.Changed.Objects",
    ),
];

/// The message of a commit with these changes, with values that a spec gives.
///
/// # Errors
/// When the template is none, fails, or takes more than it may.
pub fn message(
    template: &str,
    automation: &Automation,
    changes: &Changes,
    values: &BTreeMap<String, String>,
) -> Result<String, MessageError> {
    let template = if template.is_empty() { DEFAULT } else { template };
    let functions = functions::functions();
    let parsed = Definitions::parse(NAME, template.as_bytes(), &functions);
    let mut templates = Templates::new(NAME);
    templates.add_parsed(parsed.map_err(|error| MessageError::Parse(error.to_string()))?);
    // No function gives what the time is, or what is random.
    let mut context = Context::seeded(Timestamp::UNIX_EPOCH, b"");
    let mut execution = Execution::new(&functions, Arc::new(templates), &mut context);
    execution.limits(LIMITS);
    let data: Value = data::data(automation, changes, values);
    let written = execution.execute(NAME, &data);
    written.map(|text| text.to_str().into_owned()).map_err(|error| explained(error.to_string()))
}

fn explained(message: String) -> MessageError {
    let removed = REMOVED.iter().find(|(said, _, _)| message.contains(said));
    match removed {
        Some((_, field, instead)) => MessageError::RemovedField { field, instead },
        None => MessageError::Execute(message),
    }
}
