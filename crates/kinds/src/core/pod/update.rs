//! What may change in a Pod that exists.

use std::collections::HashSet;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::Errors;
use crate::json::{Fill, Read, same};

const MAY_CHANGE: &str = "pod updates may not change fields other than \
     `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
     additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
     previously negative)";

pub(super) fn validate(new: &Value, old: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec");
    let (new, old) = (&new["spec"], &old["spec"]);
    for list in ["containers", "initContainers"] {
        if new.items(list).len() != old.items(list).len() {
            let why = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(&path.child(list), why));
            return;
        }
    }
    deadline(new, old, &path, errors);
    // Only how long a taint is tolerated may change.
    let tolerated: HashSet<_> = new.items("tolerations").iter().map(taint).collect();
    for toleration in old.items("tolerations") {
        if !tolerated.contains(&taint(toleration)) {
            let why = "existing toleration can not be modified except its tolerationSeconds";
            errors.push(FieldError::forbidden(&path.child("tolerations"), why));
        }
    }
    if !same(&masked(new, old), old) {
        errors.push(FieldError::forbidden(&path, MAY_CHANGE));
    }
}

/// Which taints a toleration is about.
fn taint(toleration: &Value) -> [&str; 4] {
    ["key", "operator", "value", "effect"].map(|field| toleration.text(field))
}

fn deadline(new: &Value, old: &Value, path: &FieldPath, errors: &mut Errors) {
    let field = path.child("activeDeadlineSeconds");
    match (new.number("activeDeadlineSeconds"), old.number("activeDeadlineSeconds")) {
        (Some(new), Some(old)) if new > old => {
            let why = "must be less than or equal to previous value";
            errors.push(FieldError::invalid(&field, new, why));
        }
        (None, Some(_)) => errors.push(FieldError::invalid(
            &field,
            Value::Null,
            "must not update from a positive integer to nil value",
        )),
        _ => {}
    }
}

/// The new spec with the old values of everything that may change.
fn masked(new: &Value, old: &Value) -> Value {
    let mut masked = new.clone();
    for list in ["containers", "initContainers"] {
        for (new, old) in masked.each(list).zip(old.items(list)) {
            crate::strategy::keep(new, old, "image");
        }
    }
    crate::strategy::keep(&mut masked, old, "activeDeadlineSeconds");
    crate::strategy::keep(&mut masked, old, "tolerations");
    // Ephemeral containers come by their own subresource; scheduling gates only go away.
    let before: HashSet<&Value> = old.items("schedulingGates").iter().collect();
    if new.items("schedulingGates").iter().all(|gate| before.contains(gate)) {
        crate::strategy::keep(&mut masked, old, "schedulingGates");
    }
    if old.number("terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0)
        && new.number("terminationGracePeriodSeconds") == Some(1)
    {
        crate::strategy::keep(&mut masked, old, "terminationGracePeriodSeconds");
    }
    masked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_may_change_and_a_command_may_not() {
        let old = json!({"spec": {"containers": [{"name": "a", "image": "b:1"}]}});
        let mut new = old.clone();
        new["spec"]["containers"][0]["image"] = json!("b:2");
        let mut errors = Errors::default();
        validate(&new, &old, &mut errors);
        assert!(errors.is_empty());
        new["spec"]["containers"][0]["command"] = json!(["sh"]);
        validate(&new, &old, &mut errors);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().starts_with("spec: Forbidden: pod updates may not change fields other than"));
    }
}
