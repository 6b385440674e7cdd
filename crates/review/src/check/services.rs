//! Ports of nodes that Services cannot have.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Checked;
use super::finding::{Finding, Rule};

/// The ports of nodes that Services can have, unless a cluster was told others.
const NODE_PORTS: RangeInclusive<u64> = 30_000..=32_767;

/// Lists ports out of the range, and those that another Service of the cluster names, too.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut taken = BTreeMap::new();
    for unit in cluster.units.values() {
        let services = unit.objects().iter().filter(|one| one.id().kind == "Service" && one.id().group.is_empty());
        for service in services {
            let ports = service.object()["spec"]["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, port) in ports.iter().enumerate() {
                let Some(port) = port["nodePort"].as_u64().filter(|port| *port > 0) else { continue };
                let field = format!("spec.ports[{index}].nodePort");
                let first = taken.entry((unit.target(), port)).or_insert(service.id());
                let (rule, text) = if !NODE_PORTS.contains(&port) {
                    let (from, to) = (NODE_PORTS.start(), NODE_PORTS.end());
                    (Rule::Schema, format!("{field}: {port} is not in the range of ports of nodes, {from}-{to}"))
                } else if *first != service.id() {
                    (Rule::Duplicate, format!("{field}: {port} is the port of {first} already"))
                } else {
                    continue;
                };
                let place = checked.places.field(unit, service, &field);
                checked.findings.push(Finding::error(place, rule, text).of(service.id()));
            }
        }
    }
}
