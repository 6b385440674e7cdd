//! Services: the address and the ports that the cluster gives them.

use std::{collections::BTreeSet, net::Ipv4Addr};

use cowherd_schema::{FieldError, FieldPath};
use serde_json::{Map, Value, json};

use crate::{
    claims::{Avoid, Claim, is_node_port},
    object::{self, as_map, at, text_at},
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Gives a new Service its address and ports.
pub async fn create(server: &ApiServer, resource: &Resource, service: &mut Value, avoid: &Avoid) -> ApiResult<()> {
    Allocation { server, resource, old: &Value::Null, avoid, ports: BTreeSet::new() }.of(service).await
}

/// Gives a changed Service, which has kept its address and its ports by now, what its new type needs.
pub async fn update(
    server: &ApiServer,
    resource: &Resource,
    new: &mut Value,
    old: &Value,
    avoid: &Avoid,
) -> ApiResult<()> {
    drop_what_the_type_has_not(new, old);
    Allocation { server, resource, old, avoid, ports: BTreeSet::new() }.of(new).await
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

/// Looks for what a Service lacks. It is the Service's own once both are stored.
struct Allocation<'a> {
    server: &'a ApiServer,
    resource: &'a Resource,
    /// The Service as it was.
    old: &'a Value,
    /// What others have turned out to have.
    avoid: &'a Avoid,
    /// The ports that were found so far.
    ports: BTreeSet<u16>,
}

impl Allocation<'_> {
    async fn of(mut self, service: &mut Value) -> ApiResult<()> {
        let name = object::name(service).to_owned();
        let kind = text_at(service, &["spec", "type"]).to_owned();
        let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
        if kind == "ExternalName" {
            return Ok(());
        }
        let mut found = self.address(spec).await?;
        if found.is_ok() && matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            let wanted = spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)) || kind == "NodePort";
            found = self.ports(spec, wanted).await?;
        }
        found.map_err(|error| ApiError::invalid(self.resource.named_kind(), &name, &[error]))
    }

    /// Whether a Service may still get what its client named.
    async fn is_free(&self, claim: Claim) -> ApiResult<bool> {
        Ok(!self.avoid.contains(&claim.key(self.server)?) && claim.is_free(self.server).await?)
    }

    fn avoids(&self, claim: Claim) -> bool {
        claim.key(self.server).is_ok_and(|key| self.avoid.contains(&key))
    }

    async fn address(&self, spec: &mut Map<String, Value>) -> ApiResult<Result<(), FieldError>> {
        let path = FieldPath::new("spec.clusterIPs").index(0);
        let asked = spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default().to_owned();
        let refuse = |why: &str| {
            Ok(Err(FieldError::invalid(&path, asked.as_str(), format!("failed to allocate IP {asked}: {why}"))))
        };
        let given = match asked.as_str() {
            "None" => "None".to_owned(),
            same if !same.is_empty() && same == text_at(self.old, &["spec", "clusterIP"]) => return Ok(Ok(())),
            "" => match self.server.addresses().free_address(|address| self.avoids(Claim::Address(address))) {
                Some(free) => free.to_string(),
                None => return refuse("no free IPs are available in the range"),
            },
            named => {
                let Ok(named) = named.parse::<Ipv4Addr>() else {
                    let why = "must be an IPv4 address of the cluster, or None";
                    return Ok(Err(FieldError::invalid(&path, asked, why)));
                };
                let network = self.server.config().service_network;
                if !network.has(named) {
                    let range = format!("the provided network does not match the current range {network}");
                    return refuse(&format!("provided IP is not in the valid range: {range}"));
                }
                if !self.is_free(Claim::Address(named)).await? {
                    return refuse("provided IP is already allocated");
                }
                named.to_string()
            }
        };
        spec.insert("clusterIPs".to_owned(), json!([given]));
        spec.insert("clusterIP".to_owned(), given.into());
        Ok(Ok(()))
    }

    async fn ports(&mut self, spec: &mut Map<String, Value>, wanted: bool) -> ApiResult<Result<(), FieldError>> {
        let old = at(self.old, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
        let known: Vec<u16> = old.filter_map(node_port).collect();
        // What a client named is nobody else's, wherever in the list it stands.
        let named = spec.get("ports").and_then(Value::as_array).into_iter().flatten().filter_map(node_port);
        self.ports.extend(named);
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten();
        for (index, port) in ports.enumerate() {
            let path = FieldPath::new("spec.ports").index(index).child("nodePort");
            let refuse = |asked: u16, why: &str| Ok(Err(FieldError::invalid(&path, asked, why)));
            let given = match node_port(port) {
                None if !wanted => continue,
                Some(asked) if known.contains(&asked) => continue,
                Some(asked) if !is_node_port(asked) => {
                    let why = "provided port is not in the valid range. The range of valid ports is 30000-32767";
                    return refuse(asked, why);
                }
                Some(asked) if !self.is_free(Claim::Port(asked)).await? => {
                    return refuse(asked, "provided port is already allocated");
                }
                Some(asked) => asked,
                None => {
                    let taken = |port| self.ports.contains(&port) || self.avoids(Claim::Port(port));
                    match self.server.addresses().free_port(taken) {
                        Some(free) => free,
                        None => return refuse(0, "no free ports are available in the range 30000-32767"),
                    }
                }
            };
            self.ports.insert(given);
            as_map(port).insert("nodePort".to_owned(), given.into());
        }
        Ok(Ok(()))
    }
}
