//! What the server fills into Pods and Pod templates.

use serde_json::{Value, json};

use crate::json::{Fill, Read};
use crate::quantity;

/// The permissions of files from ConfigMaps, Secrets and their like: 0644.
const FILE_MODE: i32 = 0o644;

/// Fills in a whole Pod.
pub(super) fn pod(pod: &mut Value) {
    let class = super::qos::class(&pod["spec"]);
    if let Some(status) = pod.inner("status") {
        addresses(status);
        status.fill_zero("qosClass", class);
    }
    let Some(spec) = pod.ensure("spec") else { return };
    spec.fill("enableServiceLinks", true);
    pod_spec(spec);
    let host_network = spec.flag("hostNetwork");
    for list in ["containers", "initContainers"] {
        for container in spec.each(list) {
            requests_from_limits(container);
            if host_network {
                container.each("ports").for_each(host_port);
            }
        }
    }
    if let Some(resources) = spec.inner("resources") {
        resource_requirements(resources);
    }
}

/// The first of a Pod's addresses stands in a field of its own as well, which counts where they differ.
fn addresses(status: &mut Value) {
    let first = status.items("podIPs").first().map(|one| one.text("ip").to_owned());
    match (status.text("podIP").to_owned(), first) {
        (alone, Some(first)) if alone.is_empty() => status.put("podIP", first),
        (alone, first) if !alone.is_empty() && first.as_deref() != Some(&*alone) => {
            status.put("podIPs", serde_json::json!([{ "ip": alone }]));
        }
        _ => {}
    }
}

/// Fills in the Pod template in a field of a workload's spec.
pub(crate) fn template(template: Option<&mut Value>) {
    let Some(template) = template else { return };
    template.ensure("metadata");
    if let Some(spec) = template.ensure("spec") {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Value) {
    spec.fill_zero("dnsPolicy", "ClusterFirst");
    spec.fill_zero("restartPolicy", "Always");
    spec.fill_zero("schedulerName", "default-scheduler");
    spec.fill("terminationGracePeriodSeconds", 30);
    spec.ensure("securityContext");
    service_account(spec);
    quantity::canonicalize_map(spec.inner("overhead"));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        spec.each(list).for_each(container);
    }
    spec.each("volumes").for_each(volume);
}

/// The account has two names, of which the old one mirrors the new.
fn service_account(spec: &mut Value) {
    let name = match spec.text("serviceAccountName") {
        "" => spec.text("serviceAccount").to_owned(),
        name => name.to_owned(),
    };
    if !name.is_empty() {
        spec.put("serviceAccountName", name.clone());
        spec.put("serviceAccount", name);
    }
}

fn container(container: &mut Value) {
    let policy = pull_policy(container.text("image"));
    container.fill_zero("imagePullPolicy", policy);
    container.fill_zero("terminationMessagePath", "/dev/termination-log");
    container.fill_zero("terminationMessagePolicy", "File");
    container.each("ports").for_each(|port| port.fill_zero("protocol", "TCP"));
    if let Some(resources) = container.ensure("resources") {
        resource_requirements(resources);
    }
    for variable in container.each("env") {
        if let Some(source) = variable.inner("valueFrom") {
            field_reference(source);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = container.inner(name) {
            probe(found);
        }
    }
    if let Some(lifecycle) = container.inner("lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(handler) = lifecycle.inner(name) {
                http_action(handler);
            }
        }
    }
}

/// What is pulled again at each start: an image without a digest whose tag is `latest`, be it written or implied.
pub(crate) fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    // A colon before the last slash belongs to the registry's port.
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !digest => "Always",
        _ => "IfNotPresent",
    }
}

fn resource_requirements(resources: &mut Value) {
    quantity::canonicalize_map(resources.inner("limits"));
    quantity::canonicalize_map(resources.inner("requests"));
}

fn requests_from_limits(container: &mut Value) {
    let Some(resources) = container.inner("resources") else { return };
    let limits = resources["limits"].clone();
    if limits.as_object().is_none_or(serde_json::Map::is_empty) {
        return;
    }
    if let Some(requests) = resources.ensure("requests") {
        for (name, amount) in limits.as_object().into_iter().flatten() {
            requests.fill(name, amount.clone());
        }
    }
}

/// In the host's network, a container's port is the host's.
fn host_port(port: &mut Value) {
    let number = port["containerPort"].clone();
    port.fill_zero("hostPort", number);
}

fn field_reference(source: &mut Value) {
    if let Some(reference) = source.inner("fieldRef") {
        reference.fill_zero("apiVersion", "v1");
    }
    if let Some(reference) = source.inner("resourceFieldRef") {
        let divisor = if reference.has("divisor") { reference["divisor"].clone() } else { json!("0") };
        reference.put("divisor", divisor);
        if let Some(map) = reference.as_object_mut()
            && let Some(divisor) = map.get_mut("divisor")
        {
            quantity::canonicalize(divisor);
        }
    }
}

