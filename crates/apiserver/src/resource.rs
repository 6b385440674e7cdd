//! One resource in one version, built in or custom, as the REST verbs see it.

use std::sync::Arc;

use cowherd_kinds::Kind;
use cowherd_schema::{FieldError, Schema, builtin};
use serde_json::Value;

use crate::{
    crd::CustomVersion,
    object,
    route::GroupVersion,
    status::{ApiError, ApiResult, Named},
};

/// How many bytes of defaults a definition may add to one object: as many as a request may have.
pub const DEFAULTS_LIMIT: usize = 3 * 1024 * 1024;

/// A resource that is served: what it is called, where its objects are kept, how they behave.
#[derive(Debug)]
pub struct Resource {
    /// The group and version it is served at.
    pub group_version: GroupVersion,
    /// `apiVersion` of its objects.
    pub api_version: String,
    /// `kind` of its objects.
    pub kind: String,
    /// `kind` of its lists.
    pub list_kind: String,
    /// The name in URLs.
    pub plural: String,
    /// The name for one of them.
    pub singular: String,
    /// What people type instead.
    pub short_names: Vec<String>,
    /// The groups of resources it is listed with.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What a client may do with it.
    pub verbs: Vec<String>,
    /// Whether there is a `status` subresource.
    pub status: bool,
    /// Where the `scale` subresource finds its parts.
    pub scale: Option<Scale>,
    /// How its objects behave.
    pub behaviour: Behaviour,
    /// The key that the keys of all its objects begin with.
    prefix: String,
    /// The schema of what has none.
    anything: Schema,
}

/// Where the `scale` subresource finds its parts in an object, as JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The wanted number of replicas.
    pub spec_replicas: String,
    /// The observed number of replicas.
    pub status_replicas: String,
    /// The text of the selector, for those that keep one.
    pub selector: Option<String>,
}

/// Where a resource's behaviour comes from.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Kubernetes itself.
    BuiltIn(&'static Kind),
    /// A CustomResourceDefinition.
    Custom(Arc<CustomVersion>),
}

impl Resource {
    /// A built-in resource.
    pub fn built_in(kind: &'static Kind) -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let storage = kind.storage();
        Self {
            group_version: GroupVersion::new(kind.group, kind.version),
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            list_kind: format!("{}List", kind.kind),
            plural: kind.plural.to_owned(),
            singular: kind.singular.to_owned(),
            short_names: texts(kind.short_names),
            categories: texts(kind.categories),
            namespaced: kind.namespaced,
            verbs: texts(kind.verbs),
            status: kind.status,
            scale: kind.scale_paths().map(|paths| Scale {
                spec_replicas: paths.spec_replicas.to_owned(),
                status_replicas: paths.status_replicas.to_owned(),
                selector: None,
            }),
            behaviour: Behaviour::BuiltIn(kind),
            prefix: prefix(storage.group, storage.plural),
            anything: Schema::any(),
        }
    }

    /// A version of a custom resource.
    pub fn custom(version: Arc<CustomVersion>) -> Self {
        let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        let names = &version.names;
        Self {
            group_version: GroupVersion::new(&names.group, &version.name),
            api_version: format!("{}/{}", names.group, version.name),
            kind: names.kind.clone(),
            list_kind: names.list_kind.clone(),
            plural: names.plural.clone(),
            singular: names.singular.clone(),
            short_names: names.short_names.clone(),
            categories: names.categories.clone(),
            namespaced: names.namespaced,
            verbs: verbs.map(str::to_owned).to_vec(),
            status: version.status,
            scale: version.scale.clone(),
            prefix: prefix(&names.group, &names.plural),
            anything: Schema::any(),
            behaviour: Behaviour::Custom(version),
        }
    }

    /// The version of a custom resource behind it, if there is one.
    pub fn custom_version(&self) -> Option<&CustomVersion> {
        match &self.behaviour {
            Behaviour::BuiltIn(_) => None,
            Behaviour::Custom(version) => Some(version),
        }
    }

