//! What the containers of a Pod may say.

use std::collections::BTreeSet;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use super::volumes::Volumes;
use super::{probes, security};
use crate::checks::{self, Errors};
use crate::json::Read;
use crate::names;
use crate::quantity::Quantity;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

pub(super) fn validate(spec: &Value, path: &FieldPath, volumes: &Volumes<'_>, errors: &mut Errors) {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    if spec.items("containers").is_empty() {
        errors.push(FieldError::required(&path.child("containers"), ""));
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let path = path.child(list);
        for (index, container) in spec.items(list).iter().enumerate() {
            let path = path.index(index);
            container_fields(container, &path, volumes, errors);
            let name = container.text("name");
            if !name.is_empty() && !taken.insert(name) {
                errors.push(FieldError::duplicate(&path.child("name"), name));
            }
            probes_of(container, &path, list, errors);
        }
        if list != "ephemeralContainers" {
            host_ports(spec.items(list), &path, errors);
        }
    }
}

fn container_fields(container: &Value, path: &FieldPath, volumes: &Volumes<'_>, errors: &mut Errors) {
    checks::required_form(container, "name", path, names::label, errors);
    checks::required(container, "image", path, errors);
    let policies = ["File", "FallbackToLogsOnError"];
    checks::one_of(container, "terminationMessagePolicy", path, &policies, errors);
    ports(container, &path.child("ports"), errors);
    env(container, &path.child("env"), errors);
    env_from(container, &path.child("envFrom"), errors);
    mounts(container, path, volumes, errors);
    checks::one_of(container, "imagePullPolicy", path, &["Always", "IfNotPresent", "Never"], errors);
    resources(&container["resources"], &path.child("resources"), errors);
    security::container(&container["securityContext"], &path.child("securityContext"), errors);
}

fn probes_of(container: &Value, path: &FieldPath, list: &str, errors: &mut Errors) {
    let sidecar = container.text("restartPolicy") == "Always";
    let allowed = match list {
        "initContainers" => sidecar,
        _ => list == "containers",
    };
    let may_not = match list {
        "initContainers" => "may not be set for init containers without restartPolicy=Always",
        _ => "cannot be set for an Ephemeral Container",
    };
    for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        let value = &container[name];
        let path = path.child(name);
        if value.is_null() {
            continue;
        }
        if !allowed {
            errors.push(FieldError::forbidden(&path, may_not));
        } else if name == "lifecycle" {
            probes::lifecycle(value, &path, errors);
        } else {
            probes::probe(value, &path, name != "readinessProbe", errors);
        }
    }
}

fn ports(container: &Value, path: &FieldPath, errors: &mut Errors) {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (index, port) in container.items("ports").iter().enumerate() {
        let path = path.index(index);
        let name = port.text("name");
        if !name.is_empty() {
            let reasons = names::port_name(name);
            if reasons.is_empty() && !taken.insert(name) {
                errors.push(FieldError::duplicate(&path.child("name"), name));
            }
            checks::refuse(name, &path.child("name"), reasons, errors);
        }
        match port.number("containerPort").unwrap_or_default() {
            0 => errors.push(FieldError::required(&path.child("containerPort"), "")),
            number => checks::port_number(number, &path.child("containerPort"), errors),
        }
        match port.number("hostPort").unwrap_or_default() {
            0 => {}
            number => checks::port_number(number, &path.child("hostPort"), errors),
        }
        checks::one_of(port, "protocol", &path, &PROTOCOLS, errors);
    }
}

/// No two containers of a Pod can have the same port of the node.
fn host_ports(containers: &[Value], path: &FieldPath, errors: &mut Errors) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        for (at, port) in container.items("ports").iter().enumerate() {
            let number = port.number("hostPort").unwrap_or_default();
            if number == 0 {
                continue;
            }
            let key = format!("{}/{}/{number}", port.text("protocol"), port.text("hostIP"));
            if !taken.insert(key.clone()) {
                let field = path.index(index).child("ports").index(at).child("hostPort");
                errors.push(FieldError::duplicate(&field, key));
            }
        }
    }
}

fn env(container: &Value, path: &FieldPath, errors: &mut Errors) {
    for (index, variable) in container.items("env").iter().enumerate() {
        let path = path.index(index);
        checks::required_form(variable, "name", &path, names::environment, errors);
        if variable.has("valueFrom") {
            env_source(variable, &path.child("valueFrom"), errors);
        }
    }
}

