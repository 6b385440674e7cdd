//! What people see: marks, colours where a terminal shows them, progress.

mod failures;
mod frame;
pub mod progress;
mod region;
pub mod tally;
pub mod text;
pub mod waits;

use std::fmt;
use std::io::IsTerminal;

/// The sign at the start of a line that says what happened.
#[derive(Clone, Copy)]
pub enum Mark {
    /// Something begins.
    Action,
    /// Something is being waited for.
    Waiting,
    /// Something went well.
    Success,
    /// Something failed.
    Failure,
}

impl Mark {
    /// The sign, in its colour if there are to be some.
    pub(crate) fn shown(self, colours: bool) -> String {
        let (sign, colour) = match self {
            Self::Action => ("►", 36),
            Self::Waiting => ("◎", 36),
            Self::Success => ("✔", 32),
            Self::Failure => ("✗", 31),
        };
        if colours { format!("\x1b[{colour}m{sign}\x1b[0m") } else { sign.to_owned() }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(colours()))
    }
}

/// Says something to the person at the terminal, whose lines are broken between words. Where nobody takes it, as on a full disk,
/// work goes on: `eprintln!` would end whoever speaks.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::terminal::text::write(format_args!($($words)*))
    };
}
pub(crate) use tell;

/// When a line that stays was written: the time of day where a person looks on, and the whole time, in UTC, where it is
/// kept.
pub fn stamp() -> String {
    if std::io::stderr().is_terminal() {
        jiff::Zoned::now().strftime("%H:%M:%S").to_string()
    } else {
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// Something to be said beside the lines that move.
pub struct Said {
    /// How it begins.
    pub mark: Mark,
    /// What is said.
    pub text: String,
}

impl Said {
    /// Says this.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into() }
    }
}

/// Whether lines can move on what standard error is written to.
pub fn can_move() -> bool {
    std::io::stderr().is_terminal() && !is_dumb()
}

/// Whether what is written to standard error is seen on a terminal that shows colours. `NO_COLOR` turns them off.
pub fn colours() -> bool {
    wanted() && std::io::stderr().is_terminal()
}

/// The same for standard output.
pub fn stdout_colours() -> bool {
    wanted() && std::io::stdout().is_terminal()
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Whether the terminal says that it can do nothing but show text.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
