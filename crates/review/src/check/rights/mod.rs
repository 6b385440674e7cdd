//! Whether the accounts that objects are applied as may apply them, by what the repository gives them.

mod given;

use std::collections::BTreeMap;

use cowherd_apply::Manifest;
use serde_json::Value;

use super::finding::{Finding, Rule};
use super::schemas::group_version_kind;
use super::{Checked, Described, Severity};
use crate::cluster::Unit;
use given::{Asked, Given, Rights};

/// What it takes to apply an object, and, last, what it takes besides to prune it.
const VERBS: [&str; 4] = ["get", "create", "patch", "delete"];
/// How many bindings are named.
const NAMED: usize = 3;

/// Lists what Kustomizations apply on behalf of accounts that may not do that.
pub(super) fn check(checked: &mut Checked<'_>) {
    let (cluster, context) = (checked.cluster, checked.context);
    // Roles that somebody describes count instead of those that are there from the start.
    let described = cluster.units.values().filter(|unit| unit.target().is_none()).flat_map(|unit| unit.objects());
    let mut given = Given::default();
    let known = context.roles.iter().chain(&context.given);
    known.chain(described.map(Manifest::object)).for_each(|object| given.take(object));
    for unit in cluster.units.values().filter(|unit| unit.target().is_none()) {
        let Some(name) = unit.kustomization.spec.service_account_name.as_deref() else { continue };
        let namespace = unit.name.namespace.as_str();
        // That it is nowhere is told where accounts are looked for; what brings one may bring its rights.
        if name.contains("${") || !checked.there.has_known_account(namespace, name) || checked.lost.may_give_rights() {
            continue;
        }
        let account = Account { shown: format!("{namespace}/{name}"), rights: given.to(namespace, name) };
        of_unit(checked, unit, &account);
    }
}

/// A ServiceAccount.
struct Account<'a> {
    shown: String,
    rights: Rights<'a>,
}

/// The objects that an account may not apply, by what may not be done with what and where.
type Missing<'a> = BTreeMap<(Vec<&'static str>, String, String), Vec<Described<'a>>>;

fn of_unit(checked: &mut Checked<'_>, unit: &Unit, account: &Account<'_>) {
    if unit.objects().is_empty() || account.rights.without_role().next().is_some() {
        of_roles(checked, unit, account);
        return;
    }
    let mut missing = Missing::new();
    for object in unit.objects() {
        // What a ResourceSet makes it applies on its own behalf.
        if unit.sets.maker(object.id()).is_some() {
            continue;
        }
        let Some(resource) = resource(checked, object) else { continue };
        let verbs = missing_verbs(checked, unit, object, &resource, &account.rights);
        if !verbs.is_empty() {
            let key = (verbs, resource.shown(), resource.namespace);
            missing.entry(key).or_default().push((unit, object));
        }
    }
    if account.rights.are_none() && !missing.is_empty() {
        let text = format!(
            "spec.serviceAccountName: nothing in the repository gives ServiceAccount {} rights, without which it may apply \
             nothing; bind a role to it, or say by --with FILE which bindings the cluster has",
            account.shown
        );
        checked.about(unit, "spec.serviceAccountName", Severity::Warning, Rule::Rights, text);
        return;
    }
    for ((verbs, resource, namespace), objects) in missing {
        let Some((_, first)) = objects.first() else { continue };
        let place = checked.places.field(unit, first, "kind");
        let others = checked.others(&objects, "kind");
        let somewhere =
            if namespace.is_empty() { "in the whole cluster".to_owned() } else { format!("in namespace {namespace}") };
        let text = format!(
            "Kustomization {} applies it as ServiceAccount {}, which may not {} {resource} {somewhere} by what is bound to it \
             ({})",
            unit.name,
            account.shown,
            verbs.join(", "),
            cowherd_text::listed(account.rights.bindings(), NAMED),
        );
        let finding = Finding::warning(place, Rule::Rights, text).of(first.id());
        checked.findings.push(Finding { others, ..finding });
    }
}

/// Bindings of the account whose roles are nowhere: what they give is not known.
fn of_roles(checked: &mut Checked<'_>, unit: &Unit, account: &Account<'_>) {
    let without_role: Vec<&Value> = account.rights.without_role().collect();
    for binding in without_role {
        let (kind, name) = (&binding["roleRef"]["kind"], &binding["roleRef"]["name"]);
        let (Some(kind), Some(name)) = (kind.as_str(), name.as_str()) else { continue };
        if name.contains("${") || checked.lost.may_bring(kind, name) {
            continue;
        }
        let text = format!(
            "spec.serviceAccountName: what {} gives ServiceAccount {} is not known: {}",
            cowherd_text::listed(account.rights.bindings(), NAMED),
            account.shown,
            checked.written.nowhere(kind, name)
        );
        checked.about(unit, "spec.serviceAccountName", Severity::Warning, Rule::Rights, text);
    }
}

/// What of the API an object is.
struct Resource {
    group: String,
    plural: String,
    /// Where rights on it hold; empty for the whole cluster.
    namespace: String,
    is_built_in: bool,
}

impl Resource {
    /// As rules and errors of the API name it.
    fn shown(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// What of the API an object is; `None` where its kind is not known.
fn resource(checked: &Checked<'_>, object: &Manifest) -> Option<Resource> {
    let (group, version, kind) = group_version_kind(object.object());
    let id = object.id();
    // A Namespace is in itself.
    let namespace = if (group, kind) == ("", "Namespace") { &id.name } else { &id.namespace };
    let plural = checked.kinds.plural(group, version, kind)?;
    let is_built_in = cowherd_kinds::find_kind(group, version, kind).is_some();
    Some(Resource { group: group.to_owned(), plural: plural.to_owned(), namespace: namespace.clone(), is_built_in })
}

fn missing_verbs(
    checked: &Checked<'_>,
    unit: &Unit,
    object: &Manifest,
    resource: &Resource,
    rights: &Rights<'_>,
) -> Vec<&'static str> {
    // Who installs definitions installs roles, of which others consist.
    let may_be_more = rights.are_aggregated() && !resource.is_built_in;
    let prunes = unit.plan.as_ref().is_some_and(crate::gitops::Plan::prunes);
    let is_open = resource.namespace.contains("${") || object.id().name.contains("${");
    if may_be_more || is_open || !checked.kinds.serves(object.object()) {
        return Vec::new();
    }
    let verbs = VERBS.into_iter().filter(|verb| prunes || *verb != "delete");
    let allowed = |verb: &str| {
        rights.allow(&Asked {
            verb,
            group: &resource.group,
            resource: &resource.plural,
            namespace: &resource.namespace,
            name: &object.id().name,
        })
    };
    verbs.filter(|verb| !allowed(verb)).collect()
}
