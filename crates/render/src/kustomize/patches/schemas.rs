//! Which schemas say how strategic merge patches merge lists: Kubernetes' own, or those that `openapi` names.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use cowherd_schema::{ListType, Schema, builtin};
use cowherd_yaml::{Dialect, parse_documents_as};
use serde_json::{Map, Value};

use crate::error::{Cause, RenderError};
use crate::kustomize::files::directory::Directory;
use crate::kustomize::objects::resource::{Resource, group_and_version};
use crate::kustomize::objects::scope;

/// The version of Kubernetes' own schemas as kustomize calls them.
const BUILT_IN: &str = "v1.21.2";

/// The schemas of a build. The first kustomization that names some decides for what is built after it, too; the one
/// that was asked for comes before all others.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    decided: bool,
    custom: Option<Custom>,
    /// Something has needed Kubernetes' own schemas before others were named, which then count besides those.
    needed_built_in: Cell<bool>,
}

/// Schemas from a file.
#[derive(Debug)]
pub(crate) struct Custom {
    definitions: Map<String, Value>,
    /// The names of definitions by `apiVersion` and kind.
    by_type: HashMap<(String, String), String>,
    /// The types, by `apiVersion` and kind, of objects that belong to no namespace.
    cluster_scoped: HashSet<(String, String)>,
    besides_built_in: bool,
}

/// How a value merges.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Merging<'a> {
    BuiltIn(&'a Schema),
    Custom(&'a Custom, &'a Value),
}

impl Schemas {
    /// Takes what the kustomization says about `openapi`.
    pub(crate) fn take(
        &mut self,
        directory: &Directory<'_>,
        openapi: &BTreeMap<String, String>,
    ) -> Result<(), RenderError> {
        let invalid = |message: &str| directory.error(Cause::Invalid(message.into())).in_field("openapi");
        let file = openapi.get("path").map(|path| directory.load(path).map_err(|error| error.in_field("openapi")));
        let file = file.transpose()?;
        if self.decided {
            return Ok(());
        }
        match (file, openapi.get("version")) {
            (Some(_), Some(_)) => Err(invalid("builtin version and custom schema provided, cannot use both")),
            (Some(text), None) => {
                let documents = parse_documents_as(&text, Dialect::Kubernetes, &directory.options.yaml)
                    .map_err(|error| directory.error(Cause::Yaml(error)).in_field("openapi"))?;
                let document = documents.into_iter().next().map(|document| document.value);
                self.custom = Some(Custom::new(document.unwrap_or_default(), self.needed_built_in.get()));
                self.decided = true;
                Ok(())
            }
            (None, Some(version)) if version == BUILT_IN => {
                self.decided = true;
                Ok(())
            }
            (None, Some(version)) if !version.is_empty() => {
                Err(invalid(&format!("the specified OpenAPI version is not built in; there is {BUILT_IN}")))
            }
            (None, _) => Ok(()),
        }
    }

    /// Notes that an object was read. Kustomize looks for kinds that it does not know among its schemas.
    pub(crate) fn note(&self, resource: &mut Resource) {
        if self.custom.is_none() && !scope::is_known(resource.api_version(), resource.kind()) {
            self.needed_built_in.set(true);
        }
        self.place(resource);
    }

    /// Tells an object whether it belongs to no namespace, where only the schemas of the build know.
    pub(crate) fn place(&self, resource: &mut Resource) {
        let Some(custom) = self.custom.as_ref().filter(|custom| !custom.cluster_scoped.is_empty()) else { return };
        if !scope::is_known(resource.api_version(), resource.kind()) {
            let of_type = (resource.api_version().to_owned(), resource.kind().to_owned());
            resource.is_of_cluster = custom.cluster_scoped.contains(&of_type);
        }
    }

    /// How objects of a type merge; `None` for those without a schema.
    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<Merging<'_>> {
        let Some(custom) = &self.custom else {
            self.needed_built_in.set(true);
            return built_in(api_version, kind).map(Merging::BuiltIn);
        };
        let name = custom.by_type.get(&(api_version.to_owned(), kind.to_owned()));
        if let Some(schema) = name.and_then(|name| custom.definitions.get(name)) {
            return Some(Merging::Custom(custom, schema));
        }
        if custom.besides_built_in { built_in(api_version, kind).map(Merging::BuiltIn) } else { None }
    }
}

