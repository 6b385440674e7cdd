//! What is said of an error, and how the program ends with it.

use std::fmt;
use std::process::ExitCode;

/// A command line that makes no sense, in a way that only the command can tell. The program ends as with one that cannot be
/// read.
#[derive(Debug)]
pub struct Misuse(pub String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Returns with a [`Misuse`], as `bail!` does with another error.
macro_rules! misuse {
    ($($words:tt)*) => {
        return Err($crate::failure::Misuse(format!($($words)*)).into())
    };
}
pub(crate) use misuse;

/// How the program ends with an error, where the command itself ends with `otherwise`.
pub fn status(error: &anyhow::Error, otherwise: ExitCode) -> ExitCode {
    /// What clap ends with.
    const MISUSE: u8 = 2;
    if error.is::<Misuse>() { ExitCode::from(MISUSE) } else { otherwise }
}

/// The error with its causes, each of them once: many libraries have said theirs already in their own words.
pub fn text(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        said if said.contains(cause.trim()) => text,
        said => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("in a: {0}")]
    struct Repeating(#[source] std::fmt::Error);

    #[test]
    fn a_cause_is_said_once() {
        let cause = std::fmt::Error.to_string();
        let error = anyhow::Error::from(Repeating(std::fmt::Error)).context("no render");
        assert_eq!(text(&error), format!("no render: in a: {cause}"));
        assert_eq!(text(&anyhow!("one").context("two")), "two: one");
    }

    #[test]
    fn a_command_line_that_makes_no_sense_ends_as_one_that_cannot_be_read() {
        let misused = || -> anyhow::Result<()> { misuse!("name one, not {}", 2) };
        let error = misused().unwrap_err();
        let ends = |error: &anyhow::Error| format!("{:?}", status(error, ExitCode::from(3)));
        assert_eq!((text(&error).as_str(), ends(&error)), ("name one, not 2", format!("{:?}", ExitCode::from(2))));
        assert_eq!(ends(&error.context("within")), format!("{:?}", ExitCode::from(2)));
        assert_eq!(ends(&anyhow!("another")), format!("{:?}", ExitCode::from(3)));
    }
}
