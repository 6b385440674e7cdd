//! Which addresses are connected to. What counts is the address itself, after its name was looked up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Which addresses are connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// All.
    Any,
    /// All but those of this machine, of its link, and of the metadata servers of clouds, which hand out
    /// credentials to whoever asks from here; of these only the ones in the blocks.
    Others(Vec<Block>),
}

impl Default for Network {
    fn default() -> Self {
        Self::Others(Vec::new())
    }
}

impl Network {
    /// Whether `address` is connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Others(but) => but.iter().any(|block| block.contains(address)) || !is_guarded(address, &own()),
        }
    }

    /// The first of some addresses of one server, where it is connected to under none of them.
    pub(crate) fn forbidden(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        if addresses.iter().any(|address| self.allows(*address)) { None } else { addresses.first().copied() }
    }

    /// Those of `found` that are connected to.
    ///
    /// # Errors
    /// Where none is left, with the first that is not connected to.
    pub fn choose(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        let first = found.first().map(SocketAddr::ip);
        let allowed: Vec<SocketAddr> = found.into_iter().filter(|found| self.allows(found.ip())).collect();
        match first {
            Some(address) if allowed.is_empty() => Err(Forbidden(address)),
            _ => Ok(allowed),
        }
    }
}

/// An address that must not be connected to, with what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}, where manifests must not have cowherd connect to: an address of its own machine, link or cloud; start cowherd with \
     --allow-network {0}, or with --allow-network NAMESPACE={0} for those of one namespace alone, if they may"
)]
pub struct Forbidden(pub IpAddr);

impl Forbidden {
    /// The same of what was asked for, which a redirect or a proxy may have led to another host.
    pub(crate) fn of(self, asked: &dyn fmt::Display, leads_to: Option<&str>) -> String {
        match leads_to {
            None => format!("{asked} is at {self}"),
            Some(host) if bare(host).parse() == Ok(self.0) => {
                format!("{asked} leads, by a redirect or a proxy, to {self}")
            }
            Some(host) => format!("{asked} leads, by a redirect or a proxy, to {host}, which is at {self}"),
        }
    }
}

/// The host of a URL, as it is compared.
pub(crate) fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// Addresses of which a manifest has to be given leave.
const GUARDED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this machine"),
    ("127.0.0.0/8", "this machine"),
    ("::/128", "this machine"),
    ("::1/128", "this machine"),
    ("169.254.0.0/16", "the link; metadata of most clouds"),
    ("fe80::/10", "the link"),
    ("100.100.100.200/32", "metadata of Alibaba Cloud"),
    ("168.63.129.16/32", "metadata of Azure"),
    ("192.0.0.192/32", "metadata of Oracle Cloud"),
    ("fd00:ec2::/32", "metadata of AWS"),
    ("fd20:ce::/32", "metadata of Google Cloud"),
    ("224.0.0.0/4", "many at once"),
    ("255.255.255.255/32", "many at once"),
    ("ff00::/8", "many at once"),
];

/// The addresses of this machine's interfaces at the moment: what listens on all of them is reached by each. An address that leads
/// here from elsewhere, such as that of a router in front, is not known here.
fn own() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().inspect_err(|error| {
        tracing::warn!(%error, "cannot list the addresses of this machine, which are not guarded therefore");
    });
    interfaces.unwrap_or_default().iter().map(|interface| interface.ip().to_canonical()).collect()
}

fn is_guarded(address: IpAddr, own: &[IpAddr]) -> bool {
    let guarded = |address: IpAddr| {
        own.contains(&address.to_canonical())
            || GUARDED.iter().any(|(block, _)| block.parse().is_ok_and(|block: Block| block.contains(address)))
    };
    guarded(address) || embedded(address).into_iter().any(|inner| guarded(inner.into()))
}

