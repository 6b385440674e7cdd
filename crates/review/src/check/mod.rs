//! What in a repository would fail: all of it at once, each with the place where it is written.

pub mod dependencies;
mod duplicates;
mod files;
mod finding;
mod kustomizations;
mod objects;
mod places;
mod references;
mod schemas;
mod variables;

use std::collections::BTreeSet;

use cowherd_tree::TreePath;

use crate::cluster::{Cluster, Context, Side};
use crate::discovery::Discovered;

pub use finding::{Finding, Place, Rule, Severity};
use places::Places;
use schemas::Kinds;

/// What was looked at, and what is wrong.
pub struct Report {
    /// What is wrong, in the order of the places; the same in several clusters is told once.
    pub findings: Vec<Finding>,
    /// How many Kustomizations there are in the clusters.
    pub kustomizations: usize,
    /// How many objects those make.
    pub objects: usize,
}

/// A cluster that is checked, with what it takes to say where things are written.
struct Checked<'a> {
    cluster: &'a Cluster,
    kinds: &'a Kinds,
    context: &'a Context,
    places: Places,
    findings: Vec<Finding>,
}

/// Checks what grows in each of the clusters.
pub fn check(side: &Side, clusters: &[Discovered], context: &Context) -> Report {
    let mut findings = BTreeSet::new();
    let mut report = Report { findings: Vec::new(), kustomizations: 0, objects: 0 };
    for Discovered { cluster, .. } in clusters {
        report.kustomizations += cluster.units.len();
        report.objects += cluster.units.values().map(|unit| unit.objects().len()).sum::<usize>();
        findings.extend(of_cluster(side, cluster, context));
    }
    report.findings = findings.into_iter().collect();
    report
}

fn of_cluster(side: &Side, cluster: &Cluster, context: &Context) -> Vec<Finding> {
    let kinds = Kinds::new(cluster.world.definitions.values());
    let root = TreePath::parse(&cluster.path).unwrap_or_default();
    let places = Places::new(side.tree.clone(), root);
    let mut checked = Checked { cluster, kinds: &kinds, context, places, findings: Vec::new() };
    kustomizations::check(&mut checked, side.tree.as_ref());
    objects::check(&mut checked);
    references::check(&mut checked);
    duplicates::check(&mut checked);
    variables::check(&mut checked);
    checked.findings
}
