//! ServiceCIDRs.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::{ALL_METADATA, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    status: true,
    status_keeps: ALL_METADATA,
    // Whoever applies it is said to own it nevertheless.
    status_disowns: Some(&[]),
    rules: Rules {
        validate,
        columns: &[NAME, Column::text("CIDRs", "The ranges of addresses that Services get."), AGE],
        cells: |object, now| {
            let ranges: Vec<&str> = object["spec"].items("cidrs").iter().filter_map(Value::as_str).collect();
            vec![table::name(object), ranges.join(",").into(), table::age(object, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "ServiceCIDR", "servicecidrs", "servicecidr", "io.k8s.api.networking.v1.ServiceCIDR")
};

fn validate(object: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.cidrs");
    let ranges = object["spec"].items("cidrs");
    if ranges.is_empty() {
        errors.push(FieldError::required(&path, "at least one CIDR required"));
    }
    if ranges.len() > 2 {
        let why = "may only hold up to 2 values";
        errors.push(FieldError::invalid(&path, object["spec"]["cidrs"].clone(), why));
    }
    for (index, range) in ranges.iter().enumerate() {
        checks::cidr(range.as_str().unwrap_or_default(), &path.index(index), errors);
    }
}
