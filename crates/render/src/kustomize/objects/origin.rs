//! Where objects come from and what changed them, as `buildMetadata` writes it into annotations.

use cowherd_yaml::to_string;
use serde_json::Value;

use crate::remote::shown;

use super::resource::{Resource, child_map};
use super::set::ResourceSet;
use crate::kustomize::files::repository::Repository;

/// The annotation that says where an object comes from.
const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that says what changed it.
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// What kustomize notes while it builds, and takes away.
const INTERNAL: [&str; 18] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// What is written into annotations and labels in the end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildMetadata {
    origins: bool,
    transformations: bool,
    managed_by: bool,
}

impl BuildMetadata {
    pub(crate) fn new(options: &[String]) -> Self {
        let asks = |name: &str| options.iter().any(|option| option == name);
        Self {
            origins: asks("originAnnotations"),
            transformations: asks("transformerAnnotations"),
            managed_by: asks("managedByLabel"),
        }
    }

    /// Writes what was asked for, and takes away what kustomize keeps to itself.
    pub(crate) fn write(self, resource: &mut Resource) {
        if self.managed_by {
            // The kustomize whose output this is.
            let labels = child_map(resource.metadata(), "labels");
            labels.insert("app.kubernetes.io/managed-by".into(), "kustomize-v5.7.1".into());
        }
        let origin = resource.origin.take().filter(|_| self.origins);
        let transformations = std::mem::take(&mut resource.transformations);
        if let Some(Value::Object(annotations)) = resource.metadata().get_mut("annotations") {
            annotations
                .retain(|name, _| name != ORIGIN && name != TRANSFORMATIONS && !INTERNAL.contains(&name.as_str()));
        }
        if let Some(origin) = origin {
            let text = origin.lines().concat();
            child_map(resource.metadata(), "annotations").insert(ORIGIN.into(), text.into());
        }
        if self.transformations && !transformations.is_empty() {
            let text: String = transformations.iter().map(|origin| origin.item()).collect();
            child_map(resource.metadata(), "annotations").insert(TRANSFORMATIONS.into(), text.into());
        }
    }
}

/// Where something comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// From the directory that was asked for, or from the root of the repository.
    pub(crate) path: String,
    repo: String,
    reference: String,
    configured_in: String,
    /// `apiVersion`, kind, name and namespace.
    configured_by: [String; 4],
}

impl Origin {
    /// The origin of what `path` names here.
    pub(crate) fn append(&self, path: &str) -> Self {
        match Repository::parse(path) {
            Some(repository) => Self {
                path: joined("", &repository.path),
                // What ends up in a cluster holds no password.
                repo: shown(&repository.url).into_owned(),
                reference: repository.reference.unwrap_or_default(),
                ..self.clone()
            },
            None => Self { path: joined(&self.path, path), ..self.clone() },
        }
    }

    /// The origin of what a field of the kustomization in `file` makes or changes; `plugin` is what does it.
    pub(crate) fn of_field(&self, file: &str, plugin: &str) -> Self {
        Self {
            path: String::new(),
            configured_in: joined(&self.path, file),
            configured_by: ["builtin".into(), plugin.into(), String::new(), String::new()],
            ..self.clone()
        }
    }

    /// The origin of what the plugin that `configuration` describes makes or changes.
    pub(crate) fn of_plugin(configuration: &Resource) -> Option<Self> {
        let origin = configuration.origin.as_ref()?;
        let by = [configuration.api_version(), configuration.kind(), configuration.name(), configuration.namespace()];
        Some(Self {
            path: String::new(),
            configured_in: origin.path.clone(),
            configured_by: by.map(str::to_owned),
            repo: origin.repo.clone(),
            reference: origin.reference.clone(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = |indent: &str, name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("{indent}{name}: {}", to_string(&Value::from(value))));
            }
        };
        line("", "path", &self.path);
        line("", "repo", &self.repo);
        line("", "ref", &self.reference);
        line("", "configuredIn", &self.configured_in);
        let [api_version, kind, name, namespace] = &self.configured_by;
        if self.configured_by.iter().any(|part| !part.is_empty()) {
            lines.push("configuredBy:\n".into());
        }
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("  {name}: {}", to_string(&Value::from(value))));
            }
        };
        line("apiVersion", api_version);
        line("kind", kind);
        line("name", name);
        line("namespace", namespace);
        lines
    }

    /// As an item of a list.
    fn item(&self) -> String {
        let lines = self.lines().into_iter().enumerate();
        lines.map(|(at, line)| format!("{}{line}", if at == 0 { "- " } else { "  " })).collect()
    }
}

/// Notes that the transformer `origin` went over all objects.
pub(crate) fn note_transformation(resources: &mut ResourceSet, origin: &Origin) {
    for resource in resources.iter_mut() {
        if resource.origin.is_some() {
            resource.transformations.push(origin.clone());
        } else {
            // What has none was made by the transformer.
            resource.origin = Some(origin.clone());
        }
    }
}

/// Two paths in one, as short as can be. It may lead upwards.
fn joined(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() && !(base.is_empty() && path.is_empty()) { ".".into() } else { parts.join("/") }
}