    /// Whether this is the resource of that group and plural, whatever the version.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group_version.group == group && self.plural == plural
    }

    /// The resource as messages name it: `deployments.apps`.
    pub fn named(&self) -> Named<'_> {
        Named { group: &self.group_version.group, name: &self.plural }
    }

    /// The kind as messages name it: `Deployment.apps`.
    pub fn named_kind(&self) -> Named<'_> {
        Named { group: &self.group_version.group, name: &self.kind }
    }

    /// The key of an object.
    pub fn key(&self, namespace: &str, name: &str) -> String {
        if self.namespaced { format!("{}{namespace}/{name}", self.prefix) } else { format!("{}{name}", self.prefix) }
    }

    /// What the keys of all objects begin with, or of those in a namespace.
    pub fn collection_prefix(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) if self.namespaced => format!("{}{namespace}/", self.prefix),
            _ => self.prefix.clone(),
        }
    }

    /// The schema of the objects.
    pub fn schema(&self) -> &Schema {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => builtin::definition(kind.definition).unwrap_or(&self.anything),
            Behaviour::Custom(version) => version.schema(),
        }
    }

    /// Fills in what the user may leave out, and puts all of it as Kubernetes' types hold it.
    pub fn default(&self, object: &mut Value) -> ApiResult<()> {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => {
                kind.default(object);
                Ok(())
            }
            Behaviour::Custom(version) => {
                cowherd_kinds::metadata::settle(object);
                version.must_be_readable()?;
                cowherd_kinds::metadata::settle_embedded(object, version.schema());
                let filled = version.schema().apply_defaults(object, DEFAULTS_LIMIT);
                filled.map_err(|_| ApiError::too_large(DEFAULTS_LIMIT))
            }
        }
    }

    /// Makes of an object what Kubernetes' types hold of it. What was stored by an older program may not be so.
    pub fn settle(&self, object: &mut Value) {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.settle(object),
            Behaviour::Custom(_) => cowherd_kinds::metadata::settle(object),
        }
    }

    /// Makes a new object ready to be stored.
    pub fn prepare_create(&self, object: &mut Value) {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.prepare_create(object),
            Behaviour::Custom(version) => version.prepare_create(object),
        }
    }

    /// Makes a changed object ready to be stored.
    pub fn prepare_update(&self, new: &mut Value, old: &Value, subresource: Option<&str>) {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.prepare_update(new, old, subresource),
            Behaviour::Custom(version) => version.prepare_update(new, old, subresource),
        }
    }

    /// What is wrong with a new object.
    pub fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.validate_create(object),
            Behaviour::Custom(version) => version.validate_create(object),
        }
    }

    /// What is wrong with a changed object.
    pub fn validate_update(&self, new: &Value, old: &Value, subresource: Option<&str>) -> Vec<FieldError> {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) if subresource == Some("status") => kind.validate_status_update(new, old),
            Behaviour::BuiltIn(kind) => kind.validate_update(new, old),
            Behaviour::Custom(version) => version.validate_update(new, old),
        }
    }

    /// Whether a field selector may name the field.
    pub fn is_selectable(&self, field: &str) -> bool {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.selectable_fields(&Value::Null).iter().any(|(known, _)| *known == field),
            Behaviour::Custom(version) => version.selectable.iter().any(|(known, _)| known == field),
        }
    }

    /// Whether it can be selected by nothing but names.
    fn has_no_selectable_fields(&self) -> bool {
        matches!(&self.behaviour, Behaviour::BuiltIn(kind) if kind
            .selectable_fields(&Value::Null)
            .iter()
            .all(|(field, _)| field.starts_with("metadata.")))
    }

    /// Why it cannot be selected by this field.
    pub fn not_selectable(&self, field: &str) -> String {
        if self.has_no_selectable_fields() {
            return format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
        }
        format!("field label not supported: {field}")
    }

    /// The text of a field that a field selector named.
    pub fn selectable_field(&self, object: &Value, field: &str) -> Option<String> {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => {
                kind.selectable_fields(object).into_iter().find(|(known, _)| *known == field).map(|(_, value)| value)
            }
            Behaviour::Custom(version) => version.selectable_field(object, field),
        }
    }

    /// Whether objects are stored just as they are served, but for their resource version.
    pub fn is_kept_as_served(&self) -> bool {
        match &self.behaviour {
            Behaviour::BuiltIn(kind) => std::ptr::eq(*kind, kind.storage()),
            // What the schema has come to say since an object was written holds for what is read, too.
            Behaviour::Custom(_) => false,
        }
    }

    /// The same of their metadata.
    pub fn keeps_metadata_as_served(&self) -> bool {
        match &self.behaviour {
            Behaviour::BuiltIn(_) => self.is_kept_as_served(),
            Behaviour::Custom(_) => true,
        }
    }

    /// Reads a stored object in this version.
    pub fn decode(&self, value: &[u8], revision: cowherd_store::Revision) -> ApiResult<Value> {
        let stored: Value = serde_json::from_slice(value)
            .map_err(|error| ApiError::internal(format!("a stored object of {} is damaged: {error}", self.named())))?;
        let mut stored = match &self.behaviour {
            Behaviour::BuiltIn(kind) => kind.from_storage(stored),
            Behaviour::Custom(version) => {
                version.must_be_readable()?;
                version.in_this_version(stored)
            }
        };
        object::set(&mut stored, "resourceVersion", revision.to_string());
        Ok(stored)
    }

    /// Writes an object of this version in the form that is stored, and takes its resource version away: the
    /// revision of the write is the new one.
    pub fn encode(&self, object: &mut Value) -> ApiResult<bytes::Bytes> {
        object::unset(object, "resourceVersion");
        let stored = match &self.behaviour {
            Behaviour::BuiltIn(kind) if std::ptr::eq(*kind, kind.storage()) => None,
            Behaviour::BuiltIn(kind) => Some(kind.to_storage(object.clone())),
            Behaviour::Custom(version) if version.is_stored() => None,
            Behaviour::Custom(version) => Some(version.as_stored(object.clone())),
        };
        let bytes = serde_json::to_vec(stored.as_ref().unwrap_or(object)).map_err(ApiError::internal)?;
        // The store keeps what was written last; room for more would count for nothing there, and be kept too.
        Ok(bytes.into_boxed_slice().into())
    }
}

fn prefix(group: &str, plural: &str) -> String {
    format!("{}{plural}/", group_prefix(group))
}

/// What the keys of all objects of a group begin with.
pub fn group_prefix(group: &str) -> String {
    format!("/registry/{}/", if group.is_empty() { "core" } else { group })
}
