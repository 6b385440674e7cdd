//! Writes large JSON objects entry by entry.

use serde_json::Value;

/// Entries of a JSON object in the writing, with commas between them and no braces around.
#[derive(Default)]
pub(super) struct Entries(pub Vec<u8>);

impl Entries {
    /// One more; the caller sees to it that keys differ.
    pub fn add(&mut self, key: &str, value: &Value) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.0, key);
        self.0.push(b':');
        let _ = serde_json::to_writer(&mut self.0, value);
    }
}
