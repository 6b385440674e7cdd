//! What in a repository would fail: all of it at once, each with the place where it is written.

mod accounts;
mod alike;
mod charts;
pub mod dependencies;
mod documents;
mod duplicates;
mod expressions;
mod files;
mod finding;
mod gates;
mod health;
mod holders;
mod kustomizations;
mod namespaces;
mod notifications;
mod objects;
mod places;
mod references;
mod releases;
mod remotes;
mod rights;
mod schemas;
mod sealed;
mod services;
mod sources;
mod there;
mod unmade;
mod unseen;
mod variables;
mod whole;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cowherd_apply::Manifest;
use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreePath};

use crate::cluster::{Cluster, Context, Side, Unit};
use crate::discovery::{Discovered, LeftOut};
use crate::gitops::{self, NamespacedName};
use crate::lost::Lost;

pub use finding::{Finding, Other, Place, Rule, Severity};
use places::Places;
use schemas::Kinds;
use there::There;
use unseen::Unseen;
use written::Written;

/// What was looked at, and what is wrong.
pub struct Report {
    /// What is wrong, in the order of the places; the same in several clusters is told once.
    pub findings: Vec<Finding>,
    /// How many Kustomizations there are in the clusters.
    pub kustomizations: usize,
    /// How many objects those make.
    pub objects: usize,
    /// Who may define the kinds that nothing in the repository serves, where a finding of [`Rule::UnservedKind`] says that somebody
    /// may: `HelmRelease monitoring/operator`.
    pub may_define: BTreeSet<String>,
}

/// A cluster that is checked, with what it takes to say where things are written.
struct Checked<'a> {
    cluster: &'a Cluster,
    kinds: &'a Kinds,
    context: &'a Context,
    places: Places,
    /// What is written anywhere in the repository.
    written: &'a Written,
    /// What is there.
    there: There,
    /// What would be there besides, if everything could be built.
    lost: &'a Lost,
    /// Who brings what is not seen.
    unseen: Unseen,
    /// The objects that describe Kustomizations, by who describes them and their name.
    described: HashMap<(&'a NamespacedName, &'a str, &'a str), &'a Manifest>,
    findings: Vec<Finding>,
}

/// An object, and the Kustomization that describes it.
type Described<'a> = (&'a Unit, &'a Manifest);

/// Checks what grows in each of the clusters, and tells what beside them nothing makes manifests of.
pub fn check(side: &Side, clusters: &[Discovered], left_out: &[LeftOut], context: &Context) -> Report {
    let released: BTreeSet<TreePath> =
        clusters.iter().flat_map(|one| releases::charts(&one.cluster, context)).collect();
    let unrendered = left_out.iter().filter(|one| one.is_unrendered && !released.contains(&one.path));
    let mut findings: BTreeSet<Finding> = unrendered.map(kustomizations::unrendered).collect();
    let written = Written::new(side.tree.clone());
    let mut report = Report { findings: Vec::new(), kustomizations: 0, objects: 0, may_define: BTreeSet::new() };
    for Discovered { cluster, .. } in clusters {
        report.kustomizations += cluster.units.len();
        report.objects += cluster.units.values().map(|unit| unit.objects().len()).sum::<usize>();
        let (found, may_define) = of_cluster(side, cluster, context, &written);
        findings.extend(found);
        report.may_define.extend(may_define);
    }
    if let Some(whole) = whole::cluster(side, clusters, left_out, context) {
        let (found, _) = of_cluster(side, &whole, context, &written);
        findings.extend(whole::refused(found, &findings, left_out));
    }
    report.findings = alike::together(findings, clusters);
    report
}

/// What is wrong in a cluster, and who may define the kinds that it lacks.
fn of_cluster(side: &Side, cluster: &Cluster, context: &Context, written: &Written) -> (Vec<Finding>, Vec<String>) {
    // What the agents ignore is no part of what they render.
    let seen =
        Ignore::new(side.tree.clone(), None).map_or_else(|_| side.tree.clone(), |tree| Arc::new(tree) as Arc<dyn Tree>);
    let released = charts::read(cluster, context, &seen);
    let of_charts = || released.iter().flat_map(charts::Release::objects);
    let definitions = of_charts().filter(|object| object.id().kind == "CustomResourceDefinition").map(Manifest::object);
    let kinds = Kinds::new(cluster.world.definitions.values().chain(definitions));
    let root = TreePath::parse(&cluster.path).unwrap_or_default();
    let places = Places::new(side.tree.clone(), root);
    let described = cluster.units.iter().flat_map(|(name, unit)| described(name, unit)).collect();
    let lost = Lost::of(cluster, seen.as_ref());
    let there = There::of(cluster, &context.given, of_charts());
    let mut checked = Checked {
        cluster,
        kinds: &kinds,
        context,
        places,
        written,
        there,
        lost: &lost,
        unseen: Unseen::of(cluster, &released),
        described,
        findings: Vec::new(),
    };
    kustomizations::check(&mut checked, seen.as_ref());
    objects::check(&mut checked);
    sealed::check(&mut checked);
    references::check(&mut checked);
    namespaces::check(&mut checked);
    releases::check(&mut checked, seen.as_ref());
    charts::check(&mut checked, &released, seen.as_ref());
    notifications::check(&mut checked);
    accounts::check(&mut checked);
    holders::check(&mut checked);
    rights::check(&mut checked);
    health::check(&mut checked);
    services::check(&mut checked);
    sources::check(&mut checked);
    remotes::check(&mut checked, side.tree.as_ref());
    duplicates::check(&mut checked);
    variables::check(&mut checked);
    (checked.findings, checked.unseen.defining())
}

/// The Kustomizations that a Kustomization describes, with the object of each.
fn described<'a>(
    by: &'a NamespacedName,
    unit: &'a Unit,
) -> impl Iterator<Item = ((&'a NamespacedName, &'a str, &'a str), &'a Manifest)> {
    let all = unit.objects().iter().filter(|object| gitops::is_kustomization(object.object()));
    all.map(move |object| ((by, object.id().namespace.as_str(), object.id().name.as_str()), object))
}

impl Checked<'_> {
    /// The objects of which the same is to be said as of the first of `objects`, with where a field of each is written.
    fn others(&mut self, objects: &[Described<'_>], field: &str) -> Vec<Other> {
        let others = objects.iter().skip(1);
        let other = |(unit, object): &Described<'_>| Other {
            place: self.places.field(unit, object, field),
            object: object.id().to_string(),
        };
        others.map(other).collect()
    }
}
