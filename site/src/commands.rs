//! The reference of the commands: what `--help` says of each.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// A page with a section for each command.
pub(crate) fn reference(program: &Path) -> Result<String> {
    let overview = help(program, &[])?;
    let mut page = format!("# Commands\n\nWhat the program says of itself.\n\n```text\n{overview}```\n");
    for name in names(&overview).filter(|name| *name != "help") {
        write!(page, "\n## cowherd {name}\n\n```text\n{}```\n", help(program, &[name])?)?;
    }
    Ok(page)
}

fn help(program: &Path, command: &[&str]) -> Result<String> {
    // As wide as a page.
    let output = Command::new(program).args(command).arg("--help").env("COLUMNS", "100").output()?;
    ensure!(output.status.success(), "{} {command:?} --help failed", program.display());
    Ok(String::from_utf8(output.stdout)?)
}

/// The commands that the overview lists, each at the beginning of an entry.
fn names(overview: &str) -> impl Iterator<Item = &str> {
    let entries = overview.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    entries.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_words_of_their_descriptions() {
        let overview = "Does it\n\nCommands:\n  up    starts and\n        follows\n  help  helps\n\nOptions:\n  -h\n";
        assert_eq!(names(overview).collect::<Vec<_>>(), ["up", "help"]);
    }
}
