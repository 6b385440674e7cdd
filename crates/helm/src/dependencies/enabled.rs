//! Conditions, tags and aliases.

use serde_json::{Map, Value};

use crate::chart::{Chart, Dependency};
use crate::values::{self, CoalesceError};

/// Leaves the charts that are enabled. `path` leads to the chart's values, with a dot at its end.
pub(super) fn process(chart: &mut Chart, values: &Map<String, Value>, path: &str) -> Result<(), CoalesceError> {
    let Some(mut named) = chart.metadata.dependencies.take() else { return Ok(()) };
    chart.dependencies = selected(&chart.dependencies, &named);
    for dependency in &mut named {
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }
    let coalesced = values::coalesce(chart, values)?;
    named.iter_mut().for_each(|dependency| apply_tags(dependency, &coalesced));
    named.iter_mut().for_each(|dependency| apply_condition(dependency, &coalesced, path));
    let is_disabled = |name: &str| named.iter().any(|dependency| !dependency.enabled && dependency.name == name);
    chart.dependencies.retain(|dependency| !is_disabled(dependency.name()));
    for dependency in &mut chart.dependencies {
        let path = format!("{path}{}.", dependency.name());
        process(dependency, &coalesced, &path)?;
    }
    let used: Vec<Dependency> = named.iter().filter(|dependency| !is_disabled(&dependency.name)).cloned().collect();
    chart.metadata.dependencies = (!used.is_empty()).then_some(used);
    Ok(())
}

/// The charts that nobody names, then those that are named, under their aliases.
fn selected(charts: &[Chart], named: &[Dependency]) -> Vec<Chart> {
    let is_meant = |chart: &Chart, dependency: &Dependency| {
        chart.name() == dependency.name && cowherd_version::is_compatible(&dependency.version, &chart.metadata.version)
    };
    let unnamed = charts.iter().filter(|chart| !named.iter().any(|dependency| is_meant(chart, dependency)));
    let mut selected: Vec<Chart> = unnamed.cloned().collect();
    for dependency in named {
        if let Some(chart) = charts.iter().find(|chart| is_meant(chart, dependency)) {
            let mut chart = chart.clone();
            if !dependency.alias.is_empty() {
                chart.metadata.name.clone_from(&dependency.alias);
            }
            selected.push(chart);
        }
    }
    selected
}

/// A chart is left out where one of its tags is off and none is on.
fn apply_tags(dependency: &mut Dependency, values: &Map<String, Value>) {
    let Some(tags) = values::table(values, "tags") else { return };
    let states = || dependency.tags.iter().filter_map(|tag| tags.get(tag)?.as_bool());
    dependency.enabled = states().any(|on| on) || !states().any(|on| !on);
}

/// The first path of the condition where a boolean stands decides, whatever the tags say.
fn apply_condition(dependency: &mut Dependency, values: &Map<String, Value>, path: &str) {
    let paths = dependency.condition.trim().split(',').filter(|condition| !condition.is_empty());
    let decided =
        paths.filter_map(|condition| values::path_value(values, &format!("{path}{condition}"))?.as_bool()).next();
    if let Some(enabled) = decided {
        dependency.enabled = enabled;
    }
}
