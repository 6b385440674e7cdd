//! Removing what a manager applied before and no longer gives.

use cowherd_schema::Schema;
use serde_json::Value;

use super::named::with_named_parents;
use super::of_value::below;
use super::remove::remove;
use super::set::FieldSet;
use super::shape::Place;

/// Removes from `merged` the fields of `previous` that are not in `managed`, the fields that anybody, the applier
/// included, owns now.
///
/// Fields that nobody owns, such as defaults, go with the named field that they belong to, but never on their own.
pub(super) fn prune(merged: Value, previous: &FieldSet, managed: &FieldSet, schema: &Schema) -> Value {
    let place = Place::root(schema);
    let fields = |object: &Value| with_named_parents(&below(place, object), place);
    let without = |set: &FieldSet| {
        let mut object = merged.clone();
        remove(&mut object, set, place);
        object
    };
    let previous = with_named_parents(previous, place);
    let present = fields(&merged);
    // First as if everything that was owned were gone, then with what is owned by somebody back in place.
    let kept = fields(&without(&previous)).union(&with_named_parents(managed, place));
    let remaining = fields(&without(&present.difference(&kept)));
    let gone = present.difference(&remaining).intersection(&previous);
    if gone.is_empty() {
        return merged;
    }
    without(&gone)
}
