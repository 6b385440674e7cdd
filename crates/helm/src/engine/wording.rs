//! Says why templates failed, as Helm words it: the chain of files, lines and templates down to the cause.

use cowherd_template::parse::ParseError;
use cowherd_template::{Cause, Error, Failure, Fault};

/// Stand around what `required` and `fail` say, so that it is found inside of all that is said around it.
pub(super) const MESSAGE_START: &str = "\u{1}message\u{2}";
pub(super) const MESSAGE_END: &str = "\u{3}message\u{4}";

/// Why a text is no template.
pub(super) fn parse_error(error: &ParseError) -> String {
    let cause = error.message.rsplit(": ").next().unwrap_or_default();
    format!("parse error at ({}:{}): {cause}", error.name, error.line)
}

/// Why the execution of the template `name` failed.
pub(super) fn execution_error(error: &Error) -> String {
    let text = error.to_string();
    let Error::At(failure) = error else { return text };
    if let Some(message) = said(&text) {
        return format!("execution error at ({}): {message}", location(failure));
    }
    chain(failure).unwrap_or(text)
}

/// What `required` or `fail` says, if one of them is the cause.
fn said(text: &str) -> Option<&str> {
    let start = text.find(MESSAGE_START)? + MESSAGE_START.len();
    let end = text.rfind(MESSAGE_END)?;
    text.get(start..end)
}

fn location(failure: &Failure) -> String {
    format!("{}:{}:{}", failure.file, failure.line, failure.column)
}

/// Every place on the way to the cause, with what was being executed there. `None` where the cause is a function's own
/// failure, which Helm leaves in Go's form.
fn chain(failure: &Failure) -> Option<String> {
    let mut out = String::new();
    let mut failure = failure;
    loop {
        let message = match &failure.cause {
            Cause::Message(message) => message.clone(),
            Cause::Calling { function, .. } => format!("error calling {function}:"),
        };
        let Failure { executing, context, .. } = failure;
        out += &format!("{}\n  executing {executing:?} at <{context}>:\n    {message}\n", location(failure));
        failure = match &failure.cause {
            Cause::Message(_) => break,
            Cause::Calling { fault: Fault::Template(error), .. } => match &**error {
                Error::At(inner) => inner,
                error @ Error::NoTemplate { .. } => {
                    out += &format!("{error}\n");
                    break;
                }
                Error::Parse(_) | Error::Limit(_) => return None,
            },
            Cause::Calling { .. } => return None,
        };
    }
    Some(out.trim().to_owned())
}
