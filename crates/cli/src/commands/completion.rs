//! `cowherd completion`: completions for a shell.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

/// Print completions for a shell
///
/// Example: `source <(cowherd completion bash)`
#[derive(Args)]
pub struct Completion {
    /// The shell to complete in
    shell: Shell,
}

impl Completion {
    pub fn run(self, command: &mut clap::Command) -> crate::Outcome {
        clap_complete::generate(self.shell, command, "cowherd", &mut std::io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}
