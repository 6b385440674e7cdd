//! Objects and how they are named.

use std::fmt;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::mask::Mask;
use crate::owner::{DISABLED, RECONCILE, SSA, SSA_IF_NOT_PRESENT, SSA_IGNORE};
use crate::unmasked::Unmasked;

/// Which object: everything that names it except the version of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// The namespace; empty for objects of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

impl fmt::Display for ObjectId {
    /// Writes the object as people read it: `Deployment/apps/web`, `Namespace/apps`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// An object and the version in which it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Versioned {
    /// The object.
    pub id: ObjectId,
    /// The version of its kind, without the group.
    pub version: String,
}

impl Versioned {
    /// The `apiVersion` of the object.
    pub fn api_version(&self) -> String {
        match self.id.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// The fields of metadata that only the API writes. An apply that names an object's `uid` or `resourceVersion` is refused once it
/// has another one, and each apply that names `managedFields`.
const WRITTEN_BY_THE_API: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

impl Versioned {
    /// The field and its text, of those that name the object, that would make another request of one about it.
    pub fn misnamed(&self) -> Option<(&'static str, &str)> {
        let Self { id, version } = self;
        let named =
            [("name", &id.name), ("namespace", &id.namespace), ("apiVersion", &id.group), ("apiVersion", version)];
        let mut named = named.into_iter().map(|(field, text)| (field, text.as_str()));
        named.find(|(field, text)| !is_path_segment(text) || (*field == "name" && text.is_empty()))
    }
}

/// An object as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    name: Versioned,
    object: Value,
}

/// Why a value is no Kubernetes object. Names may come of values of Secrets, so that it is told through a mask alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// Something that every object has is missing or is no text.
    Incomplete {
        /// What is known of the object.
        subject: Unmasked,
        /// The field that is missing.
        field: &'static str,
    },
    /// A name cannot be part of a URL.
    Name {
        /// The object.
        subject: Unmasked,
        /// Name, namespace or `apiVersion`.
        field: &'static str,
        /// The name.
        name: Unmasked,
    },
    /// The metadata has a shape that no object has.
    Metadata {
        /// The object.
        subject: Unmasked,
        /// The field: labels or annotations.
        field: &'static str,
    },
}

impl ManifestError {
    /// What people are told, without what the mask hides.
    pub fn told(&self, mask: &Mask) -> String {
        self.text().told(mask)
    }

    /// What it says, as it is.
    pub fn text(&self) -> Unmasked {
        match self {
            Self::Incomplete { subject, field } => subject.within(|subject| {
                format!(
                    "{subject}: {field} is missing or not a text; every object needs apiVersion, kind and metadata.name"
                )
            }),
            Self::Name { subject, field, name } => {
                let cannot = name.within(|name| {
                    format!("the {field} {name:?} cannot name an object; see Kubernetes' rules for names")
                });
                Unmasked::joined([subject, &cannot], ": ")
            }
            Self::Metadata { subject, field } => {
                subject.within(|subject| format!("{subject}: metadata.{field} must map texts to texts"))
            }
        }
    }

    /// The field at fault.
    pub fn field(&self) -> String {
        match self {
            Self::Incomplete { field, .. } | Self::Name { field: field @ "apiVersion", .. } => (*field).to_owned(),
            Self::Name { field, .. } | Self::Metadata { field, .. } => format!("metadata.{field}"),
        }
    }
}

