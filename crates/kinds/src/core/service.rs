//! Services.

use std::collections::{BTreeSet, HashMap};

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks::{self, Errors};
use crate::json::{Fill, Read, is_zero, same};
use crate::kind::Kind;
use crate::labels;
use crate::names::{self, NameRule};
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["svc"],
    categories: &["all"],
    status: true,
    names: NameRule::Service,
    rules: Rules {
        default,
        create,
        update,
        validate,
        validate_update,
        columns: COLUMNS,
        cells,
        fields: |service| {
            let spec = &service["spec"];
            vec![("spec.clusterIP", spec.text("clusterIP").to_owned()), ("spec.type", spec.text("type").to_owned())]
        },
    },
    ..Kind::namespaced(super::V1, "Service", "services", "service", "io.k8s.api.core.v1.Service")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Type", "How the Service is reached."),
    Column::text("Cluster-IP", "The address inside the cluster."),
    Column::text("External-IP", "The addresses outside the cluster."),
    Column::text("Port(s)", "The ports."),
    AGE,
    Column::wide("Selector", "The labels of the Pods behind it."),
];

/// How long a client stays with a Pod, in seconds: three hours.
const STICKY_SECONDS: i64 = 10_800;

fn is_reachable_from_outside(spec: &Value) -> bool {
    match spec.text("type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !spec.items("externalIPs").is_empty(),
        _ => false,
    }
}

fn default(service: &mut Value) {
    let Some(spec) = service.ensure("spec") else { return };
    spec.fill_zero("sessionAffinity", "None");
    if spec.text("sessionAffinity") == "ClientIP" {
        let client = spec.ensure("sessionAffinityConfig").and_then(|config| config.ensure("clientIP"));
        if let Some(client) = client {
            client.fill("timeoutSeconds", STICKY_SECONDS);
        }
    } else {
        spec.take_out("sessionAffinityConfig");
    }
    spec.fill_zero("type", "ClusterIP");
    for port in spec.each("ports") {
        port.fill_zero("protocol", "TCP");
        let number = port["port"].clone();
        port.fill_zero("targetPort", number);
    }
    if is_reachable_from_outside(spec) {
        spec.fill_zero("externalTrafficPolicy", "Cluster");
    }
    if spec.text("type") != "ExternalName" {
        spec.fill("internalTrafficPolicy", "Cluster");
    }
    if spec.text("type") == "LoadBalancer" {
        spec.fill("allocateLoadBalancerNodePorts", true);
    }
}

fn create(service: &mut Value) {
    service.put("status", json!({"loadBalancer": {}}));
    if let Some(spec) = service.inner("spec") {
        settle_families(spec);
    }
}

/// What follows from the addresses that the Service has: the list of them, and their families.
fn settle_families(spec: &mut Value) {
    if spec.text("type") == "ExternalName" {
        return;
    }
    let address = spec.text("clusterIP").to_owned();
    if !address.is_empty() && spec.items("clusterIPs").is_empty() {
        spec.put("clusterIPs", json!([address]));
    }
    if let (true, Some(first)) = (address.is_empty(), spec.items("clusterIPs").first().cloned()) {
        spec.put("clusterIP", first);
    }
    let asks_for_one = spec.text("ipFamilyPolicy") == "SingleStack";
    if address == "None" && spec.entries("selector").next().is_none() && !asks_for_one {
        // Nobody knows what is behind it.
        spec.fill_zero("ipFamilyPolicy", "RequireDualStack");
        spec.fill("ipFamilies", json!(["IPv4", "IPv6"]));
        return;
    }
    spec.fill_zero("ipFamilyPolicy", "SingleStack");
    let family = if address.contains(':') { "IPv6" } else { "IPv4" };
    spec.fill("ipFamilies", json!([family]));
}

