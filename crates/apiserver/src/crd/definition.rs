//! What a CustomResourceDefinition says.

use std::sync::{Arc, OnceLock};

use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::Revision;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{CustomVersion, SchemaDocument, printing::PrintColumn};
use crate::{
    object::{self, at, text_at},
    resource::{Resource, Scale},
};

/// A CustomResourceDefinition as the server uses it.
#[derive(Debug)]
pub struct CustomResource {
    /// Every version, in the order of the definition.
    pub versions: Vec<Arc<CustomVersion>>,
    /// Whether its objects are served.
    pub established: bool,
    /// Whether it got all of its names.
    pub accepted: bool,
    /// When it was made, and its identity: of two definitions that were made at once, one comes first.
    pub born: (String, String),
    /// Whether it is being deleted, and its objects with it.
    pub terminating: bool,
    /// What it is called.
    pub names: Arc<Names>,
    /// The revision that wrote the definition.
    pub revision: Revision,
    /// `metadata.generation` of the definition.
    pub generation: i64,
    /// Cancelled once the definition is no longer what was read.
    pub retired: CancellationToken,
}

/// What a custom resource is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The group.
    pub group: String,
    /// `kind` of the objects.
    pub kind: String,
    /// `kind` of the lists.
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
}

impl CustomResource {
    /// Reads a definition whose defaults are filled in.
    pub fn read(definition: &Value) -> Result<Self, Vec<FieldError>> {
        let names = Arc::new(Names::read(definition));
        names.check_built_in().map_err(|error| vec![error])?;
        let versions =
            at(definition, &["spec", "versions"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let storage = versions.iter().find(|version| version.get("storage") == Some(&Value::Bool(true)));
        let storage = storage.map(|version| text_at(version, &["name"])).unwrap_or_default();
        let retired = CancellationToken::new();
        let webhook = text_at(definition, &["spec", "conversion", "strategy"]) == "Webhook";
        let mut errors = Vec::new();
        let mut read = Vec::with_capacity(versions.len());
        for (index, version) in versions.iter().enumerate() {
            let path = FieldPath::new(format!("spec.versions[{index}]"));
            match read_version(version, &names, storage, &path, webhook, object::is_terminating(definition), &retired) {
                Ok(version) => read.push(Arc::new(version)),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let generation = at(definition, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default();
        let revision = Revision(object::resource_version(definition).parse().unwrap_or_default());
        Ok(Self {
            versions: read,
            established: holds(definition, "Established"),
            accepted: holds(definition, "NamesAccepted"),
            born: (
                text_at(definition, &["metadata", "creationTimestamp"]).to_owned(),
                object::uid(definition).to_owned(),
            ),
            names,
            terminating: object::is_terminating(definition),
            revision,
            generation,
            retired,
        })
    }
}

impl CustomResource {
    /// The resources that are served.
    pub fn served(&self) -> impl Iterator<Item = Resource> {
        let versions = self.versions.iter().filter(|version| self.established && version.served);
        versions.map(|version| Resource::custom(version.clone()))
    }

    /// Whether clients cannot tell this from what another reading of the definition came to.
    pub fn is_served_as(&self, other: &Self) -> bool {
        let told = |one: &Self| (one.generation, one.established, one.accepted, one.terminating);
        self.born == other.born && told(self) == told(other)
    }
}

/// What versions lack that have no schema. What is structural can be read, so that none is read here.
pub fn missing_schemas(versions: &[Value]) -> Vec<FieldError> {
    let place = |index| FieldPath::new("spec.versions").index(index).child("schema").child("openAPIV3Schema");
    versions.iter().enumerate().filter_map(|(index, version)| source(version, &place(index)).err()).collect()
}

/// The schema of a version, whose path is for the error.
fn source<'a>(version: &'a Value, path: &FieldPath) -> Result<&'a Value, FieldError> {
    let source = at(version, &["schema", "openAPIV3Schema"]);
    source.ok_or_else(|| FieldError::required(path, "schemas are required"))
}

/// Whether a condition holds.
fn holds(definition: &Value, kind: &str) -> bool {
    let conditions = at(definition, &["status", "conditions"]).and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| text_at(condition, &["type"]) == kind && text_at(condition, &["status"]) == "True")
}

impl Names {
    /// Refuses the names of a resource that the API has itself, in whatever version: its objects would be those of the
    /// definition, and go with it.
    pub fn check_built_in(&self) -> Result<(), FieldError> {
        let is_taken = |kind: &&cowherd_kinds::Kind| kind.group == self.group && kind.plural == self.plural;
        match cowherd_kinds::all().iter().find(is_taken) {
            None => Ok(()),
            Some(_) => {
                let why = format!("{}.{} is built into this API and cannot be defined anew", self.plural, self.group);
                Err(FieldError::invalid(&FieldPath::new("spec.names.plural"), self.plural.as_str(), why))
            }
        }
    }

    /// Reads the names of a definition.
    pub fn read(definition: &Value) -> Self {
        let text = |field: &str| text_at(definition, &["spec", "names", field]).to_owned();
        let texts = |field: &str| {
            let list = at(definition, &["spec", "names", field]).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let kind = text("kind");
        let or = |text: String, other: String| if text.is_empty() { other } else { text };
        Self {
            group: text_at(definition, &["spec", "group"]).to_owned(),
            list_kind: or(text("listKind"), format!("{kind}List")),
            singular: or(text("singular"), kind.to_lowercase()),
            plural: text("plural"),
            short_names: texts("shortNames"),
            categories: texts("categories"),
            namespaced: text_at(definition, &["spec", "scope"]) != "Cluster",
            kind,
        }
    }
}

fn read_version(
    version: &Value,
    names: &Arc<Names>,
    storage: &str,
    path: &FieldPath,
    webhook: bool,
    terminating: bool,
    retired: &CancellationToken,
) -> Result<CustomVersion, FieldError> {
    let source = source(version, &path.child("schema").child("openAPIV3Schema"))?;
    let flag = |field: &str| version.get(field).and_then(Value::as_bool).unwrap_or(false);
    let pointer = |path: &str| path.replace('~', "~0").replace('/', "~1").replace('.', "/");
    let scale = at(version, &["subresources", "scale"]).map(|scale| {
        let field = |name: &str| pointer(text_at(scale, &[name]));
        Scale {
            spec_replicas: field("specReplicasPath"),
            status_replicas: field("statusReplicasPath"),
            selector: Some(field("labelSelectorPath")).filter(|path| !path.is_empty()),
        }
    });
    let selectable = version.get("selectableFields").and_then(Value::as_array).into_iter().flatten();
    let selectable = selectable
        .map(|field| text_at(field, &["jsonPath"]))
        .map(|path| (path.trim_start_matches('.').to_owned(), pointer(path)));
    let columns = version.get("additionalPrinterColumns").and_then(Value::as_array);
    Ok(CustomVersion {
        names: names.clone(),
        name: text_at(version, &["name"]).to_owned(),
        served: flag("served"),
        deprecation: deprecation(version, names),
        status: at(version, &["subresources", "status"]).is_some(),
        scale,
        selectable: selectable.collect(),
        columns: columns.map(|columns| columns.iter().map(PrintColumn::read).collect()),
        webhook: webhook && text_at(version, &["name"]) != storage,
        storage_api_version: format!("{}/{storage}", names.group),
        api_version: format!("{}/{}", names.group, text_at(version, &["name"])),
        terminating,
        retired: retired.clone(),
        document: SchemaDocument::pack(source),
        described: Default::default(),
        schema: OnceLock::new(),
    })
}

/// The warning that every answer of a deprecated version carries.
fn deprecation(version: &Value, names: &Names) -> Option<String> {
    if version.get("deprecated") != Some(&Value::Bool(true)) {
        return None;
    }
    let words = text_at(version, &["deprecationWarning"]);
    let name = text_at(version, &["name"]);
    Some(if words.is_empty() {
        format!("{}/{name} {} is deprecated", names.group, names.kind)
    } else {
        words.to_owned()
    })
}
