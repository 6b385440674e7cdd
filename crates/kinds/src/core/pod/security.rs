//! What security contexts may say.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;

const IDS: std::ops::RangeInclusive<i64> = 0..=i32::MAX as i64;

pub(super) fn pod(context: &Value, path: &FieldPath, errors: &mut Errors) {
    ids(context, &["fsGroup", "runAsUser", "runAsGroup"], path, errors);
    for (index, group) in context.items("supplementalGroups").iter().enumerate() {
        id(group, &path.child("supplementalGroups").index(index), errors);
    }
    let policy = context.text("fsGroupChangePolicy");
    checks::optional_one_of(policy, &path.child("fsGroupChangePolicy"), &["Always", "OnRootMismatch"], errors);
    profiles(context, path, errors);
    let mut taken = std::collections::BTreeSet::new();
    for (index, setting) in context.items("sysctls").iter().enumerate() {
        let path = path.child("sysctls").index(index);
        if let Some(name) = checks::required(setting, "name", &path, errors)
            && !taken.insert(name)
        {
            errors.push(FieldError::duplicate(&path.child("name"), name));
        }
    }
}

pub(super) fn container(context: &Value, path: &FieldPath, errors: &mut Errors) {
    ids(context, &["runAsUser", "runAsGroup"], path, errors);
    profiles(context, path, errors);
    if context["allowPrivilegeEscalation"] == false {
        let conflict = if context.flag("privileged") {
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        } else if context["capabilities"].items("add").iter().any(|name| name == "CAP_SYS_ADMIN") {
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
        } else {
            return;
        };
        errors.push(FieldError::invalid(path, context.clone(), conflict));
    }
}

fn ids(context: &Value, names: &[&str], path: &FieldPath, errors: &mut Errors) {
    for name in names {
        id(&context[*name], &path.child(name), errors);
    }
}

fn id(value: &Value, path: &FieldPath, errors: &mut Errors) {
    if value.as_i64().is_some_and(|id| !IDS.contains(&id)) {
        errors.push(FieldError::invalid(path, value.clone(), "must be between 0 and 2147483647, inclusive"));
    }
}

fn profiles(context: &Value, path: &FieldPath, errors: &mut Errors) {
    for name in ["seccompProfile", "appArmorProfile"] {
        let profile = &context[name];
        if !profile.is_object() {
            continue;
        }
        let path = path.child(name);
        checks::one_of(profile, "type", &path, &["Localhost", "RuntimeDefault", "Unconfined"], errors);
        let field = path.child("localhostProfile");
        match (profile.text("type") == "Localhost", profile.has("localhostProfile")) {
            (true, false) => errors.push(FieldError::required(&field, "must be set when profile type is Localhost")),
            (false, true) => {
                let value = profile["localhostProfile"].clone();
                errors.push(FieldError::invalid(&field, value, "can only be set when profile type is Localhost"));
            }
            _ => {}
        }
    }
}
