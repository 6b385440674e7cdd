//! The network that addresses of Services are of.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// A network of IPv4, as in `10.96.0.0/12`, from which Services have their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNetwork {
    first: u32,
    /// How many addresses it has, as a power of two.
    bits: u32,
}

/// Why a text names no network for Services.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is no network.
    #[error("{0:?} is no network of IPv4 such as 10.96.0.0/12")]
    Invalid(String),
    /// It is too small for the addresses that every cluster has, or larger than Kubernetes allows.
    #[error("{0} has not between 2^3 and 2^20 addresses: choose a prefix from /12 to /29")]
    Size(String),
}

impl Default for ServiceNetwork {
    /// That of kubeadm: 10.96.0.0/12.
    fn default() -> Self {
        Self { first: 0x0a60_0000, bits: 20 }
    }
}

impl ServiceNetwork {
    /// Whether Services may have the address: the first and the last are those of the network itself.
    pub fn has(self, address: Ipv4Addr) -> bool {
        let offset = u32::from(address).wrapping_sub(self.first);
        offset != 0 && offset < self.size() - 1
    }

    /// The address of the API's own Service.
    pub fn api(self) -> Ipv4Addr {
        (self.first + 1).into()
    }

    /// The first address that is given to who names none, and how many of these there are.
    pub(super) fn dynamic(self) -> (u32, u32) {
        let band = self.band();
        (self.first + band, self.size() - 1 - band)
    }

    fn size(self) -> u32 {
        1 << self.bits
    }

    /// How many addresses are left to those who name one, as Kubernetes counts them: a sixteenth, 16 at least and 256 at most;
    /// in a small network none but the API's own.
    fn band(self) -> u32 {
        let band = (self.size() / 16).clamp(16, 256);
        if self.size() <= band * 2 { 2 } else { band }
    }
}

impl fmt::Display for ServiceNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), 32 - self.bits)
    }
}

impl FromStr for ServiceNetwork {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let invalid = || NetworkError::Invalid(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: Ipv4Addr = address.parse().map_err(|_| invalid())?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32).ok_or_else(invalid)?;
        if !(12..=29).contains(&prefix) {
            return Err(NetworkError::Size(text.to_owned()));
        }
        let bits = 32 - prefix;
        Ok(Self { first: u32::from(address) >> bits << bits, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_their_edges_are_nobodys() {
        let network: ServiceNetwork = "10.96.0.0/12".parse().unwrap();
        assert_eq!(network, ServiceNetwork::default());
        let small: ServiceNetwork = "172.16.1.77/24".parse().unwrap();
        assert_eq!((small.to_string().as_str(), small.api()), ("172.16.1.0/24", Ipv4Addr::new(172, 16, 1, 1)));
        for (last, ours) in [(0, false), (1, true), (254, true), (255, false)] {
            assert_eq!(small.has(Ipv4Addr::new(172, 16, 1, last)), ours, "{last}");
        }
        assert!(!small.has(Ipv4Addr::new(172, 16, 2, 1)));
        assert_eq!(small.dynamic(), (Ipv4Addr::new(172, 16, 1, 16).into(), 239));
        let tiny: ServiceNetwork = "10.0.0.0/29".parse().unwrap();
        assert_eq!(tiny.dynamic(), (Ipv4Addr::new(10, 0, 0, 2).into(), 5));
        for wrong in ["10.0.0.0", "10.0.0/12", "x/12", "10.0.0.0/x", "10.0.0.0/33", "10.0.0.0/-1"] {
            assert_eq!(wrong.parse::<ServiceNetwork>(), Err(NetworkError::Invalid(wrong.to_owned())));
        }
        assert!(matches!("10.0.0.0/8".parse::<ServiceNetwork>(), Err(NetworkError::Size(_))));
        assert!(matches!("10.0.0.0/30".parse::<ServiceNetwork>(), Err(NetworkError::Size(_))));
    }
}
