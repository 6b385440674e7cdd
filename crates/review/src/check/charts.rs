//! What HelmReleases make of charts in the repository: what is wrong with that, and what it brings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_apply::Manifest;
use cowherd_tree::{EntryKind, Tree, TreePath};

use super::finding::{Finding, Place, Rule};
use super::schemas::Kinds;
use super::{Checked, gates, objects, releases};
use crate::cluster::{Cluster, Context, Unit};
use crate::gitops::{self, NamespacedName, ReleasePlan, Released};

/// A release of a chart in the repository.
pub(super) struct Release<'a> {
    unit: &'a Unit,
    object: &'a Manifest,
    /// Where the chart is.
    chart: TreePath,
    /// What comes of it, or what is wrong.
    made: Result<Released, String>,
}

impl Release<'_> {
    /// What is applied for it.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Manifest> {
        let made = self.made.as_ref().ok();
        made.into_iter().flat_map(|made| made.definitions.iter().chain(made.objects.iter().map(|(_, object)| object)))
    }

    pub(super) fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.object.id().namespace, &self.object.id().name)
    }

    /// Where a template is, or where the release names its chart.
    fn place(&self, checked: &mut Checked<'_>, tree: &dyn Tree, template: &str) -> Place {
        let below = template.split_once('/').and_then(|(_, below)| self.chart.join(below).ok());
        let is_file = |path: &TreePath| {
            tree.stat(path).ok().flatten().is_some_and(|entry| matches!(entry.kind, EntryKind::File { .. }))
        };
        match below.filter(is_file) {
            Some(file) => Place { file, line: None },
            None => checked.places.field(self.unit, self.object, "spec.chart.spec.chart"),
        }
    }
}

/// The releases of charts in the repository whose values are all known.
pub(super) fn read<'a>(cluster: &'a Cluster, context: &Context, tree: &Arc<dyn Tree>) -> Vec<Release<'a>> {
    let kinds = Kinds::new(cluster.world.definitions.values());
    let versions = kinds.api_versions();
    let mut found = Vec::new();
    for unit in cluster.units.values().filter(|unit| unit.target().is_none()) {
        for object in unit.objects().iter().filter(|object| releases::is_release(object)) {
            found.extend(of_release(cluster, context, tree, (unit.as_ref(), object), &versions));
        }
    }
    found
}

fn of_release<'a>(
    cluster: &'a Cluster,
    context: &Context,
    tree: &Arc<dyn Tree>,
    (unit, object): (&'a Unit, &'a Manifest),
    versions: &[String],
) -> Option<Release<'a>> {
    let spec = &object.object()["spec"];
    let named = releases::chart_of(spec, &object.id().namespace, &cluster.world)?;
    // What may yet get a value cannot be known, nor what another cluster serves.
    let is_open = spec.to_string().contains("${") || !spec["kubeConfig"].is_null();
    if is_open || !context.sources.is_this(&named.kind, &named.source, &cluster.world) {
        return None;
    }
    let chart = TreePath::parse(&named.path).ok().filter(|_| releases::is_chart(tree.as_ref(), &named.path))?;
    let plan = ReleasePlan::read(object.object(), named.object.as_ref())?;
    let mut held = Vec::new();
    for reference in plan.values_from() {
        let name = NamespacedName::new(&object.id().namespace, &reference.name);
        let data = cluster.world.data(&reference.kind, &name);
        if data.is_none() && reference.optional != Some(true) {
            return None;
        }
        let bytes = |(key, text): (String, String)| (key, text.into_bytes());
        held.push(data.map(|data| data.into_iter().map(bytes).collect::<BTreeMap<_, _>>()));
    }
    let made = plan.make(tree.clone(), held, versions, &gitops::helm()).map(|made| placed(made, cluster));
    Some(Release { unit, object, chart, made })
}

/// The same with the objects where they are.
fn placed(mut made: Released, cluster: &Cluster) -> Released {
    let mut scopes = cluster.world.scopes.clone();
    made.definitions.iter().for_each(|definition| scopes.take(definition.object()));
    for (_, object) in &mut made.objects {
        scopes.place(object, Some(&made.namespace));
    }
    made
}

/// Lists what is wrong with charts in the repository, with the values of their releases.
pub(super) fn check(checked: &mut Checked<'_>, all: &[Release<'_>], tree: &dyn Tree) {
    for release in all {
        match &release.made {
            Ok(made) => of_made(checked, release, made, tree),
            Err(text) => {
                let place = checked.places.field(release.unit, release.object, "spec.chart.spec.chart");
                let text = release.unit.mask().text(&format!("nothing comes of the chart {}: {text}", release.chart));
                checked.findings.push(Finding::error(place, Rule::Build, text).of(release.object.id()));
            }
        }
    }
}

fn of_made(checked: &mut Checked<'_>, release: &Release<'_>, made: &Released, tree: &dyn Tree) {
    let by = format!("HelmRelease {} makes it of this chart", release.name());
    let mut unserved = BTreeSet::new();
    let mut idle = BTreeSet::new();
    for (template, object) in &made.objects {
        let (value, id) = (object.object(), object.id());
        let (api_version, kind) = (object.versioned().api_version(), id.kind.clone());
        if !checked.kinds.serves(value) {
            let is_known = checked.kinds.served_as(&id.group, &kind).is_some() || !checked.lost.may_define(&kind);
            if is_known && unserved.insert((api_version.clone(), kind.clone())) {
                let place = release.place(checked, tree, template);
                let (severity, text) = objects::unserved(checked, &id.group, &api_version, &kind);
                let finding = Finding::error(place, Rule::UnservedKind, format!("{text}; {by}")).of(id);
                checked.findings.push(Finding { severity, ..finding });
            }
            continue;
        }
        if objects::is_idle(checked, object) && idle.insert(kind.clone()) {
            let place = release.place(checked, tree, template);
            let text = format!("{}; {by}", objects::idle(object));
            checked.findings.push(Finding::warning(place, Rule::NoController, text).of(id));
        }
        for mistake in checked.kinds.mistakes(value, false) {
            let place = release.place(checked, tree, template);
            let (severity, text) = gates::judged(value, &mistake);
            let text = made.mask.text(&cowherd_apply::mask::message(value, &text));
            let text = release.unit.mask().text(&format!("{text}; {by}"));
            let finding = Finding::error(place, Rule::Schema, text).of(id);
            checked.findings.push(Finding { severity, ..finding });
        }
    }
}
