//! A review for programs.

use serde_json::{Value, json};

use crate::compare::{Change, ClusterReview, Kind, Review, Status, UnitReview};
use crate::discovery::{By, LeftOut};

use super::Tally;

/// The review as JSON.
pub fn structured(review: &Review) -> Value {
    let side = |(name, commit): &(String, Option<String>)| json!({ "revision": name, "commit": commit });
    let tally = Tally::of(review);
    json!({
        "base": side(&review.base),
        "head": side(&review.head),
        "commonHistory": !review.is_unrelated,
        "changed": tally.changed > 0,
        "errors": tally.errors,
        "lookedAt": review.looked_at.iter().map(|(path, by)| looked_at(path, by)).collect::<Vec<_>>(),
        "leftOut": review.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "clusters": review.clusters.iter().map(cluster).collect::<Vec<_>>(),
    })
}

/// A path that was looked at.
pub fn looked_at(path: &str, by: &By) -> Value {
    json!({ "path": path, "foundBy": by.to_string() })
}

/// What was not looked at.
pub fn left_out(one: &LeftOut) -> Value {
    json!({ "path": one.path.to_string(), "reason": one.why })
}

fn cluster(cluster: &ClusterReview) -> Value {
    let elsewhere = cluster
        .elsewhere
        .iter()
        .map(|(name, why)| json!({ "namespace": name.namespace, "name": name.name, "reason": why }));
    json!({
        "path": cluster.path,
        "errors": cluster.errors,
        "kustomizations": cluster.units.iter().map(unit).collect::<Vec<_>>(),
        "unchanged": cluster.unchanged,
        "notReviewed": elsewhere.collect::<Vec<_>>(),
    })
}

fn unit(unit: &UnitReview) -> Value {
    let status = match unit.status {
        Status::Added => "added",
        Status::Kept => "kept",
        Status::Removed => "removed",
    };
    json!({
        "namespace": unit.name.namespace, "name": unit.name.name, "path": unit.path, "status": status,
        "errors": unit.errors, "notes": unit.notes,
        "changes": unit.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Value {
    let id = &change.object.id;
    let fields =
        change.fields.iter().map(|field| json!({ "path": field.path, "before": field.before, "after": field.after }));
    let mut value = json!({
        "apiVersion": change.object.api_version(), "kind": id.kind, "namespace": id.namespace, "name": id.name,
        "action": change.kind.word(), "fields": fields.collect::<Vec<_>>(), "notes": change.notes,
    });
    match &change.kind {
        Kind::MovedTo(name) => value["to"] = name.to_string().into(),
        Kind::MovedFrom(name) => value["from"] = name.to_string().into(),
        _ => {}
    }
    value
}
