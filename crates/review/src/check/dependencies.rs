//! Kustomizations that wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::health;
use crate::cluster::Cluster;
use crate::gitops::NamespacedName;

/// Kustomizations that wait for each other in a circle: none of them is ever applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cycle(pub Vec<NamespacedName>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dependency cycle: ")?;
        for name in &self.0 {
            write!(f, "{name} -> ")?;
        }
        let first = self.0.first().cloned().unwrap_or_default();
        write!(f, "{first}; remove one of these from dependsOn")
    }
}

/// The circles of dependencies in a cluster, each once, beginning with the name that comes first.
pub fn cycles(cluster: &Cluster) -> Vec<Cycle> {
    let found = circles(cluster.units.keys().cloned(), |name| depends_on(cluster, name));
    found.into_iter().map(Cycle).collect()
}

/// What has to happen to a Kustomization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Applied,
    Ready,
}

/// Kustomizations that wait for each other since one describes another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadlock(Vec<(NamespacedName, Stage)>);

impl Deadlock {
    /// What happens, and what has to happen before.
    fn steps(&self) -> impl Iterator<Item = (&(NamespacedName, Stage), &(NamespacedName, Stage))> {
        self.0.iter().zip(self.0.iter().cycle().skip(1))
    }

    /// The Kustomization whose dependency is part of it.
    pub fn dependent(&self) -> Option<&NamespacedName> {
        self.steps()
            .find(|((_, now), (_, before))| (now, before) == (&Stage::Applied, &Stage::Ready))
            .map(|(now, _)| &now.0)
    }

    /// Whether it comes of more than dependencies.
    fn is_of_descriptions(&self) -> bool {
        self.steps().any(|((name, now), (other, before))| name != other && now == before)
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.steps().filter_map(|((name, now), (other, before))| match (now, before) {
            (Stage::Applied, Stage::Ready) => Some(format!("{name} waits for {other} (spec.dependsOn)")),
            (Stage::Applied, Stage::Applied) => {
                Some(format!("{name} is there only once {other} was applied, which describes it"))
            }
            (Stage::Ready, Stage::Ready) => Some(format!("{name} waits for {other}, which it describes (spec.wait)")),
            (Stage::Ready, Stage::Applied) => None,
        });
        write!(f, "none of them is ever ready: {}", told.collect::<Vec<_>>().join("; "))
    }
}

/// The circles in which a Kustomization waits for one that it describes itself, or that waits for it.
pub fn deadlocks(cluster: &Cluster) -> Vec<Deadlock> {
    let names = cluster.units.keys().flat_map(|name| [(name.clone(), Stage::Applied), (name.clone(), Stage::Ready)]);
    let mut children: BTreeMap<&NamespacedName, Vec<&NamespacedName>> = BTreeMap::new();
    for (name, unit) in &cluster.units {
        if let Some(parent) = &unit.parent {
            children.entry(parent).or_default().push(name);
        }
    }
    let before = |(name, stage): &(NamespacedName, Stage)| -> Vec<(NamespacedName, Stage)> {
        let Some(unit) = cluster.units.get(name) else { return Vec::new() };
        match stage {
            Stage::Applied => {
                let parent = unit.parent.iter().map(|parent| (parent.clone(), Stage::Applied));
                depends_on(cluster, name).into_iter().map(|on| (on, Stage::Ready)).chain(parent).collect()
            }
            Stage::Ready => {
                let waits =
                    |child: &&&NamespacedName| health::waits_for(&unit.kustomization, &child.namespace, &child.name);
                let waited_for = children.get(name).into_iter().flatten().filter(waits);
                let ready = waited_for.map(|child| ((*child).clone(), Stage::Ready));
                [(name.clone(), Stage::Applied)].into_iter().chain(ready).collect()
            }
        }
    };
    let found = circles(names, before).into_iter().map(Deadlock);
    found.filter(Deadlock::is_of_descriptions).collect()
}

fn depends_on(cluster: &Cluster, name: &NamespacedName) -> Vec<NamespacedName> {
    let plan = cluster.units.get(name).and_then(|unit| unit.plan.as_ref());
    plan.map(|plan| plan.waits_for().to_vec()).unwrap_or_default()
}

/// The circles that are met on the way from each of the `starts` by `next`, each once, beginning with what comes first.
fn circles<N: Ord + Clone>(starts: impl Iterator<Item = N>, next: impl Fn(&N) -> Vec<N>) -> BTreeSet<Vec<N>> {
    let mut found = BTreeSet::new();
    let mut done = BTreeSet::new();
    for start in starts {
        let mut path: Vec<N> = Vec::new();
        let mut places: BTreeMap<N, usize> = BTreeMap::new();
        let mut rest: Vec<Vec<N>> = vec![vec![start]];
        while let Some(level) = rest.last_mut() {
            let Some(one) = level.pop() else {
                rest.pop();
                if let Some(left) = path.pop() {
                    places.remove(&left);
                    done.insert(left);
                }
                continue;
            };
            if let Some(at) = places.get(&one) {
                found.insert(rotated(&path[*at..]));
            } else if !done.contains(&one) {
                rest.push(next(&one));
                places.insert(one.clone(), path.len());
                path.push(one);
            }
        }
    }
    found
}

fn rotated<N: Ord + Clone>(circle: &[N]) -> Vec<N> {
    let first = circle.iter().enumerate().min_by_key(|(_, one)| *one).map_or(0, |(index, _)| index);
    circle[first..].iter().chain(&circle[..first]).cloned().collect()
}
