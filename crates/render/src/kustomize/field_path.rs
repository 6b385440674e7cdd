//! Walks the fields that kustomize's field specifications name.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::resource::{Resource, group_and_version};

/// Which objects a specification is for, and which field of them. Empty parts match everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSpec<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    /// Names joined by `/` (`\/` for a slash in a name); lists are descended into. A name that ends with `[]` is
    /// expected to be a list.
    pub(crate) path: &'a str,
    /// The field is made where it is missing.
    pub(crate) create: bool,
}

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

impl FieldSpec<'_> {
    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        let (group, version) = group_and_version(resource.api_version());
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        fits(self.kind, resource.kind()) && fits(self.group, group) && fits(self.version, version)
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
        let leaf = if self.create { leaf } else { Leaf::Never };
        walk(&mut resource.value, Some(self.path), leaf, set)
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
            map.get_mut(name).map_or(Ok(()), |field| walk(field, rest, leaf, set))
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
