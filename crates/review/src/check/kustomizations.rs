//! Whether anything comes of the Kustomizations.

use cowherd_tree::Tree;

use crate::cluster::{State, Unit};
use crate::discovery::{CHART, LeftOut};
use crate::gitops::{Plan, Problem};

use super::finding::{Finding, Place, Rule};
use super::{Checked, expressions, files, unmade};

/// Lists why nothing comes of Kustomizations, or not all of it, and what the agents do not do yet.
pub(super) fn check(checked: &mut Checked<'_>, tree: &dyn Tree) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        match &unit.state {
            // What is wrong with the object is told of that.
            State::Failed(_) if unit.plan.is_none() && is_wrong(checked, unit) => {}
            State::Failed(problem) => failed(checked, tree, unit, unit.broken.iter().chain([problem])),
            State::Made(made) => {
                if !unit.broken.is_empty() {
                    failed(checked, tree, unit, unit.broken.iter());
                }
                unmade::check(checked, unit);
                for file in &made.unrendered {
                    let place = Place { file: unit.in_repository(&file.path), line: None };
                    let text =
                        format!("{} is not rendered: render it beforehand and commit the manifests", file.language);
                    checked.findings.push(Finding::warning(place, Rule::Unrendered, text));
                }
            }
            State::Elsewhere(_) => {}
        }
        sets(checked, unit);
        unsupported(checked, unit);
        wrong_expressions(checked, unit);
        nameable(checked, unit);
    }
}

/// Lists why nothing comes of ResourceSets, and of which it is not known what does.
fn sets(checked: &mut Checked<'_>, unit: &Unit) {
    for (set, why) in &unit.sets.problems {
        let place = checked.places.field_of(unit, set, "spec");
        checked.findings.push(Finding::error(place, Rule::Build, unit.mask().text(why)).of(set));
    }
    for (set, why) in &unit.sets.unforeseen {
        let place = checked.places.field_of(unit, set, "spec.inputsFrom");
        let text = unit.mask().text(&format!("what it makes is not foreseen, and not checked: {why}"));
        checked.findings.push(Finding::warning(place, Rule::Unrendered, text).of(set));
    }
}

/// The most characters of a name that is a label as well.
const LABEL: usize = 63;

/// Lists a name that cannot mark the objects of the Kustomization.
fn nameable(checked: &mut Checked<'_>, unit: &Unit) {
    if unit.name.name.len() > LABEL && unit.parent.is_some() && !unit.objects().is_empty() {
        let text =
            format!("metadata.name: its objects have the name as a label, which takes {LABEL} characters at most");
        let place = checked.described(unit, "metadata.name");
        let object = format!("Kustomization/{}", unit.name);
        checked.findings.push(Finding::error(place, Rule::Schema, text).of(object));
    }
}

/// Lists what nothing comes of a Kustomization for.
fn failed<'a>(checked: &mut Checked<'_>, tree: &dyn Tree, unit: &Unit, problems: impl Iterator<Item = &'a Problem>) {
    let directory = unit.directory().unwrap_or_default();
    let is_there = matches!(tree.stat(&directory), Ok(Some(_)));
    if unit.plan.is_some() && !is_there {
        let text = format!("spec.path: {}: no such directory", unit.path);
        let place = checked.described(unit, "spec.path");
        let object = format!("Kustomization/{}", unit.name);
        return checked.findings.push(Finding::error(place, Rule::Reference, text).of(object));
    }
    let mut all = if unit.plan.is_some() { files::check(tree, &directory, &mut checked.places) } else { Vec::new() };
    for problem in problems {
        let finding = finding(checked, unit, problem, Rule::Build);
        // A render says some of them, too, and may know what to do.
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
    }
    checked.findings.extend(all);
}

