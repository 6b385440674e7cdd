//! A schema as its author wrote it, for those who ask to have it explained.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde_json::Value;

/// A schema with all its words, packed: they are many, alike, and seldom asked for.
#[derive(Debug, Default)]
pub struct SchemaDocument(Box<[u8]>);

impl SchemaDocument {
    /// Packs a schema.
    pub fn pack(schema: &Value) -> Self {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        let written = serde_json::to_vec(schema).map(|bytes| packer.write_all(&bytes).is_ok());
        match (written, packer.finish()) {
            (Ok(true), Ok(packed)) => Self(packed.into()),
            // Memory does not fail to be written to; without it, the kind goes unexplained.
            _ => Self::default(),
        }
    }

    /// The schema.
    pub fn unpack(&self) -> Value {
        let mut bytes = Vec::new();
        match DeflateDecoder::new(&*self.0).read_to_end(&mut bytes) {
            Ok(_) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let schema = json!({"type": "object", "description": "x".repeat(10_000)});
        let packed = SchemaDocument::pack(&schema);
        assert!(packed.0.len() < 1000);
        assert_eq!(packed.unpack(), schema);
    }
}
