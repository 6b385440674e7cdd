//! ConfigMaps and Secrets made from literals, files and lists of variables.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::error::{Cause, RenderError};
use crate::kustomize::files::directory::Directory;
use crate::kustomize::files::file::{Generator, GeneratorOptions};
use crate::kustomize::objects::resource::{Resource, child_map};
use crate::kustomize::objects::set::ResourceSet;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
}

/// Objects that were made, and what is to become of those that are there already.
pub(crate) struct Made {
    pub(crate) made: Vec<Resource>,
    pub(crate) behavior: String,
}

fn merge_options(local: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut options = local.cloned().unwrap_or_default();
    if let Some(global) = global {
        let add = |into: &mut BTreeMap<String, String>, from: &BTreeMap<String, String>| {
            for (key, value) in from {
                into.entry(key.clone()).or_insert_with(|| value.clone());
            }
        };
        add(&mut options.labels, &global.labels);
        add(&mut options.annotations, &global.annotations);
        options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        options.immutable |= global.immutable;
    }
    options
}

/// Makes what `generator` describes.
pub(crate) fn make(
    directory: &Directory<'_>,
    generator: &Generator,
    kind: Kind,
    global: Option<&GeneratorOptions>,
) -> Result<Made, RenderError> {
    let options = merge_options(generator.options.as_ref(), global);
    if generator.name.is_empty() {
        return Err(directory.error(Cause::Invalid("a configmap must have a name".into())));
    }
    let mut metadata = json!({"name": generator.name});
    if !generator.namespace.is_empty() {
        metadata["namespace"] = generator.namespace.as_str().into();
    }
    if !options.labels.is_empty() {
        metadata["labels"] = json!(options.labels);
    }
    if !options.annotations.is_empty() {
        metadata["annotations"] = json!(options.annotations);
    }
    let mut object = json!({"apiVersion": "v1", "metadata": metadata});
    let pairs = pairs(directory, generator)?;
    match kind {
        Kind::ConfigMap => {
            object["kind"] = "ConfigMap".into();
            for (key, value) in pairs {
                match String::from_utf8(value) {
                    Ok(text) => object["data"][key] = text.into(),
                    Err(binary) => object["binaryData"][key] = encode(binary.as_bytes()).into(),
                }
            }
        }
        Kind::Secret => {
            object["kind"] = "Secret".into();
            object["type"] = if generator.kind.is_empty() { "Opaque" } else { &generator.kind }.into();
            // A Secret has data even where there is none, a ConfigMap has not.
            object["data"] = json!({});
            for (key, value) in pairs {
                object["data"][key] = encode(&value).into();
            }
        }
    }
    if options.immutable {
        object["immutable"] = true.into();
    }
    let mut resource = Resource::new(object, directory.file.clone(), None);
    resource.needs_hash = !options.disable_name_suffix_hash;
    Ok(Made { made: vec![resource], behavior: generator.behavior.clone() })
}

