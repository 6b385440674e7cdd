//! LimitRanges: bounds and defaults for the resources of a namespace.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::quantity::{self, Quantity};
use crate::strategy::Rules;
use crate::table::{self, NAME_AND_CREATION};

pub(crate) const KIND: Kind = Kind {
    short_names: &["limits"],
    rules: Rules {
        default,
        validate,
        columns: NAME_AND_CREATION,
        cells: |range, _| vec![table::name(range), table::created_at(range)],
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "LimitRange", "limitranges", "limitrange", "io.k8s.api.core.v1.LimitRange")
};

const LISTS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

fn default(range: &mut Value) {
    for item in range.inner("spec").into_iter().flat_map(|spec| spec.each("limits")) {
        LISTS.into_iter().for_each(|list| quantity::canonicalize_map(item.inner(list)));
        if item.text("type") != "Container" {
            continue;
        }
        // The bounds of containers are what they get unless it says otherwise.
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let amounts = item[from].clone();
            for (name, amount) in amounts.as_object().into_iter().flatten() {
                if let Some(list) = item.ensure(to) {
                    list.fill(name, amount.clone());
                }
            }
        }
    }
}

fn validate(range: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.limits");
    let mut taken = std::collections::BTreeSet::new();
    for (index, item) in range["spec"].items("limits").iter().enumerate() {
        let path = path.index(index);
        if let Some(kind) = checks::required(item, "type", &path, errors)
            && !taken.insert(kind)
        {
            errors.push(FieldError::duplicate(&path.child("type"), kind));
        }
        for list in LISTS {
            for (name, amount) in item.entries(list) {
                checks::quantity(amount, &path.child(list).key(name), errors);
            }
        }
        for (name, least) in item.entries("min") {
            let (least, most) = (Quantity::read(least), Quantity::read(&item["max"][name]));
            if let (Some(least), Some(most)) = (least, most)
                && least > most
            {
                let why = format!("min value {least} is greater than max value {most}");
                errors.push(FieldError::invalid(&path.child("min").key(name), least.to_string(), why));
            }
        }
    }
}
