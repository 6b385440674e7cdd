//! Whether the owners that another one depends on are ready.

use std::collections::{HashMap, HashSet};

use crate::conditions::{DEPENDENCY_NOT_READY, READY, holds};
use crate::delivery::Task;
use crate::events::Type;
use crate::owner::OwnerName;
use crate::owner::Settings;
use crate::source::Artifact;

use super::entry::Entry;

/// Whether an owner may be applied.
pub(super) enum Verdict {
    Ready,
    NotReady(Waiting),
}

/// Why an owner is not applied.
pub(super) struct Waiting {
    message: String,
    severity: Type,
    /// What it waits for.
    dependency: Option<OwnerName>,
}

impl Waiting {
    /// What it waits for.
    pub(super) fn waits_for(&self) -> Option<&OwnerName> {
        self.dependency.as_ref()
    }

    /// Has it said by the owner.
    pub(super) fn complaint(self) -> Task {
        let Self { message, severity, .. } = self;
        Task::Complain { reason: DEPENDENCY_NOT_READY, message, is_final: false, severity }
    }
}

/// Whether everything that an owner depends on is ready at the content of its source. What is part of a cycle
/// never is, even where all of it was applied before it became one.
pub(super) fn check(
    name: &OwnerName,
    settings: &Settings,
    source: &Artifact,
    entries: &HashMap<OwnerName, Box<Entry>>,
) -> Verdict {
    let dependencies = |name: &OwnerName| {
        let settings = entries.get(name).and_then(|entry| entry.settings());
        settings.map(|settings| settings.depends_on.clone()).unwrap_or_default()
    };
    if let Some(cycle) = cycle(name, dependencies) {
        let message = format!("dependency cycle: {}; remove one of these from dependsOn", show(&cycle));
        let dependency = settings.depends_on.first().cloned();
        return Verdict::NotReady(Waiting { message, severity: Type::Warning, dependency });
    }
    let waits_for = |dependency: &OwnerName| {
        let message = problem(dependency, settings, source, entries)?;
        Some(Waiting { message, severity: Type::Normal, dependency: Some(dependency.clone()) })
    };
    settings.depends_on.iter().find_map(waits_for).map_or(Verdict::Ready, Verdict::NotReady)
}

fn problem(
    dependency: &OwnerName,
    settings: &Settings,
    source: &Artifact,
    entries: &HashMap<OwnerName, Box<Entry>>,
) -> Option<String> {
    let Some(entry) = entries.get(dependency) else {
        return Some(format!("dependency '{dependency}' not found"));
    };
    let not_ready = || Some(format!("dependency '{dependency}' is not ready"));
    let observed = entry.status.observed_generation == entry.owner.generation();
    if !observed || !holds(&entry.status.conditions, READY) || (entry.running.is_some() && entry.last.is_none()) {
        return not_ready();
    }
    let shares_source = entry.settings().is_some_and(|theirs| theirs.source == settings.source);
    let applied = match &entry.last {
        // What a revision does not concern is as good as applied before its status says so.
        Some(last) if last.succeeded => last.digest == source.digest,
        Some(_) => return not_ready(),
        None => entry.status.last_applied_revision.as_deref() == Some(&source.revision),
    };
    (shares_source && !applied).then(|| format!("dependency '{dependency}' revision is not up to date"))
}

fn show(cycle: &[OwnerName]) -> String {
    cycle.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" -> ")
}

/// A way along dependencies from `start` back to it, or into a cycle on the way, the first name repeated at the end.
pub(super) fn cycle(start: &OwnerName, dependencies: impl Fn(&OwnerName) -> Vec<OwnerName>) -> Option<Vec<OwnerName>> {
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

    fn name(text: &str) -> OwnerName {
        OwnerName::new(&crate::kustomization::KIND, "n", text)
    }

    fn find(start: &str, edges: &[(&str, &str)]) -> Option<String> {
        let dependencies =
            |from: &OwnerName| edges.iter().filter(|(a, _)| name(a) == *from).map(|(_, b)| name(b)).collect();
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
