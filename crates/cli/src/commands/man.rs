//! `cowherd man`: manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

/// Write the manual pages
///
/// There is one for the program and one for each command: `man cowherd`, `man cowherd-up`.
///
/// Examples:
///   cowherd man ~/.local/share/man/man1
///   cowherd man . && man ./cowherd-up.1
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Man {
    /// The directory to write them to, such as one called `man1` that `man` knows
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub fn run(&self, command: clap::Command) -> crate::Outcome {
        let failed = || format!("cannot write the manual pages to {}", self.directory.display());
        std::fs::create_dir_all(&self.directory).with_context(failed)?;
        clap_mangen::generate_to(command.disable_help_subcommand(true), &self.directory).with_context(failed)?;
        Ok(ExitCode::SUCCESS)
    }
}
