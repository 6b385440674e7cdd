//! Objects on their way through a build, with what it remembers of them.

use std::collections::HashMap;
use std::fmt;

use cowherd_tree::TreePath;
use serde_json::{Map, Value};

use super::origin::Origin;
use super::scope;
use crate::kustomize::fields::scalar;

/// Stands for the namespace of what belongs to none.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

/// An object and its history.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) value: Value,
    /// Where it came from.
    pub(crate) file: TreePath,
    pub(crate) line: Option<usize>,
    /// Names it had, the oldest first.
    pub(crate) previous: Vec<PreviousId>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    /// Its name gets a hash of its content.
    pub(crate) needs_hash: bool,
    /// Schemas of the build say that it belongs to no namespace.
    pub(crate) is_of_cluster: bool,
    /// The variables that stand for a field of it.
    pub(crate) vars: Vec<String>,
    /// Fields that were set without a type, with their texts: they mean what they mean unquoted until a strategic
    /// merge patch or a variable goes over them, which take them for texts. A JSON patch makes them what they mean.
    pub(crate) plain: Vec<(String, String)>,
    /// The way to fields without a value, which a strategic merge patch takes away. A JSON patch makes nulls of them.
    pub(crate) blank: Vec<String>,
    /// Where it came from, as annotations say it; only kept where they are asked for.
    pub(crate) origin: Option<Origin>,
    pub(crate) transformations: Vec<Origin>,
}

/// What an object was called before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreviousId {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The effective one.
    pub(crate) namespace: String,
}

/// The identity of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    /// The effective one: `default` where none is given, a word of its own where there can be none.
    pub(crate) namespace: &'a str,
}

impl Resource {
    pub(crate) fn new(value: Value, file: TreePath, line: Option<usize>) -> Self {
        Self {
            value,
            file,
            line,
            previous: vec![],
            prefixes: vec![],
            suffixes: vec![],
            needs_hash: false,
            is_of_cluster: false,
            vars: vec![],
            plain: vec![],
            blank: vec![],
            origin: None,
            transformations: vec![],
        }
    }

    pub(crate) fn api_version(&self) -> &str {
        text(self.value.get("apiVersion"))
    }

    pub(crate) fn kind(&self) -> &str {
        text(self.value.get("kind"))
    }

    pub(crate) fn name(&self) -> &str {
        text(self.value.get("metadata").and_then(|metadata| metadata.get("name")))
    }

    /// The namespace as written; empty where none is.
    pub(crate) fn namespace(&self) -> &str {
        text(self.value.get("metadata").and_then(|metadata| metadata.get("namespace")))
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.is_of_cluster || scope::is_cluster_scoped(self.api_version(), self.kind())
    }

    pub(crate) fn effective_namespace(&self) -> &str {
        match self.namespace() {
            _ if self.is_cluster_scoped() => NO_NAMESPACE,
            "" => "default",
            namespace => namespace,
        }
    }

    pub(crate) fn id(&self) -> Id<'_> {
        let (group, version) = group_and_version(self.api_version());
        Id { group, version, kind: self.kind(), name: self.name(), namespace: self.effective_namespace() }
    }

    /// Every identity that it has had, the oldest first and the current one last.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id<'_>> {
        let current = self.id();
        let previous = self.previous.iter().map(move |previous| Id {
            kind: &previous.kind,
            name: &previous.name,
            namespace: &previous.namespace,
            ..current
        });
        previous.chain([current])
    }

    pub(crate) fn original_id(&self) -> Id<'_> {
        self.ids().next().unwrap_or_else(|| self.id())
    }

    /// Remembers its current identity before it changes.
    pub(crate) fn remember_id(&mut self) {
        let id = self.id();
        let previous =
            PreviousId { kind: id.kind.to_owned(), name: id.name.to_owned(), namespace: id.namespace.to_owned() };
        // However often it is about to change: that it was called so is known once.
        if self.previous.last() != Some(&previous) {
            self.previous.push(previous);
        }
    }

    /// Takes fields away that never had a value.
    pub(crate) fn drop_blank(&mut self) {
        for pointer in std::mem::take(&mut self.blank) {
            let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
            let name = name.replace("~1", "/").replace("~0", "~");
            if let Some(Value::Object(map)) = self.value.pointer_mut(parent)
                && map.get(&name).is_some_and(Value::is_null)
            {
                map.remove(&name);
            }
        }
    }

    /// Makes of everything in it what it means, as the way through JSON does.
    pub(crate) fn forget_notation(&mut self) {
        self.plain.clear();
        self.blank.clear();
    }

    /// Makes texts of the fields that were set without a type. To who merges, a date and nothing at all are texts as they
    /// stand: they stay without a type.
    pub(crate) fn settle_plain(&mut self) {
        let stays = |text: &str| text.is_empty() || scalar::plain(text).is_string();
        let (open, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.plain).into_iter().partition(|(_, text)| stays(text));
        self.plain = open;
        for (pointer, text) in others {
            let in_list = pointer.rsplit('/').next().is_some_and(|token| token.parse::<usize>().is_ok());
            if let Some(field) = self.value.pointer_mut(&pointer)
                && !in_list
                && *field == scalar::plain(&text)
            {
                *field = text.into();
            }
        }
    }

    /// The fields that were set without a type, by where in memory they are, with their texts.
    pub(crate) fn plain_fields(&self) -> HashMap<*const Value, String> {
        let still = |(pointer, text): &(String, String)| {
            let field = self.value.pointer(pointer).filter(|field| **field == scalar::plain(text))?;
            Some((std::ptr::from_ref(field), text.clone()))
        };
        self.plain.iter().filter_map(still).collect()
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.metadata().insert("name".into(), name.into());
    }

    /// Sets the namespace as written; removes it where `namespace` is empty.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            self.metadata().remove("namespace");
        } else {
            self.metadata().insert("namespace".into(), namespace.into());
        }
    }

    pub(crate) fn metadata(&mut self) -> &mut Map<String, Value> {
        child_map(root_map(&mut self.value), "metadata")
    }

    /// Whether a build has noted anything about it.
    pub(crate) fn has_history(&self) -> bool {
        !(self.previous.is_empty() && self.prefixes.is_empty() && self.suffixes.is_empty())
            || self.needs_hash
            || self.origin.is_some()
    }

    /// Where it stands, for a person.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{} (line {line})", self.file),
            None => self.file.to_string(),
        }
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &str, instead: &str| if text.is_empty() { instead.to_owned() } else { text.to_owned() };
        let namespace = match self.namespace {
            NO_NAMESPACE => "[noNs]",
            namespace => namespace,
        };
        write!(
            f,
            "{}.{}.{}/{}.{namespace}",
            or(self.kind, "[noKind]"),
            or(self.version, "[noVer]"),
            or(self.group, "[noGrp]"),
            or(self.name, "[noName]"),
        )
    }
}

/// The parts of an `apiVersion`.
pub(crate) fn group_and_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

pub(crate) fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// The mapping that `value` is made to be.
pub(crate) fn root_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        // Just made one.
        _ => unreachable!("a mapping"),
    }
}

/// The mapping in the field `name`, made if there is none.
pub(crate) fn child_map<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    root_map(map.entry(name).or_insert_with(|| Value::Object(Map::new())))
}
