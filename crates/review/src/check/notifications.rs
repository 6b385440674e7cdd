//! What of Alerts, Providers and Receivers is refused, or leads nowhere.

use cowherd_api::supported::{PROVIDER, RECEIVER, Unsupported, refused};
use cowherd_apply::Manifest;

use crate::cluster::Unit;

use super::Checked;
use super::expressions;
use super::finding::{Finding, Rule};

const GROUP: &str = "notification.toolkit.fluxcd.io";

/// Lists fields that are refused, and Providers that are not there, at where they are written.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        for object in unit.objects().iter().filter(|object| object.id().group == GROUP) {
            match object.id().kind.as_str() {
                "Provider" => of_table(checked, unit, object, PROVIDER),
                "Receiver" => of_table(checked, unit, object, RECEIVER),
                "Alert" => provider(checked, unit, object),
                _ => {}
            }
        }
    }
}

fn of_table(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest, table: &'static [Unsupported]) {
    for field in refused(table, &object.object()["spec"]) {
        let place = checked.places.field(unit, object, &format!("spec.{}", field.entry.field));
        let text = unit.mask().text(&field.to_string());
        checked.findings.push(Finding::error(place, Rule::Unsupported, text).of(object.id()));
    }
    expressions::check(checked, unit, object);
}

/// Lists the Provider of an Alert, if nothing brings it.
fn provider(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest) {
    let name = object.object()["spec"]["providerRef"]["name"].as_str().unwrap_or_default();
    // A name with a variable may be any.
    if name.is_empty() || name.contains("${") {
        return;
    }
    if let Some(nowhere) = checked.nowhere(unit.target().as_ref(), "Provider", &object.id().namespace, name) {
        let place = checked.places.field(unit, object, "spec.providerRef");
        checked.findings.push(Finding::warning(place, Rule::Reference, nowhere).of(object.id()));
    }
}
