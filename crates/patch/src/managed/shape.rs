//! How the value at a place of an object merges: as its schema says, or as its own form suggests where there is none.

use cowherd_schema::{ListType, MapType, Schema, Type, builtin};
use serde_json::{Map, Value};

use super::element::PathElement;
use crate::MAX_DEPTH;

/// A place in an object: what its schema says there, and how deep it is.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    /// Where no schema is known, maps merge by field and lists are replaced.
    schema: Option<&'s Schema>,
    /// Whether a whole object with `apiVersion`, `kind` and `metadata` stands here.
    resource: bool,
    depth: usize,
}

/// How a value merges.
pub(super) enum Shape<'v> {
    /// As a whole: scalars, null, atomic maps and lists.
    Leaf,
    /// Field by field.
    Map(&'v Map<String, Value>),
    /// Item by item.
    List(&'v [Value]),
}

impl<'s> Place<'s> {
    /// The place of an object as a whole.
    pub(super) fn root(schema: &'s Schema) -> Self {
        Self { schema: Some(schema), resource: true, depth: 0 }
    }

    /// The place of the field `name`.
    pub(super) fn field(self, name: &str) -> Self {
        let metadata = if self.resource && name == "metadata" { builtin::definition(OBJECT_META) } else { None };
        let schema = metadata.or_else(|| self.schema?.field(name));
        Self::inner(schema, self.depth)
    }

    /// The place of the items of a list.
    pub(super) fn item(self) -> Self {
        Self::inner(self.schema.and_then(Schema::items), self.depth)
    }

    fn inner(schema: Option<&'s Schema>, depth: usize) -> Self {
        Self { schema, resource: schema.is_some_and(|schema| schema.embedded_resource), depth: depth + 1 }
    }

    /// The schema of this place, if there is one.
    pub(super) fn schema(self) -> Option<&'s Schema> {
        self.schema
    }

    /// Whether the field `name` is known by name, unlike the keys of a map.
    pub(super) fn knows(self, name: &str) -> bool {
        (self.resource && ["apiVersion", "kind", "metadata"].contains(&name))
            || self.schema.is_some_and(|schema| schema.property(name).is_some())
    }

    /// Whether a field `name` may stand here.
    pub(super) fn allows(self, name: &str) -> bool {
        let Some(schema) = self.schema else { return true };
        let closed = schema.value_type == Type::Object
            && !schema.preserve_unknown_fields
            && schema.properties().next().is_some();
        !closed || self.knows(name) || schema.field(name).is_some()
    }

    /// How `value` merges here.
    pub(super) fn shape(self, value: &Value) -> Shape<'_> {
        match value {
            Value::Object(map) if self.merges_maps() => Shape::Map(map),
            Value::Array(items) if self.merges_lists() => Shape::List(items),
            _ => Shape::Leaf,
        }
    }

    /// Whether maps merge field by field here.
    pub(super) fn merges_maps(self) -> bool {
        let granular = |schema: &Schema| {
            schema.map_type == MapType::Granular && matches!(schema.value_type, Type::Object | Type::Any)
        };
        self.depth < MAX_DEPTH && self.schema.is_none_or(granular)
    }

    /// Whether lists merge item by item here.
    pub(super) fn merges_lists(self) -> bool {
        let associative = |schema: &Schema| match &schema.list_type {
            ListType::Atomic => false,
            ListType::Set => true,
            ListType::Map(keys) => !keys.is_empty(),
        };
        self.depth < MAX_DEPTH
            && self.schema.is_some_and(|schema| schema.value_type == Type::Array && associative(schema))
    }

    /// What tells the items of the list here apart; `None` if one of them cannot be told apart.
    pub(super) fn elements(self, items: &[Value]) -> Option<Vec<PathElement>> {
        items.iter().map(|item| self.element(item).ok()).collect()
    }

    /// What tells an item of the list here apart. The error says what it lacks.
    pub(super) fn element(self, item: &Value) -> Result<PathElement, String> {
        match self.schema.map(|schema| &schema.list_type) {
            Some(ListType::Map(keys)) => self.key(keys, item),
            _ => match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
                scalar => Ok(PathElement::Value(scalar.clone())),
            },
        }
    }

    fn key(self, names: &[String], item: &Value) -> Result<PathElement, String> {
        let item = match item {
            Value::Object(item) => item,
            Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
            _ => return Err("associative list with keys may not have non-map elements".to_owned()),
        };
        let schema = self.schema.and_then(Schema::items);
        let mut keys: Vec<(Box<str>, Value)> = Vec::with_capacity(names.len());
        for name in names {
            let default = || schema?.property(name)?.default.as_ref();
            if let Some(value) = item.get(name).or_else(default) {
                keys.push((name.as_str().into(), value.clone()));
            }
        }
        if keys.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                names.join(" ")
            ));
        }
        keys.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(PathElement::Key(keys))
    }
}

/// Custom resources declare their metadata without its fields.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
