//! The names and addresses that a server is reached by: what its certificate says.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::claims::ServiceNetwork;

/// What everybody calls the API, whose certificate this is.
const ALWAYS: [&str; 7] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];
/// The most addresses of a machine that a certificate names.
const ADDRESSES: usize = 64;
/// The longest DNS name.
const LONGEST: usize = 253;
/// The longest part of one.
const LONGEST_LABEL: usize = 63;

/// A name or an address in a certificate (RFC 5280, 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlternativeName(String);

impl FromStr for AlternativeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        let name = text.to_ascii_lowercase();
        let label = |label: &str| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // One star may stand for the first part.
        let is_name = name.len() <= LONGEST && name.strip_prefix("*.").unwrap_or(&name).split('.').all(label);
        is_name.then_some(Self(name)).ok_or_else(|| format!("{text:?} is neither an IP address nor a DNS name"))
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a server is reached.
#[derive(Clone, Debug)]
pub struct Names {
    listen: IpAddr,
    network: ServiceNetwork,
    also: Vec<AlternativeName>,
}

impl Names {
    /// The names of a server that listens on this address and has the first one of that network as a Service.
    pub fn new(listen: SocketAddr, network: ServiceNetwork) -> Self {
        Self { listen: listen.ip(), network, also: Vec::new() }
    }

    /// Adds names that only people know, such as that of a load balancer.
    pub fn and(mut self, also: impl IntoIterator<Item = AlternativeName>) -> Self {
        self.also.extend(also);
        self
    }

    /// All of them as they are now, sorted. A server that listens on every address is reached by those of the machine.
    pub(super) fn now(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
        names.insert(self.network.api().to_string());
        names.extend(hostname());
        if self.listen.is_unspecified() {
            names.extend(addresses());
        } else {
            names.insert(self.listen.to_string());
        }
        names.extend(self.also.iter().map(ToString::to_string));
        names.into_iter().collect()
    }
}

/// The name of the machine, if it can stand in a certificate.
fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    name.trim().parse::<AlternativeName>().ok().map(|name| name.0)
}

/// The addresses by which others may reach the machine. Where they cannot be found out, `--tls-san` names them.
fn addresses() -> Vec<String> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    let others = found.iter().filter(|one| !one.is_loopback() && !one.is_link_local());
    let mut addresses: Vec<String> = others.map(|one| one.ip().to_string()).collect();
    addresses.sort();
    addresses.dedup();
    addresses.truncate(ADDRESSES);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_certificate_is_an_address_or_a_name_of_dns() {
        let read = |text: &str| text.parse::<AlternativeName>().map(|name| name.to_string());
        for (text, name) in [
            ("10.0.0.7", "10.0.0.7"),
            ("FD00:0:0::7", "fd00::7"),
            ("K8s.example.com", "k8s.example.com"),
            ("*.example.com", "*.example.com"),
            ("box", "box"),
        ] {
            assert_eq!(read(text).unwrap(), name);
        }
        let long = format!("{}.example.com", "a".repeat(64));
        let longest = |last: usize| format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(last));
        assert_eq!((longest(61).len(), read(&longest(61)).is_ok(), read(&longest(62)).is_err()), (253, true, true));
        for text in [
            "",
            "a b",
            "https://k8s",
            "k8s:6443",
            "-a",
            "a-",
            "x.-a",
            "a-.x",
            "a_b",
            "a..b",
            "*",
            "a.*.b",
            "bücher.example",
            &long,
        ] {
            assert!(read(text).unwrap_err().contains("neither an IP address nor a DNS name"), "{text}");
        }
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_by_every_address_of_the_machine() {
        let names = |listen: &str| Names::new(listen.parse().unwrap(), ServiceNetwork::default()).now();
        let everywhere = names("0.0.0.0:6443");
        let machine = if_addrs::get_if_addrs().unwrap_or_default();
        let is_for_others = |one: &if_addrs::Interface| !one.is_loopback() && !one.is_link_local();
        let mut others: Vec<String> =
            machine.iter().filter(|one| is_for_others(one)).map(|one| one.ip().to_string()).collect();
        others.sort();
        others.dedup();
        assert_eq!(addresses(), others);
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_ascii_lowercase();
        assert_eq!(hostname(), name.parse::<AlternativeName>().ok().map(|name| name.0));
        assert!(addresses().iter().all(|address| everywhere.contains(address)));
        assert!(!everywhere.iter().any(|name| name == "0.0.0.0"));
        let here = names("192.0.2.7:6443");
        assert!(here.iter().any(|name| name == "192.0.2.7"));
        let known = Names::new("127.0.0.1:1".parse().unwrap(), ServiceNetwork::default());
        let known = known.and(["lb.example.com".parse().unwrap()]).now();
        assert!(known.iter().any(|name| name == "lb.example.com"));
    }
}
