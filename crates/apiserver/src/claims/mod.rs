//! What a Service has to itself in the cluster: its address and the ports of nodes.
//!
//! Each of them is a key of its own, an IPAddress or the record of a port, that can only be made where there is none.
//! It is stored and removed in one transaction with the Service, so whatever is interrupted, and however many servers
//! there are, no address has two Services, and none is kept by a Service that isn't there.

mod addresses;
mod network;
mod repair;

use std::{collections::BTreeSet, net::Ipv4Addr};

use bytes::Bytes;
use cowherd_patch::managed::{self, Updater};
use cowherd_store::{Change, Expected};
use serde_json::{Value, json};

use crate::{
    object::{self, at, text_at},
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

pub use addresses::{AddressView, Addresses, PortView, is_node_port};
pub use network::{NetworkError, ServiceNetwork};
pub use repair::repair;

/// What the keys of ports begin with; no path of the API leads there.
pub const PORTS: &str = "/claims/nodeports/";

/// The label's value of IPAddresses that were made for Services.
const MANAGED_BY: &str = "ipallocator.k8s.io";

/// The keys that turned out to be somebody else's while a request tried to have them.
pub type Avoid = BTreeSet<String>;

/// The Service that has something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Owner {
    fn of_service(service: &Value) -> Self {
        Self { namespace: object::namespace(service).to_owned(), name: object::name(service).to_owned() }
    }

    /// The Service that an IPAddress belongs to, if it was made for one.
    pub fn of_address(address: &Value) -> Option<Self> {
        let text = |field: &str| text_at(address, &["spec", "parentRef", field]).to_owned();
        let service = text("group").is_empty() && text("resource") == "services";
        service.then(|| Self { namespace: text("namespace"), name: text("name") })
    }

    fn of_port(record: &Value) -> Option<Self> {
        let text = |field: &str| Some(record.get(field)?.as_str()?.to_owned());
        Some(Self { namespace: text("namespace")?, name: text("name")? })
    }

    /// The IPAddress that says that the Service has an address.
    fn address(&self, address: &str) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {
                "name": address,
                "labels": {
                    "ipaddress.kubernetes.io/ip-family": "IPv4",
                    "ipaddress.kubernetes.io/managed-by": MANAGED_BY,
                },
            },
            "spec": {"parentRef": {"resource": "services", "namespace": self.namespace, "name": self.name}},
        })
    }

    fn port(&self) -> Value {
        json!({"namespace": self.namespace, "name": self.name})
    }
}

/// One thing that a Service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// An address of the cluster.
    Address(Ipv4Addr),
    /// A port of every node.
    Port(u16),
}

impl Claim {
    /// What a Service has.
    fn all(service: &Value) -> BTreeSet<Self> {
        let address = text_at(service, &["spec", "clusterIP"]).parse::<Ipv4Addr>().ok().map(Self::Address);
        let ports = at(service, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
        let ports = ports.filter_map(|port| port.get("nodePort")).chain(at(service, &["spec", "healthCheckNodePort"]));
        let ports = ports.filter_map(|port| u16::try_from(port.as_u64()?).ok()).filter(|port| *port > 0);
        address.into_iter().chain(ports.map(Self::Port)).collect()
    }

    /// The key that says who has it.
    pub fn key(self, server: &ApiServer) -> ApiResult<String> {
        Ok(match self {
            Self::Address(address) => ip_addresses(server)?.key("", &address.to_string()),
            Self::Port(port) => format!("{PORTS}{port}"),
        })
    }

    /// What the key says.
    fn record(self, server: &ApiServer, owner: &Owner) -> ApiResult<Bytes> {
        match self {
            Self::Address(address) => {
                let (resource, now) = (ip_addresses(server)?, crate::clock::now());
                let api_version = &resource.api_version;
                let updater = Updater { manager: "kube-apiserver", subresource: None, api_version, now: &now };
                let record = owner.address(&address.to_string());
                let mut record = managed::update(None, record, resource.schema(), &updater);
                object::set(&mut record, "uid", crate::random::uuid()?);
                object::set(&mut record, "creationTimestamp", now.as_str());
                resource.encode(&mut record)
            }
            Self::Port(_) => Ok(owner.port().to_string().into()),
        }
    }

    fn owner(self, record: &[u8]) -> Option<Owner> {
        let record = serde_json::from_slice(record).ok()?;
        match self {
            Self::Address(_) => Owner::of_address(&record),
            Self::Port(_) => Owner::of_port(&record),
        }
    }

    /// Whether nobody has it at the moment.
    pub async fn is_free(self, server: &ApiServer) -> ApiResult<bool> {
        let record = server.store().get(&self.key(server)?).await;
        Ok(record.map_err(ApiError::internal)?.is_none())
    }
}

fn ip_addresses(server: &ApiServer) -> ApiResult<std::sync::Arc<Resource>> {
    server.built_in("networking.k8s.io", "v1", "ipaddresses")
}

/// The port whose record this key is.
fn port_of(key: &str) -> Option<u16> {
    key.strip_prefix(PORTS)?.parse().ok()
}

/// Whether objects of the resource may have something to themselves.
pub fn has_any(resource: &Resource) -> bool {
    resource.is("", "services")
}

/// What changes along with an object, in the same transaction: it gets what it has now, and gives back what it has no
/// longer.
pub async fn along(
    server: &ApiServer,
    resource: &Resource,
    old: Option<&Value>,
    new: Option<&Value>,
) -> ApiResult<Vec<Change>> {
    if !has_any(resource) {
        return Ok(Vec::new());
    }
    let all = |service: Option<&Value>| service.map(Claim::all).unwrap_or_default();
    let (before, after) = (all(old), all(new));
    let Some(owner) = new.or(old).map(Owner::of_service) else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    for claim in after.difference(&before) {
        changes.push(Change::put(claim.key(server)?, claim.record(server, &owner)?, Expected::Absent));
    }
    for claim in before.difference(&after) {
        let key = claim.key(server)?;
        let record = server.store().get(&key).await.map_err(ApiError::internal)?;
        // What somebody else has got meanwhile stays theirs.
        if let Some(record) = record.filter(|record| claim.owner(&record.value).as_ref() == Some(&owner)) {
            changes.push(Change::delete(key, Expected::At(record.modified)));
        }
    }
    Ok(changes)
}
