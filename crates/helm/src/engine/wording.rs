//! Says why templates failed, as Helm words it: the chain of files, lines and templates down to the cause.

use std::fmt::{self, Write as _};

use cowherd_template::parse::ParseError;
use cowherd_template::{Cause, Error, Failure, Fault};

/// How many bytes of what is wrong are told: each of the templates that execute each other adds to it.
const LIMIT: usize = 64 * 1024;

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
    let Error::At(failure) = error else { return beginning(error) };
    if let Some(message) = innermost(error).and_then(said) {
        return format!("execution error at ({}): {message}", location(failure));
    }
    chain(failure).unwrap_or_else(|| beginning(error))
}

/// The words of an error; of many the beginning, and the cause, which is at their end.
fn beginning(error: &Error) -> String {
    let mut beginning = Beginning(String::new());
    if write!(beginning, "{error}").is_err() {
        beginning.0 += "…";
        if let Some(cause) = innermost(error) {
            beginning.0 += ": ";
            beginning.0 += &cause[..cause.floor_char_boundary(LIMIT)];
        }
    }
    beginning.0
}

/// Takes a text as far as it is told, and then no more.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(LIMIT.saturating_sub(self.0.len()));
        self.0.push_str(&text[..room]);
        if room == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// What a function or the execution itself says at the end of the way to the cause.
fn innermost(mut error: &Error) -> Option<&str> {
    loop {
        let Error::At(failure) = error else { return None };
        error = match &failure.cause {
            Cause::Message(message) | Cause::Calling { fault: Fault::Message(message), .. } => return Some(message),
            Cause::Calling { fault: Fault::Template(inner) | Fault::Within { error: inner, .. }, .. } => inner,
        };
    }
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
    let mut is_cut = false;
    loop {
        let message = match &failure.cause {
            Cause::Message(message) => message.clone(),
            Cause::Calling { function, .. } => format!("error calling {function}:"),
        };
        let Failure { executing, context, .. } = failure;
        // Of a long way the beginning is told, and always its end: that is the cause.
        if out.len() <= LIMIT || matches!(failure.cause, Cause::Message(_)) {
            let message = &message[..message.floor_char_boundary(LIMIT)];
            out += &format!("{}\n  executing {executing:?} at <{context}>:\n    {message}\n", location(failure));
        } else if !is_cut {
            out += "…\n";
            is_cut = true;
        }
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