/// The addresses of version 4 that one of version 6 may lead to: mapped, compatible, translated (NAT64, in each of the places where
/// a network's own prefix leaves them), by 6to4 or Teredo.
fn embedded(address: IpAddr) -> Vec<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return Vec::new() };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    // The four bytes from the eighth on, but for the one that is always empty, of which so many are before it.
    let around = |before: usize| {
        let bytes = address.octets();
        let mut found = [0; 4];
        found[..before].copy_from_slice(&bytes[8 - before..8]);
        found[before..].copy_from_slice(&bytes[9..13 - before]);
        Ipv4Addr::from(found)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => vec![joined(g, h)],
        (0x64, 0xff9b, 1, ..) => vec![joined(g, h), around(0), around(1), around(2)],
        (0x64, 0xff9b, ..) => vec![joined(g, h)],
        (0x2002, ..) => vec![joined(b, c)],
        (0x2001, 0, ..) => vec![joined(c, d), joined(!g, !h)],
        _ => Vec::new(),
    }
}

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Block {
    address: IpAddr,
    length: u8,
}

/// Why a text is no block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no block of addresses; write 127.0.0.0/8, fd00::/8 or a single address")]
pub struct BlockError(String);

impl Block {
    /// Whether `address` is in the block. One of version 4 is the same when it is written as one of version 6.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.length);
                u32::from(ours).checked_shr(shift).unwrap_or(0) == u32::from(address).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V6(ours), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.length);
                let bits = |address: Ipv6Addr| u128::from(address).checked_shr(shift).unwrap_or(0);
                bits(ours) == bits(address)
            }
            _ => false,
        }
    }
}

impl FromStr for Block {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || BlockError(text.to_owned());
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), str::parse).map_err(|_| wrong())?;
        if length > longest { Err(wrong()) } else { Ok(Self { address, length }) }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_its_link_and_metadata_are_guarded_however_they_are_written() {
        let network = Network::default();
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "::ffff:0:127.0.0.1",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:7f00:0:100::",
            "64:ff9b:1:7f:0:1::",
            "64:ff9b:1::7f:0:100:0",
            "2001:0:7f00:1::",
            "2001:0:808:808::80ff:fffe",
        ] {
            assert!(!network.allows(text.parse().unwrap()), "{text}");
            assert!(Network::Any.allows(text.parse().unwrap()), "{text}");
        }
        for text in
            ["140.82.121.4", "10.0.0.7", "192.168.1.4", "100.64.0.1", "2606:4700::1111", "fd12::1", "64:ff9b::808:808"]
        {
            assert!(network.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_addresses_of_this_machine_are_guarded_however_they_are_written() {
        let own: Vec<IpAddr> = ["192.0.2.2", "2001:db8::7"].iter().map(|text| text.parse().unwrap()).collect();
        for (text, guarded) in [
            ("192.0.2.2", true),
            ("192.0.2.3", false),
            ("::ffff:192.0.2.2", true),
            ("::192.0.2.2", true),
            ("64:ff9b::192.0.2.2", true),
            ("2002:c000:202::", true),
            ("2001:db8::7", true),
            ("2001:db8::8", false),
        ] {
            assert_eq!(is_guarded(text.parse().unwrap(), &own), guarded, "{text}");
        }
        // Those of the machine that the test runs on, whichever they are.
        let interfaces = if_addrs::get_if_addrs().unwrap();
        assert!(!interfaces.is_empty(), "there is a loopback at least");
        for interface in interfaces {
            let address = interface.ip();
            assert!(!Network::default().allows(address), "{address}");
            let given = Network::Others(vec![address.to_string().parse().unwrap()]);
            assert!(given.allows(address), "{address} is given leave for");
            let all = if address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            assert!(Network::Others(vec![all.parse().unwrap()]).allows(address), "{address}");
        }
    }

    #[test]
    fn a_block_gives_leave_for_what_is_in_it() {
        let network = Network::Others(vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        for (text, allowed) in
            [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("::1", true), ("::", false), ("169.254.169.254", false)]
        {
            assert_eq!(network.allows(text.parse().unwrap()), allowed, "{text}");
        }
        let all: Block = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.7".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in ["", "localhost", "127.0.0.1/33", "::1/129", "127.0.0.1/", "127.0.0.1/-1", "1.2.3"] {
            assert!(text.parse::<Block>().is_err(), "{text}");
        }
        assert_eq!("10.0.0.0/8".parse::<Block>().unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn of_several_addresses_only_the_allowed_ones_are_left() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 443);
        let network = Network::default();
        assert_eq!(network.choose(vec![at("127.0.0.1"), at("203.0.113.7")]), Ok(vec![at("203.0.113.7")]));
        assert_eq!(network.choose(vec![at("::1")]), Err(Forbidden("::1".parse().unwrap())));
    }
}
