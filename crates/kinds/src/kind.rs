//! What a built-in resource is called and how it behaves.

use cowherd_schema::{FieldError, FieldPath, builtin};
use jiff::Timestamp;
use serde_json::Value;

use crate::errors::Errors;
use crate::json::Fill;
use crate::names::NameRule;
use crate::strategy::{Generations, Rules};
use crate::table::Column;
use crate::{catalog, encoding, metadata, strategy};

/// The verbs of a resource that can be read, written and watched in every way.
const EVERY_VERB: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// One version of one built-in resource.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version within the group, such as `v1`.
    pub version: &'static str,
    /// The name of the type, such as `Deployment`.
    pub kind: &'static str,
    /// The name in URLs, such as `deployments`.
    pub plural: &'static str,
    /// The name for one of them, such as `deployment`.
    pub singular: &'static str,
    /// What people type instead, such as `deploy`.
    pub short_names: &'static [&'static str],
    /// The groups of resources it is listed with, such as `all`.
    pub categories: &'static [&'static str],
    /// What a client may do with it, in alphabetical order.
    pub verbs: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The type's name in Kubernetes' OpenAPI document.
    pub definition: &'static str,
    /// Whether it has a `status` subresource.
    pub status: bool,
    /// Of the metadata, what an update of the status leaves as it is.
    pub(crate) status_keeps: &'static [&'static str],
    /// What nobody comes to own by applying a status, where that is something else; see [`Kind::status_disowns`].
    pub(crate) status_disowns: Option<&'static [&'static str]>,
    /// Whether it has a `scale` subresource; see [`Kind::scale_paths`].
    pub scale: bool,
    pub(crate) names: NameRule,
    pub(crate) generations: Generations,
    pub(crate) stored_as: Option<StoredAs>,
    pub(crate) rules: Rules,
}

/// The other version that objects are kept in, with the ways there and back.
#[derive(Clone, Copy)]
pub(crate) struct StoredAs {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub into: fn(Value) -> Value,
    pub from: fn(Value) -> Value,
}

/// Where the `scale` subresource finds its parts in an object, as JSON pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The wanted number of replicas.
    pub spec_replicas: &'static str,
    /// The observed number of replicas.
    pub status_replicas: &'static str,
}

