//! The formats of documents.

mod dotenv;
mod flat;
mod ini;
mod json;
mod yaml;
mod yaml_write;

use crate::SopsError;
use crate::metadata::{KEY, PREFIX};
use crate::tree::{Entry, Map, Value};

/// How many mappings and lists may stand inside each other.
pub(crate) const MAX_DEPTH: usize = 120;

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Any bytes; encrypted they are in a JSON document.
    Binary,
    /// Lines such as `KEY=value`.
    Dotenv,
    /// Sections of lines such as `key = value`.
    Ini,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Dotenv => "dotenv",
            Self::Ini => "INI",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        })
    }
}

impl Format {
    /// The format of a file, by the end of its name as SOPS has it.
    pub fn of_path(path: &str) -> Self {
        match path.rsplit_once('.').map(|(_, end)| end) {
            Some("yaml" | "yml") => Self::Yaml,
            Some("json") => Self::Json,
            Some("env") => Self::Dotenv,
            Some("ini") => Self::Ini,
            _ => Self::Binary,
        }
    }

    /// Whether `data` has what marks an encrypted document of this format.
    pub fn marks(self, data: &[u8]) -> bool {
        contains(data, self.mark())
    }

    /// The format of an encrypted document, by what marks it. `None` where nothing does.
    pub fn detect(data: &[u8]) -> Option<Self> {
        [Self::Json, Self::Dotenv, Self::Yaml, Self::Ini].into_iter().find(|format| format.marks(data))
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Binary | Self::Json => "\"mac\": \"ENC[",
            Self::Dotenv => "sops_mac=ENC[",
            Self::Ini => "[sops]",
            Self::Yaml => "mac: ENC[",
        }
    }

    /// The documents in `data`, and the metadata of the first one taken out.
    pub(crate) fn load(self, data: &[u8]) -> Result<(Vec<Map>, Map), SopsError> {
        let read = match self {
            Self::Binary | Self::Json => json::read(data),
            Self::Dotenv => dotenv::read(data),
            Self::Ini => ini::read(data),
            Self::Yaml => yaml::read(data),
        };
        let mut documents = read.map_err(|problem| SopsError::Unreadable { format: self, problem })?;
        let metadata = match self {
            Self::Dotenv => prefixed(&mut documents),
            _ => keyed(&mut documents)?,
        };
        let metadata = metadata.ok_or(SopsError::NotEncrypted)?;
        let unflattened = match self {
            Self::Dotenv => flat::unflatten(metadata),
            Self::Ini => flat::unflatten(flat::with_line_breaks(metadata)),
            _ => Ok(metadata),
        };
        Ok((documents, unflattened.map_err(|problem| SopsError::Metadata(problem.to_owned()))?))
    }

    /// The documents as a text of this format.
    pub(crate) fn write(self, documents: &[Map]) -> Result<Vec<u8>, SopsError> {
        let written = match self {
            Self::Binary => binary(documents),
            Self::Dotenv => dotenv::write(documents),
            Self::Ini => ini::write(documents),
            Self::Json => json::write(documents),
            Self::Yaml => yaml_write::write(documents),
        };
        written.map_err(|problem| SopsError::Unwritable { format: self, problem })
    }
}

fn contains(data: &[u8], text: &str) -> bool {
    data.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What stands under the key of SOPS, which is taken out of all documents; that of the first one counts.
fn keyed(documents: &mut [Map]) -> Result<Option<Map>, SopsError> {
    let mut found = None;
    for (index, document) in documents.iter_mut().enumerate() {
        let (taken, kept): (Vec<_>, Vec<_>) =
            std::mem::take(document).into_iter().partition(|entry| matches!(entry, Entry::Pair(key, _) if key == KEY));
        *document = kept;
        if index > 0 {
            continue;
        }
        for entry in taken {
            match entry {
                _ if found.is_some() => return Err(SopsError::Metadata("it is there twice".to_owned())),
                Entry::Pair(_, Value::Map(map)) => found = Some(map),
                _ => return Err(SopsError::Metadata("it is no mapping".to_owned())),
            }
        }
    }
    Ok(found)
}

/// What stands under keys with the prefix of SOPS, which is taken away.
fn prefixed(documents: &mut [Map]) -> Option<Map> {
    let document = documents.first_mut()?;
    let mut found = Map::new();
    document.retain_mut(|entry| match entry {
        Entry::Pair(key, value) if key.starts_with(PREFIX) => {
            found.push(Entry::Pair(key[PREFIX.len()..].to_owned(), std::mem::replace(value, Value::Null)));
            false
        }
        _ => true,
    });
    (!found.is_empty()).then_some(found)
}

/// The bytes that a binary document holds.
fn binary(documents: &[Map]) -> Result<Vec<u8>, String> {
    let data = documents.first().and_then(|document| crate::tree::get(document, "data"));
    match data {
        Some(Value::Text(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        Some(_) => Err("its key data has no text".to_owned()),
        None => Err("it has no key data, as what was encrypted as binary has".to_owned()),
    }
}

/// A value as a text where there are only texts. `None` for a list or a mapping.
fn as_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => crate::number::with_fraction(*value),
        Value::Text(text) | Value::Time(text) => text.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::List(_) | Value::Map(_) => return None,
    })
}
