//! Services: the address and the ports that the cluster gives them.

use std::net::Ipv4Addr;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::{Map, Value, json};

use super::addresses::{Reserved, Unavailable};
use crate::{
    object::{self, as_map, at, text_at},
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Gives a new Service its address and ports.
pub fn create(server: &ApiServer, resource: &Resource, service: &mut Value) -> ApiResult<Reserved> {
    let mut reserved = server.addresses().reserve();
    allocate(resource, service, &mut reserved, &Value::Null)?;
    Ok(reserved)
}

/// Keeps the address and the ports of a changed Service, and gives it what its new type needs.
pub fn update(server: &ApiServer, resource: &Resource, new: &mut Value, old: &Value) -> ApiResult<Reserved> {
    keep(new, old);
    drop_what_the_type_has_not(new, old);
    let mut reserved = server.addresses().reserve();
    allocate(resource, new, &mut reserved, old)?;
    Ok(reserved)
}

/// What the client left out stays as it was, where the type still has it.
fn keep(new: &mut Value, old: &Value) {
    let external = text_at(new, &["spec", "type"]) == "ExternalName";
    let old_spec = old.get("spec").cloned().unwrap_or_default();
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if external {
        return;
    }
    let unset =
        |spec: &Map<String, Value>| spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default().is_empty();
    if unset(spec) {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = old_spec.get(field) {
                spec.insert(field.to_owned(), value.clone());
            }
        }
    }
    let with_ports = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if !with_ports(spec.get("type").and_then(Value::as_str).unwrap_or_default()) {
        return;
    }
    let old_ports = old_spec.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if node_port(port).is_some() {
            continue;
        }
        let same =
            |known: &&Value| known.get("port") == port.get("port") && known.get("protocol") == port.get("protocol");
        if let Some(known) = old_ports.iter().find(same).and_then(|known| known.get("nodePort")) {
            as_map(port).insert("nodePort".to_owned(), known.clone());
        }
    }
}

/// What only the old type had goes with it, unless the client changed it: then it is a mistake to be told of.
fn drop_what_the_type_has_not(new: &mut Value, old: &Value) {
    let kind = text_at(new, &["spec", "type"]).to_owned();
    let before = text_at(old, &["spec", "type"]).to_owned();
    let with_ports = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    let old_spec = old.get("spec").cloned().unwrap_or_default();
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if with_ports(&before) && !with_ports(&kind) {
        let numbers = |ports: Option<&Value>| -> Vec<u16> {
            let mut numbers: Vec<u16> =
                ports.and_then(Value::as_array).into_iter().flatten().filter_map(node_port).collect();
            numbers.sort_unstable();
            numbers
        };
        if numbers(spec.get("ports")) == numbers(old_spec.get("ports")) {
            for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                as_map(port).remove("nodePort");
            }
        }
        drop_unchanged(spec, &old_spec, &["externalTrafficPolicy", "healthCheckNodePort"]);
    }
    if before == "LoadBalancer" && kind != "LoadBalancer" {
        let fields = ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"];
        drop_unchanged(spec, &old_spec, &fields);
    }
}

fn drop_unchanged(spec: &mut Map<String, Value>, old: &Value, fields: &[&str]) {
    for field in fields {
        if spec.get(*field) == old.get(*field) {
            spec.remove(*field);
        }
    }
}

fn node_port(port: &Value) -> Option<u16> {
    port.get("nodePort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn allocate(resource: &Resource, service: &mut Value, reserved: &mut Reserved, old: &Value) -> ApiResult<()> {
    let name = object::name(service).to_owned();
    let invalid = |error: FieldError| ApiError::invalid(resource.named_kind(), &name, &[error]);
    let kind = text_at(service, &["spec", "type"]).to_owned();
    let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
    if kind == "ExternalName" {
        return Ok(());
    }
    address(spec, reserved, text_at(old, &["spec", "clusterIP"])).map_err(invalid)?;
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        let wanted = spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)) || kind == "NodePort";
        ports(spec, reserved, old, wanted).map_err(invalid)?;
    }
    Ok(())
}

fn address(spec: &mut Map<String, Value>, reserved: &mut Reserved, old: &str) -> Result<(), FieldError> {
    let path = FieldPath::new("spec.clusterIPs").index(0);
    let asked = spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default().to_owned();
    let given = match asked.as_str() {
        "None" => "None".to_owned(),
        same if !same.is_empty() && same == old => return Ok(()),
        asked => {
            let wanted = if asked.is_empty() {
                None
            } else {
                let parsed = asked.parse::<Ipv4Addr>();
                Some(parsed.map_err(|_| {
                    FieldError::invalid(&path, asked, "must be an IPv4 address of the cluster, or None")
                })?)
            };
            let given = reserved.address(wanted).map_err(|why| {
                let range = "the provided network does not match the current range 10.96.0.0/12";
                let why = match why {
                    Unavailable::Allocated => "provided IP is already allocated".to_owned(),
                    Unavailable::OutOfRange => format!("provided IP is not in the valid range: {range}"),
                    Unavailable::Exhausted => "no free IPs are available in the range".to_owned(),
                };
                FieldError::invalid(&path, asked, format!("failed to allocate IP {asked}: {why}"))
            })?;
            given.to_string()
        }
    };
    spec.insert("clusterIPs".to_owned(), json!([given]));
    spec.insert("clusterIP".to_owned(), given.into());
    spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
    spec.entry("ipFamilyPolicy").or_insert_with(|| "SingleStack".into());
    Ok(())
}

fn ports(spec: &mut Map<String, Value>, reserved: &mut Reserved, old: &Value, wanted: bool) -> Result<(), FieldError> {
    let known: Vec<u16> =
        at(old, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten().filter_map(node_port).collect();
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, port) in ports.enumerate() {
        let asked = node_port(port);
        if asked.is_some_and(|asked| known.contains(&asked)) || (asked.is_none() && !wanted) {
            continue;
        }
        let path = FieldPath::new("spec.ports").index(index).child("nodePort");
        let given = reserved.port(asked).map_err(|why| {
            let asked = asked.unwrap_or_default();
            FieldError::invalid(
                &path,
                asked,
                match why {
                    Unavailable::Allocated => "provided port is already allocated",
                    Unavailable::OutOfRange => {
                        "provided port is not in the valid range. The range of valid ports is 30000-32767"
                    }
                    Unavailable::Exhausted => "no free ports are available in the range 30000-32767",
                },
            )
        })?;
        as_map(port).insert("nodePort".to_owned(), given.into());
    }
    Ok(())
}
