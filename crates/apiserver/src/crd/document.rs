//! A schema as its author wrote it, for those who ask to have it explained.

use std::{
    borrow::Cow,
    io::{Read, Write},
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cowherd_schema::{Schema, SchemaError, openapi::Source};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde_json::{Value, json};

use crate::object;

/// A schema with all its words, packed: they are many, alike, and seldom asked for.
#[derive(Clone, Debug, Default)]
pub struct SchemaDocument {
    packed: Arc<[u8]>,
    /// A text that is another one for another schema.
    pub digest: String,
}

/// Reads a schema as objects of a custom resource have it: with the fields that every object has.
pub fn read(source: Value) -> Result<Schema, SchemaError> {
    Schema::from_openapi(&with_envelope(source))
}

impl SchemaDocument {
    /// Packs a schema.
    pub fn pack(schema: &Value) -> Self {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        let written = serde_json::to_vec(schema).map(|bytes| {
            let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
            (packer.write_all(&bytes).is_ok(), BASE64_URL_SAFE_NO_PAD.encode(digest))
        });
        match (written, packer.finish()) {
            (Ok((true, digest)), Ok(packed)) => Self { packed: packed.into(), digest },
            // Memory does not fail to be written to; without it, the kind goes unexplained.
            _ => Self::default(),
        }
    }

    /// The schema.
    pub fn unpack(&self) -> Value {
        let mut bytes = Vec::new();
        match DeflateDecoder::new(&*self.packed).read_to_end(&mut bytes) {
            Ok(_) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }
}

impl Source for SchemaDocument {
    fn schema(&self) -> Cow<'_, Value> {
        Cow::Owned(self.unpack())
    }
}

/// A schema whose objects have `apiVersion`, `kind` and `metadata`, said or not.
fn with_envelope(mut source: Value) -> Value {
    if let Value::Object(schema) = &mut source {
        let properties = object::as_map(schema.entry("properties").or_insert_with(|| json!({})));
        for field in ["apiVersion", "kind"] {
            properties.insert(field.to_owned(), json!({"type": "string"}));
        }
        let reference = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        properties.insert("metadata".to_owned(), json!({"$ref": reference}));
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let schema = json!({"type": "object", "description": "x".repeat(10_000)});
        let packed = SchemaDocument::pack(&schema);
        assert!(packed.packed.len() < 1000);
        assert_eq!(packed.unpack(), schema);
    }
}
