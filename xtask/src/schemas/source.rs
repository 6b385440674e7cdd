//! Finds the types in the sources of `k8s-openapi`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::literal;

const VERSION: &str = "v1_35";

/// A type as its source file has it.
pub struct Definition {
    /// The name in Kubernetes' OpenAPI document.
    pub name: String,
    /// Its JSON schema; references are still Rust paths.
    pub schema: Value,
    /// From the names of the Rust fields to those of the JSON fields.
    pub fields: BTreeMap<String, String>,
    /// The body of its `DeepMerge` implementation.
    pub merge: String,
    /// What it is served as, for a type that is a whole object.
    pub resource: Option<Resource>,
}

/// A type that is a whole object.
pub struct Resource {
    group: String,
    version: String,
    /// The kind of the object.
    pub kind: String,
    /// The kind of a list of it.
    pub list_kind: Option<String>,
}

impl Definition {
    /// The last part of the name.
    pub fn kind(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

impl Resource {
    /// The group, version and given kind as OpenAPI documents write them.
    pub fn to_json(&self, kind: &str) -> Value {
        json!({ "group": self.group, "kind": kind, "version": self.version })
    }
}

/// The folder of the generated sources for the version of Kubernetes that we serve.
pub fn directory(root: &Path) -> Result<PathBuf> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1"]).current_dir(root).output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == "k8s-openapi").context("no package k8s-openapi")?;
    let manifest = package["manifest_path"].as_str().context("k8s-openapi has no manifest path")?;
    Ok(Path::new(manifest).with_file_name("src").join(VERSION))
}

/// Every type below `directory`, by its Rust path.
pub fn definitions(directory: &Path) -> Result<BTreeMap<String, Definition>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(directory.to_owned(), "crate".to_owned())];
    while let Some((folder, module)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).context("a file name that is no text")?;
            if path.is_dir() {
                folders.push((path.clone(), format!("{module}::{name}")));
                continue;
            }
            let text = std::fs::read_to_string(&path)?;
            if let Some((rust_name, definition)) = read(&text).with_context(|| path.display().to_string())? {
                found.insert(format!("{module}::{rust_name}"), definition);
            }
        }
    }
    Ok(found)
}

fn read(text: &str) -> Result<Option<(String, Definition)>> {
    let Some(implementation) = text.split("crate::schemars::JsonSchema for ").nth(1) else { return Ok(None) };
    let rust_name: String = implementation.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let name = between(implementation, "schema_name() -> std::borrow::Cow<'static, str> {", ".into()")
        .and_then(|name| name.trim().strip_prefix('"')?.strip_suffix('"'))
        .context("no schema name")?;
    let schema = implementation.split_once("json_schema!(").context("no schema")?.1;
    let definition = Definition {
        name: name.to_owned(),
        schema: literal::parse(schema)?,
        fields: fields(text),
        merge: between(text, "crate::DeepMerge for ", "\n}\n").unwrap_or_default().to_owned(),
        resource: resource(text),
    };
    Ok(Some((rust_name, definition)))
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for line in text.lines() {
        let Some((json, rust)) = line.trim().split_once(" => Field::Key_") else { continue };
        fields.insert(rust.trim_end_matches(',').to_owned(), json.trim_matches('"').to_owned());
    }
    fields
}

fn resource(text: &str) -> Option<Resource> {
    let body = between(text, "impl crate::Resource for ", "\n}\n")?;
    let constant =
        |text: &str, name: &str| Some(between(text, &format!("const {name}: &'static str = \""), "\"")?.to_owned());
    Some(Resource {
        group: constant(body, "GROUP")?,
        version: constant(body, "VERSION")?,
        kind: constant(body, "KIND")?,
        list_kind: constant(text, "LIST_KIND"),
    })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = text.split_once(start)?.1;
    Some(rest.split_once(end)?.0)
}
