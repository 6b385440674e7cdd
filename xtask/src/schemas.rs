//! Generates the schemas of Kubernetes' own types from the sources of `k8s-openapi`.
//!
//! The crate's sources say everything as text of one regular form: the JSON schema of each type, and how
//! its lists merge. Reading them saves compiling the crate a second time with its `schemars` feature.
//! What they cannot say stands in `overlay.json`, kept by hand, and in the sources of the Go types.

mod go;
mod literal;
mod merge;
mod source;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use self::source::Definition;

const OVERLAY: &str = include_str!("schemas/overlay.json");

/// Writes `crates/schema/data` anew: `definitions.jsonl.gz` with everything, `structure.jsonl` without texts,
/// which is read where it lies in the program.
pub fn run(root: &Path) -> Result<()> {
    let mut schemas = generate(root)?;
    let folder = root.join("crates/schema/data");
    std::fs::create_dir_all(&folder)?;
    let mut packer = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    packer.write_all(lines(&schemas).as_bytes())?;
    write(&folder.join("definitions.jsonl.gz"), &packer.finish()?)?;
    schemas.values_mut().for_each(drop_texts);
    go::annotate(root, &mut schemas)?;
    write(&folder.join("structure.jsonl"), lines(&schemas).as_bytes())?;
    println!("{} definitions", schemas.len());
    Ok(())
}

fn generate(root: &Path) -> Result<BTreeMap<String, Value>> {
    let mut schemas = schemas(&source::directory(root)?)?;
    apply_overlay(&mut schemas, &serde_json::from_str(OVERLAY).context("overlay.json")?)?;
    check_references(&schemas)?;
    Ok(schemas)
}

fn schemas(directory: &Path) -> Result<BTreeMap<String, Value>> {
    let definitions = source::definitions(directory)?;
    let mut schemas = BTreeMap::new();
    for definition in definitions.values() {
        let mut schema = definition.schema.clone();
        resolve(&mut schema, &definitions)?;
        merge::annotate(definition, &mut schema, &definitions)
            .with_context(|| format!("merge strategies of {}", definition.name))?;
        if let Some(resource) = &definition.resource {
            // The crate always sends metadata; Kubernetes does not ask for it.
            drop_required(&mut schema, "metadata");
            schema["x-kubernetes-group-version-kind"] = json!([resource.to_json(&resource.kind)]);
            if let Some(list_kind) = &resource.list_kind {
                let name =
                    format!("{}.{list_kind}", definition.name.rsplit_once('.').map_or("", |(package, _)| package));
                schemas.insert(name, list(definition, list_kind));
            }
        }
        schemas.insert(definition.name.clone(), schema);
    }
    Ok(schemas)
}

/// Turns references by Rust path into references by definition name.
fn resolve(schema: &mut Value, definitions: &BTreeMap<String, Definition>) -> Result<()> {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(path)) = map.get_mut("$ref") {
                let target = definitions.get(path.as_str()).with_context(|| format!("no definition for {path}"))?;
                *path = target.name.clone();
            }
            map.values_mut().try_for_each(|value| resolve(value, definitions))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|value| resolve(value, definitions)),
        _ => Ok(()),
    }
}

fn drop_required(schema: &mut Value, field: &str) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::Array(required)) = map.get_mut("required") {
        required.retain(|name| name != field);
        if required.is_empty() {
            map.remove("required");
        }
    }
}

/// The definition of the list of a resource, which the crate has only as a generic type.
fn list(definition: &Definition, list_kind: &str) -> Value {
    let property = |name: &str| definition.schema["properties"][name].clone();
    let group_version_kind = definition.resource.as_ref().map(|resource| resource.to_json(list_kind));
    json!({
        "description": format!("{list_kind} is a list of {} objects.", definition.kind()),
        "type": "object",
        "properties": {
            "apiVersion": property("apiVersion"),
            "items": {
                "description": format!("The {} objects of this list.", definition.kind()),
                "type": "array",
                "items": { "$ref": definition.name },
            },
            "kind": property("kind"),
            "metadata": {
                "description": "Standard list metadata.",
                "$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
            },
        },
        "required": ["items"],
        "x-kubernetes-group-version-kind": [group_version_kind],
    })
}

/// Merges the overlay: `definition` or `definition#field` to keywords, `null` removing one.
fn apply_overlay(schemas: &mut BTreeMap<String, Value>, overlay: &Map<String, Value>) -> Result<()> {
    for (target, keywords) in overlay {
        let (name, field) = target.split_once('#').map_or((target.as_str(), None), |(name, field)| (name, Some(field)));
        let mut schema = schemas.get_mut(name);
        if let Some(field) = field {
            schema = schema.and_then(|schema| schema.get_mut("properties")?.get_mut(field));
        }
        let schema = schema.and_then(Value::as_object_mut).with_context(|| format!("overlay: no {target}"))?;
        for (keyword, value) in keywords.as_object().with_context(|| format!("overlay: {target}"))? {
            if value.is_null() {
                schema.remove(keyword);
            } else {
                schema.insert(keyword.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn check_references(schemas: &BTreeMap<String, Value>) -> Result<()> {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    for (name, schema) in schemas {
        let mut found = Vec::new();
        references(schema, &mut found);
        if let Some(missing) = found.into_iter().find(|target| !schemas.contains_key(*target)) {
            bail!("{name} refers to {missing}, which there is not");
        }
    }
    Ok(())
}

/// Drops descriptions, which only documents need; a property may itself be called `description`.
fn drop_texts(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("description");
    for keyword in ["items", "additionalProperties", "not"] {
        map.get_mut(keyword).into_iter().for_each(drop_texts);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        map.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten().for_each(drop_texts);
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(drop_texts);
    }
}

/// Name, tab and schema of each, a line.
fn lines(schemas: &BTreeMap<String, Value>) -> String {
    schemas.iter().map(|(name, schema)| format!("{name}\t{schema}\n")).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}: {} bytes", path.display(), bytes.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn the_committed_schemas_are_those_of_the_crate_in_use() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let file = std::fs::File::open(root.join("crates/schema/data/definitions.jsonl.gz")).unwrap();
        let committed = BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(Result::unwrap);
        let generated = generate(root).unwrap();
        let generated = generated.iter().map(|(name, schema)| format!("{name}\t{schema}"));
        assert!(generated.eq(committed), "run `cargo xtask schemas`");
    }
}
