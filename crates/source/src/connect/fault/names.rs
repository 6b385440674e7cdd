//! The names of a certificate, as people are told them.

use std::cmp::Reverse;
use std::net::IpAddr;

use cowherd_text::{harmless, listed_of};
use rustls::pki_types::ServerName;

/// How many names are told.
const NAMED: usize = 8;
/// How long each may be, in characters; no host has a longer one.
const LONGEST: usize = 253;

/// The names that a certificate has, for whoever asked for another one: those of its sort first, names of DNS for a host name,
/// and of these those first that end as it does.
pub(super) fn told(presented: &[String], expected: &ServerName<'_>) -> String {
    let wanted = expected.to_str();
    let is_address = matches!(expected, ServerName::IpAddress(_));
    let mut names: Vec<Name> = presented.iter().map(|presented| Name::read(presented)).collect();
    names.sort_by_key(|name| (name.is_address != is_address, Reverse(name.labels_shared_with(&wanted))));
    match names.len() {
        0 => "no name".to_owned(),
        count => listed_of(names.into_iter().map(|name| name.text), count, NAMED),
    }
}

/// A name of a certificate.
struct Name {
    text: String,
    is_address: bool,
}

impl Name {
    /// Reads what the library writes: `DnsName("example.com")`, `IpAddress(192.0.2.1)`. The server chose what is within: it may
    /// be anything.
    fn read(presented: &str) -> Self {
        let within = |sort: &str| presented.strip_prefix(sort)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(address) = within("IpAddress") {
            // It writes zeros that nobody else does.
            let plain = address.parse::<IpAddr>().map_or_else(|_| shown(address), |address| address.to_string());
            return Self { text: plain, is_address: true };
        }
        let bare = presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
        Self { text: shown(bare.unwrap_or(presented)), is_address: false }
    }

    /// How many of the last labels are those of another name.
    fn labels_shared_with(&self, other: &str) -> usize {
        if self.is_address {
            return 0;
        }
        let labels = self.text.rsplit('.').zip(other.rsplit('.'));
        labels.take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count()
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    harmless(&short.replace(['\n', '\t'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_for(expected: &str, presented: &[&str]) -> String {
        let presented: Vec<String> = presented.iter().map(|name| (*name).to_owned()).collect();
        told(&presented, &ServerName::try_from(expected).unwrap())
    }

    #[test]
    fn names_are_told_plainly_and_those_that_may_be_meant_first() {
        let presented = [
            "IpAddress(10.96.0.1)",
            "IpAddress(0::1)",
            "DnsName(\"kubernetes.default.svc\")",
            "DnsName(\"localhost\")",
            "DnsName(\"k8s.example.test\")",
        ];
        assert_eq!(
            told_for("other.example.test", &presented),
            "k8s.example.test, kubernetes.default.svc, localhost, 10.96.0.1, ::1"
        );
        assert_eq!(
            told_for("192.0.2.7", &presented),
            "10.96.0.1, ::1, kubernetes.default.svc, localhost, k8s.example.test"
        );
    }

    #[test]
    fn a_certificate_without_names_and_one_with_many_can_be_read() {
        assert_eq!(told_for("localhost", &[]), "no name");
        let many: Vec<String> = (0..20).map(|number| format!("DnsName(\"{number}.example.com\")")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(told_for("localhost", &many).ends_with("7.example.com, and 12 more"));
        assert!(told_for("localhost", &["DnsName(\"a\u{1b}[2J\nb\")"]).chars().all(|c| !c.is_control()));
    }
}
