//! From the binary form to JSON.

use base64::{Engine, prelude::BASE64_STANDARD};
use cowherd_yaml::{TooHeavy, Weight};
use serde_json::{Map, Value};

use super::types::{Field, Kind, Message, Presence, message};
use crate::{
    body::{ParseError, parse_json},
    bounds::{self, DEPTH, Exceeded},
};

/// What the bytes begin with.
const MAGIC: &[u8] = b"k8s\0";

/// Why bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They do not begin as they must.
    #[error("the body does not begin with the prefix of Kubernetes' binary form")]
    NoPrefix,
    /// They end too early, or hold what no encoder writes.
    #[error("the body is cut short or damaged")]
    Damaged,
    /// What it stands for is too much.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The kind has no binary form here.
    #[error("{0} can be sent as application/json or application/yaml only")]
    UnknownKind(String),
}

impl From<TooHeavy> for WireError {
    fn from(too_heavy: TooHeavy) -> Self {
        Self::Exceeded(too_heavy.into())
    }
}

/// Reads an object with its `apiVersion` and `kind`.
pub fn decode(bytes: &[u8]) -> Result<Value, WireError> {
    let bytes = bytes.strip_prefix(MAGIC).ok_or(WireError::NoPrefix)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[] as &[u8]);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Bytes(type_meta)) => {
                for part in Parts(type_meta) {
                    match part? {
                        (1, Wire::Bytes(text)) => api_version = self::text(text)?,
                        (2, Wire::Bytes(text)) => kind = self::text(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(object)) => raw = object,
            _ => {}
        }
    }
    let name = type_name(&api_version, &kind);
    // The parts of a schema that may be of several types are written in ways of their own.
    let known = message(&name).filter(|_| !name.starts_with("apiextensions/"));
    let known = known.ok_or_else(|| WireError::UnknownKind(format!("{kind} of {api_version}")))?;
    let mut object = read(raw, known, 0, &mut bounds::weight())?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

/// The package of the Go type is named after the first part of the group.
fn type_name(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let package = group.split('.').next().unwrap_or_default();
    if matches!(kind, "DeleteOptions" | "Status" | "PatchOptions") {
        return format!("meta/v1.{kind}");
    }
    format!("{package}/{version}.{kind}")
}

/// A value as it stands in the bytes.
enum Wire<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number(&mut self) -> Result<u64, WireError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(WireError::Damaged)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(WireError::Damaged)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(WireError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn part(&mut self) -> Result<(u32, Wire<'a>), WireError> {
        let tag = self.number()?;
        let field = u32::try_from(tag >> 3).map_err(|_| WireError::Damaged)?;
        let value = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Fixed(little_endian(self.take(8)?)),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| WireError::Damaged)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed(little_endian(self.take(4)?)),
            _ => return Err(WireError::Damaged),
        };
        Ok((field, value))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u32, Wire<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_err() {
            self.0 = &[];
        }
        Some(part)
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn text(bytes: &[u8]) -> Result<String, WireError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| WireError::Damaged)
}

fn read(bytes: &[u8], known: &Message, depth: usize, weight: &mut Weight) -> Result<Map<String, Value>, WireError> {
    if depth > DEPTH {
        return Err(Exceeded::Depth.into());
    }
    let mut object = Map::new();
    for part in Parts(bytes) {
        let (number, wire) = part?;
        // What a newer client knows and we do not is left out, as with unknown fields of any protobuf message.
        let Some(field) = known.get(&number) else { continue };
        put(&mut object, field, wire, depth, weight)?;
    }
    Ok(object)
}

fn put(
    object: &mut Map<String, Value>,
    field: &Field,
    wire: Wire<'_>,
    depth: usize,
    weight: &mut Weight,
) -> Result<(), WireError> {
    match &field.kind {
        Kind::List(item) => {
            let item = value(item, wire, depth, weight)?;
            match object.entry(&*field.name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(list) => {
                    weight.item(list.len())?;
                    list.push(item);
                }
                other => *other = Value::Array(vec![item]),
            }
        }
        Kind::Map(kind) => {
            let Wire::Bytes(entry) = wire else { return Err(WireError::Damaged) };
            let (key, item) = map_entry(kind, entry, depth, weight)?;
            match object.entry(&*field.name).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(map) => {
                    weight.entry(map.len())?;
                    map.insert(key, item)
                }
                _ => return Err(WireError::Damaged),
            };
        }
        kind => {
            let value = value(kind, wire, depth, weight)?;
            weight.entry(object.len())?;
            match (field.presence, value) {
                (Presence::Inline, Value::Object(inner)) => object.extend(inner),
                (Presence::NonZero, value) if is_zero(&value) => {}
                (_, Value::Null) => {}
                (_, value) => {
                    object.insert(field.name.to_string(), value);
                }
            }
        }
    }
    Ok(())
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn map_entry(kind: &Kind, entry: &[u8], depth: usize, weight: &mut Weight) -> Result<(String, Value), WireError> {
    let (mut key, mut item) = (String::new(), None);
    for part in Parts(entry) {
        match part? {
            (1, Wire::Bytes(text)) => key = self::text(text)?,
            (2, wire) => item = Some(value(kind, wire, depth, weight)?),
            _ => {}
        }
    }
    let empty = || match kind {
        Kind::Text | Kind::Bytes | Kind::Quantity => Value::from(""),
        Kind::Integer => Value::from(0),
        Kind::Wrapped(_) => Value::Array(Vec::new()),
        _ => Value::Object(Map::new()),
    };
    Ok((key, item.unwrap_or_else(empty)))
}

