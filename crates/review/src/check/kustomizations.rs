//! Whether anything comes of the Kustomizations.

use cowherd_tree::Tree;

use crate::cluster::{State, Unit};
use crate::gitops::{Plan, Problem};

use super::finding::{Finding, Place, Rule, Severity};
use super::{Checked, files};

/// Lists why nothing comes of Kustomizations, or not all of it, and what the agents do not do yet.
pub(super) fn check(checked: &mut Checked<'_>, tree: &dyn Tree) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        match &unit.state {
            State::Failed(problem) => failed(checked, tree, unit, problem),
            State::Made(made) => {
                for problem in &made.problems {
                    let finding = finding(checked, unit, problem, Rule::Build);
                    checked.findings.push(finding);
                }
                for file in &made.unrendered {
                    let place = Place { file: unit.in_repository(&file.path), line: None };
                    let text =
                        format!("{} is not rendered: render it beforehand and commit the manifests", file.language);
                    let (severity, rule, object) = (Severity::Warning, Rule::Unrendered, None);
                    checked.findings.push(Finding { place, severity, rule, object, text });
                }
            }
            State::Elsewhere(_) => {}
        }
        unsupported(checked, unit);
    }
}

fn failed(checked: &mut Checked<'_>, tree: &dyn Tree, unit: &Unit, problem: &Problem) {
    let directory = unit.directory().unwrap_or_default();
    let is_there = matches!(tree.stat(&directory), Ok(Some(_)));
    if unit.plan.is_some() && !is_there {
        let text = format!("spec.path: {}: no such directory", unit.path);
        let place = checked.described(unit, "spec.path");
        let object = Some(format!("Kustomization/{}", unit.name));
        return checked.findings.push(Finding {
            place,
            severity: Severity::Error,
            rule: Rule::Reference,
            object,
            text,
        });
    }
    let mut all = if unit.plan.is_some() { files::check(tree, &directory, &mut checked.places) } else { Vec::new() };
    let finding = finding(checked, unit, problem, Rule::Build);
    // A render says the first of them, too, and may know what to do.
    all.retain(|other| other.rule != Rule::Build || other.place != finding.place || finding.place.line.is_none());
    let is_told = all.iter().any(|other| {
        let field = other.text.split(": ").next().unwrap_or_default();
        let is_same = finding.place.line.is_some_and(|line| other.place.line == Some(line))
            || (other.rule == Rule::MissingFile && finding.text.starts_with(&format!("{field}:")));
        other.place.file == finding.place.file && is_same
    });
    if !is_told {
        checked.findings.push(finding);
    }
    checked.findings.extend(all);
}

/// What is wrong, at the file at fault; where none is known, at what describes the Kustomization.
fn finding(checked: &mut Checked<'_>, unit: &Unit, problem: &Problem, rule: Rule) -> Finding {
    let mask = unit.mask();
    let (place, text) = match &problem.file {
        Some(file) => (Place { file: unit.in_repository(file), line: problem.line }, &problem.cause),
        None => (checked.described(unit, ""), &problem.text),
    };
    let object = problem.file.is_none().then(|| format!("Kustomization/{}", unit.name));
    Finding { place, severity: Severity::Error, rule, object, text: mask.text(text) }
}

fn unsupported(checked: &mut Checked<'_>, unit: &Unit) {
    let refused = unit.plan.as_ref().map(Plan::refused).unwrap_or_default();
    for field in refused {
        let place = checked.described(unit, &format!("spec.{}", field.entry.field));
        let text = field.to_string();
        let object = Some(format!("Kustomization/{}", unit.name));
        checked.findings.push(Finding { place, severity: Severity::Error, rule: Rule::Unsupported, object, text });
    }
}

impl Checked<'_> {
    /// Where a field of a Kustomization is written: with its parent's objects.
    pub(super) fn described(&mut self, unit: &Unit, field: &str) -> Place {
        let parent = unit.parent.as_ref().or(Some(&unit.name)).and_then(|parent| self.cluster.units.get(parent));
        let Some(parent) = parent else { return self.places.of(unit) };
        let key = (&parent.name, unit.name.namespace.as_str(), unit.name.name.as_str());
        match self.described.get(&key) {
            Some(object) => self.places.field(parent, object, field),
            None => self.places.of(unit),
        }
    }
}
