//! Variables that have no value.

use std::collections::{BTreeSet, HashSet};

use cowherd_api::flux::kustomize::v1::SubstituteReference;
use cowherd_apply::ObjectId;
use serde_json::Value;

use crate::cluster::Unit;
use crate::gitops::{NamespacedName, Plan};

use super::Checked;
use super::finding::{Finding, Place, Rule, Severity};

/// How many lines are named on which a variable stands besides the first.
const LINES: usize = 5;

/// Lists variables in whose place nothing would be put, and what looks like one where none is replaced.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        let missing = unit.plan.as_ref().map(|plan| cluster.world.missing_values(plan, &unit.name.namespace));
        let missing = missing.unwrap_or_default();
        let optional = if missing.is_empty() { None } else { optional(checked, unit) };
        if missing.is_empty() || optional.is_some() {
            without_value(checked, unit, optional.as_deref());
        }
        if !replaces(unit) {
            left_over(checked, unit);
        }
    }
}

/// Whether the Kustomization replaces variables.
pub(super) fn replaces(unit: &Unit) -> bool {
    let Some(plan) = &unit.plan else { return true };
    let always = unit.kustomization.spec.post_build.as_ref().and_then(|post| post.substitute_strategy.as_deref());
    let has_values = !plan.substitute().is_empty() || !plan.substitute_from().is_empty();
    Plan::substitutes(plan) && (has_values || always == Some("Always"))
}

/// Whether what is written as a variable in objects of the Kustomization may still get a value that is not known here.
pub(super) fn may_get_values(checked: &Checked<'_>, unit: &Unit) -> bool {
    let is_partial = |plan: &Plan| !checked.cluster.world.missing_values(plan, &unit.name.namespace).is_empty();
    replaces(unit) && unit.plan.as_ref().is_none_or(is_partial)
}

/// What alone may have the values that are not known, in words, where nothing fails without it. What has to be there is taken
/// to have them all.
fn optional(checked: &Checked<'_>, unit: &Unit) -> Option<String> {
    let plan = unit.plan.as_ref()?;
    let name = |reference: &SubstituteReference| NamespacedName::new(&unit.name.namespace, &reference.name);
    let is_missing = |reference: &&SubstituteReference| {
        !checked.cluster.world.holds(&reference.kind, &name(reference))
            || checked.cluster.world.is_encrypted(&reference.kind, &name(reference))
    };
    let missing: Vec<&SubstituteReference> = plan.substitute_from().iter().filter(is_missing).collect();
    let is_optional = |reference: &&SubstituteReference| {
        reference.optional
            && !checked.cluster.world.holds(&reference.kind, &name(reference))
            && !checked.lost.may_bring(&reference.kind, &reference.name)
    };
    let names = missing.iter().map(|reference| format!("{} {}", reference.kind, name(reference)));
    (!missing.is_empty() && missing.iter().all(is_optional)).then(|| names.collect::<Vec<_>>().join(" or "))
}

/// Lists variables that have no value, or one only if something `optional` has it that is not in the repository.
fn without_value(checked: &mut Checked<'_>, unit: &Unit, optional: Option<&str>) {
    let Some(made) = unit.made() else { return };
    for (id, names) in &made.unset {
        for name in names {
            let (place, lines) = places(checked, unit, id, name);
            let finding = match optional {
                None => {
                    let others = lines.map(|lines| format!(", nor on {lines}")).unwrap_or_default();
                    let text = format!(
                        "the variable {name} has no value, so nothing is put in its place{others}; give it one, or a default"
                    );
                    Finding::error(place, Rule::Variable, text)
                }
                Some(optional) => {
                    let others = lines.map(|lines| format!(" (here and on {lines})")).unwrap_or_default();
                    let text = format!(
                        "the variable {name}{others} has a value only if {optional} has it, which is optional and not in the \
                         repository; give it a default, or say what the cluster has by --with FILE"
                    );
                    Finding::warning(place, Rule::Variable, text)
                }
            };
            checked.findings.push(finding.of(id));
        }
    }
}

/// Where a variable of an object stands first, and on which other lines, in words.
fn places(checked: &mut Checked<'_>, unit: &Unit, id: &ObjectId, name: &str) -> (Place, Option<String>) {
    let mut places = checked.places.variable(unit, id, name).into_iter();
    let first = places.next().unwrap_or_default();
    let lines: Vec<String> = places.filter_map(|place| place.line).map(|line| line.to_string()).collect();
    let others = match lines.as_slice() {
        [] => None,
        [line] => Some(format!("line {line}")),
        lines => Some(format!("lines {}", cowherd_text::listed(lines, LINES))),
    };
    (first, others)
}

fn left_over(checked: &mut Checked<'_>, unit: &Unit) {
    // What it is wrong for says so, too.
    let is_wrong = |told: &&Finding| told.severity == Severity::Error;
    let wrong: HashSet<Place> = checked.findings.iter().filter(is_wrong).map(|told| told.place.clone()).collect();
    for object in unit.objects() {
        let mut found = Vec::new();
        look(object.object(), &mut String::new(), &mut found);
        let mut told = BTreeSet::new();
        for (field, name) in found {
            if !told.insert(name.clone()) {
                continue;
            }
            let place = checked.places.field(unit, object, &field);
            if wrong.contains(&place) {
                continue;
            }
            let text = format!("{field}: {}", stays(&name));
            checked.findings.push(Finding::warning(place, Rule::Variable, text).of(object.id()));
        }
    }
}

/// That a variable is text like any other.
pub(super) fn stays(name: &str) -> String {
    format!("${{{name}}} stays as it is: the Kustomization replaces no variables (spec.postBuild)")
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
pub(super) fn variables(text: &str) -> impl Iterator<Item = String> + '_ {
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
