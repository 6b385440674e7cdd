//! Walks the fields that kustomize's field specifications name.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kustomize::objects::resource::{Resource, group_and_version};

/// Which objects a specification is for, and which field of them. Empty parts match everything.
///
/// kustomize's own specifications are constants; those of people are read from files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct FieldSpec {
    pub(crate) group: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) kind: Cow<'static, str>,
    /// Names joined by `/` (`\/` for a slash in a name); lists are descended into. A name that ends with `[]` is
    /// expected to be a list.
    pub(crate) path: Cow<'static, str>,
    /// The field is made where it is missing.
    pub(crate) create: bool,
}

/// The most bytes that a path may have, and so the most fields that are made inside each other.
pub(crate) const MAX_PATH: usize = 1024;

/// What is made where the last field of a path is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Map,
    Scalar,
    /// Nothing; fields on the way are not made either.
    Never,
}

/// A field that cannot be walked to, and why.
pub(crate) type WalkError = String;

impl FieldSpec {
    /// The field at `path` of every object.
    pub(crate) const fn everywhere(path: &'static str, create: bool) -> Self {
        Self::new(["", "", ""], path, create)
    }

    /// The field at `path` of objects of a group, version and kind.
    pub(crate) const fn new([group, version, kind]: [&'static str; 3], path: &'static str, create: bool) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            path: Cow::Borrowed(path),
            create,
        }
    }

    /// Whether the group, version and kind are among those that the specification is for.
    pub(crate) fn fits(&self, group: &str, version: &str, kind: &str) -> bool {
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        fits(&self.kind, kind) && fits(&self.group, group) && fits(&self.version, version)
    }

    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        let (group, version) = group_and_version(resource.api_version());
        self.fits(group, version, resource.kind())
    }

    /// Calls `set` on every value that the path leads to in an object that the specification is for.
    pub(crate) fn apply(
        &self,
        resource: &mut Resource,
        leaf: Leaf,
        set: &mut dyn FnMut(&mut Value) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        if !self.selects(resource) {
            return Ok(());
        }
        if self.path.len() > MAX_PATH {
            return Err(format!("a field path is longer than {MAX_PATH} bytes"));
        }
        let leaf = if self.create { leaf } else { Leaf::Never };
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        walk(&mut resource.value, Some(path), leaf, set)
            .map_err(|error| format!("considering field {:?} of object {}: {error}", self.path, resource.id()))
    }
}

/// Calls `set` on every value that `path` leads to.
pub(crate) fn walk(
    value: &mut Value,
    path: Option<&str>,
    leaf: Leaf,
    set: &mut dyn FnMut(&mut Value) -> Result<(), WalkError>,
) -> Result<(), WalkError> {
    let Some(path) = path else {
        return set(value);
    };
    match value {
        Value::Null => Ok(()),
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(item, Some(path), leaf, set)),
        Value::Object(map) => {
            let (name, rest) = split(path);
            if name.is_empty() || name == "[]" {
                return Err("cannot set or create an empty field name".into());
            }
            let (name, is_list) = match name.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (&*name, false),
            };
            if leaf != Leaf::Never && !is_list {
                let last = rest.is_none();
                if !map.contains_key(name) {
                    map.insert(name.to_owned(), Value::Null);
                }
                let Some(field) = map.get_mut(name) else { return Ok(()) };
                if field.is_null() {
                    *field = match leaf {
                        Leaf::Scalar if last => Value::String(String::new()),
                        _ => Value::Object(Map::new()),
                    };
                }
                return walk(field, rest, leaf, set);
            }
            let Some(field) = map.get_mut(name) else { return Ok(()) };
            if is_list && field.is_null() {
                *field = Value::Array(Vec::new());
            }
            walk(field, rest, leaf, set)
        }
        _ => Err("expected sequence or mapping node".into()),
    }
}

/// The first name of a path, and the rest.
fn split(path: &str) -> (Cow<'_, str>, Option<&str>) {
    let (mut escaped, mut escapes) = (false, false);
    let mut end = path.len();
    for (at, byte) in path.bytes().enumerate() {
        if byte == b'/' && !escaped {
            end = at;
            break;
        }
        escaped = byte == b'\\';
        escapes |= escaped;
    }
    let (name, rest) = (&path[..end], path.get(end + 1..));
    let name = if escapes { Cow::Owned(name.replace("\\/", "/")) } else { Cow::Borrowed(name) };
    (name, rest)
}
