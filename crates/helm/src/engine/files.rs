//! `.Files`: the files of a chart that are no templates.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cowherd_template::{Kind, List, Object, Text, Type, Value};

use super::glob::Glob;
use crate::chart::File;

/// The files, or those of them that a pattern matched.
pub(crate) struct Files(BTreeMap<String, Rc<[u8]>>);

impl Files {
    pub(crate) fn new(files: &[File]) -> Self {
        Self(files.iter().map(|file| (file.name.clone(), Rc::from(&*file.data))).collect())
    }

    fn bytes(&self, name: &str) -> Rc<[u8]> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn matching(&self, pattern: &str) -> Self {
        let glob = Glob::new(pattern);
        let matching = self.0.iter().filter(|(name, _)| glob.matches(name));
        Self(matching.map(|(name, data)| (name.clone(), data.clone())).collect())
    }

    /// The data of a ConfigMap or Secret: by the last component of the names.
    fn as_data(&self, encode: impl Fn(&[u8]) -> String) -> Value {
        let base = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let data = self.0.iter().map(|(name, bytes)| (base(name), serde_json::Value::from(encode(bytes))));
        let yaml = cowherd_yaml::to_string(&serde_json::Value::Object(data.collect()));
        Value::from(yaml.strip_suffix('\n').unwrap_or(&yaml))
    }

    fn lines(&self, name: &str) -> Result<Value, String> {
        let Some(bytes) = self.0.get(name) else {
            return Ok(Value::List(List::strings(std::iter::empty::<&str>())));
        };
        if bytes.is_empty() {
            return Err("runtime error: index out of range [-1]".into());
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let lines = bytes.split(|byte| *byte == b'\n').map(|line| Text::from_bytes(line.to_vec()));
        Ok(Value::List(List::strings(lines)))
    }
}

impl Object for Files {
    fn type_name(&self) -> &str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn has_method(&self, name: &str) -> bool {
        matches!(name, "Get" | "GetBytes" | "Glob" | "AsConfig" | "AsSecrets" | "Lines")
    }

    fn parameters(&self, name: &str) -> Option<&'static [Type]> {
        Some(if matches!(name, "AsConfig" | "AsSecrets") { &[] } else { &[Type::String] })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let text = arguments.first().and_then(Value::as_text).map(Text::to_str).unwrap_or_default();
        Some(match name {
            "Get" => Ok(Value::String(Text::from_bytes(self.bytes(&text).to_vec()))),
            "GetBytes" => Ok(Value::Bytes(self.bytes(&text))),
            "Glob" => Ok(Value::Object(Rc::new(self.matching(&text)))),
            "Lines" => self.lines(&text),
            "AsConfig" => Ok(self.as_data(|bytes| cowherd_template::lossy(bytes).into_owned())),
            "AsSecrets" => Ok(self.as_data(|bytes| STANDARD.encode(bytes))),
            _ => return None,
        })
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::Bytes(self.bytes(name)))
    }

    fn print(&self) -> String {
        let bytes = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
        let entries: Vec<String> = self.0.iter().map(|(name, data)| format!("{name}:[{}]", bytes(data))).collect();
        format!("map[{}]", entries.join(" "))
    }

    fn is_true(&self) -> bool {
        !self.0.is_empty()
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        Some(self.0.iter().map(|(name, data)| (Value::from(name.as_str()), Value::Bytes(data.clone()))).collect())
    }

    fn plain(&self) -> Option<Value> {
        let entries = self.0.iter().map(|(name, data)| (name.as_str().into(), Value::from(STANDARD.encode(data))));
        Some(Value::Map(entries.collect()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