/// What nothing makes manifests of, and what to do.
pub(super) fn unrendered(one: &LeftOut) -> Finding {
    let LeftOut { path, why, .. } = one;
    let place = Place { file: path.clone(), line: None };
    let is_chart = why == CHART;
    let text = match is_chart {
        true => format!(
            "the directory is a Helm chart that nothing renders: list it under helmCharts of a kustomization.yaml, with the \
             directory that it is in as helmGlobals.chartHome, or commit what `cowherd render NAME {}` prints",
            cowherd_text::shell::word(path.as_str())
        ),
        false => format!("{why} is not rendered: render it beforehand and commit the manifests"),
    };
    Finding::warning(place, Rule::Unrendered, text)
}

/// Whether a Kustomization is not what its kind asks for.
fn is_wrong(checked: &Checked<'_>, unit: &Unit) -> bool {
    let parent = unit.parent.as_ref().or(Some(&unit.name));
    let key = parent.map(|parent| (parent, unit.name.namespace.as_str(), unit.name.name.as_str()));
    let object = key.and_then(|key| checked.described.get(&key));
    object.is_some_and(|object| !checked.kinds.mistakes(object.object(), true).is_empty())
}

/// The field of a Kustomization that a problem is about: one that it says is wrong, or that is laid over a directory which has no
/// kustomization of its own.
fn own_field(unit: &Unit, problem: &Problem) -> Option<String> {
    /// What is laid over a directory.
    const OVERLAY: [&str; 3] = ["patches", "components", "images"];
    if problem.file.is_none() {
        let field = problem.text.split([':', ' ']).next().filter(|field| field.starts_with("spec."));
        return field.map(str::to_owned);
    }
    let is_directory = unit.directory().as_ref() == problem.file.as_ref();
    let field = problem.field.as_deref().filter(|field| OVERLAY.iter().any(|one| field.starts_with(one)));
    let is_laid_over = is_directory && unit.parent.is_some();
    field.filter(|_| is_laid_over).map(|field| format!("spec.{field}"))
}

/// What is wrong, at the file at fault; where none is known, at what describes the Kustomization.
pub(super) fn finding(checked: &mut Checked<'_>, unit: &Unit, problem: &Problem, rule: Rule) -> Finding {
    let mask = unit.mask();
    if let Some(field) = own_field(unit, problem) {
        let place = checked.described(unit, &field);
        let text = if problem.file.is_some() { format!("spec.{}", problem.cause) } else { problem.text.clone() };
        let object = format!("Kustomization/{}", unit.name);
        return Finding::error(place, rule, mask.text(&text)).of(object);
    }
    let (place, text) = match &problem.file {
        Some(file) => {
            let file = unit.in_repository(file);
            let of_field = |field: &str| checked.places.in_file(&file, field).line;
            let line = problem.line.or_else(|| problem.field.as_deref().and_then(of_field));
            (Place { file, line }, &problem.cause)
        }
        None => (checked.described(unit, ""), &problem.text),
    };
    let object = problem.file.is_none().then(|| format!("Kustomization/{}", unit.name));
    Finding { object, ..Finding::error(place, rule, mask.text(text)) }
}

fn unsupported(checked: &mut Checked<'_>, unit: &Unit) {
    let refused = unit.plan.as_ref().map(Plan::refused).unwrap_or_default();
    for field in refused {
        let place = checked.described(unit, &format!("spec.{}", field.entry.field));
        let object = format!("Kustomization/{}", unit.name);
        checked.findings.push(Finding::error(place, Rule::Unsupported, field.to_string()).of(object));
    }
}

fn wrong_expressions(checked: &mut Checked<'_>, unit: &Unit) {
    let spec = serde_json::to_value(&unit.kustomization.spec).unwrap_or_default();
    for wrong in expressions::wrong("Kustomization", &spec) {
        let place = checked.described(unit, &wrong.field);
        let object = format!("Kustomization/{}", unit.name);
        checked.findings.push(Finding::error(place, Rule::Expression, wrong.text).of(object));
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
