//! Kustomizations that wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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

/// The circles in a cluster, each once, beginning with the name that comes first.
pub fn cycles(cluster: &Cluster) -> Vec<Cycle> {
    let next = |name: &NamespacedName| -> Vec<NamespacedName> {
        let plan = cluster.units.get(name).and_then(|unit| unit.plan.as_ref());
        plan.map(|plan| plan.depends_on().to_vec()).unwrap_or_default()
    };
    let mut found = BTreeSet::new();
    let mut done = BTreeSet::new();
    for start in cluster.units.keys() {
        let mut path: Vec<NamespacedName> = Vec::new();
        let mut places: BTreeMap<NamespacedName, usize> = BTreeMap::new();
        let mut rest: Vec<Vec<NamespacedName>> = vec![vec![start.clone()]];
        while let Some(level) = rest.last_mut() {
            let Some(name) = level.pop() else {
                rest.pop();
                if let Some(left) = path.pop() {
                    places.remove(&left);
                    done.insert(left);
                }
                continue;
            };
            if let Some(at) = places.get(&name) {
                found.insert(rotated(&path[*at..]));
            } else if !done.contains(&name) {
                rest.push(next(&name));
                places.insert(name.clone(), path.len());
                path.push(name);
            }
        }
    }
    found.into_iter().collect()
}

fn rotated(names: &[NamespacedName]) -> Cycle {
    let first = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(index, _)| index);
    Cycle(names[first..].iter().chain(&names[..first]).cloned().collect())
}
