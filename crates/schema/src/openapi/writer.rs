//! Writes large JSON objects entry by entry.

use serde_json::Value;

/// A JSON object in the writing.
pub(super) struct ObjectWriter {
    bytes: Vec<u8>,
    empty: bool,
}

impl ObjectWriter {
    pub fn new() -> Self {
        Self { bytes: vec![b'{'], empty: true }
    }

    /// An entry; the caller sees to it that keys differ.
    pub fn entry(&mut self, key: &str, value: &Value) {
        self.key(key);
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.bytes, value);
    }

    /// Begins an object within; [`Self::end`] ends it.
    pub fn begin(&mut self, key: &str) {
        self.key(key);
        self.bytes.push(b'{');
        self.empty = true;
    }

    pub fn end(&mut self) {
        self.bytes.push(b'}');
        self.empty = false;
    }

    /// Ends the whole object.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.bytes.push(b',');
        }
        self.empty = false;
        let _ = serde_json::to_writer(&mut self.bytes, key);
        self.bytes.push(b':');
    }
}
