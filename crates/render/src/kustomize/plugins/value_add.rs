//! The transformer that adds a value to fields, also into paths of files.

use cowherd_yaml::{Dialect, parse_documents_as};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Cause, RenderError};
use crate::kustomize::budget::Budget;
use crate::kustomize::fields::field_path::MAX_PATH;
use crate::kustomize::fields::scalar;
use crate::kustomize::files::decode;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::objects::resource::Resource;
use crate::kustomize::objects::set::ResourceSet;
use crate::kustomize::patches::select::select;
use crate::kustomize::transformers::namespace::{Change, Subjects};
use crate::overlay::Selector;

/// Its settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ValueAdd {
    /// What is added; the name of the kustomization's directory unless something is said.
    value: String,
    targets: Vec<Target>,
    /// A file with more targets.
    target_file_path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    selector: Option<Selector>,
    field_path: String,
    /// The field is a path of a file, and the value becomes this part of it, counted from 1; 0 for the whole field.
    file_path_position: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Targets {
    targets: Vec<Target>,
}

impl ValueAdd {
    /// The settings with what they leave open.
    pub(super) fn complete(mut self, directory: &Directory<'_>) -> Result<Self, RenderError> {
        let invalid = |message: String| directory.error(Cause::Invalid(message));
        self.value = self.value.trim().to_owned();
        if self.value.is_empty() {
            directory.path.file_name().clone_into(&mut self.value);
        }
        if !self.target_file_path.is_empty() {
            let file = directory.join(&self.target_file_path)?;
            let text = directory.load(&self.target_file_path)?;
            let documents = parse_documents_as(&text, Dialect::Kubernetes, &directory.options.yaml)
                .map_err(|error| RenderError::yaml(&file, error))?;
            let value = documents.into_iter().next().map(|document| document.value);
            let value = value.unwrap_or_else(|| Value::Object(Map::new()));
            let more: Targets = decode::lenient(value).map_err(|cause| RenderError::new(&file, cause))?;
            self.targets.extend(more.targets);
        }
        if self.targets.is_empty() {
            return Err(invalid("must specify at least one target".into()));
        }
        for target in &self.targets {
            if target.field_path.is_empty() {
                return Err(invalid("fieldPath cannot be empty".into()));
            }
            if target.field_path.len() > MAX_PATH {
                return Err(invalid(format!("fieldPath is longer than {MAX_PATH} bytes")));
            }
            if target.file_path_position < 0 {
                let position = target.file_path_position;
                return Err(invalid(format!("value of FilePathPosition ({position}) cannot be negative")));
            }
        }
        Ok(self)
    }

    /// Adds the value to its targets.
    pub(super) fn apply(&self, resources: &mut ResourceSet, budget: &Budget) -> Result<(), String> {
        for target in &self.targets {
            let selected = match &target.selector {
                Some(selector) => select(resources, selector, budget)?,
                None => (0..resources.len()).collect(),
            };
            for index in selected {
                if let Some(resource) = resources.get_mut(index) {
                    budget.write(self.value.len())?;
                    self.add(target, resource)?;
                }
            }
        }
        Ok(())
    }

    fn add(&self, target: &Target, resource: &mut Resource) -> Result<(), String> {
        if target.field_path == "metadata/namespace" {
            let (namespace, subjects) = (self.value.as_str(), Subjects::Default);
            return Change { namespace, places: &[], subjects, unset_only: false }.apply(resource);
        }
        let id = resource.id().to_string();
        let mut value = &mut resource.value;
        for name in fields(&target.field_path) {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            let Value::Object(map) = value else {
                return Err(format!(
                    "{id}: wrong node kind at {name:?} of {:?}: expected a mapping",
                    target.field_path
                ));
            };
            value = map.entry(name).or_insert(Value::Null);
        }
        if value.is_object() || value.is_array() {
            return Err(format!("{id}: wrong node kind at {:?}: expected a scalar", target.field_path));
        }
        *value = match usize::try_from(target.file_path_position) {
            Ok(position @ 1..) => {
                let old = if value.is_null() { "".into() } else { scalar::text(value) };
                inserted(&old, position - 1, &self.value).into()
            }
            _ => self.value.as_str().into(),
        };
        Ok(())
    }
}

/// The names of a path, joined by slashes; a slash in a name has a backslash before it.
fn fields(path: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for part in path.split('/') {
        match fields.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => fields.push(part.to_owned()),
        }
    }
    // A path may begin or end with a slash.
    fields.retain(|field| !field.trim().is_empty());
    fields
}

/// `path` with `part` at the position; an absolute path stays one.
fn inserted(path: &str, position: usize, part: &str) -> String {
    let (root, path) = match path.strip_prefix('/') {
        Some(path) => ("/", path),
        None => ("", path),
    };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_put_into_a_path() {
        for (path, position, expected) in [
            ("", 0, "P"),
            ("/", 5, "/P"),
            ("pie", 0, "P/pie"),
            ("/pie", 0, "/P/pie"),
            ("raw", 9, "raw/P"),
            ("/a/nice/warm/pie", 3, "/a/nice/warm/P/pie"),
        ] {
            assert_eq!(inserted(path, position, "P"), expected, "{path}");
        }
        assert_eq!(fields(r"a/b\/c/d"), ["a", "b/c", "d"]);
    }
}
