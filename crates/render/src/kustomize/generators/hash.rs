//! The hash behind the name of generated objects.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::kustomize::objects::resource::{Resource, text};
use crate::kustomize::objects::set::ResourceSet;

/// Puts the hash behind the names of the objects that get one.
pub(crate) fn append(resources: &mut ResourceSet) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        let name = format!("{}-{}", resource.name(), suffix(resource));
        resource.remember_id();
        resource.set_name(&name);
    }
}

/// The suffix that stands for the content of a ConfigMap or Secret.
fn suffix(resource: &Resource) -> String {
    let kind = resource.kind();
    let mut hashed = Map::new();
    let mut take = |field: &str| {
        if let Some(value @ Value::Object(_)) = resource.value.get(field) {
            hashed.insert(field.into(), value.clone());
        }
    };
    take(if kind == "Secret" { "stringData" } else { "binaryData" });
    take("data");
    if !hashed.contains_key("data") {
        hashed.insert("data".into(), "".into());
    }
    hashed.insert("kind".into(), kind.into());
    // kustomize means the name here, and looks for it where it is not.
    hashed.insert("name".into(), "".into());
    if kind == "Secret" {
        hashed.insert("type".into(), text(resource.value.get("type")).into());
    }
    let mut json = String::new();
    write(&Value::Object(hashed), &mut json);
    encode(&Sha256::digest(json.as_bytes()))
}

/// The first ten hexadecimal digits, with some replaced so that no words come about.
fn encode(digest: &[u8]) -> String {
    let hex = digest.iter().take(5).flat_map(|byte| [byte >> 4, byte & 15]);
    hex.filter_map(|digit| "gh2k456789mbcdtf".chars().nth(digit.into())).collect()
}

/// JSON as Go writes it, which escapes what HTML would take for its own.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_text(text, out),
        value => *out += &value.to_string(),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => *out += "\\\"",
            '\\' => *out += "\\\\",
            '\n' => *out += "\\n",
            '\r' => *out += "\\r",
            '\t' => *out += "\\t",
            '\u{8}' => *out += "\\b",
            '\u{c}' => *out += "\\f",
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => *out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}