/// What was given to the Service and is not mentioned any more stays given.
fn update(new: &mut Value, old: &Value) {
    let old = &old["spec"];
    let Some(spec) = new.inner("spec") else { return };
    if spec.text("type") == "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            if spec[field] == old[field] && old.text("type") != "ExternalName" {
                spec.take_out(field);
            }
        }
        return;
    }
    if old.text("type") != "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if is_zero(&spec[field]) && old.has(field) {
                spec.put(field, old[field].clone());
            }
        }
    }
    if is_reachable_from_outside(old)
        && !is_reachable_from_outside(spec)
        && spec["externalTrafficPolicy"] == old["externalTrafficPolicy"]
    {
        spec.take_out("externalTrafficPolicy");
    }
    let keeps_ports = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if keeps_ports(spec.text("type")) && keeps_ports(old.text("type")) {
        // Of twins the first counts.
        let twins = old.items("ports").iter().rev().map(|port| ((&port["port"], port.text("protocol")), port));
        let twins: HashMap<_, _> = twins.collect();
        for port in spec.each("ports") {
            let twin = twins.get(&(&port["port"], port.text("protocol")));
            if let Some(number) = twin.and_then(|twin| twin.number("nodePort")) {
                port.fill_zero("nodePort", number);
            }
        }
    }
    settle_families(spec);
}

fn validate(service: &Value, errors: &mut Errors) {
    let spec = &service["spec"];
    let path = FieldPath::new("spec");
    let kind = spec.text("type");
    let headless = spec.text("clusterIP") == "None";
    if spec.items("ports").is_empty() && !headless && kind != "ExternalName" {
        errors.push(FieldError::required(&path.child("ports"), ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid(&path.child("clusterIPs").index(0), "None", why));
        }
        "ExternalName" => {
            if !spec.text("clusterIP").is_empty() {
                let why = "may not be set for ExternalName services";
                errors.push(FieldError::forbidden(&path.child("clusterIPs"), why));
            }
            let host = spec.text("externalName").trim_end_matches('.');
            match host {
                "" => errors.push(FieldError::required(&path.child("externalName"), "")),
                host => checks::refuse(host, &path.child("externalName"), names::subdomain(host), errors),
            }
        }
        _ => {}
    }
    ports(spec, &path.child("ports"), errors);
    errors.extend(labels::validate(&spec["selector"], &path.child("selector")));
    checks::one_of(spec, "sessionAffinity", &path, &["ClientIP", "None"], errors);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    checks::one_of(spec, "type", &path, &kinds, errors);
    addresses(spec, &path, errors);
    policies(spec, &path, errors);
    balancing(spec, &path, errors);
}

fn ports(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let ports = spec.items("ports");
    let (mut named, mut keys, mut node_ports) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        let name = port.text("name");
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(FieldError::required(&path.child("name"), ""));
            }
        } else {
            checks::refuse(name, &path.child("name"), names::label(name), errors);
            if !named.insert(name) {
                errors.push(FieldError::duplicate(&path.child("name"), name));
            }
        }
        let number = port.number("port").unwrap_or_default();
        checks::port_number(number, &path.child("port"), errors);
        checks::one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"], errors);
        if spec.text("type") != "ExternalName" {
            checks::port(&port["targetPort"], &path.child("targetPort"), errors);
        }
        checks::optional_form(port, "appProtocol", &path, names::qualified, errors);
        let protocol = port.text("protocol");
        if !keys.insert((protocol, number)) {
            errors.push(FieldError::duplicate(&path, json!({"port": number, "protocol": protocol})));
        }
        let node_port = port.number("nodePort").unwrap_or_default();
        if node_port == 0 {
            continue;
        }
        let field = path.child("nodePort");
        if spec.text("type") == "ClusterIP" {
            errors.push(FieldError::forbidden(&field, "may not be used when `type` is 'ClusterIP'"));
        } else if !node_ports.insert((protocol, node_port)) {
            errors.push(FieldError::duplicate(&field, node_port));
        } else {
            checks::port_number(node_port, &field, errors);
        }
    }
}