impl Kind {
    /// A namespaced kind without anything special; struct update syntax adds what is.
    pub(crate) const fn namespaced(
        (group, version): (&'static str, &'static str),
        kind: &'static str,
        plural: &'static str,
        singular: &'static str,
        definition: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
            singular,
            short_names: &[],
            categories: &[],
            verbs: EVERY_VERB,
            namespaced: true,
            definition,
            status: false,
            status_keeps: &[],
            status_disowns: None,
            scale: false,
            names: NameRule::Subdomain,
            generations: Generations::None,
            stored_as: None,
            rules: Rules::PLAIN,
        }
    }

    /// A kind outside namespaces; see [`Kind::namespaced`].
    pub(crate) const fn cluster(
        group_version: (&'static str, &'static str),
        kind: &'static str,
        plural: &'static str,
        singular: &'static str,
        definition: &'static str,
    ) -> Self {
        Self { namespaced: false, ..Self::namespaced(group_version, kind, plural, singular, definition) }
    }

    /// `v1` for the core group, else `group/version`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The kind that objects of this one are kept as: itself, unless several versions share their objects.
    pub fn storage(&self) -> &'static Kind {
        let (group, version, plural) = match &self.stored_as {
            Some(stored) => (stored.group, stored.version, stored.plural),
            None => (self.group, self.version, self.plural),
        };
        // Every kind of this crate is listed, so the fallback is never reached; it keeps this free of panics.
        catalog::find(group, version, plural).unwrap_or(&catalog::all()[0])
    }

    /// Turns an object of this kind into the form that it is kept in.
    pub fn to_storage(&self, object: Value) -> Value {
        match &self.stored_as {
            Some(stored) => self.storage().settled((stored.into)(object)),
            None => object,
        }
    }

    /// Turns a kept object into one of this kind.
    pub fn from_storage(&self, object: Value) -> Value {
        match &self.stored_as {
            Some(stored) => self.settled((stored.from)(object)),
            None => object,
        }
    }

    /// Makes of an object what Kubernetes' type of this kind holds of it; see [`encoding`].
    pub fn settle(&self, object: &mut Value) {
        if let Some(schema) = builtin::definition(self.definition) {
            encoding::settle(object, schema);
        }
    }

    fn settled(&self, mut object: Value) -> Value {
        self.settle(&mut object);
        object
    }

    /// Fills in what the user may leave out. Runs on every object that comes in, before anything else looks at it.
    pub fn default(&self, object: &mut Value) {
        self.settle(object);
        (self.rules.default)(object);
        self.settle(object);
    }

    /// Makes a new object ready to be stored: drops a status that only the system may set, starts the generation.
    /// The object's name and uid must be settled by then: some kinds (Jobs) derive labels and selectors from them.
    pub fn prepare_create(&self, object: &mut Value) {
        if self.status {
            object.take_out("status");
        }
        if let Some(metadata) = object.inner("metadata") {
            metadata.take_out("generation");
            if self.generations != Generations::None {
                metadata.put("generation", 1);
            }
        }
        (self.rules.create)(object);
        self.settle(object);
    }

    /// Makes a changed object ready to be stored: an update of the object keeps the status that is there, one of
    /// the `status` subresource keeps all but the status and its bookkeeping, and the generation counts changes of
    /// what is wanted.
    pub fn prepare_update(&self, new: &mut Value, old: &Value, subresource: Option<&str>) {
        strategy::prepare_update(self, new, old, subresource);
        self.settle(new);
    }

    /// What is wrong with a new object, metadata included.
    pub fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Errors::default();
        errors.extend(metadata::validate(object, self.namespaced, self.names));
        errors.extend(metadata::validate_standard_finalizers(object));
        (self.rules.validate)(object, &mut errors);
        errors.into_vec()
    }

    /// What is wrong with a changed object, be it alone or against what it was.
    pub fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = validate_metadata_update(new, old);
        self.validate_content_update(new, old, &mut errors);
        errors.into_vec()
    }

    /// What is wrong with an object whose status was changed. The spec is the one that was there: what is wrong with that,
    /// by rules that may be newer than the object, keeps nobody from saying how things are.
    pub fn validate_status_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut of_status = Errors::that(|error| error.field.to_string().starts_with("status"));
        self.validate_content_update(new, old, &mut of_status);
        let mut errors = validate_metadata_update(new, old);
        errors.extend(of_status.into_vec());
        errors.into_vec()
    }

    fn validate_content_update(&self, new: &Value, old: &Value, errors: &mut Errors) {
        (self.rules.validate)(new, errors);
        (self.rules.validate_update)(new, old, errors);
    }

    /// Of the metadata, what nobody comes to own by applying a status: what stays as it was, for nearly all kinds.
    pub fn status_disowns(&self) -> &'static [&'static str] {
        self.status_disowns.unwrap_or(self.status_keeps)
    }

    /// What `kubectl get` prints of it.
    pub fn columns(&self) -> &'static [Column] {
        self.rules.columns
    }

    /// The cells of one object, one per column. Ages are counted up to `now`.
    pub fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let mut cells = (self.rules.cells)(object, now);
        cells.resize(self.rules.columns.len(), Value::Null);
        cells
    }

    /// The fields that a field selector may name, with the object's values.
    pub fn selectable_fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        let mut fields = vec![("metadata.name", text("name"))];
        if self.namespaced {
            fields.push(("metadata.namespace", text("namespace")));
        }
        fields.extend((self.rules.fields)(object));
        fields
    }

    /// Where the `scale` subresource finds the replicas; `None` for kinds without one.
    pub fn scale_paths(&self) -> Option<ScalePaths> {
        self.scale.then_some(ScalePaths { spec_replicas: "/spec/replicas", status_replicas: "/status/replicas" })
    }

    /// The selector of the `scale` subresource's status as text, such as `app=web,tier in (a,b)`.
    pub fn scale_selector(&self, object: &Value) -> String {
        let selector = &object["spec"]["selector"];
        // A ReplicationController selects by a plain map of labels.
        if self.group.is_empty() {
            crate::labels::format_map(selector)
        } else {
            crate::labels::format_selector(selector)
        }
    }

    /// Whether an object's name (and with it, its `generateName`) is refused, and why.
    pub fn validate_name(&self, name: &str) -> Vec<FieldError> {
        let field = FieldPath::new("metadata.name");
        self.names.check(name, false).into_iter().map(|why| FieldError::invalid(&field, name, why)).collect()
    }
}

fn validate_metadata_update(new: &Value, old: &Value) -> Errors {
    let mut errors = Errors::default();
    errors.extend(metadata::validate_update(new, old));
    errors.extend(metadata::validate_standard_finalizers(new));
    errors
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({}, {})", self.api_version(), self.kind)
    }
}
