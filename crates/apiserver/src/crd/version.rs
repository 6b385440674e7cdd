//! One version of a custom resource, and how its objects behave.

use std::sync::{Arc, LazyLock, OnceLock};

use cowherd_kinds::names::NameRule;
use cowherd_schema::{FieldError, Schema, SchemaError};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Names, PrintColumn, SchemaDocument};
use crate::{
    discovery::openapi::packed,
    object,
    resource::{DEFAULTS_LIMIT, Scale},
    status::{ApiError, ApiResult},
};

/// One version of a custom resource.
#[derive(Debug)]
pub struct CustomVersion {
    /// What the resource is called.
    pub names: Arc<Names>,
    /// The name of the version.
    pub name: String,
    /// Whether it is served.
    pub served: bool,
    /// The warning that answers carry, where the version is deprecated.
    pub deprecation: Option<String>,
    /// Whether there is a `status` subresource.
    pub status: bool,
    /// Where the `scale` subresource finds its parts.
    pub scale: Option<Scale>,
    /// Fields that a selector may name, each with its JSON pointer.
    pub selectable: Vec<(String, String)>,
    /// The printed columns; `None` where the definition names none.
    pub columns: Option<Vec<PrintColumn>>,
    /// The schema as the definition has it.
    pub document: SchemaDocument,
    /// What OpenAPI documents say of it.
    pub described: packed::Parts,
    /// Whether only a webhook could convert objects between this version and the stored one.
    pub webhook: bool,
    /// Whether the definition is being deleted, and its objects with it.
    pub terminating: bool,
    /// Ends with the definition as it was read: those that watch come back and see what is new.
    pub retired: CancellationToken,
    /// The schema, with `apiVersion`, `kind` and `metadata`: read when the first object comes, since most definitions
    /// of a cluster have none.
    pub(super) schema: OnceLock<Result<Schema, SchemaError>>,
    /// `apiVersion` of this version.
    pub(super) api_version: String,
    /// `apiVersion` that objects are stored with.
    pub(super) storage_api_version: String,
}

impl CustomVersion {
    /// Why objects cannot be served in this version, if they cannot.
    pub fn unservable(&self) -> Option<String> {
        self.webhook.then(|| {
            format!(
                "conversion webhook for {}, Kind={} failed: this server calls no webhooks; use the stored version {}",
                self.api_version, self.names.kind, self.storage_api_version
            )
        })
    }

    /// Refuses to read or write an object whose schema cannot be read. Whoever asks for none needs no schema.
    pub fn must_be_readable(&self) -> ApiResult<()> {
        let Self { api_version, names, .. } = self;
        self.read_schema().as_ref().map(drop).map_err(|SchemaError { path, detail }| {
            let kind = &names.kind;
            ApiError::internal(format!("the schema of {api_version}, Kind={kind} cannot be read: {path}: {detail}"))
        })
    }

    /// The schema, with `apiVersion`, `kind` and `metadata`. Objects with one that cannot be read are refused before.
    pub fn schema(&self) -> &Schema {
        static ANYTHING: LazyLock<Schema> = LazyLock::new(Schema::any);
        self.read_schema().as_ref().unwrap_or(&ANYTHING)
    }

    fn read_schema(&self) -> &Result<Schema, SchemaError> {
        self.schema.get_or_init(|| {
            let source = self.document.unpack();
            if source.is_null() {
                return Err(SchemaError { path: String::new(), detail: "it is damaged".to_owned() });
            }
            super::document::read(source)
        })
    }

    /// Reads a stored object in this version.
    pub fn in_this_version(&self, mut stored: Value) -> Value {
        if let Some(version) = stored.get_mut("apiVersion")
            && *version != self.api_version
        {
            *version = self.api_version.as_str().into();
        }
        // What the schema has come to say since the object was written holds for what is read, too.
        self.schema().prune(&mut stored);
        self.fill(&mut stored);
        stored
    }

    /// Fills in what is left out, as far as there may be that much.
    fn fill(&self, object: &mut Value) {
        if let Err(error) = self.schema().apply_defaults(object, DEFAULTS_LIMIT) {
            tracing::warn!(kind = self.names.kind, name = object::name(object), %error, "without all defaults");
        }
    }

    /// Whether objects are stored in this version.
    pub fn is_stored(&self) -> bool {
        self.api_version == self.storage_api_version
    }

    /// Turns an object of this version into the form that is stored.
    pub fn as_stored(&self, mut object: Value) -> Value {
        if let Some(version) = object.get_mut("apiVersion") {
            *version = self.storage_api_version.as_str().into();
        }
        object
    }

    /// Makes a new object ready to be stored.
    pub fn prepare_create(&self, object: &mut Value) {
        if self.status
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
            // The answer says what every read says: a status may have defaults, by which it is known that nobody has looked at
            // the object yet.
            self.fill(object);
        }
        object::set(object, "generation", 1);
    }

    /// Makes a changed object ready to be stored.
    pub fn prepare_update(&self, new: &mut Value, old: &Value, subresource: Option<&str>) {
        let keep = |new: &mut Value, field: &str| {
            if let Some(map) = new.as_object_mut() {
                match old.get(field) {
                    Some(value) => map.insert(field.to_owned(), value.clone()),
                    None => map.remove(field),
                };
            }
        };
        match subresource {
            Some("status") => {
                let status = new.get("status").cloned();
                let managed = new.get("metadata").and_then(|metadata| metadata.get("managedFields")).cloned();
                let version = object::resource_version(new).to_owned();
                *new = old.clone();
                if let Some(map) = new.as_object_mut() {
                    match status {
                        Some(status) => map.insert("status".to_owned(), status),
                        None => map.remove("status"),
                    };
                }
                match managed {
                    Some(managed) => object::set(new, "managedFields", managed),
                    None => {
                        object::unset(new, "managedFields");
                    }
                }
                object::set(new, "resourceVersion", version);
            }
            _ if self.status => keep(new, "status"),
            _ => {}
        }
        let generation = object::at(old, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default();
        let bump = i64::from(self.wanted_changed(new, old));
        object::set(new, "generation", generation.saturating_add(bump));
    }

    /// Whether anything changed that a user wants: all but the metadata and a status of its own.
    fn wanted_changed(&self, new: &Value, old: &Value) -> bool {
        let wanted = |(field, _): &(&String, &Value)| {
            !(matches!(field.as_str(), "apiVersion" | "kind" | "metadata") || self.status && *field == "status")
        };
        let fields = |object| Value::as_object(object).into_iter().flatten().filter(wanted);
        !fields(new).eq(fields(old))
    }

    /// What is wrong with a new object.
    pub fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = cowherd_kinds::metadata::validate(object, self.names.namespaced, NameRule::Subdomain);
        errors.extend(self.schema().validate(object));
        errors
    }

    /// What is wrong with a changed object.
    pub fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = cowherd_kinds::metadata::validate_update(new, old);
        errors.extend(self.schema().validate_update(new, old));
        errors
    }

    /// The text of a field that a field selector named.
    pub fn selectable_field(&self, object: &Value, field: &str) -> Option<String> {
        let (_, pointer) = self.selectable.iter().find(|(known, _)| known == field)?;
        Some(match object.pointer(pointer)? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}
