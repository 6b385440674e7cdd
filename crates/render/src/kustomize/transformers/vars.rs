//! `vars`: texts like `$(NAME)` that stand for a field of an object.

mod expand;
mod places;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::config::Config;
use crate::kustomize::fields::field_path::{Leaf, WalkError};
use crate::kustomize::fields::path;
use crate::kustomize::objects::resource::{Id, group_and_version};
use crate::kustomize::objects::set::ResourceSet;

pub(crate) use places::PLACES;

/// Which field is meant where none is named.
const DEFAULT_PATH: &str = "metadata.name";

/// An entry of `vars`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Var {
    name: String,
    objref: Object,
    fieldref: Field,
}

/// The object whose field a variable stands for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    api_version: String,
    group: String,
    version: String,
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Field {
    field_path: String,
}

impl Object {
    fn id(&self) -> Id<'_> {
        let (group, version) = match self.api_version.matches('/').count() {
            _ if self.api_version.is_empty() => (self.group.as_str(), self.version.as_str()),
            0 => (self.group.as_str(), self.api_version.as_str()),
            1 => group_and_version(&self.api_version),
            _ => (self.group.as_str(), self.version.as_str()),
        };
        let (kind, name, namespace) = (&self.kind, &self.name, &self.namespace);
        Id { group, version, kind, name, namespace }
    }
}

/// The variables of a build by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vars {
    by_name: BTreeMap<String, Var>,
}

impl Vars {
    /// Adds the variables of a build below.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), String> {
        other.by_name.into_values().try_for_each(|var| self.add(var))
    }

    /// Adds `vars` and notes on the objects that they mean that they do: an object may get another name later.
    pub(crate) fn declare(&mut self, vars: &[Var], resources: &mut ResourceSet) -> Result<(), String> {
        for var in vars {
            let wanted = var.objref.id();
            // No namespace is any.
            let namespace = wanted.namespace;
            let matches = |id: Id<'_>| {
                let id = Id { namespace: if namespace.is_empty() { "" } else { id.namespace }, ..id };
                id == Id { namespace, ..wanted }
            };
            let mut found: Vec<_> = resources.iter_mut().filter(|resource| resource.ids().any(matches)).collect();
            if found.len() > 1 {
                let count = found.len();
                return Err(format!("found {count} resId matches for var {:?} (unable to disambiguate)", var.name));
            }
            if let Some(resource) = found.pop() {
                resource.vars.push(var.name.clone());
            }
        }
        vars.iter().try_for_each(|var| self.add(var.clone()))
    }

    fn add(&mut self, mut var: Var) -> Result<(), String> {
        if self.by_name.contains_key(&var.name) {
            return Err(format!("var '{}' already encountered", var.name));
        }
        if var.fieldref.field_path.is_empty() {
            DEFAULT_PATH.clone_into(&mut var.fieldref.field_path);
        }
        self.by_name.insert(var.name.clone(), var);
        Ok(())
    }

    /// Puts the values of the variables where they are referred to. Returns those that nothing refers to.
    pub(crate) fn resolve(&self, resources: &mut ResourceSet, config: &Config) -> Result<Vec<String>, WalkError> {
        if self.by_name.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = BTreeMap::new();
        for var in self.by_name.values() {
            values.insert(var.name.as_str(), var.value(resources)?);
        }
        let mut used = BTreeSet::new();
        for resource in resources.iter_mut() {
            let plain = resource.plain_fields();
            for place in config.var_references() {
                place.apply(resource, Leaf::Never, &mut |value| {
                    settle(value, &plain);
                    expand::in_field(value, &values, &mut used)
                })?;
            }
        }
        Ok(self.by_name.keys().filter(|name| !used.contains(name.as_str())).cloned().collect())
    }
}

impl Var {
    fn value(&self, resources: &ResourceSet) -> Result<Value, String> {
        let name = &self.name;
        let Some(resource) = resources.iter().find(|resource| resource.vars.contains(name)) else {
            return Err(format!("var '{name}' cannot be mapped to a field in the set of known resources"));
        };
        let missing =
            || format!("field {:?} specified in var '{name}' not found in {}", self.fieldref.field_path, resource.id());
        let parts = path::parts(&self.fieldref.field_path).into_iter().flat_map(index).collect::<Vec<_>>();
        path::get(&resource.value, &parts).ok().flatten().cloned().ok_or_else(missing)
    }
}

/// Makes texts of what is in `field` and was set without a type: whatever variables may stand in is one.
fn settle(field: &mut Value, plain: &HashMap<*const Value, String>) {
    let settle = |field: &mut Value| {
        if let Some(text) = plain.get(&std::ptr::from_ref(field)) {
            *field = text.as_str().into();
        }
    };
    match field {
        _ if plain.is_empty() => {}
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(map) => map.values_mut().for_each(settle),
        scalar => settle(scalar),
    }
}

/// Takes `ports[0]` apart.
fn index(part: String) -> Vec<String> {
    let taken = part.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    match taken {
        Some((name, index)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
            let name = (!name.is_empty()).then(|| name.to_owned());
            name.into_iter().chain([index.to_owned()]).collect()
        }
        _ => vec![part],
    }
}
