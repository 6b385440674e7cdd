//! Variables that have no value.

use std::collections::BTreeSet;

use cowherd_apply::ObjectId;
use serde_json::Value;

use crate::cluster::Unit;
use crate::gitops::Plan;

use super::Checked;
use super::finding::{Finding, Place, Rule};

/// How many lines are named on which a variable stands besides the first.
const LINES: usize = 5;

/// Lists variables in whose place nothing would be put, and what looks like one where none is replaced.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        let missing = unit.plan.as_ref().map(|plan| cluster.world.missing_values(plan, &unit.name.namespace));
        let missing = missing.unwrap_or_default();
        if missing.is_empty() {
            without_value(checked, unit);
        }
        if !replaces(unit, &missing) {
            left_over(checked, unit);
        }
    }
}

/// Whether the Kustomization replaces variables.
fn replaces(unit: &Unit, missing: &[String]) -> bool {
    let Some(plan) = &unit.plan else { return true };
    let always = unit.kustomization.spec.post_build.as_ref().and_then(|post| post.substitute_strategy.as_deref());
    let has_values = !plan.substitute().is_empty() || !plan.substitute_from().is_empty() || !missing.is_empty();
    Plan::substitutes(plan) && (has_values || always == Some("Always"))
}

fn without_value(checked: &mut Checked<'_>, unit: &Unit) {
    let Some(made) = unit.made() else { return };
    for (id, names) in &made.unset {
        for name in names {
            let (place, others) = places(checked, unit, id, name);
            let text = format!(
                "the variable {name} has no value, so nothing is put in its place{others}; give it one, or a default"
            );
            checked.findings.push(Finding::error(place, Rule::Variable, text).of(id));
        }
    }
}

/// Where a variable of an object stands first, and on which other lines, in words.
fn places(checked: &mut Checked<'_>, unit: &Unit, id: &ObjectId, name: &str) -> (Place, String) {
    let mut places = checked.places.variable(unit, id, name).into_iter();
    let first = places.next().unwrap_or_default();
    let lines: Vec<String> = places.filter_map(|place| place.line).map(|line| line.to_string()).collect();
    let others = match lines.as_slice() {
        [] => String::new(),
        [line] => format!(", nor on line {line}"),
        lines => format!(", nor on lines {}", cowherd_text::listed(lines, LINES)),
    };
    (first, others)
}

fn left_over(checked: &mut Checked<'_>, unit: &Unit) {
    for object in unit.objects() {
        let mut found = Vec::new();
        look(object.object(), &mut String::new(), &mut found);
        let mut told = BTreeSet::new();
        for (field, name) in found {
            if !told.insert(name.clone()) {
                continue;
            }
            let place = checked.places.field(unit, object, &field);
            let text = format!(
                "{field}: ${{{name}}} stays as it is: the Kustomization replaces no variables (spec.postBuild)"
            );
            checked.findings.push(Finding::warning(place, Rule::Variable, text).of(object.id()));
        }
    }
}

/// Fields whose texts are for shells and programs, which have variables of their own.
const FOR_PROGRAMS: [&str; 9] =
    ["data", "stringData", "binaryData", "command", "args", "script", "values", "template", "description"];

fn look(value: &Value, path: &mut String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.extend(variables(text).map(|name| (path.clone(), name))),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                look(item, path, found);
                path.truncate(length);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !FOR_PROGRAMS.contains(&key.as_str())) {
                let length = path.len();
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(key);
                look(value, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// The names of the variables in a text.
fn variables(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("${").filter_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let is_name = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_escaped = text.get(..at).is_some_and(|before| before.ends_with('$'));
        let ends_well = rest.get(end..)?.starts_with(['}', ':', '=']);
        (is_name && ends_well && !is_escaped).then(|| rest[..end].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_from_what_only_looks_like_them() {
        let found = |text: &str| variables(text).collect::<Vec<_>>();
        assert_eq!(found("x-${domain}"), ["domain"]);
        assert_eq!(found("${a:=b} ${c}"), ["a", "c"]);
        for text in ["$domain", "$${domain}", "${{ github.ref }}", "${", "${1}", "${a b}"] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
