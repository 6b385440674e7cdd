//! The addresses and ports that Services of the cluster have, as far as the log has told: where to look for free ones.
//!
//! What is said here is a hint. Whether an address is free is settled in the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use cowherd_store::Revision;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Owner, ServiceNetwork, port_of};
use crate::following::View;

/// The ports of nodes that Services can be reached at.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Ports below this are left to those who name one.
const STATIC_PORTS: u16 = 30_086;

/// Whether Services may have the port.
pub fn is_node_port(port: u16) -> bool {
    NODE_PORTS.contains(&port)
}

/// What Services of the cluster have taken. Clones are the same.
#[derive(Clone, Debug)]
pub struct Addresses {
    network: ServiceNetwork,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug)]
struct Taken {
    addresses: BTreeMap<u32, Option<Owner>>,
    ports: BTreeSet<u16>,
    next_address: u32,
    next_port: u16,
}

impl Addresses {
    /// Nothing is known to be taken. Servers that look for free ones from different places seldom meet.
    pub fn starting_at(network: ServiceNetwork, address: u32, port: u16) -> Self {
        let (addresses, ports) = (BTreeMap::new(), BTreeSet::new());
        let taken = Taken { addresses, ports, next_address: address, next_port: port };
        Self { network, taken: Arc::new(Mutex::new(taken)) }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address that nobody seems to have, and that is not among those to avoid.
    pub fn free_address(&self, avoid: impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        let mut taken = self.taken();
        let (first, dynamic) = self.network.dynamic();
        for _ in 0..dynamic {
            let candidate = first + taken.next_address % dynamic;
            taken.next_address = (taken.next_address % dynamic + 1) % dynamic;
            if !taken.addresses.contains_key(&candidate) && !avoid(candidate.into()) {
                return Some(candidate.into());
            }
        }
        None
    }

    /// A port that nobody seems to have, and that is not among those to avoid.
    pub fn free_port(&self, avoid: impl Fn(u16) -> bool) -> Option<u16> {
        let mut taken = self.taken();
        let dynamic = NODE_PORTS.end() - STATIC_PORTS + 1;
        for _ in 0..dynamic {
            let candidate = STATIC_PORTS + taken.next_port % dynamic;
            taken.next_port = (taken.next_port % dynamic + 1) % dynamic;
            if !taken.ports.contains(&candidate) && !avoid(candidate) {
                return Some(candidate);
            }
        }
        NODE_PORTS.into_iter().find(|port| !taken.ports.contains(port) && !avoid(*port))
    }
}

/// Keeps addresses at what the log says of IPAddresses.
pub struct AddressView {
    pub addresses: Addresses,
    /// What the keys of IPAddresses begin with.
    pub prefix: String,
    /// Who had an address that is gone: the Service may still be there.
    pub bereft: mpsc::UnboundedSender<Owner>,
}

impl View for AddressView {
    fn prefix(&self) -> String {
        self.prefix.clone()
    }

    fn seen(&mut self, key: &str, value: Option<Bytes>, _: Revision) -> Result<(), String> {
        // Services have addresses of this kind alone.
        let Some(address) = key.strip_prefix(&self.prefix).and_then(|name| name.parse::<Ipv4Addr>().ok()) else {
            return Ok(());
        };
        let mut taken = self.addresses.taken();
        match value {
            Some(value) => {
                let record = serde_json::from_slice::<Value>(&value);
                // Whosever it is, it is taken.
                taken.addresses.insert(address.into(), record.as_ref().ok().and_then(Owner::of_address));
                record.map_err(|error| format!("an address was stored that cannot be read: {error}"))?;
            }
            None => {
                if let Some(Some(owner)) = taken.addresses.remove(&address.into()) {
                    // Nobody listens once the server closes.
                    let _ = self.bereft.send(owner);
                }
            }
        }
        Ok(())
    }
}

/// Keeps ports at what the log says of them.
pub struct PortView(pub Addresses);

impl View for PortView {
    fn prefix(&self) -> String {
        super::PORTS.to_owned()
    }

    fn seen(&mut self, key: &str, value: Option<Bytes>, _: Revision) -> Result<(), String> {
        let port = port_of(key).ok_or("a port was stored whose key is none")?;
        let mut taken = self.0.taken();
        match value {
            Some(_) => taken.ports.insert(port),
            None => taken.ports.remove(&port),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ranges_of_the_cluster_are_given() {
        let network = ServiceNetwork::default();
        for (address, ours) in [
            (Ipv4Addr::new(10, 95, 255, 255), false),
            (Ipv4Addr::new(10, 96, 0, 0), false),
            (Ipv4Addr::new(10, 96, 0, 1), true),
            (Ipv4Addr::new(10, 111, 255, 254), true),
            (Ipv4Addr::new(10, 111, 255, 255), false),
        ] {
            assert_eq!(network.has(address), ours, "{address}");
        }
        assert!(!is_node_port(80) && is_node_port(30_000) && is_node_port(32_767) && !is_node_port(32_768));
        let addresses = Addresses::starting_at(network, u32::MAX, u16::MAX);
        let mut ports: BTreeSet<u16> = BTreeSet::new();
        for _ in NODE_PORTS {
            let port = addresses.free_port(|port| ports.contains(&port)).unwrap();
            assert!(is_node_port(port) && ports.insert(port));
        }
        assert_eq!(addresses.free_port(|port| ports.contains(&port)), None);
        let mut given: BTreeSet<Ipv4Addr> = BTreeSet::new();
        for _ in 0..1000 {
            let address = addresses.free_address(|_| false).unwrap();
            assert!(network.has(address) && given.insert(address));
        }
        assert_eq!(addresses.free_address(|_| true), None);
    }

    #[test]
    fn what_is_known_to_be_taken_is_not_tried() {
        let addresses = Addresses::starting_at(ServiceNetwork::default(), 0, 0);
        let (bereft, mut bereaved) = mpsc::unbounded_channel();
        let mut view = AddressView { addresses: addresses.clone(), prefix: "ip/".into(), bereft };
        let owner = Owner { namespace: "default".into(), name: "web".into() };
        let record = Bytes::from(owner.address("10.96.1.0").to_string());
        view.seen("ip/10.96.1.0", Some(record), Revision(2)).unwrap();
        assert_eq!(addresses.free_address(|_| false), Some(Ipv4Addr::new(10, 96, 1, 1)));
        let mut ports = PortView(addresses.clone());
        ports.seen(&format!("{}30086", super::super::PORTS), Some(Bytes::new()), Revision(3)).unwrap();
        assert_eq!(addresses.free_port(|_| false), Some(30_087));
        view.seen("ip/10.96.1.0", None, Revision(4)).unwrap();
        assert_eq!(bereaved.try_recv(), Ok(owner));
    }
}
