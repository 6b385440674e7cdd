//! Writes the documentation as a site.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::tools;

/// Builds the program, which tells what its commands are, and then the site.
pub fn run(root: &Path, site: &Path) -> Result<()> {
    tools::run(Command::new("cargo").args(["build", "--locked", "-p", "cowherd"]).current_dir(root))?;
    let program = root.join("target/debug/cowherd");
    tools::run(Command::new("cargo").args(["run", "--locked", "-q", "-p", "cowherd-site"]).arg(program).arg(site))
}