fn env_source(variable: &Value, path: &FieldPath, errors: &mut Errors) {
    let source = &variable["valueFrom"];
    let mut sources = 0;
    let field = &source["fieldRef"];
    if field.is_object() {
        sources += 1;
        field_reference(field, &path.child("fieldRef"), &FIELDS, errors);
    }
    let resource = &source["resourceFieldRef"];
    if resource.is_object() {
        sources += 1;
        checks::required(resource, "resource", &path.child("resourceFieldRef"), errors);
    }
    for name in ["configMapKeyRef", "secretKeyRef"] {
        let reference = &source[name];
        if !reference.is_object() {
            continue;
        }
        sources += 1;
        let path = path.child(name);
        let target = reference.text("name");
        checks::refuse(target, &path.child("name"), names::subdomain(target), errors);
        checks::required_form(reference, "key", &path, names::data_key, errors);
    }
    if source.has("fileKeyRef") {
        sources += 1;
    }
    // The variable's value stays out of the error: people put passwords there.
    let problem = match sources {
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        _ if !variable.text("value").is_empty() => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(FieldError::invalid(path, "", problem));
}

/// A reference to a field of the Pod itself.
pub(super) fn field_reference(reference: &Value, path: &FieldPath, allowed: &[&str], errors: &mut Errors) {
    checks::required(reference, "apiVersion", path, errors);
    let Some(field) = checks::required(reference, "fieldPath", path, errors) else { return };
    let key = ["metadata.labels", "metadata.annotations"]
        .iter()
        .find_map(|map| field.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']"));
    match key {
        Some(key) => checks::refuse(key, path, names::qualified(key), errors),
        None if allowed.contains(&field) => {}
        None => errors.push(checks::not_supported(&path.child("fieldPath"), field, allowed)),
    }
}

fn env_from(container: &Value, path: &FieldPath, errors: &mut Errors) {
    for (index, source) in container.items("envFrom").iter().enumerate() {
        let path = path.index(index);
        checks::optional_form(source, "prefix", &path, names::environment, errors);
        let named: Vec<&str> =
            ["configMapRef", "secretRef"].into_iter().filter(|name| source[*name].is_object()).collect();
        for name in &named {
            checks::required_form(&source[*name], "name", &path.child(name), names::subdomain, errors);
        }
        match named.len() {
            0 => errors.push(FieldError::invalid(&path, "", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(FieldError::invalid(&path, "", "may not have more than one field specified at a time")),
        }
    }
}

fn mounts(container: &Value, path: &FieldPath, volumes: &Volumes<'_>, errors: &mut Errors) {
    let mut taken = BTreeSet::new();
    for (index, mount) in container.items("volumeMounts").iter().enumerate() {
        let path = path.child("volumeMounts").index(index);
        if let Some(name) = checks::required(mount, "name", &path, errors)
            && !volumes.contains(name)
        {
            errors.push(not_found(&path.child("name"), name));
        }
        if let Some(at) = checks::required(mount, "mountPath", &path, errors)
            && !taken.insert(at)
        {
            errors.push(FieldError::invalid(&path.child("mountPath"), at, "must be unique"));
        }
        let (inside, expression) = (mount.text("subPath"), mount.text("subPathExpr"));
        super::volumes::descending(inside, &path.child("subPath"), errors);
        if !inside.is_empty() && !expression.is_empty() {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(&path.child("subPathExpr"), expression, why));
        } else {
            super::volumes::descending(expression, &path.child("subPathExpr"), errors);
        }
        let modes = ["Bidirectional", "HostToContainer", "None"];
        let mode = mount.text("mountPropagation");
        checks::optional_one_of(mode, &path.child("mountPropagation"), &modes, errors);
    }
    for (index, device) in container.items("volumeDevices").iter().enumerate() {
        let path = path.child("volumeDevices").index(index);
        if let Some(name) = checks::required(device, "name", &path, errors)
            && !volumes.contains(name)
        {
            errors.push(not_found(&path.child("name"), name));
        }
        if let Some(at) = checks::required(device, "devicePath", &path, errors)
            && !taken.insert(at)
        {
            errors.push(FieldError::invalid(&path.child("devicePath"), at, "must be unique"));
        }
    }
}

fn not_found(path: &FieldPath, name: &str) -> FieldError {
    FieldError::new(cowherd_schema::ErrorKind::NotFound, path, Some(name.into()), "")
}

/// Requests and limits: known names, amounts that are amounts, and no request above its limit.
pub(super) fn resources(resources: &Value, path: &FieldPath, errors: &mut Errors) {
    for (name, amount) in resources.entries("limits") {
        let field = path.child("limits").key(name);
        resource_name(name, &field, errors);
        checks::quantity(amount, &field, errors);
    }
    for (name, amount) in resources.entries("requests") {
        let field = path.child("requests").key(name);
        resource_name(name, &field, errors);
        let amount = checks::quantity(amount, &field, errors);
        let limit = Quantity::read(&resources["limits"][name]);
        let overcommits = !is_extended(name) && !name.starts_with("hugepages-");
        let problem = match (amount, limit) {
            (Some(amount), Some(limit)) if !overcommits && amount != limit => {
                format!("must be equal to {name} limit of {limit}")
            }
            (Some(amount), Some(limit)) if amount > limit => {
                format!("must be less than or equal to {name} limit of {limit}")
            }
            (Some(_), None) if is_extended(name) => {
                errors.push(FieldError::required(
                    &path.child("limits"),
                    "Limit must be set for non overcommitable resources",
                ));
                continue;
            }
            _ => continue,
        };
        let amount = amount.unwrap_or(Quantity::ZERO).to_string();
        errors.push(FieldError::invalid(&path.child("requests"), amount, problem));
    }
}

/// A resource of a device plugin, such as `nvidia.com/gpu`.
fn is_extended(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, _)| domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io"))
}

fn resource_name(name: &str, path: &FieldPath, errors: &mut Errors) {
    checks::refuse(name, path, names::qualified(name), errors);
    if !name.contains('/') && !CONTAINER_RESOURCES.contains(&name) && !name.starts_with("hugepages-") {
        errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
    }
}
