//! Whether an object of a built-in kind can be decoded into the type of its kind.
//!
//! Kubernetes decodes what it is sent into Go's types before it looks at values, and answers with Go's words for
//! what does not fit; people know those words, so they are kept.

use std::ops::ControlFlow;

use serde_json::Value;

use crate::field::FieldPath;
use crate::formats;
use crate::model::{Child, Schema, Type};

/// How many values of one object are told that cannot be decoded.
const MOST: usize = 100;

/// A value that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Where it stands.
    pub field: FieldPath,
    /// Why not, in the words of Go's decoder.
    pub text: String,
}

impl Schema {
    /// Why an object of the built-in kind `kind` cannot be decoded, in the words of Go's decoder; `None` if it can.
    /// `null` fits everywhere.
    pub fn decoding_error(&self, kind: &str, object: &Value) -> Option<String> {
        self.undecodable(kind, object, 1).pop().map(|one| one.text)
    }

    /// All values for which an object of the built-in kind `kind` cannot be decoded, a hundred at most: Go's decoder tells the
    /// first.
    pub fn decoding_errors(&self, kind: &str, object: &Value) -> Vec<Undecodable> {
        self.undecodable(kind, object, MOST)
    }

    fn undecodable(&self, kind: &str, object: &Value, most: usize) -> Vec<Undecodable> {
        let mut walk = Walk { structure: kind.to_owned(), steps: Vec::new(), found: Vec::new(), most };
        // Broken off where there are enough.
        let _ = walk.value(object, self, &|| format!("v1.{kind}"));
        walk.found
    }
}

/// Why the metadata of an object of any kind cannot be decoded, in the words of [`Schema::decoding_error`]; custom
/// resources have no type of Go's for the rest.
pub fn metadata_decoding_error(object: &Value) -> Option<String> {
    undecodable_metadata(object, 1).pop().map(|one| one.text)
}

/// All of the metadata of an object of any kind that cannot be decoded, as [`Schema::decoding_errors`] has it.
pub fn metadata_decoding_errors(object: &Value) -> Vec<Undecodable> {
    undecodable_metadata(object, MOST)
}

fn undecodable_metadata(object: &Value, most: usize) -> Vec<Undecodable> {
    let schema = crate::builtin::definition(crate::prune::OBJECT_META);
    let (Some(schema), Some(metadata)) = (schema, object.get("metadata")) else { return Vec::new() };
    let steps = vec![Step::Field("metadata")];
    let mut walk = Walk { structure: "ObjectMeta".to_owned(), steps, found: Vec::new(), most };
    let _ = walk.value(metadata, schema, &|| "v1.ObjectMeta".to_owned());
    walk.found
}

