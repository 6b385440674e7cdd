//! NetworkPolicies.

use std::net::IpAddr;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::{Value, json};

use crate::apps::workload::selector_cell;
use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["netpol"],
    generations: Generations::SPEC,
    rules: Rules {
        default,
        validate,
        columns: &[NAME, Column::text("Pod-Selector", "The labels of the Pods that it governs."), AGE],
        cells: |policy, now| {
            vec![table::name(policy), selector_cell(&policy["spec"]["podSelector"]), table::age(policy, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "NetworkPolicy",
        "networkpolicies",
        "networkpolicy",
        "io.k8s.api.networking.v1.NetworkPolicy",
    )
};

fn default(policy: &mut Value) {
    let Some(spec) = policy.ensure("spec") else { return };
    spec.ensure("podSelector");
    for direction in ["ingress", "egress"] {
        for rule in spec.each(direction) {
            rule.each("ports").for_each(|port| port.fill_zero("protocol", "TCP"));
        }
    }
    if spec.items("policyTypes").is_empty() {
        let kinds = if spec.items("egress").is_empty() { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
        spec.put("policyTypes", kinds);
    }
}

fn validate(policy: &Value, errors: &mut Errors) {
    let spec = &policy["spec"];
    let path = FieldPath::new("spec");
    errors.extend(labels::validate_selector(&spec["podSelector"], &path.child("podSelector")));
    for (direction, side) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in spec.items(direction).iter().enumerate() {
            let path = path.child(direction).index(index);
            for (at, port) in rule.items("ports").iter().enumerate() {
                self::port(port, &path.child("ports").index(at), errors);
            }
            for (at, peer) in rule.items(side).iter().enumerate() {
                self::peer(peer, &path.child(side).index(at), errors);
            }
        }
    }
    let kinds = spec.items("policyTypes");
    let path = path.child("policyTypes");
    if kinds.len() > 2 {
        let why = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid(&path, spec["policyTypes"].clone(), why));
        return;
    }
    for (index, kind) in kinds.iter().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !matches!(kind, "Ingress" | "Egress") {
            errors.push(checks::not_supported(&path.index(index), kind, &["Ingress", "Egress"]));
        }
    }
}

fn port(port: &Value, path: &FieldPath, errors: &mut Errors) {
    checks::optional_one_of(port.text("protocol"), &path.child("protocol"), &["TCP", "UDP", "SCTP"], errors);
    let field = path.child("endPort");
    let end = port.number("endPort");
    let mut refuse = |end: i64, why: &str| errors.push(FieldError::invalid(&field, end, why));
    match (&port["port"], end) {
        (Value::Null, Some(end)) => refuse(end, "may not be specified when `port` is not specified"),
        (Value::String(_), Some(end)) => refuse(end, "may not be specified when `port` is non-numeric"),
        (Value::Number(start), Some(end)) if start.as_i64().is_some_and(|start| end < start) => {
            refuse(end, "must be greater than or equal to `port`");
        }
        (Value::Number(_), Some(end)) => checks::port_number(end, &field, errors),
        _ => {}
    }
    if port.has("port") {
        checks::port(&port["port"], &path.child("port"), errors);
    }
}

fn peer(peer: &Value, path: &FieldPath, errors: &mut Errors) {
    let mut peers = 0;
    for name in ["podSelector", "namespaceSelector"] {
        if peer[name].is_object() {
            peers += 1;
            errors.extend(labels::validate_selector(&peer[name], &path.child(name)));
        }
    }
    let block = &peer["ipBlock"];
    match (block.is_object(), peers) {
        (false, 0) => errors.push(FieldError::required(path, "must specify a peer")),
        (false, _) => {}
        (true, peers) => {
            ip_block(block, &path.child("ipBlock"), errors);
            if peers > 0 {
                errors.push(FieldError::forbidden(path, "may not specify both ipBlock and another peer"));
            }
        }
    }
}

fn ip_block(block: &Value, path: &FieldPath, errors: &mut Errors) {
    let Some(range) = checks::required(block, "cidr", path, errors) else { return };
    let Some(outer) = checks::cidr(range, &path.child("cidr"), errors) else { return };
    for (index, except) in block.items("except").iter().enumerate() {
        let text = except.as_str().unwrap_or_default();
        let field = path.child("except").index(index);
        if let Some(inner) = checks::cidr(text, &field, errors)
            && !strictly_within(inner, outer)
        {
            errors.push(FieldError::invalid(&field, text, "must be a strict subset of `cidr`"));
        }
    }
}

fn strictly_within((inner, length): (IpAddr, u8), (outer, prefix): (IpAddr, u8)) -> bool {
    let top = |bits: u128, width: u32| bits.checked_shr(width - u32::from(prefix)).unwrap_or_default();
    let same_network = match (inner, outer) {
        (IpAddr::V4(inner), IpAddr::V4(outer)) => top(u32::from(inner).into(), 32) == top(u32::from(outer).into(), 32),
        (IpAddr::V6(inner), IpAddr::V6(outer)) => top(inner.into(), 128) == top(outer.into(), 128),
        _ => false,
    };
    same_network && length > prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    #[test]
    fn a_policy_is_filled_in_and_checked() {
        let mut policy = json!({
            "metadata": {"name": "a", "namespace": "b"},
            "spec": {"egress": [{
                "ports": [{"port": 53}],
                "to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16"]}}, {}]}]},
        });
        KIND.default(&mut policy);
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
        assert_eq!(policy["spec"]["egress"][0]["ports"][0]["protocol"], "TCP");
        assert_eq!(
            texts(&KIND.validate_create(&policy)),
            [
                "spec.egress[0].to[0].ipBlock.except[1]: Invalid value: \"11.0.0.0/16\": must be a strict subset of \
                 `cidr`",
                "spec.egress[0].to[1]: Required value: must specify a peer"
            ]
        );
    }
}
