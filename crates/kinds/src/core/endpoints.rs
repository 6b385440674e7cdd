//! Endpoints: the addresses behind a Service, in the old form.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ep"],
    rules: Rules {
        default: |endpoints| {
            for subset in endpoints.each("subsets") {
                subset.each("ports").for_each(|port| port.fill_zero("protocol", "TCP"));
            }
        },
        validate,
        columns: &[NAME, Column::text("Endpoints", "The addresses and ports."), AGE],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "Endpoints", "endpoints", "endpoints", "io.k8s.api.core.v1.Endpoints")
};

/// How many addresses a cell shows.
const SHOWN: usize = 3;

fn validate(endpoints: &Value, errors: &mut Errors) {
    for (index, subset) in endpoints.items("subsets").iter().enumerate() {
        let path = FieldPath::new("subsets").index(index);
        if subset.items("addresses").is_empty() && subset.items("notReadyAddresses").is_empty() {
            errors.push(FieldError::required(&path, "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (at, address) in subset.items(list).iter().enumerate() {
                checks::ip_address(address.text("ip"), &path.child(list).index(at).child("ip"), errors);
            }
        }
        let several = subset.items("ports").len() > 1;
        for (at, port) in subset.items("ports").iter().enumerate() {
            let path = path.child("ports").index(at);
            if several {
                checks::required_form(port, "name", &path, crate::names::label, errors);
            }
            checks::port_number(port.number("port").unwrap_or_default(), &path.child("port"), errors);
            checks::one_of(port, "protocol", &path, &["SCTP", "TCP", "UDP"], errors);
        }
    }
}

fn cells(endpoints: &Value, now: Timestamp) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in endpoints.items("subsets") {
        let addresses = || subset.items("addresses").iter().map(|address| address.text("ip"));
        if subset.items("ports").is_empty() {
            all.extend(addresses().map(str::to_owned));
        }
        for port in subset.items("ports") {
            let number = port.number("port").unwrap_or_default();
            all.extend(addresses().map(|ip| match ip.contains(':') {
                true => format!("[{ip}]:{number}"),
                false => format!("{ip}:{number}"),
            }));
        }
    }
    vec![table::name(endpoints), shorten(&all, SHOWN, "<none>").into(), table::age(endpoints, now)]
}

/// The first few of a list, and how many there are besides.
pub(crate) fn shorten(all: &[String], shown: usize, nothing: &str) -> String {
    if all.is_empty() {
        return nothing.to_owned();
    }
    let first = all.iter().take(shown).cloned().collect::<Vec<_>>().join(",");
    match all.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} + {more} more..."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_addresses_are_shown_port_by_port() {
        let endpoints = json!({
            "metadata": {"name": "web"},
            "subsets": [{"addresses": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "ports": [{"port": 80}, {"port": 81}]}],
        });
        let row = KIND.row(&endpoints, Timestamp::UNIX_EPOCH);
        assert_eq!(row[1], "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...");
    }
}
