//! What the real tools say, for tests.
//!
//! `cargo xtask test` brings the tools and asks them each time; it fails where what was recorded is not what they say.
//! Plain `cargo test` takes the recorded answers, so that it needs no tools, and none of another version is asked.
//! `cargo xtask record` records the answers anew, in `tests/recorded/` of the crate that is tested.

mod fingerprint;
mod places;
mod recording;

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

use places::Places;
use recording::{Answer, Recording};

/// The variable that says what is done with recorded answers: `check` or `write`.
pub const MODE: &str = "COWHERD_RECORDED";

/// A call of a real tool whose answer follows from its arguments and the files that they name.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    /// Directories that the tool reads besides those that its arguments name.
    reads: Vec<PathBuf>,
    is_recorded: bool,
}

impl Tool {
    /// A call of `program`, which is looked for in the `PATH`.
    pub fn new(program: &str) -> Self {
        Self { command: Command::new(program), reads: Vec::new(), is_recorded: true }
    }

    /// Adds an argument. The answer is recorded for the content of a file or directory that it names.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable, which may have no part in the answer.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away.
    pub fn env_remove(&mut self, name: &str) -> &mut Self {
        self.command.env_remove(name);
        self
    }

    /// Runs the tool in a directory, whose files have a part in the answer.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(directory);
        self
    }

    /// Says that the files below a directory have a part in the answer.
    pub fn reads(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.reads.push(directory.into());
        self
    }

    /// Says that what is asked is another thing each time, so that no answer to it is recorded.
    pub fn unrecorded(&mut self) -> &mut Self {
        self.is_recorded = false;
        self
    }

    /// What the tool says.
    ///
    /// # Panics
    ///
    /// Where its answer was not recorded and it is not installed; with [`MODE`] `check` where another answer was recorded.
    pub fn output(&mut self) -> Output {
        if !self.is_recorded {
            return self.ask();
        }
        let key = fingerprint::of(&self.command, &self.reads);
        let places = Places::of(&self.command);
        let recording = Recording::of(&self.program());
        match std::env::var(MODE).unwrap_or_default().as_str() {
            "write" => {
                let output = self.ask();
                recording.add(&key, self.answer(&output, &places));
                output
            }
            "check" => {
                let output = self.ask();
                let answer = self.answer(&output, &places);
                let recorded = recording.get(&key);
                assert!(recorded == Some(&answer), "recorded: {recorded:#?}\nsaid: {answer:#?}\n{AGAIN}");
                output
            }
            _ => match recording.get(&key) {
                Some(answer) => recorded(answer, &places),
                None => self.ask(),
            },
        }
    }

    fn program(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }

    fn ask(&mut self) -> Output {
        match self.command.output() {
            Ok(output) => output,
            Err(error) => panic!("cannot run {}, and no answer was recorded: {error}.\n{ASK}", self.program()),
        }
    }

    fn answer(&self, output: &Output, places: &Places) -> Answer {
        let arguments = self.command.get_args().map(|argument| argument.to_string_lossy());
        let command: Vec<_> = std::iter::once(self.program().into()).chain(arguments).collect();
        let text = |bytes: &[u8]| places.hidden(&String::from_utf8_lossy(bytes));
        Answer {
            command: places.hidden(&command.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            // What is logged on the way, with times and in any order, is no part of an answer.
            stderr: if output.status.success() { String::new() } else { without_addresses(&text(&output.stderr)) },
        }
    }
}

/// `text` with the same address in the place of every one in memory, which Go prints of pointers.
fn without_addresses(text: &str) -> String {
    const ADDRESS: &str = "0xc";
    let mut parts = text.split(ADDRESS);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + ADDRESS + part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()))
}

const ASK: &str = "`cargo xtask test` brings the tools that tests ask";
const AGAIN: &str = "`cargo xtask record` records what the tools say";

fn recorded(answer: &Answer, places: &Places) -> Output {
    let text = |text: &str| places.shown(text).into_bytes();
    Output {
        status: ExitStatus::from_raw(answer.code << 8),
        stdout: text(&answer.stdout),
        stderr: text(&answer.stderr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_all_the_same() {
        let said = "merging from &{0xc00002b930 <nil>}: no 0xcable, 0x1";
        assert_eq!(without_addresses(said), "merging from &{0xc <nil>}: no 0xcle, 0x1");
        assert_eq!(without_addresses("nothing"), "nothing");
    }
}
