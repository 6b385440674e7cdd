//! `namePrefix` and `nameSuffix`.

use super::resource::{Resource, group_and_version};
use super::set::ResourceSet;

/// Puts `prefix` before the names.
pub(crate) fn prefix(resources: &mut ResourceSet, prefix: &str) {
    rename(resources, prefix, |name| format!("{prefix}{name}"), |resource| &mut resource.prefixes);
}

/// Puts `suffix` behind the names.
pub(crate) fn suffix(resources: &mut ResourceSet, suffix: &str) {
    rename(resources, suffix, |name| format!("{name}{suffix}"), |resource| &mut resource.suffixes);
}

fn rename(
    resources: &mut ResourceSet,
    affix: &str,
    renamed: impl Fn(&str) -> String,
    affixes: impl Fn(&mut Resource) -> &mut Vec<String>,
) {
    if affix.is_empty() {
        return;
    }
    for resource in resources.iter_mut().filter(|resource| !keeps_its_name(resource)) {
        affixes(resource).push(affix.to_owned());
        resource.remember_id();
        let name = renamed(resource.name());
        resource.set_name(&name);
    }
}

/// Whether the name of an object means more than the object.
fn keeps_its_name(resource: &Resource) -> bool {
    let kind = resource.original_id().kind;
    let (group, _) = group_and_version(resource.api_version());
    matches!(kind, "CustomResourceDefinition" | "Namespace")
        || (kind == "APIService" && group == "apiregistration.k8s.io")
}
