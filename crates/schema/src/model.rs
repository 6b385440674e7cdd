//! What a value may be, and how two values of it merge.

use std::collections::BTreeMap;

use serde_json::Value;

/// The JSON type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A map from texts to values, with or without fields known by name.
    Object,
    /// A list.
    Array,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A whole number or a text (`x-kubernetes-int-or-string`, Kubernetes' quantities).
    IntOrString,
    /// Anything (`x-kubernetes-preserve-unknown-fields` without a type).
    Any,
}

/// How a list merges (`x-kubernetes-list-type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Replaced as a whole.
    Atomic,
    /// A set of scalars.
    Set,
    /// Objects told apart by these fields (`x-kubernetes-list-map-keys`).
    Map(Vec<String>),
}

/// How an object merges (`x-kubernetes-map-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// Field by field.
    Granular,
    /// Replaced as a whole.
    Atomic,
}

/// What a value may be, and how it merges. See the OpenAPI extensions of Kubernetes.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The type of the value.
    pub value_type: Type,
    /// The format of a text or number, such as `int32` or `date-time`.
    pub format: Option<Box<str>>,
    /// Whether `null` is a value of its own here.
    pub nullable: bool,
    /// What stands here when nothing was given.
    pub default: Option<Value>,
    /// Fields that must be given.
    pub required: Vec<String>,
    /// How a list merges; [`ListType::Atomic`] unless said otherwise.
    pub list_type: ListType,
    /// How an object merges; [`MapType::Granular`] unless said otherwise.
    pub map_type: MapType,
    /// Unknown fields are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve_unknown_fields: bool,
    /// The value is a whole object with `apiVersion`, `kind` and `metadata`.
    pub embedded_resource: bool,
    /// How strategic merge patch treats a map or list besides merging, as in `retainKeys`.
    pub retain_keys: bool,
    pub(crate) properties: BTreeMap<Box<str>, Child>,
    pub(crate) additional: Option<Child>,
    pub(crate) items: Option<Child>,
    /// The schema as it was written: bounds, patterns, enumerations, descriptions, validation rules.
    pub(crate) source: Value,
}

/// A schema inside another.
#[derive(Clone, Debug)]
pub(crate) enum Child {
    Inline(Box<Schema>),
    /// A definition of [`crate::builtin`], by its name: types may hold themselves.
    Definition(Box<str>),
}

impl Child {
    fn get(&self) -> Option<&Schema> {
        match self {
            Self::Inline(schema) => Some(schema),
            Self::Definition(name) => crate::builtin::definition(name),
        }
    }
}

/// A schema that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct SchemaError {
    /// Where in the schema.
    pub path: String,
    /// What is wrong there.
    pub detail: String,
}

impl Schema {
    /// The schema of the field `name`, or of any key of a map without known fields.
    pub fn field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(self.additional.as_ref()).and_then(Child::get)
    }

    /// The schema of the field `name` if it is known by name.
    pub fn property(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).and_then(Child::get)
    }

    /// The fields known by name, in order.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.properties.iter().filter_map(|(name, child)| Some((&**name, child.get()?)))
    }

    /// The schema of the values of a map without known fields.
    pub fn additional(&self) -> Option<&Schema> {
        self.additional.as_ref().and_then(Child::get)
    }

    /// The schema of the items of a list.
    pub fn items(&self) -> Option<&Schema> {
        self.items.as_ref().and_then(Child::get)
    }

    /// The field that strategic merge patch tells list items apart by; `None` where it replaces the list.
    pub fn merge_key(&self) -> Option<&str> {
        match &self.list_type {
            ListType::Map(keys) => keys.first().map(String::as_str),
            _ => None,
        }
    }

    /// What the schema's author says of it.
    pub fn description(&self) -> &str {
        self.source.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// Reads a schema in the form of OpenAPI v3, as `openAPIV3Schema` of a CustomResourceDefinition holds it.
    /// References (`$ref`) name definitions of [`crate::builtin`].
    pub fn from_openapi(source: &Value) -> Result<Self, SchemaError> {
        read(source, "")
    }
}

fn read(source: &Value, path: &str) -> Result<Schema, SchemaError> {
    let fail = |detail: &str| SchemaError { path: path.to_owned(), detail: detail.to_owned() };
    let map = source.as_object().ok_or_else(|| fail("a schema must be an object"))?;
    let flag = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or(false);
    let texts = |name: &str| -> Vec<String> {
        let items = map.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut properties = BTreeMap::new();
    for (name, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        properties.insert(name.as_str().into(), child(property, &format!("{path}.properties[{name}]"))?);
    }
    let additional = match map.get("additionalProperties") {
        Some(schema @ Value::Object(_)) => Some(child(schema, &format!("{path}.additionalProperties"))?),
        Some(Value::Bool(true)) => Some(Child::Inline(Box::new(Schema::any()))),
        _ => None,
    };
    let items = map.get("items").map(|items| child(items, &format!("{path}.items"))).transpose()?;
    let value_type = if flag("x-kubernetes-int-or-string") {
        Type::IntOrString
    } else {
        match map.get("type").and_then(Value::as_str) {
            Some("object") => Type::Object,
            Some("array") => Type::Array,
            Some("string") if map.get("format").is_some_and(|format| format == "int-or-string") => Type::IntOrString,
            Some("string") => Type::String,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("boolean") => Type::Boolean,
            Some(other) => return Err(fail(&format!("unknown type {other:?}"))),
            None if !properties.is_empty() || additional.is_some() => Type::Object,
            None => Type::Any,
        }
    };
    let list_type = match map.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(texts("x-kubernetes-list-map-keys")),
        _ => ListType::Atomic,
    };
    let map_type = match map.get("x-kubernetes-map-type").and_then(Value::as_str) {
        Some("atomic") => MapType::Atomic,
        _ => MapType::Granular,
    };
    let strategy = map.get("x-kubernetes-patch-strategy").and_then(Value::as_str).unwrap_or_default();
    Ok(Schema {
        value_type,
        format: map.get("format").and_then(Value::as_str).map(Into::into),
        nullable: flag("nullable"),
        default: map.get("default").cloned(),
        required: texts("required"),
        list_type,
        map_type,
        preserve_unknown_fields: flag("x-kubernetes-preserve-unknown-fields"),
        embedded_resource: flag("x-kubernetes-embedded-resource"),
        retain_keys: strategy.contains("retainKeys"),
        properties,
        additional,
        items,
        source: source.clone(),
    })
}

fn child(source: &Value, path: &str) -> Result<Child, SchemaError> {
    if let Some(reference) = source.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        return Ok(Child::Definition(name.into()));
    }
    Ok(Child::Inline(Box::new(read(source, path)?)))
}

impl Schema {
    /// The schema of a value that may be anything.
    pub fn any() -> Self {
        Self {
            value_type: Type::Any,
            format: None,
            nullable: true,
            default: None,
            required: Vec::new(),
            list_type: ListType::Atomic,
            map_type: MapType::Granular,
            preserve_unknown_fields: true,
            embedded_resource: false,
            retain_keys: false,
            properties: BTreeMap::new(),
            additional: None,
            items: None,
            source: Value::Null,
        }
    }
}
