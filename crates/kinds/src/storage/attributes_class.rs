//! VolumeAttributesClasses.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Read, same};
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["vac"],
    rules: Rules {
        validate: |class, errors| {
            checks::required(class, "driverName", &FieldPath::root(), errors);
        },
        validate_update,
        columns: &[NAME, Column::text("DriverName", "The driver that knows the attributes."), AGE],
        cells: |class, now| vec![table::name(class), class.text("driverName").into(), table::age(class, now)],
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "VolumeAttributesClass",
        "volumeattributesclasses",
        "volumeattributesclass",
        "io.k8s.api.storage.v1.VolumeAttributesClass",
    )
};

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    for field in ["driverName", "parameters"] {
        if !same(&new[field], &old[field]) {
            let why = format!("updates to {field} are forbidden.");
            errors.push(FieldError::forbidden(&FieldPath::new(field), why));
        }
    }
}
