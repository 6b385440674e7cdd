//! Completions: what a shell may offer for the word that is being written. The shell asks the program itself, so that
//! names come from the cluster, and revisions from the repository, that the line would work on.
//!
//! Nobody waits for long: what does not answer within [`PATIENCE`] offers nothing.

mod cluster;
mod line;
mod repository;

pub use cluster::{namespaces, objects, resources};
pub use repository::{branches, revisions};

use std::time::Duration;

use clap_complete::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

/// How long a cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The environment variable by which a shell asks.
const VARIABLE: &str = "COWHERD_COMPLETE";

/// Answers a shell that asks, and ends; returns where none does. Nothing may have been printed before, and no thread
/// started.
pub fn answer(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// The lines that make a shell ask for completions, by the name of the shell.
///
/// # Errors
/// When the shell is unknown.
pub fn registration(shell: &str) -> anyhow::Result<String> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(shell) else {
        let known: Vec<&str> = shells.names().collect();
        anyhow::bail!("there are no completions for the shell {shell:?}, but for {}", known.join(", "));
    };
    let mut text = Vec::new();
    shell.write_registration(VARIABLE, "cowherd", "cowherd", "cowherd", &mut text)?;
    Ok(String::from_utf8(text)?)
}

/// Those of the words that the word so far may become, in order.
fn candidates(words: impl IntoIterator<Item = String>, so_far: &str) -> Vec<CompletionCandidate> {
    let mut fitting: Vec<String> = words.into_iter().filter(|word| word.starts_with(so_far)).collect();
    fitting.sort();
    fitting.dedup();
    fitting.into_iter().map(CompletionCandidate::new).collect()
}
