//! Expressions of CEL in the specs of owners: what decides on the health of their objects, and whether dependencies are
//! ready.
//!
//! Reading a spec is cheap, and done wherever an owner is looked at. Compiling its expressions is not: it is done once, by
//! [`Expressions::compile`], where nobody else waits.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use cowherd_api::flux::kustomize::v1::CustomHealthCheck;
use cowherd_apply::ObjectId;
use cowherd_apply::health::{ExpressionsError, Judge, Judges, Written};
use cowherd_cel::{Allowance, CompileError, Expression, Output};
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

/// The expressions in the spec of a Kustomization or a HelmRelease that are none, or more than one object may have. Blocks the thread.
pub fn wrong_expressions(spec: &Value) -> Vec<WrongExpression> {
    let exprs: Vec<CustomHealthCheck> =
        spec.get("healthCheckExprs").cloned().and_then(|exprs| serde_json::from_value(exprs).ok()).unwrap_or_default();
    let mut allowance = Allowance::default();
    let of_health = judges(&exprs, &mut allowance).err();
    let dependencies = spec["dependsOn"].as_array().into_iter().flatten().enumerate();
    let texts = dependencies.filter_map(|(place, dependency)| Some((place, dependency["readyExpr"].as_str()?)));
    let texts = texts.filter(|(_, text)| !text.is_empty());
    let ready = texts.filter_map(|(place, text)| ready(place, text, Over::BothObjects, &mut allowance).err());
    let wrong = of_health.into_iter().chain(ready);
    wrong.map(|SettingsError { field, problem, .. }| WrongExpression { field: field.into_owned(), problem }).collect()
}

/// What an expression of readiness is written over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    /// The owner as `self` and the dependency as `dep`.
    BothObjects,
    /// The fields of the dependency.
    ItsFields,
}

/// The expressions of a spec, compiled when they are needed for the first time. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expressions(Option<Arc<Texts>>);

#[derive(Debug)]
struct Texts {
    health: Vec<CustomHealthCheck>,
    /// By the place of the dependency.
    ready: Vec<(usize, String)>,
    over: Over,
    compiled: OnceLock<Result<Compiled, SettingsError>>,
}

#[derive(Debug, Default)]
struct Compiled {
    judges: Judges,
    ready: HashMap<usize, Arc<Expression>>,
}

impl Expressions {
    /// What is written in a spec; of the dependencies, what is written at their places.
    pub(crate) fn new<'a>(
        health: &[CustomHealthCheck],
        ready: impl IntoIterator<Item = Option<&'a str>>,
        over: Over,
    ) -> Self {
        let ready = ready.into_iter().enumerate().filter_map(|(place, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some((place, text.to_owned()))
        });
        let texts = Texts { health: health.to_vec(), ready: ready.collect(), over, compiled: OnceLock::new() };
        Self((!texts.health.is_empty() || !texts.ready.is_empty()).then(|| Arc::new(texts)))
    }

    /// Whether nothing is to be compiled any more.
    pub(crate) fn are_compiled(&self) -> bool {
        self.0.as_ref().is_none_or(|texts| texts.compiled.get().is_some())
    }

    /// Compiles them, if nobody did. Blocks the thread for as long as one [`Allowance`] lasts.
    ///
    /// # Errors
    /// The first that is none, or with which they are more than one object may have.
    pub(crate) fn compile(&self) -> Result<(), SettingsError> {
        self.0.as_ref().map_or(Ok(()), |texts| texts.compiled().map(drop))
    }

    /// What decides on the health of an object, if anything does.
    pub(crate) fn judge(&self, object: &ObjectId) -> Option<Judge> {
        self.0.as_ref()?.compiled().ok()?.judges.of(object).cloned()
    }

    /// What decides whether the dependency at that place is ready; `None` where conditions do, or it is no expression.
    pub(crate) fn ready(&self, place: usize) -> Option<Arc<Expression>> {
        self.0.as_ref()?.compiled().ok()?.ready.get(&place).cloned()
    }
}

impl Texts {
    fn compiled(&self) -> Result<&Compiled, SettingsError> {
        self.compiled.get_or_init(|| self.compile()).as_ref().map_err(Clone::clone)
    }

    fn compile(&self) -> Result<Compiled, SettingsError> {
        let mut allowance = Allowance::default();
        let judges = judges(&self.health, &mut allowance)?;
        let ready =
            self.ready.iter().map(|(place, text)| Ok((*place, ready(*place, text, self.over, &mut allowance)?)));
        Ok(Compiled { ready: ready.collect::<Result<_, SettingsError>>()?, judges })
    }
}

/// What decides on the health of objects of some kinds.
fn judges(exprs: &[CustomHealthCheck], allowance: &mut Allowance) -> Result<Judges, SettingsError> {
    let written = exprs.iter().map(|expr| Written {
        api_version: &expr.api_version,
        kind: &expr.kind,
        in_progress: expr.in_progress.as_deref(),
        failed: expr.failed.as_deref(),
        current: &expr.current,
    });
    Judges::read(written, allowance).map_err(|error: ExpressionsError| {
        SettingsError::expression(format!("healthCheckExprs{}", error.field()), error.to_string())
    })
}

/// What decides whether the dependency at that place is ready.
fn ready(place: usize, text: &str, over: Over, allowance: &mut Allowance) -> Result<Arc<Expression>, SettingsError> {
    let compiled = match over {
        Over::BothObjects => Expression::compile_within(text, &["self", "dep"], Output::Bool, allowance),
        Over::ItsFields => Expression::parse_within(text, allowance),
    };
    compiled.map(Arc::new).map_err(|error: CompileError| {
        let problem = format!("cannot be read as an expression of CEL: {error}");
        SettingsError::expression(format!("dependsOn[{place}].readyExpr"), problem)
    })
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

    #[test]
    fn reading_a_spec_compiles_nothing_and_all_its_expressions_have_one_allowance() {
        let patterns =
            (0..4).map(|number| format!("data.a.matches('a{{100}}{number}')")).collect::<Vec<_>>().join(" && ");
        let check = |number: usize| CustomHealthCheck {
            api_version: "v1".into(),
            kind: format!("K{number}"),
            current: patterns.clone(),
            ..CustomHealthCheck::default()
        };
        let of = |count: usize| Expressions::new(&(0..count).map(check).collect::<Vec<_>>(), [], Over::BothObjects);
        let few = of(1);
        assert!(!few.are_compiled());
        few.compile().unwrap();
        assert!(few.are_compiled() && few.clone().are_compiled());
        let object = ObjectId { namespace: "n".into(), name: "a".into(), group: String::new(), kind: "K0".into() };
        assert!(few.judge(&object).is_some());
        let error = of(500).compile().unwrap_err();
        assert!(error.field.starts_with("healthCheckExprs["), "{error}");
        assert!(error.problem.ends_with("costs too much"), "{error}");
        let spec = json!({ "dependsOn": (0..20).map(|_| json!({ "name": "a", "readyExpr":
            patterns.replace("data", "dep") + " && true" })).collect::<Vec<_>>() });
        assert!(!wrong_expressions(&spec).is_empty());
        let said = Expressions::new(&[], [None, Some(""), Some("dep.a == 1")], Over::BothObjects);
        assert!(said.ready(0).is_none() && said.ready(1).is_none() && said.ready(2).is_some());
        assert!(Expressions::new(&[], [None, Some("")], Over::BothObjects).are_compiled());
    }
}
