//! Files of manifests: documents that are Kubernetes objects.

use cowherd_tree::{Tree, TreePath};
use cowherd_yaml::{Document, Limits, YamlError, parse_documents, parse_documents_with_texts};
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::kustomize::budget::Budget;

/// What is wrong with a document that may be no manifest at all.
pub(crate) const NO_KIND: &str = "missing kind";

/// How a file begins that stands for another one, which Git LFS keeps.
const LFS: &str = "version https://git-lfs.github.com/spec/";
/// What is wrong with such a file.
pub(crate) const IS_LFS_POINTER: &str = "the file is a pointer of Git LFS, and what it stands for is not in the repository; commit \
                                         that itself (`git lfs untrack`)";

/// Whether all that a document says is where Git LFS keeps a file.
pub(crate) fn is_lfs_pointer(document: &Value) -> bool {
    document.as_str().is_some_and(|text| text.starts_with(LFS))
}

/// An object and the line of its document.
pub(crate) struct Manifest {
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// Why a text holds no objects.
pub(crate) enum ManifestError {
    Yaml(YamlError),
    NotAnObject { line: usize, detail: String },
}

impl ManifestError {
    pub(crate) fn in_file(self, file: &TreePath) -> RenderError {
        match self {
            Self::Yaml(error) => RenderError::yaml(file, error),
            Self::NotAnObject { line, detail } => RenderError::new(file, Cause::NotAnObject(detail)).at_line(line),
        }
    }
}

/// The objects in the file at `path`.
pub(crate) fn read(
    tree: &dyn Tree,
    path: &TreePath,
    limits: &Limits,
    budget: &Budget,
) -> Result<Vec<Manifest>, RenderError> {
    let text = tree.read(path).map_err(|error| RenderError::new(path, Cause::Read(error)))?;
    budget.spend(text.len()).map_err(|cause| RenderError::new(path, cause))?;
    parse_with_texts(&text, limits).map_err(|error| error.in_file(path))
}

/// The objects in `text`, their annotations as texts.
pub(crate) fn parse_with_texts(text: &[u8], limits: &Limits) -> Result<Vec<Manifest>, ManifestError> {
    // kustomize writes annotations as texts, in the words of the file.
    let documents = parse_documents_with_texts(text, &[&["metadata"], &["annotations"]], limits);
    documents.map_err(ManifestError::Yaml).and_then(objects)
}

/// The objects in `text`, their annotations and labels as texts: so kustomize takes patches that it copies first.
pub(crate) fn parse_with_all_texts(text: &[u8], limits: &Limits) -> Result<Vec<Manifest>, ManifestError> {
    let documents = parse_documents_with_texts(text, &[&["metadata"], &["annotations", "labels"]], limits);
    documents.map_err(ManifestError::Yaml).and_then(objects)
}

/// The objects in `text`; lists are taken apart.
pub(crate) fn parse(text: &[u8], limits: &Limits) -> Result<Vec<Manifest>, ManifestError> {
    objects(parse_documents(text, limits).map_err(ManifestError::Yaml)?)
}

/// The objects that documents are; lists are taken apart.
pub(crate) fn objects(documents: Vec<Document>) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::with_capacity(documents.len());
    // Items of lists come behind everything else.
    let mut items = Vec::new();
    for document in documents {
        if matches!(&document.value, Value::Object(map) if map.is_empty()) {
            continue;
        }
        let line = document.line;
        take_apart(document.value, line, &mut manifests, &mut items)?;
    }
    while !items.is_empty() {
        for Manifest { value, line } in std::mem::take(&mut items) {
            take_apart(value, line, &mut manifests, &mut items)?;
        }
    }
    Ok(manifests)
}

fn take_apart(
    value: Value,
    line: usize,
    manifests: &mut Vec<Manifest>,
    items: &mut Vec<Manifest>,
) -> Result<(), ManifestError> {
    let fail = |detail: &str| Err(ManifestError::NotAnObject { line, detail: detail.to_owned() });
    if is_lfs_pointer(&value) {
        return fail(IS_LFS_POINTER);
    }
    let Value::Object(mut map) = value else {
        return fail("the document is no mapping; expected apiVersion, kind and metadata.name");
    };
    let text = |field: Option<&Value>| field.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(map.get("kind"));
    if kind.is_empty() {
        return fail(NO_KIND);
    }
    if kind.ends_with("List") && map.contains_key("items") {
        match map.remove("items") {
            Some(Value::Array(list)) => items.extend(list.into_iter().map(|value| Manifest { value, line })),
            Some(Value::Null) | None => {}
            Some(_) => return fail("the items of a list must be a list"),
        }
        return Ok(());
    }
    let metadata = map.get("metadata");
    if metadata.is_some_and(|metadata| !metadata.is_object() && !metadata.is_null()) {
        return fail("metadata must be a mapping");
    }
    if text(metadata.and_then(|metadata| metadata.get("name"))).is_empty() && !kind.ends_with("List") {
        let detail = match metadata.and_then(|metadata| metadata.get("name")) {
            Some(name) if !name.is_null() => format!("metadata.name of this {kind} must be a text; quote it"),
            _ if metadata.is_some_and(|metadata| metadata["generateName"].is_string()) => format!(
                "missing metadata.name in this {kind}: by its metadata.generateName each apply would make another one; give it \
                 a metadata.name instead"
            ),
            _ => format!("missing metadata.name in this {kind}"),
        };
        return fail(&detail);
    }
    manifests.push(Manifest { value: Value::Object(map), line });
    Ok(())
}
