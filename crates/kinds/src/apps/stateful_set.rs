//! StatefulSets.

use std::collections::HashSet;

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::workload::{self, CONTAINERS, IMAGES};
use crate::checks::{self, Errors};
use crate::core::pod::validate_claim_template_spec;
use crate::core::volume_claim;
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::strategy::{Generations, Rules, keep};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["sts"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create: |set| set.put("status", json!({"availableReplicas": 0, "replicas": 0})),
        validate,
        validate_update,
        columns: &[
            NAME,
            Column::text("Ready", "How many Pods are ready, of how many wanted."),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "StatefulSet", "statefulsets", "statefulset", "io.k8s.api.apps.v1.StatefulSet")
};

/// What may change in a StatefulSet that exists.
const MAY_CHANGE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn default(set: &mut Value) {
    let Some(spec) = workload::default_spec(set) else { return };
    spec.fill_zero("podManagementPolicy", "OrderedReady");
    spec.fill("replicas", 1);
    spec.fill("revisionHistoryLimit", 10);
    if let Some(strategy) = spec.ensure("updateStrategy") {
        strategy.fill_zero("type", "RollingUpdate");
        if strategy.text("type") == "RollingUpdate"
            && let Some(rolling) = strategy.ensure("rollingUpdate")
        {
            rolling.fill("partition", 0);
        }
    }
    if let Some(policy) = spec.ensure("persistentVolumeClaimRetentionPolicy") {
        policy.fill_zero("whenDeleted", "Retain");
        policy.fill_zero("whenScaled", "Retain");
    }
    for claim in spec.each("volumeClaimTemplates") {
        claim.put("apiVersion", "v1");
        claim.put("kind", "PersistentVolumeClaim");
        volume_claim::default_spec(claim.ensure("spec"));
        if let Some(status) = claim.ensure("status") {
            status.fill_zero("phase", "Pending");
        }
    }
}

fn validate(set: &Value, errors: &mut Errors) {
    let spec = &set["spec"];
    let path = FieldPath::new("spec");
    let management = spec.text("podManagementPolicy");
    if !matches!(management, "OrderedReady" | "Parallel") {
        let why = "must be 'OrderedReady' or 'Parallel'";
        errors.push(FieldError::invalid(&path.child("podManagementPolicy"), management, why));
    }
    strategy(&spec["updateStrategy"], &path.child("updateStrategy"), errors);
    let retention = path.child("persistentVolumeClaimRetentionPolicy");
    for when in ["whenDeleted", "whenScaled"] {
        let policy = spec["persistentVolumeClaimRetentionPolicy"].text(when);
        checks::optional_one_of(policy, &retention.child(when), &["Retain", "Delete"], errors);
    }
    checks::not_negative(spec, &["replicas", "minReadySeconds"], &path, errors);
    checks::not_negative(&spec["ordinals"], &["start"], &path.child("ordinals"), errors);
    for (index, claim) in spec.items("volumeClaimTemplates").iter().enumerate() {
        let path = path.child("volumeClaimTemplates").index(index).child("spec");
        validate_claim_template_spec(&claim["spec"], &path, errors);
    }
    // The claims become volumes of the Pods, so that containers may mount them.
    let mut whole = spec.clone();
    add_claims_as_volumes(&mut whole);
    workload::validate(&whole, "empty selector is invalid for statefulset", errors);
}

fn add_claims_as_volumes(spec: &mut Value) {
    let names: Vec<String> = spec
        .items("volumeClaimTemplates")
        .iter()
        .map(|claim| claim["metadata"].text("name").to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let Some(pod) = spec.inner("template").and_then(|template| template.inner("spec")) else { return };
    // A claim takes the place of a volume of the same name.
    let taken: HashSet<String> = pod.items("volumes").iter().map(|volume| volume.text("name").to_owned()).collect();
    pod.fill("volumes", Vec::<Value>::new());
    if let Some(Value::Array(volumes)) = pod.as_object_mut().and_then(|map| map.get_mut("volumes")) {
        let new = names.into_iter().filter(|name| !taken.contains(name));
        volumes.extend(new.map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}})));
    }
}

fn strategy(strategy: &Value, path: &FieldPath, errors: &mut Errors) {
    let rolling = &strategy["rollingUpdate"];
    match strategy.text("type") {
        "OnDelete" if rolling.is_object() => {
            let why = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(FieldError::invalid(&path.child("rollingUpdate"), rolling.clone(), why));
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            checks::not_negative(rolling, &["partition"], &path.child("rollingUpdate"), errors);
        }
        _ => {
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(FieldError::invalid(path, strategy.clone(), why));
        }
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let mut masked = new["spec"].clone();
    for field in MAY_CHANGE {
        keep(&mut masked, &old["spec"], field);
    }
    if !same(&masked, &old["spec"]) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                   'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                   'minReadySeconds' are forbidden";
        errors.push(FieldError::forbidden(&FieldPath::new("spec"), why));
    }
}

fn cells(set: &Value, now: Timestamp) -> Vec<Value> {
    let ready = set["status"].number("readyReplicas").unwrap_or_default();
    let wanted = set["spec"].number("replicas").unwrap_or_default();
    let (names, images) = table::containers(&set["spec"]["template"]["spec"]);
    vec![table::name(set), format!("{ready}/{wanted}").into(), table::age(set, now), names, images]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    fn database() -> Value {
        json!({
            "metadata": {"name": "db", "namespace": "default"},
            "spec": {
                "serviceName": "db",
                "selector": {"matchLabels": {"app": "db"}},
                "template": {
                    "metadata": {"labels": {"app": "db"}},
                    "spec": {"containers": [{
                        "name": "db", "image": "postgres:17",
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]},
                },
                "volumeClaimTemplates": [{
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}],
            },
        })
    }

    #[test]
    fn claims_can_be_mounted_and_are_filled_in() {
        let mut set = database();
        KIND.default(&mut set);
        assert_eq!(texts(&KIND.validate_create(&set)), [""; 0]);
        assert_eq!(
            set["spec"]["volumeClaimTemplates"],
            json!([{
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}}},
                "status": {"phase": "Pending"},
            }])
        );
        assert_eq!(set["spec"]["updateStrategy"], json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    }

    #[test]
    fn claims_cannot_change_later() {
        let mut old = database();
        KIND.default(&mut old);
        let mut new = old.clone();
        new["spec"]["replicas"] = json!(3);
        assert!(KIND.validate_update(&new, &old).is_empty());
        new["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
        assert_eq!(
            texts(&KIND.validate_update(&new, &old)),
            ["spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                 'minReadySeconds' are forbidden"]
        );
    }
}