fn probe(probe: &mut Value) {
    probe.fill_zero("timeoutSeconds", 1);
    probe.fill_zero("periodSeconds", 10);
    probe.fill_zero("successThreshold", 1);
    probe.fill_zero("failureThreshold", 3);
    http_action(probe);
    if let Some(grpc) = probe.inner("grpc") {
        grpc.fill("service", "");
    }
}

fn http_action(handler: &mut Value) {
    if let Some(action) = handler.inner("httpGet") {
        action.fill_zero("path", "/");
        action.fill_zero("scheme", "HTTP");
    }
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|map| map.iter().all(|(field, value)| field == "name" || value.is_null())) {
        volume.put("emptyDir", json!({}));
    }
    volume_source(volume);
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.inner(name) {
            source.fill("defaultMode", FILE_MODE);
        }
    }
    if let Some(source) = volume.inner("downwardAPI") {
        source.each("items").for_each(field_reference);
    }
    for source in volume.inner("projected").into_iter().flat_map(|projected| projected.each("sources")) {
        if let Some(token) = source.inner("serviceAccountToken") {
            token.fill("expirationSeconds", 3600);
        }
        if let Some(fields) = source.inner("downwardAPI") {
            fields.each("items").for_each(field_reference);
        }
    }
    if let Some(empty) = volume.inner("emptyDir")
        && let Some(limit) = empty.as_object_mut().and_then(|map| map.get_mut("sizeLimit"))
    {
        quantity::canonicalize(limit);
    }
    if let Some(image) = volume.inner("image") {
        let policy = pull_policy(image.text("reference"));
        image.fill_zero("pullPolicy", policy);
    }
    let claim = volume.inner("ephemeral").and_then(|ephemeral| ephemeral.inner("volumeClaimTemplate"));
    if let Some(claim) = claim {
        crate::core::volume_claim::default_spec(claim.inner("spec"));
    }
}

/// The sources that Pods share with PersistentVolumes.
pub(crate) fn volume_source(volume: &mut Value) {
    if let Some(source) = volume.inner("hostPath") {
        source.fill("type", "");
    }
    if let Some(source) = volume.inner("iscsi") {
        source.fill_zero("iscsiInterface", "default");
    }
    if let Some(source) = volume.inner("rbd") {
        source.fill_zero("pool", "rbd");
        source.fill_zero("user", "admin");
        source.fill_zero("keyring", "/etc/ceph/keyring");
    }
    if let Some(source) = volume.inner("azureDisk") {
        source.fill("cachingMode", "ReadWrite");
        source.fill("kind", "Shared");
        source.fill("fsType", "ext4");
        source.fill("readOnly", false);
    }
    if let Some(source) = volume.inner("scaleIO") {
        source.fill_zero("storageMode", "ThinProvisioned");
        source.fill_zero("fsType", "xfs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides_whether_an_image_is_pulled_again() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:0123", "IfNotPresent"),
            ("nginx:latest@sha256:0123", "Always"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn a_pod_is_filled_in_as_kubernetes_fills_it() {
        let mut pod = json!({
            "spec": {
                "serviceAccount": "web",
                "containers": [{
                    "name": "web", "image": "nginx:1.27",
                    "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}, "requests": {"cpu": "100m"}},
                    "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                    "livenessProbe": {"httpGet": {"port": 80}},
                    "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/bye"}}},
                }],
                "volumes": [
                    {"name": "empty"},
                    {"name": "settings", "configMap": {"name": "web"}},
                    {"name": "all", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
                    {"name": "host", "hostPath": {"path": "/var"}},
                ],
            },
        });
        super::pod(&mut pod);
        assert_eq!(
            pod["spec"],
            json!({
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "terminationGracePeriodSeconds": 30, "securityContext": {}, "enableServiceLinks": true,
                "serviceAccount": "web", "serviceAccountName": "web",
                "containers": [{
                    "name": "web", "image": "nginx:1.27", "imagePullPolicy": "IfNotPresent",
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {
                        "limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}},
                    "env": [{"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
                    "livenessProbe": {
                        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                    "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/bye", "scheme": "HTTP"}}},
                }],
                "volumes": [
                    {"name": "empty", "emptyDir": {}},
                    {"name": "settings", "configMap": {"name": "web", "defaultMode": 420}},
                    {"name": "all", "projected": {
                        "defaultMode": 420,
                        "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}},
                    {"name": "host", "hostPath": {"path": "/var", "type": ""}},
                ],
            })
        );
    }

    #[test]
    fn a_pod_in_the_hosts_network_takes_the_hosts_ports() {
        let mut pod = json!({"spec": {"hostNetwork": true, "containers": [{"ports": [{"containerPort": 80}]}]}});
        super::pod(&mut pod);
        assert_eq!(pod["spec"]["containers"][0]["ports"][0]["hostPort"], 80);
    }
}
