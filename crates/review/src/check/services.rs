//! Ports of nodes and addresses that Services cannot have.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use cowherd_apply::{Manifest, ObjectId};

use crate::cluster::Unit;

use super::Checked;
use super::finding::{Finding, Rule, Severity};

/// The ports of nodes that Services can have, unless a cluster was told others.
const NODE_PORTS: RangeInclusive<u64> = 30_000..=32_767;
/// The addresses of Services of the control plane of cowherd, and as text. Other clusters have others.
const ADDRESSES: RangeInclusive<Ipv4Addr> = Ipv4Addr::new(10, 96, 0, 0)..=Ipv4Addr::new(10, 111, 255, 255);
const RANGE: &str = "10.96.0.0/12";

/// What a Service of a cluster has to itself: the cluster, if another one, and the port or the address.
type Own = (Option<String>, String);

/// Lists ports and addresses out of their ranges, and those that another Service of the cluster names, too.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut taken: BTreeMap<Own, &ObjectId> = BTreeMap::new();
    for unit in cluster.units.values() {
        let services = unit.objects().iter().filter(|one| one.id().kind == "Service" && one.id().group.is_empty());
        for service in services {
            for Wanted { field, own, out_of_range } in wanted(service) {
                let first = taken.entry((unit.target(), own.clone())).or_insert(service.id());
                if let Some((severity, range)) = out_of_range {
                    tell(checked, (unit, service), &field, severity, Rule::Schema, &format!("{own} is not in {range}"));
                } else if *first != service.id() {
                    let text = format!("{own} is that of {first} already");
                    tell(checked, (unit, service), &field, Severity::Error, Rule::Duplicate, &text);
                }
            }
        }
    }
}

/// A port of nodes or an address that a Service names.
struct Wanted {
    field: String,
    own: String,
    /// The range of those that there are, where it is none of them, and how bad that is.
    out_of_range: Option<(Severity, String)>,
}

/// The ports of nodes and the addresses that a Service names.
fn wanted(service: &Manifest) -> Vec<Wanted> {
    let spec = &service.object()["spec"];
    let mut all = Vec::new();
    for (index, port) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        if let Some(port) = port["nodePort"].as_u64().filter(|port| *port > 0) {
            let range = || format!("the range of ports of nodes, {}-{}", NODE_PORTS.start(), NODE_PORTS.end());
            let out_of_range = (!NODE_PORTS.contains(&port)).then(|| (Severity::Error, range()));
            all.push(Wanted { field: format!("spec.ports[{index}].nodePort"), own: port.to_string(), out_of_range });
        }
    }
    let address = spec["clusterIP"].as_str().and_then(|text| text.parse::<Ipv4Addr>().ok());
    if let Some(address) = address {
        let range = || format!("{RANGE}, the addresses of Services of the control plane of cowherd");
        let out_of_range = (!ADDRESSES.contains(&address)).then(|| (Severity::Warning, range()));
        all.push(Wanted { field: "spec.clusterIP".to_owned(), own: address.to_string(), out_of_range });
    }
    all
}

fn tell(
    checked: &mut Checked<'_>,
    (unit, service): (&Unit, &Manifest),
    field: &str,
    severity: Severity,
    rule: Rule,
    text: &str,
) {
    let place = checked.places.field(unit, service, field);
    let finding = Finding::error(place, rule, format!("{field}: {text}")).of(service.id());
    checked.findings.push(Finding { severity, ..finding });
}
