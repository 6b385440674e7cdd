//! `cowherd man`: manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap_mangen::roff::{Roff, bold, italic, roman};

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
        let mut command = command.disable_help_subcommand(true);
        command.build();
        for command in command.get_subcommands().chain([&command]).filter(|command| !command.is_hide_set()) {
            let page = clap_mangen::Man::new(command.clone());
            std::fs::write(self.directory.join(page.get_filename()), text(&page, command).with_context(failed)?)
                .with_context(failed)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A manual page. Its synopsis is ours: that of the library names no values.
fn text(page: &clap_mangen::Man, command: &clap::Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    // Words of commands stand together, as they are typed.
    text.extend_from_slice(b".nh\n.ad l\n");
    page.render_name_section(&mut text)?;
    synopsis(command).to_writer(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    page.render_extra_section(&mut text)?;
    page.render_version_section(&mut text)?;
    Ok(text)
}

/// Each flag with its value, and what may stand behind them.
fn synopsis(command: &clap::Command) -> Roff {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut line = vec![bold(name)];
    let shown = || command.get_arguments().filter(|argument| !argument.is_hide_set());
    for flag in shown().filter(|argument| !argument.is_positional()) {
        line.push(roman(if flag.is_required_set() { " " } else { " [" }));
        let (short, long) = (flag.get_short(), flag.get_long());
        let names = short.map(|short| format!("-{short}")).into_iter().chain(long.map(|long| format!("--{long}")));
        line.push(bold(names.collect::<Vec<_>>().join("|")));
        if flag.get_action().takes_values() {
            let values = flag.get_value_names().unwrap_or_default();
            line.extend([roman(" "), italic(values.join(" "))]);
        }
        line.push(roman(if flag.is_required_set() { "" } else { "]" }));
    }
    for word in shown().filter(|argument| argument.is_positional()) {
        line.extend([roman(" "), italic(word.to_string())]);
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("COMMAND")]);
    }
    let mut section = Roff::default();
    section.control("SH", ["SYNOPSIS"]).text(line);
    section
}