impl Manifest {
    /// The object that `value` describes.
    ///
    /// A Secret's `stringData` becomes `data`, because that is what the API keeps and what is compared. What only the API writes
    /// is left out: whoever commits what `kubectl get -o yaml` gave means the object, not the moment at which it was seen.
    pub fn new(mut value: Value) -> Result<Self, ManifestError> {
        let subject = || {
            let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
            Unmasked::of(&format_args!("{}/{}", text("/kind"), text("/metadata/name")))
        };
        let required = |pointer: &str, field| {
            let text = value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| ManifestError::Incomplete { subject: subject(), field })
        };
        let api_version = required("/apiVersion", "apiVersion")?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let id = ObjectId {
            namespace: value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default().to_owned(),
            name: required("/metadata/name", "metadata.name")?,
            group: group.to_owned(),
            kind: required("/kind", "kind")?,
        };
        let named = Versioned { id, version: version.to_owned() };
        if let Some((field, name)) = named.misnamed() {
            return Err(ManifestError::Name { subject: subject(), field, name: Unmasked::of(name) });
        }
        for field in ["labels", "annotations"] {
            let texts = match value.pointer(&format!("/metadata/{field}")) {
                None | Some(Value::Null) => true,
                Some(Value::Object(map)) => map.values().all(Value::is_string),
                Some(_) => false,
            };
            if !texts {
                return Err(ManifestError::Metadata { subject: Unmasked::of(&named.id), field });
            }
        }
        encode_string_data(&named.id, &mut value);
        forget_the_moment(&named.id, &mut value);
        Ok(Self { name: named, object: value })
    }

    /// Which object this is.
    pub fn id(&self) -> &ObjectId {
        &self.name.id
    }

    /// Which object this is, in which version.
    pub fn versioned(&self) -> &Versioned {
        &self.name
    }

    /// The object itself.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Gives the object labels and annotations, which win over its own.
    pub fn set_metadata<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.set_texts("labels", labels);
        self.set_texts("annotations", annotations);
    }

    fn set_texts<'a>(&mut self, field: &str, texts: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (key, text) in texts {
            // `new` saw that the metadata is a map and that these fields are maps or null.
            let Some(Value::Object(metadata)) = self.object.get_mut("metadata") else { return };
            let map = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
            if !map.is_object() {
                *map = Value::Object(Map::new());
            }
            if let Value::Object(map) = map {
                map.insert(key.to_owned(), Value::String(text.to_owned()));
            }
        }
    }

    /// Moves the object into a namespace, or, with an empty text, out of any.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.name.id.namespace = namespace.to_owned();
        let Some(Value::Object(metadata)) = self.object.get_mut("metadata") else { return };
        if namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            metadata.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
        }
    }

    /// Whether a label or annotation has the value, whatever its case.
    pub fn has(&self, key: &str, value: &str) -> bool {
        has(&self.object, key, value)
    }

    /// Whether an object that is there is left as it is: the manifest says so.
    pub fn leaves_what_is_there(&self) -> bool {
        [(RECONCILE, DISABLED), (SSA, SSA_IGNORE), (SSA, SSA_IF_NOT_PRESENT)]
            .into_iter()
            .any(|(key, value)| self.has(key, value))
    }

    /// The identity of the content: equal digests mean equal objects.
    pub fn digest(&self) -> ContentDigest {
        ContentDigest::of(&self.object)
    }
}

/// The identity of an object's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDigest([u8; 16]);

impl ContentDigest {
    /// That of an object.
    pub(crate) fn of(object: &Value) -> Self {
        let bytes = serde_json::to_vec(object).unwrap_or_default();
        let digest = Sha256::digest(bytes);
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

/// Whether a label or annotation of `object` has the value, whatever its case.
pub(crate) fn has(object: &Value, key: &str, value: &str) -> bool {
    ["labels", "annotations"].iter().any(|field| {
        let text = object.get("metadata").and_then(|metadata| metadata.get(field)?.get(key)?.as_str());
        text.is_some_and(|text| text.eq_ignore_ascii_case(value))
    })
}

/// Whether a name stays one segment of a URL's path.
pub fn is_path_segment(name: &str) -> bool {
    let harmless = |c: char| !(c.is_whitespace() || c.is_control() || matches!(c, '/' | '%' | '?' | '#' | '\\'));
    name != "." && name != ".." && name.len() <= 253 && name.chars().all(harmless)
}

/// Takes out what only the API writes, and the status, as Flux does: of a definition it is kept there, too.
fn forget_the_moment(id: &ObjectId, value: &mut Value) {
    let Value::Object(object) = value else { return };
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|field, _| !WRITTEN_BY_THE_API.contains(&field.as_str()));
    }
    if (id.group.as_str(), id.kind.as_str()) != ("apiextensions.k8s.io", "CustomResourceDefinition") {
        object.remove("status");
    }
}

fn encode_string_data(id: &ObjectId, value: &mut Value) {
    if !(id.group.is_empty() && id.kind == "Secret") {
        return;
    }
    let Value::Object(secret) = value else { return };
    let all_texts = |map: &Map<String, Value>| map.values().all(Value::is_string);
    if !matches!(secret.get("stringData"), Some(Value::Object(texts)) if all_texts(texts)) {
        return;
    }
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Value::Object(data) = data else { return };
    for (key, text) in texts {
        let bytes = k8s_openapi::ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
        data.insert(key, serde_json::to_value(bytes).unwrap_or_default());
    }
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
