//! What a Pod's spec, or that of a template, may say.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use super::{affinity, containers, security, volumes};
use crate::checks::{self, Errors};
use crate::json::Read;
use crate::{labels, metadata, names, quantity::Quantity};

/// Checks a whole Pod.
pub(super) fn validate_pod(pod: &Value, path: &FieldPath, errors: &mut Errors) {
    let spec = &pod["spec"];
    for list in ["containers", "initContainers"] {
        for (index, container) in spec.items(list).iter().enumerate() {
            let image = container.text("image");
            if image.trim() != image {
                let field = path.child(list).index(index).child("image");
                errors.push(FieldError::invalid(&field, image, "must not have leading or trailing whitespace"));
            }
        }
    }
    validate_spec(spec, path, errors);
}

/// Checks the Pod template of a workload.
pub(crate) fn validate_template(template: &Value, path: &FieldPath, errors: &mut Errors) {
    let marks = &template["metadata"];
    errors.extend(labels::validate(&marks["labels"], &path.child("labels")));
    errors.extend(metadata::validate_annotations(&marks["annotations"], &path.child("annotations")));
    validate_spec(&template["spec"], &path.child("spec"), errors);
    if !template["spec"].items("ephemeralContainers").is_empty() {
        let field = path.child("spec").child("ephemeralContainers");
        errors.push(FieldError::forbidden(&field, "ephemeral containers not allowed in pod template"));
    }
}

fn validate_spec(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let names = volumes::validate(spec.items("volumes"), &path.child("volumes"), errors);
    containers::validate(spec, path, &names, errors);
    checks::one_of(spec, "restartPolicy", path, &["Always", "OnFailure", "Never"], errors);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    checks::one_of(spec, "dnsPolicy", path, &policies, errors);
    dns(spec, path, errors);
    errors.extend(labels::validate(&spec["nodeSelector"], &path.child("nodeSelector")));
    security::pod(&spec["securityContext"], &path.child("securityContext"), errors);
    affinity::validate(&spec["affinity"], &path.child("affinity"), errors);
    affinity::spread(spec, &path.child("topologySpreadConstraints"), errors);
    tolerations(spec, &path.child("tolerations"), errors);
    named_references(spec, path, errors);
    if let Some(seconds) = spec.number("activeDeadlineSeconds")
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let field = path.child("activeDeadlineSeconds");
        errors.push(FieldError::invalid(&field, seconds, "must be between 1 and 2147483647, inclusive"));
    }
    host_aliases(spec, path, errors);
    let preemption = spec.text("preemptionPolicy");
    checks::optional_one_of(preemption, &path.child("preemptionPolicy"), &["PreemptLowerPriority", "Never"], errors);
    if spec["os"].is_object() {
        checks::one_of(&spec["os"], "name", &path.child("os"), &["linux", "windows"], errors);
    }
    for (index, gate) in spec.items("readinessGates").iter().enumerate() {
        let field = path.child("readinessGates").index(index);
        let kind = gate.text("conditionType");
        checks::refuse(kind, &field.child("conditionType"), names::qualified(kind), errors);
    }
}

/// Fields that name other objects, or give the Pod a name in DNS.
fn named_references(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    for name in ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] {
        checks::optional_form(spec, name, path, names::subdomain, errors);
    }
    for name in ["hostname", "subdomain"] {
        checks::optional_form(spec, name, path, names::label, errors);
    }
}

fn dns(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let config = &spec["dnsConfig"];
    let path = path.child("dnsConfig");
    if spec.text("dnsPolicy") == "None" {
        if !config.is_object() {
            let why = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(&path, why));
        } else if config.items("nameservers").is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(FieldError::required(&path.child("nameservers"), why));
        }
    }
    for (index, server) in config.items("nameservers").iter().enumerate() {
        let field = path.child("nameservers").index(index);
        checks::ip_address(server.as_str().unwrap_or_default(), &field, errors);
    }
}

fn host_aliases(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    for (index, alias) in spec.items("hostAliases").iter().enumerate() {
        let path = path.child("hostAliases").index(index);
        checks::ip_address(alias.text("ip"), &path.child("ip"), errors);
        for (at, name) in alias.items("hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            checks::refuse(name, &path.child("hostnames").index(at), names::subdomain(name), errors);
        }
    }
}

