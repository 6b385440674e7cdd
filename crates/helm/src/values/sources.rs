//! Where a release's own values come from: files and flags.

use serde_json::{Map, Value};

use super::document::with_floats;
use super::{DocumentError, SetError, merge_maps, read_values, set, set_file, set_json, set_literal, set_string};

/// What `helm template` takes values from. In this order, later ones win: files, `--set-json`, `--set`,
/// `--set-string`, `--set-file`, `--set-literal`.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--values`: the name and the content of each file.
    pub files: Vec<(String, Vec<u8>)>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-file`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
}

/// Why values could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// A file could not be read.
    #[error("failed to parse {name}: {source}")]
    File {
        /// The name of the file.
        name: String,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// A flag could not be read.
    #[error("failed parsing {flag} data: {source}")]
    Set {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        source: SetError,
    },
    /// The object that a `--set-json` gives is no JSON.
    #[error("failed parsing --set-json data JSON: there is a mistake at line {line} column {column}")]
    Json {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
}

impl Sources {
    /// The values. `read` gives the content of the files that `--set-file` names, or what is wrong with them.
    pub fn merge(
        &self,
        limits: &cowherd_yaml::Limits,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Map<String, Value>, SourcesError> {
        let mut values = Map::new();
        for (name, content) in &self.files {
            let file = read_values(content, limits);
            merge_maps(&mut values, file.map_err(|source| SourcesError::File { name: name.clone(), source })?);
        }
        for expression in &self.set_json {
            merge_json(expression, &mut values)?;
        }
        each("--set", &self.set, |expression| set(expression, &mut values))?;
        each("--set-string", &self.set_string, |expression| set_string(expression, &mut values))?;
        each("--set-file", &self.set_file, |expression| set_file(expression, &mut values, read))?;
        each("--set-literal", &self.set_literal, |expression| set_literal(expression, &mut values))?;
        Ok(values)
    }
}

fn each(
    flag: &'static str,
    expressions: &[String],
    mut set: impl FnMut(&str) -> Result<(), SetError>,
) -> Result<(), SourcesError> {
    expressions.iter().try_for_each(|expression| set(expression).map_err(|source| SourcesError::Set { flag, source }))
}

/// An object is merged, everything else is a list of keys and values.
fn merge_json(expression: &str, values: &mut Map<String, Value>) -> Result<(), SourcesError> {
    let trimmed = expression.trim();
    if !trimmed.starts_with('{') {
        return set_json(expression, values).map_err(|source| SourcesError::Set { flag: "--set-json", source });
    }
    let parsed: Map<String, Value> = serde_json::from_str(trimmed)
        .map_err(|error| SourcesError::Json { line: error.line(), column: error.column() })?;
    if let Value::Object(parsed) = with_floats(Value::Object(parsed)) {
        merge_maps(values, parsed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn later_sources_win() {
        let one = |text: &str| vec![text.to_owned()];
        let sources = Sources {
            files: vec![("a.yaml".into(), b"a: {x: 1, w: 1}\nb: 1".to_vec()), ("b.yaml".into(), b"a: {w: 2}".to_vec())],
            set_json: one(r#"{"a": {"z": 3}, "j": 1}"#),
            set: one("b=2,s=1"),
            set_string: one("s=2"),
            set_file: one("f=notes.txt"),
            set_literal: one("l=a,b"),
        };
        let merged = sources.merge(&cowherd_yaml::Limits::default(), &|path| Ok(format!("<{path}>"))).unwrap();
        let expected = json!({
            "a": {"x": 1.0, "w": 2.0, "z": 3.0}, "b": 2, "f": "<notes.txt>", "j": 1.0, "l": "a,b", "s": "2"
        });
        assert_eq!(Value::Object(merged), expected);
    }

    #[test]
    fn mistakes_name_their_source() {
        let merge = |sources: Sources| {
            let read = |_: &str| Err("no such file or directory".to_owned());
            sources.merge(&cowherd_yaml::Limits::default(), &read).unwrap_err().to_string()
        };
        let file = merge(Sources { files: vec![("a.yaml".into(), b"- a".to_vec())], ..Sources::default() });
        assert!(file.starts_with("failed to parse a.yaml: cannot unmarshal yaml document: "), "{file}");
        let flag = merge(Sources { set: vec!["a".into()], ..Sources::default() });
        assert_eq!(flag, "failed parsing --set data: key \"a\" has no value");
        let missing = merge(Sources { set_file: vec!["a=x".into()], ..Sources::default() });
        assert_eq!(missing, "failed parsing --set-file data: x: no such file or directory");
        let json = merge(Sources { set_json: vec!["{\"secret\"".into()], ..Sources::default() });
        assert!(!json.contains("secret"), "{json}");
    }
}
