//! Says where an execution failed, as Go says it.

use super::{Execution, Stop};
use crate::error::{Cause, Error, Failure};
use crate::function::Fault;
use crate::parse::{self, Place, Position};

/// What is being looked at: found in the tree again when it has to be shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub(super) place: Place,
    pub(super) position: Position,
}

impl<C> Execution<'_, C> {
    pub(super) fn look_at(&mut self, place: Place, position: Position) {
        self.at = At { place, position };
    }

    /// Fails at what is being looked at.
    pub(super) fn fail(&self, message: impl Into<String>) -> Stop {
        self.fail_with(Cause::Message(message.into()))
    }

    /// Fails in a function.
    pub(super) fn fail_calling(&self, function: &str, fault: Fault) -> Stop {
        // Limits are no fault of the place.
        if let Fault::Template(error) = &fault
            && matches!(**error, Error::Limit(_))
            && let Fault::Template(error) = fault
        {
            return Stop::Error(error);
        }
        self.fail_with(Cause::Calling { function: function.to_owned(), fault })
    }

    fn fail_with(&self, cause: Cause) -> Stop {
        let Some(template) = &self.current else {
            return Error::Limit(cause.to_string()).into();
        };
        let (line, column) = parse::location(&template.source.text, self.at.position);
        let context = parse::show(&template.list, self.at.place, self.at.position);
        Error::At(Box::new(Failure {
            file: template.source.name.to_string(),
            line,
            column,
            executing: template.name.to_string(),
            context: context.unwrap_or_default(),
            cause,
        }))
        .into()
    }
}
