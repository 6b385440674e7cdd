//! Which nodes and neighbours a Pod may ask for.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;
use crate::{labels, names};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn validate(affinity: &Value, path: &FieldPath, errors: &mut Errors) {
    if affinity["nodeAffinity"].is_object() {
        nodes(&affinity["nodeAffinity"], &path.child("nodeAffinity"), errors);
    }
    for name in ["podAffinity", "podAntiAffinity"] {
        let terms = &affinity[name];
        let path = path.child(name);
        for (index, term) in terms.items(REQUIRED).iter().enumerate() {
            neighbours(term, &path.child(REQUIRED).index(index), errors);
        }
        for (index, weighted) in terms.items(PREFERRED).iter().enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(weighted, &path, errors);
            neighbours(&weighted["podAffinityTerm"], &path.child("podAffinityTerm"), errors);
        }
    }
}

fn nodes(affinity: &Value, path: &FieldPath, errors: &mut Errors) {
    if affinity.has(REQUIRED) {
        node_selector(&affinity[REQUIRED], &path.child(REQUIRED), errors);
    }
    for (index, preferred) in affinity.items(PREFERRED).iter().enumerate() {
        let path = path.child(PREFERRED).index(index);
        weight(preferred, &path, errors);
        node_term(&preferred["preference"], &path.child("preference"), errors);
    }
}

/// A `NodeSelector`, as Pods and PersistentVolumes hold it.
pub(crate) fn node_selector(selector: &Value, path: &FieldPath, errors: &mut Errors) {
    let terms = selector.items("nodeSelectorTerms");
    let path = path.child("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(FieldError::required(&path, "must have at least one node selector term"));
    }
    for (index, term) in terms.iter().enumerate() {
        node_term(term, &path.index(index), errors);
    }
}

fn node_term(term: &Value, path: &FieldPath, errors: &mut Errors) {
    for (index, requirement) in term.items("matchExpressions").iter().enumerate() {
        let path = path.child("matchExpressions").index(index);
        let values = requirement.items("values").len();
        let field = path.child("values");
        match requirement.text("operator") {
            "In" | "NotIn" if values == 0 => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(&field, why));
            }
            "Exists" | "DoesNotExist" if values > 0 => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(&field, why));
            }
            "Gt" | "Lt" if values != 1 => {
                let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(&field, why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => {
                errors.push(FieldError::invalid(&path.child("operator"), other, "not a valid selector operator"));
            }
        }
        let key = requirement.text("key");
        checks::refuse(key, &path.child("key"), names::qualified(key), errors);
    }
}

fn weight(weighted: &Value, path: &FieldPath, errors: &mut Errors) {
    let weight = weighted.number("weight").unwrap_or_default();
    if !(1..=100).contains(&weight) {
        errors.push(FieldError::invalid(&path.child("weight"), weight, "must be in the range 1-100"));
    }
}

fn neighbours(term: &Value, path: &FieldPath, errors: &mut Errors) {
    for name in ["labelSelector", "namespaceSelector"] {
        if term[name].is_object() {
            errors.extend(labels::validate_selector(&term[name], &path.child(name)));
        }
    }
    for name in term.items("namespaces").iter().filter_map(Value::as_str) {
        checks::refuse(name, &path.child("namespace"), names::label(name), errors);
    }
    let key = term.text("topologyKey");
    let field = path.child("topologyKey");
    if key.is_empty() {
        errors.push(FieldError::required(&field, "can not be empty"));
    }
    checks::refuse(key, &field, names::qualified(key), errors);
}

/// How evenly Pods are spread.
pub(super) fn spread(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let constraints = spec.items("topologySpreadConstraints");
    for (index, constraint) in constraints.iter().enumerate() {
        let path = path.index(index);
        if constraint.number("maxSkew").unwrap_or_default() <= 0 {
            let value = constraint["maxSkew"].clone();
            errors.push(FieldError::invalid(&path.child("maxSkew"), value, "must be greater than zero"));
        }
        match constraint.text("topologyKey") {
            "" => errors.push(FieldError::required(&path.child("topologyKey"), "can not be empty")),
            key => checks::refuse(key, &path.child("topologyKey"), names::qualified(key), errors),
        }
        let action = constraint.text("whenUnsatisfiable");
        let allowed = ["DoNotSchedule", "ScheduleAnyway"];
        if !allowed.contains(&action) {
            errors.push(checks::not_supported(&path.child("whenUnsatisfiable"), action, &allowed));
        }
        let twin = |other: &Value| {
            other.text("topologyKey") == constraint.text("topologyKey") && other.text("whenUnsatisfiable") == action
        };
        if constraints.iter().take(index).any(twin) {
            let pair = format!("{{{}, {action}}}", constraint.text("topologyKey"));
            errors.push(FieldError::duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), pair));
        }
        if constraint["labelSelector"].is_object() {
            errors.extend(labels::validate_selector(&constraint["labelSelector"], &path.child("labelSelector")));
        }
    }
}