pub(super) fn tolerations(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    for (index, toleration) in spec.items("tolerations").iter().enumerate() {
        let path = path.index(index);
        let (key, operator) = (toleration.text("key"), toleration.text("operator"));
        let effect = toleration.text("effect");
        if !key.is_empty() {
            checks::refuse(key, &path.child("key"), names::qualified(key), errors);
        } else if operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(&path.child("operator"), operator, why));
        }
        if toleration.has("tolerationSeconds") && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(&path.child("effect"), effect, why));
        }
        let value = toleration.text("value");
        match operator {
            "Equal" | "" => checks::refuse(value, &path.child("operator"), names::label_value(value), errors),
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(FieldError::invalid(&path.child("operator"), toleration.clone(), why));
            }
            "Exists" => {}
            other => {
                errors.push(checks::not_supported(&path.child("operator"), other, &["Equal", "Exists"]));
            }
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        checks::optional_one_of(effect, &path.child("effect"), &effects, errors);
    }
}

/// Checks the spec of a claim, be it in a Pod, in a StatefulSet or on its own.
pub(crate) fn validate_claim_template_spec(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let modes = spec.items("accessModes");
    let field = path.child("accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(&field, "at least 1 access mode is required"));
    }
    let allowed = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for mode in modes {
        checks::optional_one_of(mode.as_str().unwrap_or_default(), &field, &allowed, errors);
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(&field, why));
    }
    if spec["selector"].is_object() {
        errors.extend(labels::validate_selector(&spec["selector"], &path.child("selector")));
    }
    let requests = path.child("resources");
    let storage = &spec["resources"]["requests"]["storage"];
    if storage.is_null() {
        errors.push(FieldError::required(&requests.key("storage"), ""));
    } else {
        let field = requests.key("storage");
        match Quantity::read(storage) {
            Some(amount) if amount.is_zero() || amount.is_negative() => {
                errors.push(FieldError::invalid(&field, amount.to_string(), "must be greater than zero"));
            }
            _ => _ = checks::quantity(storage, &field, errors),
        }
    }
    for class in ["storageClassName", "volumeAttributesClassName"] {
        checks::optional_form(spec, class, path, names::subdomain, errors);
    }
    for source in ["dataSource", "dataSourceRef"] {
        if spec[source].is_object() {
            data_source(&spec[source], &path.child(source), errors);
        }
    }
    let mode = spec.text("volumeMode");
    checks::optional_one_of(mode, &path.child("volumeMode"), &["Block", "Filesystem"], errors);
}

/// Where a volume's content comes from: another claim, or something of a group of its own.
fn data_source(source: &Value, path: &FieldPath, errors: &mut Errors) {
    checks::required(source, "name", path, errors);
    let kind = checks::required(source, "kind", path, errors);
    if let (Some(kind), "") = (kind, source.text("apiGroup"))
        && kind != "PersistentVolumeClaim"
    {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(FieldError::invalid(path, kind, why));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    fn wrong(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut pod = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "containers": [{"name": "web", "image": "nginx"}],
                "volumes": [{"name": "data"}],
            },
        });
        change(&mut pod);
        crate::core::pod::KIND.default(&mut pod);
        texts(&crate::core::pod::KIND.validate_create(&pod))
    }

    #[test]
    fn a_plain_pod_is_fine() {
        assert!(wrong(|_| {}).is_empty());
    }

    #[test]
    fn a_pod_needs_containers_with_names_and_images() {
        assert_eq!(wrong(|pod| pod["spec"]["containers"] = json!([])), ["spec.containers: Required value"]);
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"] = json!([{}])),
            ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"] = json!([{"name": "a", "image": "b"}, {"name": "a", "image": "b"}])),
            ["spec.containers[1].name: Duplicate value: \"a\""]
        );
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(
            wrong(|pod| pod["spec"]["restartPolicy"] = json!("Sometimes")),
            ["spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \
                 \"OnFailure\", \"Never\""]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "nope", "mountPath": "/a"}])),
            ["spec.containers[0].volumeMounts[0].name: Not found: \"nope\""]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 70000}])),
            ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"][0]["resources"] =
                json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})),
            ["spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit \
                 of 1"]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"][0]["env"] =
                json!([{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])),
            ["spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not \
                 empty"]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["containers"][0]["livenessProbe"] = json!({})),
            ["spec.containers[0].livenessProbe: Required value: must specify a handler type"]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["tolerations"] = json!([{"operator": "Equal"}])),
            ["spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, \
                 which means \"match all values and all keys\""]
        );
        assert_eq!(
            wrong(|pod| pod["spec"]["volumes"] =
                json!([{"name": "a", "emptyDir": {}, "configMap": {"name": "c"}}, {"name": "a", "secret": {}}])),
            [
                "spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type",
                "spec.volumes[1].secret.secretName: Required value",
                "spec.volumes[1].name: Duplicate value: \"a\"",
            ]
        );
    }
}