/// A step on the way to a value.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// A field of a type.
    Field(&'a str),
    /// A type that lies in another one without a field of its own: Go names it all the same.
    Within(&'a str),
    /// A key of a map; Go does not name it.
    Key(&'a str),
    /// An item of a list; Go does not name it.
    Item(usize),
}

struct Walk<'a> {
    /// The type that the field in question belongs to.
    structure: String,
    /// The way there.
    steps: Vec<Step<'a>>,
    found: Vec<Undecodable>,
    /// After how many of those it is enough.
    most: usize,
}

/// Whether it goes on.
type Checked = ControlFlow<()>;

impl<'a> Walk<'a> {
    /// `go_type` names the type of the value.
    fn value(&mut self, value: &'a Value, schema: &'a Schema, go_type: &dyn Fn() -> String) -> Checked {
        let fits = match (schema.value_type, value) {
            (_, Value::Null) | (Type::Any, _) => true,
            (Type::IntOrString, _) => return self.int_or_string(value, schema),
            (Type::Object, _) if is_raw(schema) => true,
            (Type::Object, Value::Object(_)) => return self.object(value, schema, go_type),
            (Type::Array, Value::Array(items)) => return self.items(items, schema, go_type),
            (Type::String, Value::String(text)) => return self.fails_with(text_error(text, schema)),
            (Type::Integer, Value::Number(number)) => match schema.format.as_deref() {
                Some("int32") => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                _ => number.is_i64(),
            },
            (Type::Number, Value::Number(_)) | (Type::Boolean, Value::Bool(_)) => true,
            _ => false,
        };
        if fits {
            return Checked::Continue(());
        }
        // Times are read from texts.
        let is_time = matches!(schema.format.as_deref(), Some("date-time" | "micro-time"));
        let go_type = if is_time { "string".to_owned() } else { go_type() };
        self.fails_with(Some(self.mismatch(value, schema.value_type == Type::Integer, &go_type)))
    }

    fn object(&mut self, value: &'a Value, schema: &'a Schema, go_type: &dyn Fn() -> String) -> Checked {
        for (name, value) in value.as_object().into_iter().flatten() {
            let depth = self.steps.len();
            if let Some(child) = schema.properties.get(name.as_str()) {
                let field = schema.go_field(name);
                let within = field.into_iter().flat_map(|field| field.within.iter().map(|name| Step::Within(name)));
                self.steps.extend(within.chain([Step::Field(name)]));
                let named = field.and_then(|field| field.type_name.as_deref());
                self.child(value, child, &|| named.map_or_else(|| type_of(child), str::to_owned))?;
            } else if let Some(child) = &schema.additional {
                self.steps.push(Step::Key(name));
                self.child(value, child, &|| part_of(&go_type(), child))?;
            }
            self.steps.truncate(depth);
        }
        Checked::Continue(())
    }

    fn items(&mut self, items: &'a [Value], schema: &'a Schema, go_type: &dyn Fn() -> String) -> Checked {
        let Some(child) = &schema.items else { return Checked::Continue(()) };
        for (index, item) in items.iter().enumerate() {
            self.steps.push(Step::Item(index));
            self.child(item, child, &|| part_of(&go_type(), child))?;
            self.steps.pop();
        }
        Checked::Continue(())
    }

    fn child(&mut self, value: &'a Value, child: &'a Child, go_type: &dyn Fn() -> String) -> Checked {
        let Some(schema) = child.get() else { return Checked::Continue(()) };
        let Some((_, name)) =
            definition_names(child).filter(|_| value.is_object() && schema.value_type == Type::Object)
        else {
            return self.value(value, schema, go_type);
        };
        let outer = std::mem::replace(&mut self.structure, name.to_owned());
        self.value(value, schema, go_type)?;
        self.structure = outer;
        Checked::Continue(())
    }

    fn int_or_string(&mut self, value: &Value, schema: &Schema) -> Checked {
        let quantity = schema.format.as_deref() == Some("quantity");
        let error = match value {
            Value::String(text) if quantity => quantity_error(text.trim()),
            Value::String(_) => None,
            Value::Number(_) if quantity => None,
            Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => None,
            other if quantity => Some(quantity_error(&other.to_string()).unwrap_or_default()),
            other => Some(self.mismatch(other, true, "int32")),
        };
        self.fails_with(error)
    }

    /// Notes what is wrong with the value at hand, if anything is.
    fn fails_with(&mut self, error: Option<String>) -> Checked {
        if let Some(text) = error {
            self.found.push(Undecodable { field: self.field(), text });
        }
        if self.found.len() < self.most { Checked::Continue(()) } else { Checked::Break(()) }
    }

    /// The way to the value at hand, as it is in the object.
    fn field(&self) -> FieldPath {
        self.steps.iter().fold(FieldPath::root(), |path, step| match step {
            Step::Field(name) => path.child(name),
            Step::Key(key) => path.key(key),
            Step::Item(index) => path.index(*index),
            Step::Within(_) => path,
        })
    }

    fn mismatch(&self, value: &Value, show_number: bool, go_type: &str) -> String {
        let found = json_name(value, show_number);
        let named = self.steps.iter().filter_map(|step| match step {
            Step::Field(name) | Step::Within(name) => Some(*name),
            Step::Key(_) | Step::Item(_) => None,
        });
        let path = named.collect::<Vec<_>>().join(".");
        if path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {go_type}");
        }
        format!("json: cannot unmarshal {found} into Go struct field {}.{path} of type {go_type}", self.structure)
    }
}