fn value(kind: &Kind, wire: Wire<'_>, depth: usize, weight: &mut Weight) -> Result<Value, WireError> {
    Ok(match (kind, wire) {
        (Kind::Text, Wire::Bytes(bytes)) => text(bytes)?.into(),
        (Kind::Integer, Wire::Number(number)) => number.cast_signed().into(),
        (Kind::Boolean, Wire::Number(number)) => Value::Bool(number != 0),
        (Kind::Double, Wire::Fixed(bits)) => f64::from_bits(bits).into(),
        (Kind::Bytes, Wire::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        (Kind::Time, Wire::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%SZ")?,
        (Kind::MicroTime, Wire::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%S%.6fZ")?,
        (Kind::Quantity, Wire::Bytes(bytes)) => first_text(bytes)?.into(),
        (Kind::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes)?,
        (Kind::Raw, Wire::Bytes(bytes)) => raw(bytes, depth, weight)?,
        (Kind::Message(name), Wire::Bytes(bytes)) => {
            let known = message(name).ok_or_else(|| WireError::UnknownKind(name.to_string()))?;
            Value::Object(read(bytes, known, depth + 1, weight)?)
        }
        (Kind::Wrapped(list), Wire::Bytes(bytes)) => {
            let Kind::List(item) = &**list else { return Err(WireError::Damaged) };
            let items = Parts(bytes).enumerate().map(|(before, part)| {
                weight.item(before)?;
                value(item, part?.1, depth + 1, weight)
            });
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        _ => return Err(WireError::Damaged),
    })
}

/// The text of the first field of a message.
fn first_text(bytes: &[u8]) -> Result<String, WireError> {
    for part in Parts(bytes) {
        if let (1, Wire::Bytes(inner)) = part? {
            return text(inner);
        }
    }
    Ok(String::new())
}

/// Seconds and nanoseconds since 1970; both zero for no time at all.
fn time(bytes: &[u8], form: &str) -> Result<Value, WireError> {
    let (mut seconds, mut nanos) = (0, 0);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(number)) => seconds = number.cast_signed(),
            (2, Wire::Number(number)) => nanos = number.cast_signed(),
            _ => {}
        }
    }
    if seconds == 0 && nanos == 0 {
        return Ok(Value::Null);
    }
    let nanos = i32::try_from(nanos).map_err(|_| WireError::Damaged)?;
    let time = jiff::Timestamp::new(seconds, nanos).map_err(|_| WireError::Damaged)?;
    Ok(time.strftime(form).to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, WireError> {
    let (mut is_text, mut number, mut words) = (false, 0, String::new());
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(bytes)) => words = text(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { words.into() } else { number.into() })
}

fn raw(bytes: &[u8], depth: usize, weight: &mut Weight) -> Result<Value, WireError> {
    for part in Parts(bytes) {
        if let (1, Wire::Bytes(json)) = part?
            && !json.is_empty()
        {
            let value = match parse_json(json) {
                Ok(parsed) => parsed.value,
                Err(ParseError::Exceeded(exceeded)) => return Err(exceeded.into()),
                Err(ParseError::Json(_)) => return Err(WireError::Damaged),
            };
            weight.whole(&value, DEPTH.saturating_sub(depth))?;
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![field << 3 | 2, content.len() as u8];
        bytes.extend_from_slice(content);
        bytes
    }

    fn object(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &type_meta), bytes(2, raw)].concat()
    }

    #[test]
    fn a_config_map_is_read() {
        let metadata = [bytes(1, b"settings"), bytes(3, b"")].concat();
        let data = [bytes(1, b"key"), bytes(2, b"value")].concat();
        let raw = [bytes(1, &metadata), bytes(2, &data)].concat();
        let read = decode(&object("v1", "ConfigMap", &raw)).unwrap();
        let wanted = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"key": "value"},
        });
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_few_bytes_that_stand_for_many_are_refused() {
        let long = |field: u8, content: &[u8]| {
            let (mut bytes, mut length) = (vec![field << 3 | 2], content.len());
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            [bytes, vec![length as u8], content.to_vec()].concat()
        };
        // spec { containers: [{ ports: [{ containerPort: 1 }, …] }] }
        let pod = |ports: usize| {
            let ports = bytes(6, &[0x18, 0x01]).repeat(ports);
            let raw = long(2, &long(2, &ports));
            let type_meta = [bytes(1, b"v1"), bytes(2, b"Pod")].concat();
            [MAGIC.to_vec(), bytes(1, &type_meta), long(2, &raw)].concat()
        };
        assert_eq!(decode(&pod(700_000)), Err(WireError::Exceeded(Exceeded::Weight)));
        let read = decode(&pod(1_000)).unwrap();
        assert_eq!(read["spec"]["containers"][0]["ports"].as_array().unwrap().len(), 1_000);
    }

    #[test]
    fn a_zero_that_was_meant_is_kept() {
        // spec { replicas: 0, minReadySeconds: 0 }
        let read = decode(&object("apps/v1", "Deployment", &bytes(2, &[0x08, 0x00, 0x28, 0x00]))).unwrap();
        assert_eq!(read["spec"], json!({"replicas": 0}));
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_refused_without_panic() {
        let whole = object("v1", "ConfigMap", &bytes(1, &bytes(1, b"settings")));
        for length in 0..whole.len() {
            // Between two fields the bytes are whole again, with less in them.
            let empty = json!({"apiVersion": "v1", "kind": "ConfigMap"});
            assert!(decode(&whole[..length]).map_or(true, |read| read == empty));
        }
        for at in MAGIC.len()..whole.len() {
            for byte in [0, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = decode(&damaged);
            }
        }
        assert_eq!(decode(b"{}"), Err(WireError::NoPrefix));
        let unknown = decode(&object("example.org/v1", "Cow", b"")).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "Cow of example.org/v1 can be sent as application/json or application/yaml only"
        );
    }
}
