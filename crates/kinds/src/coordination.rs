//! The group coordination.k8s.io: Leases.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

const V1: (&str, &str) = ("coordination.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    rules: Rules {
        validate,
        columns: &[NAME, Column::text("Holder", "Who holds the lease."), AGE],
        cells: |lease, now| {
            vec![table::name(lease), lease["spec"].text("holderIdentity").into(), table::age(lease, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(V1, "Lease", "leases", "lease", "io.k8s.api.coordination.v1.Lease")
};

fn validate(lease: &Value, errors: &mut Errors) {
    let spec = &lease["spec"];
    let path = FieldPath::new("spec");
    if let Some(seconds) = spec.number("leaseDurationSeconds")
        && seconds <= 0
    {
        let field = path.child("leaseDurationSeconds");
        errors.push(FieldError::invalid(&field, seconds, "must be greater than 0"));
    }
    checks::not_negative(spec, &["leaseTransitions"], &path, errors);
}