/// The name of a value's type; a number that does not fit is shown.
fn json_name(value: &Value, show_number: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if show_number => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

/// The package and name of the definition that a child refers to.
fn definition_names(child: &Child) -> Option<(&str, &str)> {
    let definition = match child {
        Child::Inline(_) => return None,
        Child::Definition(link) => &link.name,
        Child::Refined(refined) => &refined.definition,
    };
    let (package, name) = definition.rsplit_once('.')?;
    Some((package.rsplit('.').next().unwrap_or(package), name))
}

/// Whether Go keeps the value as it stands, whatever it is.
fn is_raw(schema: &Schema) -> bool {
    schema.preserve_unknown_fields && schema.properties.is_empty() && schema.additional.is_none()
}

/// The type of the items or values of a type: what it says by its own name, else what its schema says.
fn part_of(go_type: &str, child: &Child) -> String {
    match go_type.strip_prefix("[]").or_else(|| Some(go_type.strip_prefix("map[")?.split_once(']')?.1)) {
        Some(part) => part.to_owned(),
        None => type_of(child),
    }
}

fn type_of(child: &Child) -> String {
    if let Some((package, name)) = definition_names(child) {
        return format!("{package}.{name}");
    }
    let Some(schema) = child.get() else { return "interface {}".to_owned() };
    let below = |child: &Option<Child>| child.as_ref().map_or_else(|| "interface {}".to_owned(), type_of);
    match schema.value_type {
        Type::Object => format!("map[string]{}", below(&schema.additional)),
        Type::Array => format!("[]{}", below(&schema.items)),
        Type::String if schema.format.as_deref() == Some("byte") => "[]uint8".to_owned(),
        Type::String => "string".to_owned(),
        Type::Integer => schema.format.as_deref().unwrap_or("int64").to_owned(),
        Type::Number => "float64".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::IntOrString => "intstr.IntOrString".to_owned(),
        Type::Any => "interface {}".to_owned(),
    }
}

/// Texts that Go decodes into more than a text.
fn text_error(text: &str, schema: &Schema) -> Option<String> {
    match schema.format.as_deref()? {
        "byte" => base64_error(text),
        "date-time" => time_error(text, "2006-01-02T15:04:05Z07:00"),
        "micro-time" => time_error(text, "2006-01-02T15:04:05.000000Z07:00"),
        _ => None,
    }
}

/// Where `text` stops being a time of the form `layout`.
fn time_error(text: &str, layout: &str) -> Option<String> {
    let fail = |rest: &str, element: &str| {
        Some(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"))
    };
    let mut rest = text;
    let mut form = layout;
    while !form.is_empty() {
        let digits = form.bytes().take_while(u8::is_ascii_digit).count();
        let length = match form.as_bytes().first() {
            Some(b'.') => 7,
            Some(b'Z') => form.len(),
            _ => digits.max(1),
        };
        let (element, after) = form.split_at(length);
        let taken = match element {
            "Z07:00" => zone(rest),
            ".000000" => digits_of(rest.strip_prefix('.').unwrap_or_default(), 6).map(|length| length + 1),
            _ if digits > 0 => digits_of(rest, digits),
            literal => rest.starts_with(literal).then_some(1),
        };
        let Some(taken) = taken else { return fail(rest, element) };
        rest = rest.get(taken..).unwrap_or_default();
        form = after;
        // Fractions of a second may stand where the form has none.
        if element == "05" && !form.starts_with('.') && rest.starts_with('.') {
            let fraction = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            rest = if fraction > 0 { rest.get(fraction + 1..).unwrap_or_default() } else { rest };
        }
    }
    if !rest.is_empty() {
        return Some(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    match formats::matches("date-time", text) {
        Some(false) => Some(format!("parsing time {text:?}: day out of range")),
        _ => None,
    }
}

fn digits_of(text: &str, count: usize) -> Option<usize> {
    let digits = text.as_bytes().get(..count)?;
    digits.iter().all(u8::is_ascii_digit).then_some(count)
}

/// The length of the zone that a time ends with.
fn zone(text: &str) -> Option<usize> {
    if text.starts_with('Z') {
        return Some(1);
    }
    let bytes = text.as_bytes().get(..6)?;
    let shape = matches!(bytes, [b'+' | b'-', _, _, b':', _, _]);
    (shape && digits_of(text.get(1..)?, 2).is_some() && digits_of(text.get(4..)?, 2).is_some()).then_some(6)
}

/// Where `text` stops being base64.
fn base64_error(text: &str) -> Option<String> {
    // Line ends do not count.
    let bytes: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, byte)| !b"\r\n".contains(byte)).collect();
    let body = bytes.iter().take_while(|(_, byte)| *byte != b'=').count();
    let wrong = |byte: u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    let padding = bytes.len() - body;
    let mut before_padding = bytes.iter().take(body);
    let mut padded = bytes.iter().skip(body);
    let place = if let Some((place, _)) = before_padding.find(|(_, byte)| wrong(*byte)) {
        *place
    } else if padding > 0 && body % 4 < 2 {
        padded.next()?.0
    } else if let Some((place, _)) = padded.find(|(_, byte)| *byte != b'=') {
        *place
    } else if !bytes.len().is_multiple_of(4) {
        bytes.len() - bytes.len() % 4
    } else {
        return None;
    };
    Some(format!("illegal base64 data at input byte {place}"))
}

/// What is wrong with a quantity such as `100m` or `1Gi`.
fn quantity_error(text: &str) -> Option<String> {
    let malformed = || {
        let form = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        Some(format!("quantities must match the regular expression {form}"))
    };
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let suffix = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &unsigned[..unsigned.len() - suffix.len()];
    if number.matches('.').count() > 1 || !number.contains(|c: char| c.is_ascii_digit()) {
        return malformed();
    }
    const SUFFIXES: [&str; 16] = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if SUFFIXES.contains(&suffix) {
        return None;
    }
    match suffix.strip_prefix(['e', 'E']) {
        Some(exponent) if exponent.parse::<i32>().is_ok() => None,
        _ if suffix.chars().all(|c| "eEinumkKMGTP+-0123456789".contains(c)) => {
            Some("unable to parse quantity's suffix".to_owned())
        }
        _ => malformed(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(definition: &str, object: Value) -> String {
        let schema = crate::builtin::definition(definition).unwrap();
        schema.decoding_error(definition.rsplit('.').next().unwrap(), &object).unwrap_or_default()
    }

    fn deployment(container: Value) -> String {
        let spec = json!({ "template": { "spec": { "containers": [container] } } });
        error("io.k8s.api.apps.v1.Deployment", json!({ "spec": spec }))
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_words_of_gos_decoder() {
        assert_eq!(
            error("io.k8s.api.apps.v1.Deployment", json!({ "spec": { "replicas": "3" } })),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            error("io.k8s.api.apps.v1.Deployment", json!({ "spec": { "replicas": 1.5 } })),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            deployment(json!({ "env": [{ "name": "A", "value": 1 }] })),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string"
        );
        assert_eq!(
            error("io.k8s.api.core.v1.Pod", json!({ "spec": { "containers": {} } })),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"
        );
        assert_eq!(
            error("io.k8s.api.core.v1.Pod", json!({ "spec": "x" })),
            "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"
        );
        assert_eq!(
            error("io.k8s.api.core.v1.ConfigMap", json!({ "metadata": { "labels": { "a": true } } })),
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"
        );
        assert_eq!(
            error("io.k8s.api.core.v1.ConfigMap", json!({ "data": ["a"] })),
            "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"
        );
    }

    #[test]
    fn all_that_does_not_fit_is_told_with_its_place() {
        let schema = crate::builtin::definition("io.k8s.api.apps.v1.Deployment").unwrap();
        let env = json!([{ "name": "A", "value": 1 }, { "name": "B", "value": true }]);
        let wrong = json!({ "metadata": { "labels": { "a/b.c": 1 } }, "spec": { "minReadySeconds": "x", "replicas": "two",
            "template": { "spec": { "containers": [{ "env": env, "resources": { "limits": { "cpu": "lots" } } }] } } } });
        let errors = schema.decoding_errors("Deployment", &wrong);
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let container = "spec.template.spec.containers[0]";
        assert_eq!(
            fields,
            [
                "metadata.labels[a/b.c]",
                "spec.minReadySeconds",
                "spec.replicas",
                &format!("{container}.env[0].value"),
                &format!("{container}.env[1].value"),
                &format!("{container}.resources.limits[cpu]"),
            ]
        );
        assert_eq!(schema.decoding_error("Deployment", &wrong).as_ref(), Some(&errors[0].text));
        assert!(errors[4].text.ends_with("struct field EnvVar.spec.template.spec.containers.env.value of type string"));
        let many: serde_json::Map<_, _> = (0..1_000).map(|number| (number.to_string(), json!(number))).collect();
        let config = crate::builtin::definition("io.k8s.api.core.v1.ConfigMap").unwrap();
        assert_eq!(config.decoding_errors("ConfigMap", &json!({ "data": many })).len(), MOST);
    }

    #[test]
    fn metadata_of_any_kind_is_decoded() {
        let object = json!({ "metadata": { "annotations": { "on": true } }, "spec": { "anything": [1] } });
        assert_eq!(
            metadata_decoding_error(&object).unwrap_or_default(),
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.annotations of type string"
        );
        assert_eq!(metadata_decoding_error(&json!({ "metadata": { "name": "a" } })), None);
    }

    #[test]
    fn quantities_ports_bytes_and_times_are_decoded_from_their_texts() {
        let limits = |value: Value| deployment(json!({ "resources": { "limits": { "cpu": value } } }));
        for good in [json!("100m"), json!("1.5Gi"), json!(2), json!(0.5), json!("1e3"), json!("-1"), json!(null)] {
            assert_eq!(limits(good.clone()), "", "{good}");
        }
        assert!(limits(json!("lots")).starts_with("quantities must match the regular expression"));
        assert_eq!(limits(json!("1Mi1")), "unable to parse quantity's suffix");
        let secret = |value: &str| error("io.k8s.api.core.v1.Secret", json!({ "data": { "a": value } }));
        assert_eq!(secret("aGVsbG8="), "");
        assert_eq!(secret("aGVs\nbG8=\n"), "");
        assert_eq!(secret("not base64"), "illegal base64 data at input byte 3");
        assert_eq!(secret("a==="), "illegal base64 data at input byte 1");
        assert_eq!(secret("abc"), "illegal base64 data at input byte 0");
        let service =
            |port: Value| error("io.k8s.api.core.v1.Service", json!({ "spec": { "ports": [{ "targetPort": port }] } }));
        assert_eq!(service(json!("http")), "");
        assert_eq!(service(json!(80)), "");
        assert_eq!(
            service(json!(true)),
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32"
        );
        let created = json!({ "metadata": { "creationTimestamp": "yesterday" } });
        assert!(error("io.k8s.api.core.v1.Pod", created).starts_with("parsing time \"yesterday\" as"));
    }

    #[test]
    fn whole_objects_with_open_parts_can_be_decoded() {
        assert_eq!(
            error(
                "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
                json!({ "spec": { "versions": [{ "schema": { "openAPIV3Schema": {
                    "type": "object", "additionalProperties": true, "default": { "a": [1] },
                    "properties": { "x": { "items": { "type": "string" }, "enum": [1, "a"] } },
                } } }] } })
            ),
            ""
        );
    }
}
