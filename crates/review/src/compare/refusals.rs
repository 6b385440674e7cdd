//! Which changes an API would refuse: of fields that cannot change once they are there.

use cowherd_apply::Manifest;
use cowherd_kinds::find_kind;
use cowherd_schema::FieldError;

/// The most refusals that are told of one object.
const MAX_TOLD: usize = 5;

/// What an API would say to the change and to neither of the two versions alone.
pub(super) fn of(before: &Manifest, after: &Manifest) -> Vec<String> {
    let (id, version) = (after.id(), &after.versioned().version);
    if before.versioned() != after.versioned() {
        return Vec::new();
    }
    let Some(kind) = find_kind(&id.group, version, &id.kind) else { return Vec::new() };
    let settled = |manifest: &Manifest| {
        let mut object = manifest.object().clone();
        kind.default(&mut object);
        object
    };
    let (old, new) = (settled(before), settled(after));
    let known: Vec<FieldError> =
        kind.validate_update(&old, &old).into_iter().chain(kind.validate_create(&new)).collect();
    let refusals = kind.validate_update(&new, &old).into_iter().filter(|error| !known.contains(error));
    let is_secret = id.kind == "Secret";
    // What the API says of a field may show its value.
    let said =
        |error: FieldError| if is_secret { "one of its fields cannot change".to_owned() } else { error.to_string() };
    let advice = "it would be refused unless the object is recreated (kustomize.toolkit.fluxcd.io/force)";
    refusals.take(MAX_TOLD).map(|error| format!("{}: {advice}", said(error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn deployment(app: &str, replicas: u32) -> Manifest {
        let labels: Value = json!({ "app": app });
        Manifest::new(json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "apps" },
            "spec": { "replicas": replicas, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "a", "image": "b" }] } } } }))
        .unwrap()
    }

    #[test]
    fn a_selector_cannot_change_and_a_count_can() {
        assert_eq!(of(&deployment("a", 1), &deployment("a", 2)), [""; 0]);
        let told = of(&deployment("a", 1), &deployment("b", 1));
        assert!(told[0].contains("spec.selector") && told[0].contains("immutable"), "{told:?}");
    }
}
