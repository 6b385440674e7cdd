//! `namePrefix` and `nameSuffix`.

use serde_json::Value;

use crate::kustomize::budget::Budget;
use crate::kustomize::fields::field_path::{FieldSpec, Leaf, WalkError};
use crate::kustomize::objects::resource::{Resource, group_and_version};
use crate::kustomize::objects::set::ResourceSet;

/// The path of an object's own name.
const OWN_NAME: &str = "metadata/name";

/// What gets prefixes and suffixes: names.
pub(crate) static PLACES: [FieldSpec; 1] = [FieldSpec::everywhere(OWN_NAME, false)];

/// A text before or behind names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Affix<'a> {
    Prefix(&'a str),
    Suffix(&'a str),
}

impl Affix<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Suffix(text) => text,
        }
    }

    fn on(&self, name: &str) -> String {
        match self {
            Self::Prefix(prefix) => format!("{prefix}{name}"),
            Self::Suffix(suffix) => format!("{name}{suffix}"),
        }
    }

    fn remember(&self, resource: &mut Resource) {
        let affixes = match self {
            Self::Prefix(_) => &mut resource.prefixes,
            Self::Suffix(_) => &mut resource.suffixes,
        };
        affixes.push(self.text().to_owned());
        resource.remember_id();
    }
}

/// Puts `affix` on the names at `places`.
pub(crate) fn put(
    resources: &mut ResourceSet,
    affix: Affix<'_>,
    places: &[FieldSpec],
    budget: &Budget,
) -> Result<(), WalkError> {
    let mut set = |value: &mut Value| match value {
        Value::Object(_) | Value::Array(_) => Err("wrong node kind: expected a scalar".to_owned()),
        Value::Null => Ok(()),
        Value::String(name) => {
            budget.write(affix.text().len() + name.len())?;
            *name = affix.on(name);
            Ok(())
        }
        value => {
            *value = affix.on(&value.to_string()).into();
            Ok(())
        }
    };
    if affix.text().is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut().filter(|resource| !keeps_its_name(resource)) {
        // What the first place changes does not change which others are meant.
        let kind = resource.original_id().kind.to_owned();
        for place in places {
            let (group, version) = group_and_version(resource.api_version());
            if !place.fits(group, version, &kind) {
                continue;
            }
            if place.path == OWN_NAME {
                affix.remember(resource);
            }
            place.apply(resource, Leaf::Scalar, &mut set)?;
        }
    }
    Ok(())
}

/// Whether the name of an object means more than the object.
fn keeps_its_name(resource: &Resource) -> bool {
    let kind = resource.original_id().kind;
    let (group, _) = group_and_version(resource.api_version());
    matches!(kind, "CustomResourceDefinition" | "Namespace")
        || (kind == "APIService" && group == "apiregistration.k8s.io")
}
