//! What a value may be, and how two values of it merge.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::go::GoField;
use crate::rules::Rules;

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
///
/// Descriptions and validation rules in CEL (`x-kubernetes-validations`) are not held: nothing that runs
/// often needs the former, and the latter are not evaluated.
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
    /// Strategic merge patch drops what the patch does not name (`x-kubernetes-patch-strategy: retainKeys`).
    pub retain_keys: bool,
    /// Strategic merge patch replaces the object as a whole (`x-kubernetes-patch-strategy: replace`).
    pub patch_replaces: bool,
    /// Strategic merge patch merges the list (`x-kubernetes-patch-strategy: merge`): by [`Self::merge_key`]
    /// where there is one, else as a set of scalars.
    pub patch_merges: bool,
    pub(crate) merge_key: Option<Box<str>>,
    pub(crate) properties: BTreeMap<Box<str>, Child>,
    pub(crate) additional: Option<Child>,
    pub(crate) items: Option<Child>,
    /// How the fields are written; empty for what is no structure of Kubernetes' own.
    pub(crate) go_fields: Vec<GoField>,
    /// See [`Schema::ungiven`].
    pub(crate) ungiven: OnceLock<Fields>,
    /// Bounds, patterns, enumerations; most schemas have none.
    pub(crate) rules: Option<Box<Rules>>,
}

/// Fields by their names, in the order in which a structure has them.
type Fields = Box<[(Box<str>, Value)]>;

/// A schema inside another.
#[derive(Clone, Debug)]
pub(crate) enum Child {
    Inline(Box<Schema>),
    /// A definition of [`crate::builtin`], by its name: types may hold themselves.
    Definition(Link),
    /// A definition that merges otherwise here than elsewhere; made when first asked for.
    Refined(Box<Refined>),
}

/// The name of a definition, and where it is once it was looked for.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: Box<str>,
    found: OnceLock<Option<&'static Schema>>,
}

impl Link {
    pub(crate) fn new(name: Box<str>) -> Self {
        Self { name, found: OnceLock::new() }
    }

    fn get(&self) -> Option<&'static Schema> {
        *self.found.get_or_init(|| crate::builtin::definition(&self.name))
    }
}

/// See [`Child::Refined`].
#[derive(Clone, Debug)]
pub(crate) struct Refined {
    pub(crate) definition: Box<str>,
    pub(crate) retain_keys: bool,
    pub(crate) patch_replaces: bool,
    pub(crate) default: Option<Value>,
    pub(crate) schema: OnceLock<Option<Schema>>,
}

impl Refined {
    fn get(&self) -> Option<&Schema> {
        let make = || {
            let mut schema = crate::builtin::definition(&self.definition)?.clone();
            schema.retain_keys |= self.retain_keys;
            schema.patch_replaces |= self.patch_replaces;
            schema.default = self.default.clone().or(schema.default);
            Some(schema)
        };
        self.schema.get_or_init(make).as_ref()
    }
}

impl Child {
    pub(crate) fn get(&self) -> Option<&Schema> {
        match self {
            Self::Inline(schema) => Some(schema),
            Self::Definition(link) => link.get(),
            Self::Refined(refined) => refined.get(),
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

    /// Whether the field `name` is known by name. Its schema may not have been read yet.
    pub fn has_property(&self, name: &str) -> bool {
        self.properties.contains_key(name)
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

    /// How a structure of Kubernetes' own types writes its fields; empty for maps and custom resources.
    pub fn go_fields(&self) -> &[GoField] {
        &self.go_fields
    }

    /// The field of that name of a structure of Kubernetes' own types.
    pub fn go_field(&self, name: &str) -> Option<&GoField> {
        self.go_fields.binary_search_by(|field| (*field.name).cmp(name)).ok().map(|place| &self.go_fields[place])
    }

    /// What a structure of Kubernetes' own types writes of fields that nobody gave, as `of` works it out for each of its
    /// fields the first time that somebody asks. Of most structures that is nothing, and they have many fields.
    pub fn ungiven(&self, of: impl Fn(&GoField) -> Option<Value>) -> &[(Box<str>, Value)] {
        let work_out = |field: &GoField| Some((field.name.clone(), of(field)?));
        self.ungiven.get_or_init(|| self.go_fields.iter().filter_map(work_out).collect())
    }

    /// The field that strategic merge patch tells list items apart by; `None` where it replaces the list,
    /// or merges it as a set.
    pub fn merge_key(&self) -> Option<&str> {
        self.merge_key.as_deref()
    }

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
            patch_replaces: false,
            patch_merges: false,
            merge_key: None,
            properties: BTreeMap::new(),
            additional: None,
            items: None,
            go_fields: Vec::new(),
            ungiven: OnceLock::new(),
            rules: None,
        }
    }

    /// Reads a schema in the form of OpenAPI v3, as `openAPIV3Schema` of a CustomResourceDefinition holds it.
    /// References (`$ref`) name definitions of [`crate::builtin`].
    pub fn from_openapi(source: &Value) -> Result<Self, SchemaError> {
        crate::read::read(source, crate::read::Origin::Custom)
    }
}