/// Base64, in lines of 70 characters where it does not fit into one.
fn encode(value: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(value);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    for (at, c) in encoded.chars().enumerate() {
        lines.push(c);
        if (at + 1) % LINE == 0 {
            lines.push('\n');
        }
    }
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

fn pairs(directory: &Directory<'_>, generator: &Generator) -> Result<BTreeMap<String, Vec<u8>>, RenderError> {
    let mut pairs = BTreeMap::new();
    let mut add = |key: String, value: Vec<u8>| {
        if pairs.insert(key.clone(), value).is_some() {
            return Err(format!("configmap {} illegally repeats the key `{key}`", generator.name));
        }
        Ok(())
    };
    let invalid = |message: String| directory.error(Cause::Invalid(message));
    for source in &generator.envs {
        let content = directory.load(source)?;
        for (key, value) in variables(&content).map_err(|error| invalid(format!("env source {source:?}: {error}")))? {
            add(key, value.into_bytes()).map_err(invalid)?;
        }
    }
    for source in &generator.literals {
        let (key, value) = literal(source).map_err(invalid)?;
        add(key, value.into_bytes()).map_err(invalid)?;
    }
    for source in &generator.files {
        let (key, path) = file_source(source).map_err(invalid)?;
        add(key, directory.load(path)?.to_vec()).map_err(invalid)?;
    }
    Ok(pairs)
}

/// The variables that the lines of a file set. Whether a ConfigMap may have such keys is for the API to say.
fn variables(content: &[u8]) -> Result<Vec<(String, String)>, String> {
    /// The bytes of a line; where kubectl finds one with more, it drops that and what follows without a word.
    const MAX_LINE: usize = 64 * 1024 - 1;
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut found = Vec::new();
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > MAX_LINE {
            let bytes = line.len();
            return Err(format!("line {} has {bytes} bytes; at most {MAX_LINE} are read, so use files for it", at + 1));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line).map_err(|_| format!("line {} has invalid utf8 bytes", at + 1))?;
        let line = line.trim_start();
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() && !key.starts_with('#') {
            found.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

/// Key and value of a literal; the value may stand in a secret, so no error shows it.
fn literal(source: &str) -> Result<(String, String), String> {
    match source.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            Ok((key.to_owned(), quoted.unwrap_or(value).to_owned()))
        }
        _ => Err("invalid literal source, expected key=value".into()),
    }
}

/// Key and path of a file.
fn file_source(source: &str) -> Result<(String, &str), String> {
    match source.split_once('=') {
        None => Ok((source.rsplit('/').next().unwrap_or(source).to_owned(), source)),
        Some((_, path)) if path.contains('=') => Err(format!("source {source:?} key name or file path contains '='")),
        Some(("", path)) => Err(format!("missing key name for file path {path:?} in source {source:?}")),
        Some((key, "")) => Err(format!("missing file path for key name {key:?} in source {source:?}")),
        Some((key, path)) => Ok((key.to_owned(), path)),
    }
}

/// Puts `resource` among `resources`: as a new object, or into one that is there.
pub(crate) fn absorb(mut resource: Resource, behavior: &str, resources: &mut ResourceSet) -> Result<(), Cause> {
    let id = resource.id().to_string();
    let found = resources.with_any_id(resource.id());
    let replaces = matches!(behavior, "merge" | "replace");
    match found.as_slice() {
        [] if replaces => Err(Cause::NoTarget(format!("id {id} does not exist; cannot merge or replace"))),
        [] => {
            resources.push(resource);
            Ok(())
        }
        [index] if replaces => {
            if let Some(old) = resources.get_mut(*index) {
                inherit(&mut resource, old);
                if behavior == "merge" {
                    resource.origin = old.origin.clone().or(resource.origin);
                    merge_field(&mut resource.value, &old.value, "data");
                    merge_field(&mut resource.value, &old.value, "binaryData");
                }
                *old = resource;
            }
            Ok(())
        }
        [_] => {
            let message = format!("id {id} exists; behavior must be merge or replace");
            Err(Cause::Invalid(message))
        }
        _ => Err(Cause::Invalid(format!("found multiple objects that could accept merge of {id}"))),
    }
}

/// Takes over name, history, labels and annotations; those of the new object win.
fn inherit(resource: &mut Resource, old: &Resource) {
    for field in ["labels", "annotations"] {
        let Some(Value::Object(inherited)) = old.value["metadata"].get(field) else { continue };
        let into = child_map(resource.metadata(), field);
        for (key, value) in inherited {
            into.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    resource.set_name(old.name());
    resource.set_namespace(old.namespace());
    resource.previous.clone_from(&old.previous);
    resource.prefixes.clone_from(&old.prefixes);
    resource.suffixes.clone_from(&old.suffixes);
    resource.needs_hash &= old.needs_hash;
    resource.vars.clone_from(&old.vars);
    resource.transformations.clone_from(&old.transformations);
    resource.line = old.line;
    resource.file = old.file.clone();
}

fn merge_field(object: &mut Value, old: &Value, field: &str) {
    let mut merged: Map<String, Value> = old[field].as_object().cloned().unwrap_or_default();
    merged.extend(object[field].as_object().cloned().unwrap_or_default());
    if merged.is_empty() {
        if let Value::Object(map) = object {
            map.remove(field);
        }
    } else {
        object[field] = merged.into();
    }
}
