//! Expressions in specs that are none: the agents refuse what has one.

use cowherd_apply::Manifest;
use serde_json::Value;

use super::Checked;
use super::finding::{Finding, Rule};
use crate::cluster::Unit;
use crate::gitops::{WrongExpression, WrongFilter, wrong_expression, wrong_expressions, wrong_filters};

/// An expression that is none.
pub(super) struct Wrong {
    /// Its field.
    pub(super) field: String,
    /// What is wrong with it, and where in it.
    pub(super) text: String,
}

impl Wrong {
    fn new(field: &str, problem: &str) -> Self {
        let field = format!("spec.{field}");
        Self { text: format!("{field} {problem}"), field }
    }
}

/// The expressions of an object of a kind of Flux that are none. What has variables may be any.
pub(super) fn wrong(kind: &str, spec: &Value) -> Vec<Wrong> {
    let all: Vec<Wrong> = match kind {
        "Kustomization" | "HelmRelease" => {
            let all = wrong_expressions(spec).into_iter();
            all.map(|WrongExpression { field, problem }| Wrong::new(&field, &problem)).collect()
        }
        "Receiver" => {
            let all = wrong_filters(spec).into_iter();
            all.map(|WrongFilter { field, problem }| Wrong::new(&field, &problem)).collect()
        }
        "Provider" => {
            wrong_expression(spec).map(|problem| Wrong::new("commitStatusExpr", &problem)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    all.into_iter().filter(|wrong| !holds_variables(spec, &wrong.field)).collect()
}

/// Lists the expressions of an object that are none, at where they are written.
pub(super) fn check(checked: &mut Checked<'_>, unit: &Unit, object: &Manifest) {
    for wrong in wrong(&object.id().kind, &object.object()["spec"]) {
        let place = checked.places.field(unit, object, &wrong.field);
        let text = unit.mask().text(&wrong.text);
        checked.findings.push(Finding::error(place, Rule::Expression, text).of(object.id()));
    }
}

fn holds_variables(spec: &Value, field: &str) -> bool {
    let pointer = field.trim_start_matches("spec").replace(['.', '['], "/").replace(']', "");
    spec.pointer(&pointer).and_then(Value::as_str).is_some_and(|text| text.contains("${"))
}
