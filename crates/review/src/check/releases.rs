//! What of HelmReleases, of where their charts come from, and of generators the agents refuse or would look for in vain.

use std::collections::BTreeSet;

use cowherd_api::supported::{
    ARTIFACT_GENERATOR, BUCKET, FLUX_INSTANCE, HELM_CHART, HELM_RELEASE, HELM_REPOSITORY, IMAGE_POLICY,
    IMAGE_REPOSITORY, IMAGE_UPDATE_AUTOMATION, INPUT_PROVIDER, RESOURCE_SET, Unsupported, refused,
};
use cowherd_apply::Manifest;
use cowherd_tree::{EntryKind, Tree, TreePath};
use serde_json::Value;

use crate::cluster::{Cluster, Context, Unit, World};
use crate::gitops::NamespacedName;

use super::Checked;
use super::expressions;
use super::finding::{Finding, Rule, Severity};
use super::namespaces;

const GROUP: &str = "helm.toolkit.fluxcd.io";

/// Lists fields that are refused, and names that lead nowhere, at where they are written.
pub(super) fn check(checked: &mut Checked<'_>, tree: &dyn Tree) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let id = object.id();
            let Some(table) = table(&id.group, &id.kind) else { continue };
            for field in refused(table, &object.object()["spec"]) {
                let place = checked.places.field(unit, object, &format!("spec.{}", field.entry.field));
                let text = unit.mask().text(&field.to_string());
                checked.findings.push(Finding::error(place, Rule::Unsupported, text).of(id));
            }
            if id.group == GROUP {
                expressions::check(checked, unit, object);
            }
            if id.group == GROUP && unit.target().is_none() {
                of_release(checked, tree, unit, object);
            }
        }
    }
}

/// What is refused of a kind.
fn table(group: &str, kind: &str) -> Option<&'static [Unsupported]> {
    match (group, kind) {
        (GROUP, "HelmRelease") => Some(HELM_RELEASE),
        ("source.extensions.fluxcd.io", "ArtifactGenerator") => Some(ARTIFACT_GENERATOR),
        ("fluxcd.controlplane.io", "FluxInstance") => Some(FLUX_INSTANCE),
        ("fluxcd.controlplane.io", "ResourceSet") => Some(RESOURCE_SET),
        ("fluxcd.controlplane.io", "ResourceSetInputProvider") => Some(INPUT_PROVIDER),
        ("image.toolkit.fluxcd.io", "ImageRepository") => Some(IMAGE_REPOSITORY),
        ("image.toolkit.fluxcd.io", "ImagePolicy") => Some(IMAGE_POLICY),
        ("image.toolkit.fluxcd.io", "ImageUpdateAutomation") => Some(IMAGE_UPDATE_AUTOMATION),
        ("source.toolkit.fluxcd.io", "Bucket") => Some(BUCKET),
        ("source.toolkit.fluxcd.io", "HelmChart") => Some(HELM_CHART),
        ("source.toolkit.fluxcd.io", "HelmRepository") => Some(HELM_REPOSITORY),
        _ => None,
    }
}

/// What a HelmRelease names, with the field in which it does.
struct Reference<'a> {
    field: String,
    kind: &'a str,
    name: NamespacedName,
}

impl<'a> Reference<'a> {
    /// What stands in a field of an object in `namespace`. A name with a variable may be any.
    fn read(field: String, value: &'a Value, kind: &'a str, namespace: &str) -> Option<Self> {
        let name = value["name"].as_str().filter(|name| !name.is_empty() && !name.contains("${"))?;
        let namespace = value["namespace"].as_str().unwrap_or(namespace);
        let kind = value["kind"].as_str().unwrap_or(kind);
        Some(Self { field, kind, name: NamespacedName::new(namespace, name) })
    }
}

/// Where the chart of a release comes from: what it names, and the path or name of the chart there, if it says so itself.
fn source<'a>(spec: &'a Value, namespace: &str) -> Option<(Reference<'a>, Option<&'a str>)> {
    let chart = &spec["chart"]["spec"];
    let of_chart = || Reference::read("spec.chart.spec.sourceRef".to_owned(), &chart["sourceRef"], "", namespace);
    match Reference::read("spec.chartRef".to_owned(), &spec["chartRef"], "", namespace) {
        Some(reference) => Some((reference, None)),
        None => of_chart().map(|reference| (reference, chart["chart"].as_str())),
    }
}

