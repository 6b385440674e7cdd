//! A list, written object by object.

use bytes::Bytes;
use serde_json::Value;

use super::{Form, Stored};
use crate::{
    resource::Resource,
    status::{ApiError, ApiResult},
};

/// How many bytes go into a chunk of a list before the next one begins. A list in one piece would be copied whenever it
/// outgrows its place, and could be given free only as a whole.
const CHUNK: usize = 256 * 1024;

/// A list on its way: what was written of it, in chunks.
#[derive(Debug)]
pub struct List {
    form: Form,
    done: Vec<Bytes>,
    chunk: Vec<u8>,
    /// Whether nothing was added yet.
    empty: bool,
    kind: String,
}

impl List {
    /// A list of objects of a resource, in this form.
    pub fn new(resource: &Resource, form: Form) -> ApiResult<Self> {
        let (api_version, kind) = match form {
            Form::Whole => (resource.api_version.as_str(), resource.list_kind.as_str()),
            Form::Metadata => ("meta.k8s.io/v1", "PartialObjectMetadataList"),
        };
        let chunk = format!("{{\"apiVersion\":{},\"items\":[", text(api_version)?).into_bytes();
        Ok(Self { form, done: Vec::new(), chunk, empty: true, kind: text(kind)? })
    }

    /// Adds an object.
    pub fn add(&mut self, object: Stored<'_>) -> ApiResult<()> {
        if self.chunk.len() >= CHUNK {
            let next = Vec::with_capacity(self.chunk.len());
            self.done.push(std::mem::replace(&mut self.chunk, next).into());
        }
        if !std::mem::take(&mut self.empty) {
            self.chunk.push(b',');
        }
        self.form.write(object, &mut self.chunk)
    }

    /// All of it, with the list's own metadata.
    pub fn end(mut self, metadata: &Value) -> Vec<Bytes> {
        self.chunk.extend_from_slice(format!("],\"kind\":{},\"metadata\":{metadata}}}\n", self.kind).as_bytes());
        self.done.push(self.chunk.into());
        self.done
    }
}

fn text(text: &str) -> ApiResult<String> {
    serde_json::to_string(text).map_err(ApiError::internal)
}
