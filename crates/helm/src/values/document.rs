//! `values.yaml` and the files of `--values`.

use cowherd_yaml::{Limits, YamlError};
use serde_json::{Map, Number, Value};

use crate::go::{self, DecodeError};

/// Why a file of values could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A document is no YAML, or no mapping.
    #[error("cannot unmarshal yaml document: {0}")]
    Document(DecodeError),
    /// Something other than a comment follows `---`.
    #[error(
        "error reading yaml document: line {line}: invalid Yaml document separator; put `---` on a line of its own"
    )]
    Separator {
        /// The line, counted from 1.
        line: usize,
    },
}

/// The values that `text` says; of several documents, later ones are merged into earlier ones. All numbers are floats.
pub fn read_values(text: &[u8], limits: &Limits) -> Result<Map<String, Value>, DocumentError> {
    let mut values = Map::new();
    for (first_line, document) in documents(text)? {
        let value = go::first_document(document, limits).map_err(|error| at_line(error, first_line))?;
        match with_floats(value) {
            Value::Null => {}
            Value::Object(map) => merge_maps(&mut values, map),
            other => {
                let error = DecodeError::Root { found: go::kind(&other), expected: "map[string]interface {}" };
                return Err(DocumentError::Document(error));
            }
        }
    }
    Ok(values)
}

/// Merges `from` into `into`: mappings are merged, everything else is replaced.
pub fn merge_maps(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge_maps(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// `value` with floats for all numbers, as Go reads them from JSON where it is not told a type.
pub(super) fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().and_then(Number::from_f64);
            Value::Number(float.unwrap_or(number))
        }
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, with_floats(value))).collect(),
        other => other,
    }
}

fn at_line(mut error: YamlError, first_line: usize) -> DocumentError {
    error.line += first_line - 1;
    DocumentError::Document(error.into())
}

/// The documents of `text` with the lines that they start on, parted by lines that start with `---`.
fn documents(text: &[u8]) -> Result<Vec<(usize, &[u8])>, DocumentError> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if let Some(rest) = line.strip_prefix(b"---") {
            match rest.trim_ascii().first() {
                None | Some(b'#') => {
                    documents.push((start_line, text.get(start..offset).unwrap_or_default()));
                    (start, start_line) = (offset, index + 1);
                }
                Some(_) => return Err(DocumentError::Separator { line: index + 1 }),
            }
        }
        offset += line.len();
    }
    documents.push((start_line, text.get(start..).unwrap_or_default()));
    documents.retain(|(_, document)| !document.is_empty());
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, String> {
        read_values(text.as_bytes(), &Limits::default()).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_floats_and_documents_are_merged() {
        let values = read("a: 1\nb: {x: [1, 1.5], z: yes}\n--- # more\nb: {x: null}\n").unwrap();
        assert!(values["a"].is_f64());
        assert_eq!(values["b"], json!({"x": null, "z": true}));
        assert_eq!(read("").unwrap(), json!({}));
        assert_eq!(read("# nothing\n---\n").unwrap(), json!({}));
    }

    #[test]
    fn what_is_no_mapping_is_refused_with_its_line() {
        assert!(
            read("- a").unwrap_err().ends_with("cannot unmarshal array into Go value of type map[string]interface {}")
        );
        assert!(read("a: 1\n--- b\n").unwrap_err().contains("line 2"));
        assert!(read("a: 1\n---\nb: c: d\n").unwrap_err().contains("line 3"));
    }
}