fn of_release(checked: &mut Checked<'_>, tree: &dyn Tree, unit: &Unit, object: &Manifest) {
    let (spec, namespace) = (&object.object()["spec"], object.id().namespace.as_str());
    let mut found: Vec<(Severity, Rule, String, String)> = Vec::new();
    let world = &checked.cluster.world;
    if let Some((from, chart)) = source(spec, namespace) {
        let sources = &checked.context.sources;
        if sources.is_unknown_source(from.kind, &from.name, world)
            && !checked.lost.may_bring(from.kind, &from.name.name)
        {
            let nowhere = checked.written.nowhere(from.kind, &from.name.name);
            found.push((Severity::Warning, Rule::Reference, from.field, nowhere));
        } else if let Some(chart) = chart
            && sources.is_this(from.kind, &from.name, world)
            && !is_chart(tree, chart)
        {
            let text = format!("there is no chart at {chart} in the repository");
            found.push((Severity::Error, Rule::MissingFile, "spec.chart.spec.chart".to_owned(), text));
        }
    }
    for (index, value) in spec["valuesFrom"].as_array().into_iter().flatten().enumerate() {
        let field = format!("spec.valuesFrom[{index}]");
        let Some(from) = Reference::read(field, value, "", namespace) else { continue };
        let is_there = world.holds(from.kind, &from.name) || checked.lost.may_bring(from.kind, &from.name.name);
        if value["optional"] != true && !is_there {
            let nowhere = checked.written.nowhere(from.kind, &from.name.name);
            found.push((Severity::Warning, Rule::Reference, from.field, nowhere));
        }
    }
    for (index, value) in spec["dependsOn"].as_array().into_iter().flatten().enumerate() {
        let field = format!("spec.dependsOn[{index}]");
        let Some(on) = Reference::read(field, value, "HelmRelease", namespace) else { continue };
        let NamespacedName { namespace, name } = &on.name;
        if let Some(nowhere) = checked.nowhere(None, "HelmRelease", namespace, name) {
            found.push((Severity::Error, Rule::Reference, on.field, nowhere));
        }
    }
    // What is released to another cluster finds other namespaces and accounts there.
    let is_here = spec["kubeConfig"].is_null();
    if is_here && spec["install"]["createNamespace"] != true {
        let name = spec["targetNamespace"].as_str().filter(|name| *name != namespace && !name.contains("${"));
        let name = name.filter(|name| !namespaces::is_always_there(name));
        if let Some(nowhere) = name.and_then(|name| checked.nowhere(None, "Namespace", "", name)) {
            let text = format!("{nowhere}; spec.install.createNamespace makes it");
            found.push((Severity::Warning, Rule::Namespace, "spec.targetNamespace".to_owned(), text));
        }
    }
    let account = spec["serviceAccountName"].as_str().filter(|name| is_here && !name.contains("${"));
    if let Some(nowhere) = account.and_then(|name| checked.nowhere(None, "ServiceAccount", namespace, name)) {
        let text = format!("{nowhere}, so that nothing may be released");
        found.push((Severity::Warning, Rule::Reference, "spec.serviceAccountName".to_owned(), text));
    }
    for (severity, rule, field, text) in found {
        let place = checked.places.field(unit, object, &field);
        let finding = Finding::error(place, rule, format!("{field}: {text}")).of(object.id());
        checked.findings.push(Finding { severity, ..finding });
    }
}

/// Whether an object is a HelmRelease.
pub(super) fn is_release(object: &Manifest) -> bool {
    object.id().group == GROUP && object.id().kind == "HelmRelease"
}

/// The chart of a release, where it is one of the files of a source.
pub(super) struct OfFiles {
    pub(super) kind: String,
    pub(super) source: NamespacedName,
    /// Where in the source.
    pub(super) path: String,
    /// The HelmChart, where the release names one.
    pub(super) object: Option<Value>,
}

/// The chart that a release names, by itself or by a HelmChart of the repository.
pub(super) fn chart_of(spec: &Value, namespace: &str, world: &World) -> Option<OfFiles> {
    let (from, chart) = source(spec, namespace)?;
    if let Some(path) = chart {
        return Some(OfFiles { kind: from.kind.to_owned(), source: from.name, path: path.to_owned(), object: None });
    }
    let object = world.source("HelmChart", &from.name).filter(|_| from.kind == "HelmChart")?;
    let (of, path) = (&object["spec"]["sourceRef"], object["spec"]["chart"].as_str()?);
    let of = Reference::read(String::new(), of, "", &from.name.namespace)?;
    Some(OfFiles { kind: of.kind.to_owned(), source: of.name, path: path.to_owned(), object: Some(object.clone()) })
}

/// Whether there is a chart at a path: a directory, or an archive.
pub(super) fn is_chart(tree: &dyn Tree, path: &str) -> bool {
    let Ok(path) = TreePath::parse(path) else { return false };
    let kind = |path: &TreePath| tree.stat(path).ok().flatten().map(|entry| entry.kind);
    let is_file = |path: &TreePath| matches!(kind(path), Some(EntryKind::File { .. }));
    is_file(&path) || path.join("Chart.yaml").is_ok_and(|file| is_file(&file))
}

/// The directories of charts in the repository that releases of a cluster name.
pub(super) fn charts<'a>(cluster: &'a Cluster, context: &'a Context) -> BTreeSet<TreePath> {
    let objects = cluster.units.values().flat_map(|unit| unit.objects());
    let charts = objects.filter(|object| is_release(object)).filter_map(|object| {
        let named = chart_of(&object.object()["spec"], &object.id().namespace, &cluster.world)?;
        let is_here = context.sources.is_this(&named.kind, &named.source, &cluster.world);
        TreePath::parse(&named.path).ok().filter(|_| is_here)
    });
    charts.collect()
}
