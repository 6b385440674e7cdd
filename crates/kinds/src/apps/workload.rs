//! What the workloads of this group have in common: a selector, a template and columns about Pods.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::core::pod;
use crate::json::{Fill, Read};
use crate::labels;
use crate::table::{self, Column};

/// Fills in the spec that every workload has.
pub(crate) fn default_spec(object: &mut Value) -> Option<&mut Value> {
    let spec = object.ensure("spec")?;
    spec.ensure("template");
    pod::default_template(spec.inner("template"));
    Some(spec)
}

/// Checks the selector, the template, and that one selects the other.
pub(crate) fn validate(spec: &Value, empty_selector: &str, errors: &mut Errors) {
    let path = FieldPath::new("spec");
    let selector = &spec["selector"];
    let field = path.child("selector");
    if selector.is_object() {
        errors.extend(labels::validate_selector(selector, &field));
        if labels::is_empty(selector) {
            errors.push(FieldError::invalid(&field, selector.clone(), empty_selector));
        }
    } else {
        errors.push(FieldError::required(&field, ""));
    }
    let template = &spec["template"];
    let path = path.child("template");
    let found = &template["metadata"]["labels"];
    if selector.is_object() && !labels::is_empty(selector) && !labels::selects(selector, found) {
        let value = if found.is_object() { found.clone() } else { Value::Null };
        let why = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(&path.child("metadata").child("labels"), value, why));
    }
    pod::validate_template(template, &path, errors);
    always_restarts(template, &path, errors);
}

/// Pods of a workload run on until the workload ends them.
pub(crate) fn always_restarts(template: &Value, path: &FieldPath, errors: &mut Errors) {
    let path = path.child("spec");
    let policy = template["spec"].text("restartPolicy");
    if policy != "Always" {
        errors.push(checks::not_supported(&path.child("restartPolicy"), policy, &["Always"]));
    }
    if template["spec"].has("activeDeadlineSeconds") {
        let why = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.push(FieldError::forbidden(&path.child("activeDeadlineSeconds"), why));
    }
}

/// A selector that may not change.
pub(crate) fn keeps_selector(new: &Value, old: &Value, errors: &mut Errors) {
    let field = FieldPath::new("spec.selector");
    checks::immutable(&new["spec"]["selector"], &old["spec"]["selector"], &field, errors);
}

/// The wide columns that end most tables of workloads.
pub(crate) const CONTAINERS: Column = Column::wide("Containers", "The names of the containers.");
/// See [`CONTAINERS`].
pub(crate) const IMAGES: Column = Column::wide("Images", "The images of the containers.");
/// See [`CONTAINERS`].
pub(crate) const SELECTOR: Column = Column::wide("Selector", "The labels of the Pods that belong to it.");

/// The cells of [`CONTAINERS`], [`IMAGES`] and [`SELECTOR`].
pub(crate) fn wide_cells(spec: &Value) -> [Value; 3] {
    let (names, images) = table::containers(&spec["template"]["spec"]);
    [names, images, selector_cell(&spec["selector"])]
}

/// A `LabelSelector` in a cell.
pub(crate) fn selector_cell(selector: &Value) -> Value {
    table::or(&labels::format_selector(selector), "<none>").into()
}
