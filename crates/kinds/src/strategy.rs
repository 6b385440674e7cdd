//! What the server does to an object on its way to storage.

use jiff::Timestamp;
use serde_json::Value;

use crate::Kind;
use crate::errors::Errors;
use crate::json::{Fill, same};
use crate::metadata;
use crate::table::{self, Column};

/// When an object's `metadata.generation` counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generations {
    /// It has none.
    None,
    /// When one of these fields changes.
    With(&'static [&'static str]),
    /// When the spec or the annotations change.
    SpecAndAnnotations,
    /// Once, and never again.
    Fixed,
}

impl Generations {
    /// Most kinds: when the spec changes.
    pub const SPEC: Self = Self::With(&["spec"]);

    fn changed(self, new: &Value, old: &Value) -> bool {
        match self {
            Self::None | Self::Fixed => false,
            Self::With(fields) => fields.iter().any(|field| !same(&new[*field], &old[*field])),
            Self::SpecAndAnnotations => {
                !same(&new["spec"], &old["spec"])
                    || !same(&new["metadata"]["annotations"], &old["metadata"]["annotations"])
            }
        }
    }
}

/// The behaviour of a kind, step by step. Each function gets the whole object.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub default: fn(&mut Value),
    pub create: fn(&mut Value),
    pub update: fn(&mut Value, &Value),
    pub validate: fn(&Value, &mut Errors),
    pub validate_update: fn(&Value, &Value, &mut Errors),
    pub columns: &'static [Column],
    pub cells: fn(&Value, Timestamp) -> Vec<Value>,
    pub fields: fn(&Value) -> Vec<(&'static str, String)>,
}

impl Rules {
    /// No rules beyond those of every object; the name and the age are printed.
    pub const PLAIN: Self = Self {
        default: |_| {},
        create: |_| {},
        update: |_, _| {},
        validate: |_, _| {},
        validate_update: |_, _, _| {},
        columns: table::NAME_AND_AGE,
        cells: |object, now| vec![table::name(object), table::age(object, now)],
        fields: |_| Vec::new(),
    };
}

pub(crate) fn prepare_update(kind: &Kind, new: &mut Value, old: &Value, subresource: Option<&str>) {
    metadata::keep_system_fields(new, old);
    match subresource {
        Some("status") => {
            keep_all_but_status(new, old);
            if let Some(metadata) = new.inner("metadata") {
                kind.status_keeps.iter().for_each(|field| keep(metadata, &old["metadata"], field));
            }
            return keep_generation(new, old);
        }
        // A namespace's finalizers change here and nowhere else.
        Some("finalize") => keep(new, old, "status"),
        _ => {
            if kind.status {
                keep(new, old, "status");
            }
            (kind.rules.update)(new, old);
        }
    }
    set_generation(kind, new, old);
}

/// Takes the field as it was in the old object.
pub(crate) fn keep(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => new.put(field, value.clone()),
        None => {
            new.take_out(field);
        }
    }
}

/// What metadata kinds keep whose users alone say what is in it. Most let labels and the rest come with a status.
pub(crate) const ALL_METADATA: &[&str] = &["labels", "annotations", "ownerReferences", "finalizers"];

/// An update of the status changes nothing that a user wants.
fn keep_all_but_status(new: &mut Value, old: &Value) {
    let fields: Vec<String> = [&*new, old]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|map| map.keys())
        .filter(|field| !matches!(field.as_str(), "status" | "metadata" | "apiVersion" | "kind"))
        .cloned()
        .collect();
    for field in fields {
        keep(new, old, &field);
    }
}

/// What the status says of an object is no change of what is wanted, not even where it comes with annotations.
fn keep_generation(new: &mut Value, old: &Value) {
    let old = &old["metadata"];
    if let Some(metadata) = new.inner("metadata") {
        keep(metadata, old, "generation");
    }
}

fn set_generation(kind: &Kind, new: &mut Value, old: &Value) {
    let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
    let changed = kind.generations.changed(new, old);
    let Some(metadata) = new.inner("metadata") else { return };
    match kind.generations {
        Generations::None if generation == 0 => {
            metadata.take_out("generation");
        }
        _ => metadata.put("generation", generation.saturating_add(i64::from(changed))),
    }
}
