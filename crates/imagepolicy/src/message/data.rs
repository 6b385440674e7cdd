//! What templates of messages see: the types of Flux, with their fields and methods.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use cowherd_template::{Kind, List, Object, Value};

use super::Automation;
use crate::{Change, Changes, ObjectId};

/// The whole.
pub(super) fn data(automation: &Automation, changes: &Changes, values: &BTreeMap<String, String>) -> Value {
    let values = values.iter().map(|(key, value)| (Value::from(key.as_str()), Value::from(value.as_str())));
    let values = Entries { type_name: "map[string]string", entries: values.collect() };
    let name = Struct {
        type_name: "types.NamespacedName",
        fields: vec![
            ("Namespace", Value::from(automation.namespace.as_str())),
            ("Name", Value::from(automation.name.as_str())),
        ],
        embedded: None,
        methods: Vec::new(),
        words: Some(format!("{}/{}", automation.namespace, automation.name)),
    };
    Struct::new(
        "source.TemplateData",
        vec![
            ("AutomationObject", name.value()),
            ("Changed", changed(changes)),
            ("Values", Value::Object(Rc::new(values))),
        ],
    )
    .value()
}

/// What was changed: `update.Result`.
fn changed(changes: &Changes) -> Value {
    let files = changes.files().map(|(file, objects)| {
        let objects = objects.iter().map(|(object, changes)| (id(object), list(changes.iter())));
        (Value::from(file), objects_of(objects))
    });
    let files = Entries { type_name: "map[string]update.ObjectChanges", entries: files.collect() };
    let objects = changes.objects().into_iter().map(|(object, changes)| (id(object), list(changes.into_iter())));
    Struct {
        methods: vec![("Changes", list(changes.changes().into_iter())), ("Objects", objects_of(objects))],
        ..Struct::new("update.Result", vec![("FileChanges", Value::Object(Rc::new(files)))])
    }
    .value()
}

fn objects_of(objects: impl Iterator<Item = (Value, Value)>) -> Value {
    Value::Object(Rc::new(Entries { type_name: "update.ObjectChanges", entries: objects.collect() }))
}

fn id(object: &ObjectId) -> Value {
    let text = |text: &str| Value::from(text);
    let types =
        Struct::new("yaml.TypeMeta", vec![("APIVersion", text(&object.api_version)), ("Kind", text(&object.kind))]);
    let names =
        Struct::new("yaml.NameMeta", vec![("Name", text(&object.name)), ("Namespace", text(&object.namespace))]);
    let fields: Vec<_> = types.fields.iter().chain(&names.fields).cloned().collect();
    let of_resource = vec![("TypeMeta", types.value()), ("NameMeta", names.value())];
    let resource = Struct { embedded: Some(fields.clone()), ..Struct::new("yaml.ResourceIdentifier", of_resource) };
    let embedded = fields.into_iter().chain(resource.fields.iter().cloned()).collect();
    let outer = Struct::new("update.ObjectIdentifier", vec![("ResourceIdentifier", resource.value())]);
    Struct { embedded: Some(embedded), ..outer }.value()
}

fn list<'c>(changes: impl Iterator<Item = &'c Change>) -> Value {
    let change = |change: &Change| {
        let fields = vec![
            ("OldValue", Value::from(change.old.as_str())),
            ("NewValue", Value::from(change.new.as_str())),
            ("Setter", Value::from(change.setter.as_str())),
        ];
        Struct::new("update.Change", fields).value()
    };
    Value::List(List::of("update.Change", changes.map(change)))
}

/// A struct.
struct Struct {
    type_name: &'static str,
    fields: Vec<(&'static str, Value)>,
    /// The fields of the structs that it has in it, which are its own as well.
    embedded: Option<Vec<(&'static str, Value)>>,
    /// What its methods give, which take nothing.
    methods: Vec<(&'static str, Value)>,
    /// What it prints as, where it has words of its own.
    words: Option<String>,
}

impl Struct {
    fn new(type_name: &'static str, fields: Vec<(&'static str, Value)>) -> Self {
        Self { type_name, fields, embedded: None, methods: Vec::new(), words: None }
    }

    fn value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

impl Object for Struct {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn field(&self, name: &str) -> Option<Value> {
        let all = self.fields.iter().chain(self.embedded.iter().flatten());
        all.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    fn has_method(&self, name: &str) -> bool {
        self.methods.iter().any(|(method, _)| *method == name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let (_, value) = self.methods.iter().find(|(method, _)| *method == name)?;
        Some(match arguments {
            [] => Ok(value.clone()),
            more => Err(format!("wrong number of args for {name}: want 0 got {}", more.len())),
        })
    }

    fn print(&self) -> String {
        self.words.clone().unwrap_or_else(|| {
            let fields: Vec<String> = self.fields.iter().map(|(_, value)| printed(value)).collect();
            format!("{{{}}}", fields.join(" "))
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A map whose keys need not be texts, in the order of its keys.
struct Entries {
    type_name: &'static str,
    entries: Vec<(Value, Value)>,
}

impl Object for Entries {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn field(&self, name: &str) -> Option<Value> {
        // What is no text comes before all texts, and is never asked for.
        let compared = |(key, _): &(Value, Value)| key.as_text().and_then(|text| text.as_utf8()).cmp(&Some(name));
        let at = self.entries.binary_search_by(compared).ok()?;
        self.entries.get(at).map(|(_, value)| value.clone())
    }

    fn is_true(&self) -> bool {
        !self.entries.is_empty()
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        Some(self.entries.clone())
    }

    fn print(&self) -> String {
        let entries = self.entries.iter().map(|(key, value)| format!("{}:{}", printed(key), printed(value)));
        format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What `%v` prints of a value that is here.
fn printed(value: &Value) -> String {
    match value {
        Value::Object(object) => object.print(),
        Value::List(_) => {
            let items = value.items().unwrap_or_default();
            format!("[{}]", items.iter().map(printed).collect::<Vec<_>>().join(" "))
        }
        value => value.as_text().map(|text| text.to_str().into_owned()).unwrap_or_default(),
    }
}
