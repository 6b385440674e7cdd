//! Fitting a set of fields to a schema.

use super::element::PathElement;
use super::set::FieldSet;
use super::shape::Place;

/// Adds the fields known by name that something of the set lies below: who owns `.spec.replicas` has a say in
/// whether there is a `.spec`.
pub(super) fn with_named_parents(set: &FieldSet, place: Place<'_>) -> FieldSet {
    let mut named = FieldSet::new();
    for node in set.nodes() {
        let (member, inner) = match &node.element {
            PathElement::Field(name) => (node.member || place.knows(name), place.field(name)),
            _ => (node.member, place.item()),
        };
        named.add(node.element.clone(), member, with_named_parents(&node.below, inner));
    }
    named
}

/// What a set means after the schema changed: what became atomic is owned as a whole by who owned a part of it.
/// `None` if nothing changed.
pub(super) fn fitted(set: &FieldSet, place: Place<'_>) -> Option<FieldSet> {
    let mut fitted_nodes = Vec::new();
    for node in set.nodes() {
        let inner = match &node.element {
            PathElement::Field(name) => place.field(name),
            _ => place.item(),
        };
        fitted_nodes.push(if !node.below.is_empty() && is_atomic(inner) {
            Some(FieldSet::new())
        } else {
            fitted(&node.below, inner)
        });
    }
    if fitted_nodes.iter().all(Option::is_none) {
        return None;
    }
    let mut result = FieldSet::new();
    for (node, below) in set.nodes().iter().zip(fitted_nodes) {
        match below {
            Some(below) => result.add(node.element.clone(), node.member || below.is_empty(), below),
            None => result.add(node.element.clone(), node.member, node.below.clone()),
        }
    }
    Some(result)
}

/// Whether what stands here merges as a whole, whatever parts a set knows of it.
fn is_atomic(place: Place<'_>) -> bool {
    place.schema().is_some_and(|schema| match schema.value_type {
        cowherd_schema::Type::Object => !place.merges_maps(),
        cowherd_schema::Type::Array => !place.merges_lists(),
        _ => false,
    })
}
