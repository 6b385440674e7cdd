//! `cowherd completion`: completions for a shell.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;

use crate::completion;

/// Print completions for a shell
///
/// The shell asks `cowherd` for what fits: names come from the cluster that the line works on, and
/// revisions from the repository you stand in.
///
/// Examples:
///   source <(cowherd completion bash)
///   cowherd completion fish > ~/.config/fish/completions/cowherd.fish
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Completion {
    /// The shell to complete in
    #[arg(value_name = "SHELL", value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

impl Completion {
    pub fn run(&self) -> crate::Outcome {
        std::io::stdout().write_all(completion::registration(&self.shell)?.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
