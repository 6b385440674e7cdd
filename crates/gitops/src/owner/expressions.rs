//! Expressions of CEL in the specs of owners: what decides on the health of their objects, and whether dependencies are
//! ready.

use std::sync::Arc;

use cowherd_api::flux::kustomize::v1::CustomHealthCheck;
use cowherd_apply::health::{ExpressionsError, Judges, Written};
use cowherd_cel::{Expression, Output};
use serde_json::Value;

use super::SettingsError;

/// An expression in a spec that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongExpression {
    /// The field, below the spec.
    pub field: String,
    /// What is wrong with it, and where in it.
    pub problem: String,
}

/// The expressions in the spec of a Kustomization or a HelmRelease that are none.
pub fn wrong_expressions(spec: &Value) -> Vec<WrongExpression> {
    let exprs: Vec<CustomHealthCheck> =
        spec.get("healthCheckExprs").cloned().and_then(|exprs| serde_json::from_value(exprs).ok()).unwrap_or_default();
    let dependencies = spec["dependsOn"].as_array().into_iter().flatten().enumerate();
    let ready = dependencies.filter_map(|(place, dependency)| ready(place, dependency["readyExpr"].as_str()).err());
    let wrong = judges(&exprs).err().into_iter().chain(ready);
    wrong.map(|SettingsError { field, problem, .. }| WrongExpression { field: field.into_owned(), problem }).collect()
}

/// What decides on the health of objects of some kinds.
pub(crate) fn judges(exprs: &[CustomHealthCheck]) -> Result<Judges, SettingsError> {
    let written = exprs.iter().map(|expr| Written {
        api_version: &expr.api_version,
        kind: &expr.kind,
        in_progress: expr.in_progress.as_deref(),
        failed: expr.failed.as_deref(),
        current: &expr.current,
    });
    Judges::read(written).map_err(|error: ExpressionsError| {
        SettingsError::expression(format!("healthCheckExprs{}", error.field()), error.to_string())
    })
}

/// What decides whether the dependency at that place is ready, over the owner as `self` and the dependency as `dep`.
pub(crate) fn ready(place: usize, text: Option<&str>) -> Result<Option<Arc<Expression>>, SettingsError> {
    let text = text.filter(|text| !text.is_empty());
    let compiled = text.map(|text| Expression::compile(text, &["self", "dep"], Output::Bool)).transpose();
    let compiled = compiled.map_err(|error| {
        let problem = format!("cannot be read as an expression of CEL: {error}");
        SettingsError::expression(format!("dependsOn[{place}].readyExpr"), problem)
    })?;
    Ok(compiled.map(Arc::new))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_its_field_and_its_place() {
        let spec = json!({
            "healthCheckExprs": [{ "apiVersion": "v1", "kind": "A", "current": "true" },
                { "apiVersion": "v1", "kind": "B", "current": "status.ready ==" }],
            "dependsOn": [{ "name": "a", "readyExpr": "dep.ready" }, { "name": "b", "readyExpr": "deps.x == 1" }],
        });
        let told: Vec<String> =
            wrong_expressions(&spec).into_iter().map(|wrong| format!("{}: {}", wrong.field, wrong.problem)).collect();
        assert_eq!(
            told,
            [
                "healthCheckExprs[1].current: cannot be read as an expression of CEL: 1:16: syntax error: unexpected the end",
                "dependsOn[0].readyExpr: cannot be read as an expression of CEL: 1:1: the expression has to be of the \
                 type bool, and is of dyn",
                "dependsOn[1].readyExpr: cannot be read as an expression of CEL: 1:1: undeclared reference to 'deps'",
            ]
        );
        assert_eq!(wrong_expressions(&json!({ "dependsOn": [{ "name": "a", "readyExpr": "" }] })), []);
    }
}
