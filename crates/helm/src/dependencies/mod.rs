//! Which of the charts in `charts/` are used, under which name, and what they give to their parents.

mod enabled;
mod import;

use serde_json::{Map, Value};

use crate::chart::Chart;
use crate::values::CoalesceError;

/// `Chart.yaml` names charts that are not in `charts/`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch \
     missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}", .0.join(", ")
)]
pub struct MissingDependencies(pub Vec<String>);

/// Whether all charts that `chart` says it depends on are there.
pub fn check(chart: &Chart) -> Result<(), MissingDependencies> {
    let is_missing = |name: &String| !chart.dependencies.iter().any(|dependency| dependency.name() == name);
    let named = chart.metadata.dependencies.iter().flatten().map(|dependency| dependency.name.clone());
    let missing: Vec<String> = named.filter(is_missing).collect();
    if missing.is_empty() { Ok(()) } else { Err(MissingDependencies(missing)) }
}

/// Leaves only the charts that conditions and tags enable, under their aliases, and imports the values that they
/// export. `values` are the release's own.
pub fn process(chart: &mut Chart, values: &Map<String, Value>) -> Result<(), CoalesceError> {
    enabled::process(chart, values, "")?;
    import::process(chart)
}