fn built_in(api_version: &str, kind: &str) -> Option<&'static Schema> {
    let (group, version) = group_and_version(api_version);
    let package = match group {
        "" => "io.k8s.api.core".to_owned(),
        "apiextensions.k8s.io" => "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions".to_owned(),
        "apiregistration.k8s.io" => "io.k8s.kube-aggregator.pkg.apis.apiregistration".to_owned(),
        "apps" | "autoscaling" | "batch" | "policy" => format!("io.k8s.api.{group}"),
        group => format!("io.k8s.api.{}", group.strip_suffix(".k8s.io")?.split('.').next()?),
    };
    builtin::definition(&format!("{package}.{version}.{kind}"))
}

impl Custom {
    fn new(mut document: Value, besides_built_in: bool) -> Self {
        let definitions = match document.get_mut("definitions").map(Value::take) {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        let mut by_type = HashMap::new();
        for (name, definition) in &definitions {
            let types = definition["x-kubernetes-group-version-kind"].as_array();
            by_type.extend(types.into_iter().flatten().map(|of_type| (type_of(of_type), name.clone())));
        }
        Self { definitions, by_type, cluster_scoped: cluster_scoped(&document["paths"]), besides_built_in }
    }

    /// The schema that `schema` refers to in the end.
    fn resolved<'a>(&'a self, mut schema: &'a Value) -> Option<Merging<'a>> {
        /// How many references may lead to each other.
        const MAX_REFERENCES: usize = 32;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                return Some(Merging::Custom(self, schema));
            };
            let name = reference.strip_prefix("#/definitions/")?;
            match self.definitions.get(name) {
                Some(definition) => schema = definition,
                None if self.besides_built_in => return builtin::definition(name).map(Merging::BuiltIn),
                None => return None,
            }
        }
        None
    }
}

/// The `apiVersion` and kind that `x-kubernetes-group-version-kind` names.
fn type_of(named: &Value) -> (String, String) {
    let text = |field: &str| named[field].as_str().unwrap_or_default();
    let api_version = match text("group") {
        "" => text("version").to_owned(),
        group => format!("{group}/{}", text("version")),
    };
    (api_version, text("kind").to_owned())
}

/// The types that are read at some path, but at none within a namespace.
fn cluster_scoped(paths: &Value) -> HashSet<(String, String)> {
    let (mut anywhere, mut namespaced) = (HashSet::new(), HashSet::new());
    for (path, operations) in paths.as_object().into_iter().flatten() {
        let Some(named) = operations["get"].get("x-kubernetes-group-version-kind") else { continue };
        let types = if path.contains("namespaces/{namespace}") { &mut namespaced } else { &mut anywhere };
        types.insert(type_of(named));
    }
    anywhere.retain(|of_type| !namespaced.contains(of_type));
    anywhere
}

impl<'a> Merging<'a> {
    /// How the field `name`, or any key of a map without known fields, merges.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::BuiltIn(schema) => schema.field(name).map(Self::BuiltIn),
            Self::Custom(custom, schema) => {
                let known = schema.get("properties").and_then(|properties| properties.get(name));
                let any = || schema.get("additionalProperties").filter(|any| any.is_object());
                custom.resolved(known.or_else(any)?)
            }
        }
    }

    /// How the items of a list merge.
    pub(crate) fn items(self) -> Option<Self> {
        match self {
            Self::BuiltIn(schema) => schema.items().map(Self::BuiltIn),
            Self::Custom(custom, schema) if schema["type"] == "array" => custom.resolved(schema.get("items")?),
            Self::Custom(..) => None,
        }
    }

    /// The fields that tell the items of a list apart, none for a list of scalars; `None` for a list that is
    /// replaced.
    pub(crate) fn keys(self) -> Option<Vec<&'a str>> {
        match self {
            Self::BuiltIn(schema) if !schema.patch_merges => None,
            Self::BuiltIn(schema) => Some(match &schema.list_type {
                ListType::Map(keys) => keys.iter().map(String::as_str).collect(),
                _ => schema.merge_key().into_iter().collect(),
            }),
            Self::Custom(_, schema) => {
                let strategies = schema.get("x-kubernetes-patch-strategy")?.as_str()?;
                if !strategies.split(',').any(|strategy| strategy == "merge") {
                    return None;
                }
                let several = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let one = schema.get("x-kubernetes-patch-merge-key").and_then(Value::as_str);
                Some(match several {
                    Some(keys) => keys.iter().filter_map(Value::as_str).collect(),
                    None => one.into_iter().collect(),
                })
            }
        }
    }
}
