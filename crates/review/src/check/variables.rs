//! Variables that have no value.

use std::collections::HashMap;

use cowherd_apply::{Manifest, ObjectId};
use serde_json::Value;

use crate::cluster::Unit;
use crate::gitops::Plan;

use super::Checked;
use super::finding::{Finding, Rule, Severity};

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
    if made.unset.is_empty() {
        return;
    }
    let objects: HashMap<&ObjectId, &Manifest> = made.objects.iter().map(|object| (object.id(), object)).collect();
    for (id, names) in &made.unset {
        let Some(object) = objects.get(id) else { continue };
        for name in names {
            let place = checked.places.field(unit, object, "");
            let text =
                format!("the variable {name} has no value, so nothing is put in its place; give it one, or a default");
            let object = Some(id.to_string());
            checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::Variable, object, text });
        }
    }
}

fn left_over(checked: &mut Checked<'_>, unit: &Unit) {
    for object in unit.objects() {
        let mut found = Vec::new();
        look(object.object(), &mut String::new(), &mut found);
        if let Some((field, name)) = found.first() {
            let place = checked.places.field(unit, object, field);
            let text = format!(
                "{field}: ${{{name}}} stays as it is: the Kustomization replaces no variables (spec.postBuild)"
            );
            let object = Some(object.id().to_string());
            checked.findings.push(Finding { place, severity: Severity::Warning, rule: Rule::Variable, object, text });
        }
    }
}

/// Fields whose texts are for shells and programs, which have variables of their own.
const FOR_PROGRAMS: [&str; 9] =
    ["data", "stringData", "binaryData", "command", "args", "script", "values", "template", "description"];

fn look(value: &Value, path: &mut String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.extend(variable(text).map(|name| (path.clone(), name))),
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

/// The name of the first variable in a text.
fn variable(text: &str) -> Option<String> {
    text.match_indices("${").find_map(|(at, _)| {
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
        assert_eq!(variable("x-${domain}").as_deref(), Some("domain"));
        assert_eq!(variable("${a:=b}").as_deref(), Some("a"));
        for text in ["$domain", "$${domain}", "${{ github.ref }}", "${", "${1}", "${a b}"] {
            assert_eq!(variable(text), None, "{text}");
        }
    }
}
