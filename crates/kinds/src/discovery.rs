//! The group discovery.k8s.io: EndpointSlices.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::core::endpoints::shorten;
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

const V1: (&str, &str) = ("discovery.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    generations: Generations::With(&["endpoints", "ports", "addressType"]),
    rules: Rules {
        default: |slice| {
            for port in slice.each("ports") {
                port.fill("name", "");
                port.fill_zero("protocol", "TCP");
            }
        },
        validate,
        validate_update: |new, old, errors| {
            let field = FieldPath::new("addressType");
            checks::immutable(&new["addressType"], &old["addressType"], &field, errors);
        },
        columns: &[
            NAME,
            Column::text("AddressType", "What sort of addresses it holds."),
            Column::text("Ports", "The ports."),
            Column::text("Endpoints", "The addresses."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(V1, "EndpointSlice", "endpointslices", "endpointslice", "io.k8s.api.discovery.v1.EndpointSlice")
};

/// How many addresses or ports a cell shows.
const SHOWN: usize = 3;

fn validate(slice: &Value, errors: &mut Errors) {
    let kind = slice.text("addressType");
    checks::one_of(slice, "addressType", &FieldPath::root(), &["FQDN", "IPv4", "IPv6"], errors);
    for (index, endpoint) in slice.items("endpoints").iter().enumerate() {
        let path = FieldPath::new("endpoints").index(index).child("addresses");
        if endpoint.items("addresses").is_empty() {
            errors.push(FieldError::required(&path, "must contain at least 1 address"));
        }
        for (at, address) in endpoint.items("addresses").iter().enumerate() {
            let (text, path) = (address.as_str().unwrap_or_default(), path.index(at));
            match (kind, text.parse::<std::net::IpAddr>()) {
                ("FQDN", _) => checks::refuse(text, &path, names::subdomain(text), errors),
                ("IPv4", Ok(ip)) if !ip.is_ipv4() => {
                    errors.push(FieldError::invalid(&path, text, "must be an IPv4 address"));
                }
                ("IPv6", Ok(ip)) if !ip.is_ipv6() => {
                    errors.push(FieldError::invalid(&path, text, "must be an IPv6 address"));
                }
                (_, Err(_)) => checks::ip_address(text, &path, errors),
                _ => {}
            }
        }
    }
    let mut taken = std::collections::BTreeSet::new();
    for (index, port) in slice.items("ports").iter().enumerate() {
        let path = FieldPath::new("ports").index(index);
        checks::optional_form(port, "name", &path, names::label, errors);
        if !taken.insert(port.text("name")) {
            errors.push(FieldError::duplicate(&path.child("name"), port.text("name")));
        }
        checks::one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"], errors);
    }
}

fn cells(slice: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = slice
        .items("ports")
        .iter()
        .map(|port| match port.number("port") {
            Some(number) => number.to_string(),
            None => table::or(port.text("name"), "*").to_owned(),
        })
        .collect();
    let addresses: Vec<String> = slice
        .items("endpoints")
        .iter()
        .flat_map(|endpoint| endpoint.items("addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        table::name(slice),
        slice.text("addressType").into(),
        shorten(&ports, SHOWN, "<unset>").into(),
        shorten(&addresses, SHOWN, "<unset>").into(),
        table::age(slice, now),
    ]
}
