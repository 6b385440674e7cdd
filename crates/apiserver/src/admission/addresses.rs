//! The addresses and ports that Services of the cluster have.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::object::{at, text_at};

/// The first address of the cluster's own network, 10.96.0.0/12.
const NETWORK: u32 = 0x0a60_0000;
/// How many addresses the network has.
const NETWORK_SIZE: u32 = 1 << 20;
/// Addresses below this are left to those who name one: dynamic ones start above.
const STATIC_BAND: u32 = 256;
/// The ports of nodes that Services can be reached at.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Ports below this are left to those who name one.
const STATIC_PORTS: u16 = 30_086;

/// What Services of the cluster have taken. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<u16>,
    next_address: u32,
    next_port: u16,
}

/// Why an address or a port was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Somebody else has it.
    Allocated,
    /// It is not in the cluster's range.
    OutOfRange,
    /// There are no more.
    Exhausted,
}

/// What was taken for an object that is not stored yet; dropped, it is given back.
#[derive(Debug)]
pub struct Reserved {
    from: Option<Addresses>,
    addresses: Vec<u32>,
    ports: Vec<u16>,
}

impl Addresses {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a stored Service has.
    pub fn load(&self, service: &Value) {
        let mut taken = self.taken();
        taken.addresses.extend(addresses(service));
        taken.ports.extend(ports(service));
    }

    /// Gives back what a changed Service has no longer.
    pub fn release_unused(&self, old: &Value, new: &Value) {
        let (kept_addresses, kept_ports) = (addresses(new), ports(new));
        let gone_addresses: Vec<u32> = addresses(old).into_iter().filter(|one| !kept_addresses.contains(one)).collect();
        let gone_ports: Vec<u16> = ports(old).into_iter().filter(|one| !kept_ports.contains(one)).collect();
        self.give_back(&gone_addresses, &gone_ports);
    }

    /// Gives back what a Service had.
    pub fn release(&self, service: &Value) {
        self.give_back(&addresses(service), &ports(service));
    }

    fn give_back(&self, addresses: &[u32], ports: &[u16]) {
        let mut taken = self.taken();
        for address in addresses {
            taken.addresses.remove(address);
        }
        for port in ports {
            taken.ports.remove(port);
        }
    }

    /// Nothing yet, to be taken from here.
    pub fn reserve(&self) -> Reserved {
        Reserved { from: Some(self.clone()), addresses: Vec::new(), ports: Vec::new() }
    }
}

impl Reserved {
    /// What needs nothing.
    pub fn nothing() -> Self {
        Self { from: None, addresses: Vec::new(), ports: Vec::new() }
    }

    /// The object was stored: what it has is its own now.
    pub fn keep(mut self) {
        self.from = None;
    }

    /// Takes this address or, without one, any.
    pub fn address(&mut self, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, Unavailable> {
        let Some(from) = self.from.clone() else { return Err(Unavailable::Exhausted) };
        let mut taken = from.taken();
        let number = match wanted {
            Some(address) => {
                let number = u32::from(address);
                let offset = number.wrapping_sub(NETWORK);
                // The first and the last address are those of the network itself.
                if offset == 0 || offset >= NETWORK_SIZE - 1 {
                    return Err(Unavailable::OutOfRange);
                }
                if taken.addresses.contains(&number) {
                    return Err(Unavailable::Allocated);
                }
                number
            }
            None => taken.free_address().ok_or(Unavailable::Exhausted)?,
        };
        taken.addresses.insert(number);
        self.addresses.push(number);
        Ok(number.into())
    }

    /// Takes this port or, without one, any.
    pub fn port(&mut self, wanted: Option<u16>) -> Result<u16, Unavailable> {
        let Some(from) = self.from.clone() else { return Err(Unavailable::Exhausted) };
        let mut taken = from.taken();
        let port = match wanted {
            Some(port) if !NODE_PORTS.contains(&port) => return Err(Unavailable::OutOfRange),
            Some(port) if taken.ports.contains(&port) => return Err(Unavailable::Allocated),
            Some(port) => port,
            None => taken.free_port().ok_or(Unavailable::Exhausted)?,
        };
        taken.ports.insert(port);
        self.ports.push(port);
        Ok(port)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(from) = self.from.take() {
            from.give_back(&self.addresses, &self.ports);
        }
    }
}

impl Taken {
    fn free_address(&mut self) -> Option<u32> {
        let dynamic = NETWORK_SIZE - 1 - STATIC_BAND;
        for _ in 0..dynamic {
            let candidate = NETWORK + STATIC_BAND + self.next_address % dynamic;
            self.next_address = (self.next_address + 1) % dynamic;
            if !self.addresses.contains(&candidate) {
                return Some(candidate);
            }
        }
        None
    }

    fn free_port(&mut self) -> Option<u16> {
        let dynamic = NODE_PORTS.end() - STATIC_PORTS + 1;
        for _ in 0..dynamic {
            let candidate = STATIC_PORTS + self.next_port % dynamic;
            self.next_port = (self.next_port + 1) % dynamic;
            if !self.ports.contains(&candidate) {
                return Some(candidate);
            }
        }
        NODE_PORTS.into_iter().find(|port| !self.ports.contains(port))
    }
}

fn addresses(service: &Value) -> Vec<u32> {
    text_at(service, &["spec", "clusterIP"]).parse::<Ipv4Addr>().map(u32::from).into_iter().collect()
}

fn ports(service: &Value) -> Vec<u16> {
    let ports = at(service, &["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
    let node_ports = ports.filter_map(|port| port.get("nodePort"));
    let health = at(service, &["spec", "healthCheckNodePort"]);
    let numbers = node_ports.chain(health).filter_map(Value::as_u64);
    numbers.filter_map(|port| u16::try_from(port).ok()).filter(|port| *port > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_given_back() {
        let addresses = Addresses::default();
        let address = Ipv4Addr::new(10, 96, 0, 10);
        let mut first = addresses.reserve();
        assert_eq!(first.address(Some(address)), Ok(address));
        assert_eq!(addresses.reserve().address(Some(address)), Err(Unavailable::Allocated));
        drop(first);
        let mut second = addresses.reserve();
        assert_eq!(second.address(Some(address)), Ok(address));
        second.keep();
        assert_eq!(addresses.reserve().address(Some(address)), Err(Unavailable::Allocated));
        addresses.release(&serde_json::json!({"spec": {"clusterIP": "10.96.0.10"}}));
        assert_eq!(addresses.reserve().address(Some(address)), Ok(address));
    }

    #[test]
    fn only_the_ranges_of_the_cluster_are_given() {
        let addresses = Addresses::default();
        let mut reserved = addresses.reserve();
        assert_eq!(reserved.address(Some(Ipv4Addr::new(10, 95, 255, 255))), Err(Unavailable::OutOfRange));
        assert_eq!(reserved.address(Some(Ipv4Addr::new(10, 96, 0, 0))), Err(Unavailable::OutOfRange));
        assert_eq!(reserved.address(Some(Ipv4Addr::new(10, 111, 255, 255))), Err(Unavailable::OutOfRange));
        assert_eq!(reserved.port(Some(80)), Err(Unavailable::OutOfRange));
        let mut ports: BTreeSet<u16> = BTreeSet::new();
        for _ in NODE_PORTS {
            assert!(ports.insert(reserved.port(None).unwrap()));
        }
        assert_eq!(reserved.port(None), Err(Unavailable::Exhausted));
    }
}
