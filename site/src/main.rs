//! `cowherd-site PROGRAM DIR` writes the documentation as a site; `cargo xtask site` builds both programs and runs it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(program), Some(site), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: cowherd-site PROGRAM DIR");
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate has no parent directory")?;
    cowherd_site::build(repository, &program, &site)?;
    println!("{}", site.join("index.html").display());
    Ok(())
}
