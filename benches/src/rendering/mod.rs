//! How fast directories become manifests, beside the real tools.

mod charts;
mod commits;
mod overlay;
mod process;

use std::path::Path;

use anyhow::Result;

use crate::table::Table;

/// Measures all of it. `charts` is a directory of public charts, if there is one.
pub fn measure(program: &Path, charts: Option<&Path>, table: &mut Table) -> Result<()> {
    overlay::measure(program, table)?;
    if let Some(charts) = charts {
        charts::measure(program, charts, table)?;
    }
    commits::cold(1_000, table)?;
    commits::touched(10_000, table)
}