fn addresses(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let list = spec.items("clusterIPs");
    for (index, address) in list.iter().enumerate() {
        let text = address.as_str().unwrap_or_default();
        if text != "None" {
            checks::ip_address(text, &path.child("clusterIPs").index(index), errors);
        }
    }
    let single = spec.text("clusterIP");
    match list.first().and_then(Value::as_str) {
        Some(first) if first != single => {
            let why = "first value must match `clusterIP`";
            errors.push(FieldError::invalid(&path.child("clusterIPs"), spec["clusterIPs"].clone(), why));
        }
        None if !matches!(single, "" | "None") => {
            checks::ip_address(single, &path.child("clusterIPs").index(0), errors);
        }
        _ => {}
    }
    for (index, (address, family)) in list.iter().zip(spec.items("ipFamilies")).enumerate() {
        let (address, family) = (address.as_str().unwrap_or_default(), family.as_str().unwrap_or_default());
        let is = if address.contains(':') { "IPv6" } else { "IPv4" };
        if address != "None" && matches!(family, "IPv4" | "IPv6") && family != is {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.push(FieldError::invalid(&path.child("clusterIPs").index(index), address, why));
        }
    }
    for (index, address) in spec.items("externalIPs").iter().enumerate() {
        checks::ip_address(address.as_str().unwrap_or_default(), &path.child("externalIPs").index(index), errors);
    }
    for (index, range) in spec.items("loadBalancerSourceRanges").iter().enumerate() {
        let field = path.child("loadBalancerSourceRanges").index(index);
        checks::cidr(range.as_str().unwrap_or_default().trim(), &field, errors);
    }
    for (index, family) in spec.items("ipFamilies").iter().enumerate() {
        let field = path.child("ipFamilies").index(index);
        checks::optional_one_of(family.as_str().unwrap_or_default(), &field, &["IPv4", "IPv6"], errors);
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    checks::optional_one_of(spec.text("ipFamilyPolicy"), &path.child("ipFamilyPolicy"), &policies, errors);
}

fn policies(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let outside = path.child("externalTrafficPolicy");
    let policy = spec.text("externalTrafficPolicy");
    if is_reachable_from_outside(spec) {
        checks::one_of(spec, "externalTrafficPolicy", path, &["Cluster", "Local"], errors);
    } else if !policy.is_empty() {
        let why = "may only be set for externally-accessible services";
        errors.push(FieldError::invalid(&outside, policy, why));
    }
    let inside = path.child("internalTrafficPolicy");
    checks::optional_one_of(spec.text("internalTrafficPolicy"), &inside, &["Cluster", "Local"], errors);
}

/// What only load balancers have.
fn balancing(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let is_balanced = spec.text("type") == "LoadBalancer";
    let elsewhere = "may only be used when `type` is 'LoadBalancer'";
    if !is_balanced && spec.has("allocateLoadBalancerNodePorts") {
        errors.push(FieldError::forbidden(&path.child("allocateLoadBalancerNodePorts"), elsewhere));
    }
    if spec.has("loadBalancerClass") {
        let field = path.child("loadBalancerClass");
        if !is_balanced {
            errors.push(FieldError::forbidden(&field, elsewhere));
        } else {
            let class = spec.text("loadBalancerClass");
            checks::refuse(class, &field, names::qualified(class), errors);
        }
    }
    let health = spec.number("healthCheckNodePort").unwrap_or_default();
    if health != 0 && !(is_balanced && spec.text("externalTrafficPolicy") == "Local") {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid(&path.child("healthCheckNodePort"), health, why));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"], &old["spec"]);
    let is_balanced = |spec: &Value| spec.text("type") == "LoadBalancer";
    if is_balanced(new) && is_balanced(old) && !same(&new["loadBalancerClass"], &old["loadBalancerClass"]) {
        let field = FieldPath::new("spec.loadBalancerClass");
        errors.push(FieldError::invalid(&field, new["loadBalancerClass"].clone(), "may not change once set"));
    }
    let has_address = |spec: &Value| matches!(spec.text("type"), "ClusterIP" | "NodePort" | "LoadBalancer");
    let before = old.text("clusterIP");
    if has_address(new) && has_address(old) && !before.is_empty() && new.text("clusterIP") != before {
        let field = FieldPath::new("spec.clusterIPs").index(0);
        let value = match &new["clusterIPs"] {
            Value::Array(list) => Value::Array(list.clone()),
            _ => json!([new.text("clusterIP")]),
        };
        errors.push(FieldError::invalid(&field, value, "may not change once set"));
    }
}

fn cells(service: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &service["spec"];
    let address = match spec.items("clusterIPs").first().and_then(Value::as_str) {
        Some(first) => first,
        None => spec.text("clusterIP"),
    };
    vec![
        table::name(service),
        spec.text("type").into(),
        table::or(address, "<none>").into(),
        outside(service).into(),
        port_list(spec).into(),
        table::age(service, now),
        table::or(&labels::format_map(&spec["selector"]), "<none>").into(),
    ]
}

fn outside(service: &Value) -> String {
    let spec = &service["spec"];
    let given: Vec<&str> = spec.items("externalIPs").iter().filter_map(Value::as_str).collect();
    match spec.text("type") {
        "ClusterIP" | "NodePort" => table::or(&given.join(","), "<none>").to_owned(),
        "ExternalName" => spec.text("externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = service["status"]["loadBalancer"].items("ingress").iter();
            let mut all: BTreeSet<&str> = ingress
                .map(|ingress| table::or(ingress.text("ip"), ingress.text("hostname")))
                .filter(|address| !address.is_empty())
                .collect();
            all.extend(given);
            let all: Vec<&str> = all.into_iter().collect();
            table::or(&all.join(","), "<pending>").to_owned()
        }
        _ => "<unknown>".to_owned(),
    }
}

fn port_list(spec: &Value) -> String {
    let ports: Vec<String> = spec
        .items("ports")
        .iter()
        .map(|port| {
            let (number, protocol) = (port.number("port").unwrap_or_default(), port.text("protocol"));
            match port.number("nodePort").unwrap_or_default() {
                0 => format!("{number}/{protocol}"),
                node => format!("{number}:{node}/{protocol}"),
            }
        })
        .collect();
    table::or(&ports.join(","), "<none>").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    fn web(spec: Value) -> Value {
        let mut service = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec});
        KIND.default(&mut service);
        KIND.prepare_create(&mut service);
        service
    }

    #[test]
    fn a_typical_service_is_filled_in() {
        let service = web(json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}));
        assert_eq!(texts(&KIND.validate_create(&service)), [""; 0]);
        assert_eq!(
            service["spec"],
            json!({
                "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
                "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "selector": {"app": "web"},
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            })
        );
        assert_eq!(service["status"], json!({"loadBalancer": {}}));
    }

    #[test]
    fn wrong_services_are_refused_in_kubernetes_words() {
        let wrong = |spec| texts(&KIND.validate_create(&web(spec)));
        assert_eq!(wrong(json!({})), ["spec.ports: Required value"]);
        assert_eq!(
            wrong(json!({"ports": [{"port": 0}]})),
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"
            ]
        );
        assert_eq!(
            wrong(json!({"ports": [{"port": 80}, {"port": 81, "name": "a"}]})),
            ["spec.ports[0].name: Required value"]
        );
        assert_eq!(wrong(json!({"type": "ExternalName"})), ["spec.externalName: Required value"]);
        assert_eq!(
            wrong(json!({"type": "Magic", "ports": [{"port": 80}]})),
            ["spec.type: Unsupported value: \"Magic\": supported values: \"ClusterIP\", \"ExternalName\", \
                 \"LoadBalancer\", \"NodePort\""]
        );
        assert_eq!(
            wrong(json!({"ports": [{"port": 80, "nodePort": 30000}]})),
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]
        );
    }

    #[test]
    fn a_given_address_and_node_port_stay() {
        let mut old = web(json!({"type": "NodePort", "ports": [{"port": 80}]}));
        old["spec"]["clusterIP"] = json!("10.0.0.7");
        old["spec"]["clusterIPs"] = json!(["10.0.0.7"]);
        old["spec"]["ports"][0]["nodePort"] = json!(30007);
        let mut new = web(json!({"type": "NodePort", "ports": [{"port": 80, "name": "http"}]}));
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!(
            (&new["spec"]["clusterIP"], &new["spec"]["ports"][0]["nodePort"]),
            (&json!("10.0.0.7"), &json!(30007))
        );
        assert!(KIND.validate_update(&new, &old).is_empty());
        new["spec"]["clusterIP"] = json!("10.0.0.8");
        new["spec"]["clusterIPs"] = json!(["10.0.0.8"]);
        assert_eq!(
            texts(&KIND.validate_update(&new, &old)),
            ["spec.clusterIPs[0]: Invalid value: [\"10.0.0.8\"]: may not change once set"]
        );
    }

    #[test]
    fn rows_read_as_kubectl_shows_them() {
        let row = |service: Value| {
            let cells = KIND.row(&service, Timestamp::UNIX_EPOCH);
            cells.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        let mut service = web(json!({"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30000}]}));
        assert_eq!(row(service.clone()), "web LoadBalancer <none> <pending> 80:30000/TCP <unknown> <none>");
        service["status"] = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}});
        assert_eq!(row(service), "web LoadBalancer <none> lb.example 80:30000/TCP <unknown> <none>");
        let service = web(json!({"type": "ExternalName", "externalName": "db.example"}));
        assert_eq!(row(service), "web ExternalName <none> db.example <none> <unknown> <none>");
    }
}
