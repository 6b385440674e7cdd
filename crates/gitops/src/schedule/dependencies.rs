//! Whether the Kustomizations that another one depends on are ready.

use std::collections::{HashMap, HashSet};

use crate::NamespacedName;
use crate::conditions::{DEPENDENCY_NOT_READY, READY, holds};
use crate::events::Severity;
use crate::fetched::Fetched;
use crate::kustomization::Task;
use crate::kustomization::settings::Settings;

use super::slot::Slot;

/// Whether a Kustomization may be applied.
pub(super) enum Verdict {
    Ready,
    NotReady(Waiting),
}

/// Why a Kustomization is not applied.
pub(super) struct Waiting {
    message: String,
    severity: Severity,
}

impl Waiting {
    /// Has it said by the Kustomization.
    pub(super) fn complaint(self) -> Task {
        let Self { message, severity } = self;
        Task::Complain { reason: DEPENDENCY_NOT_READY, message, is_final: false, severity }
    }
}

/// Whether everything that a Kustomization depends on is ready at the content of its source. What is part of a cycle
/// never is, even where all of it was applied before it became one.
pub(super) fn check(
    name: &NamespacedName,
    settings: &Settings,
    source: &Fetched,
    slots: &HashMap<NamespacedName, Slot>,
) -> Verdict {
    let dependencies = |name: &NamespacedName| {
        let settings = slots.get(name).and_then(|slot| slot.settings.as_ref().ok());
        settings.map(|settings| settings.depends_on.clone()).unwrap_or_default()
    };
    if let Some(cycle) = cycle(name, dependencies) {
        let message = format!("dependency cycle: {}; remove one of these from dependsOn", show(&cycle));
        return Verdict::NotReady(Waiting { message, severity: Severity::Warning });
    }
    let problem = settings.depends_on.iter().find_map(|dependency| problem(dependency, settings, source, slots));
    problem.map_or(Verdict::Ready, |message| Verdict::NotReady(Waiting { message, severity: Severity::Normal }))
}

fn problem(
    dependency: &NamespacedName,
    settings: &Settings,
    source: &Fetched,
    slots: &HashMap<NamespacedName, Slot>,
) -> Option<String> {
    let Some(slot) = slots.get(dependency) else {
        return Some(format!("dependency '{dependency}' not found"));
    };
    let not_ready = || Some(format!("dependency '{dependency}' is not ready"));
    let observed = slot.status.observed_generation == slot.object.metadata.generation;
    if !observed || !holds(&slot.status.conditions, READY) || (slot.running.is_some() && slot.last.is_none()) {
        return not_ready();
    }
    let shares_source = slot.settings.as_ref().is_ok_and(|theirs| theirs.source == settings.source);
    let applied = match &slot.last {
        // What a revision does not concern is as good as applied before its status says so.
        Some(last) if last.succeeded => last.digest == source.digest,
        Some(_) => return not_ready(),
        None => slot.status.last_applied_revision.as_deref() == Some(&source.revision),
    };
    (shares_source && !applied).then(|| format!("dependency '{dependency}' revision is not up to date"))
}

fn show(cycle: &[NamespacedName]) -> String {
    cycle.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" -> ")
}

/// A way along dependencies from `start` back to it, or into a cycle on the way, the first name repeated at the end.
pub(super) fn cycle(
    start: &NamespacedName,
    dependencies: impl Fn(&NamespacedName) -> Vec<NamespacedName>,
) -> Option<Vec<NamespacedName>> {
    let mut done = HashSet::new();
    let mut path = vec![start.clone()];
    let mut rest = vec![dependencies(start)];
    while let Some(level) = rest.last_mut() {
        let Some(next) = level.pop() else {
            rest.pop();
            done.extend(path.pop());
            continue;
        };
        if let Some(at) = path.iter().position(|name| *name == next) {
            let mut cycle = path.split_off(at);
            cycle.push(next);
            return Some(cycle);
        }
        if !done.contains(&next) {
            rest.push(dependencies(&next));
            path.push(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NamespacedName {
        NamespacedName::new("n", text)
    }

    fn find(start: &str, edges: &[(&str, &str)]) -> Option<String> {
        let dependencies =
            |from: &NamespacedName| edges.iter().filter(|(a, _)| name(a) == *from).map(|(_, b)| name(b)).collect();
        cycle(&name(start), dependencies).map(|cycle| show(&cycle))
    }

    #[test]
    fn a_cycle_is_found_and_named() {
        assert_eq!(
            find("a", &[("a", "b"), ("b", "c"), ("c", "a")]).as_deref(),
            Some("'n/a' -> 'n/b' -> 'n/c' -> 'n/a'")
        );
        assert_eq!(find("a", &[("a", "a")]).as_deref(), Some("'n/a' -> 'n/a'"));
        assert_eq!(find("x", &[("x", "a"), ("a", "b"), ("b", "a")]).as_deref(), Some("'n/a' -> 'n/b' -> 'n/a'"));
    }

    #[test]
    fn meeting_again_is_no_cycle() {
        assert_eq!(find("a", &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), None);
    }
}
