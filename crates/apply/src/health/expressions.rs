//! Expressions that decide on the health of the objects of a kind, instead of kstatus's rules: Flux's `healthCheckExprs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_cel::{Allowance, Budget, CompileError, Expression, Scope};
use serde_json::Value;

use super::facts::Facts;
use super::{Health, Status};
use crate::mask;
use crate::object::ObjectId;

/// The expressions for a kind, as they are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// The API version, of which the group counts.
    pub api_version: &'a str,
    /// The kind; empty for all of the group.
    pub kind: &'a str,
    /// True of an object that is on its way.
    pub in_progress: Option<&'a str>,
    /// True of an object that failed.
    pub failed: Option<&'a str>,
    /// True of an object that is as it should be.
    pub current: &'a str,
}

/// Why expressions cannot decide on health.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionsError {
    /// Two are for the same kind.
    #[error("is for {kind}, which an earlier one is for already; put their expressions together")]
    Twice {
        /// Which of them, counted from 0.
        place: usize,
        /// The group and kind.
        kind: String,
    },
    /// There is none that tells what is as it should be.
    #[error("is missing; it has to say when an object is as it should be")]
    NoCurrent {
        /// Which of them, counted from 0.
        place: usize,
    },
    /// One is no expression.
    #[error("cannot be read as an expression of CEL: {error}")]
    Wrong {
        /// Which of them, counted from 0.
        place: usize,
        /// The field that it stands in.
        field: &'static str,
        /// What is wrong, and where in the expression.
        error: CompileError,
    },
}

impl ExpressionsError {
    /// The field at fault, below the list of them all.
    pub fn field(&self) -> String {
        match self {
            Self::Twice { place, .. } => format!("[{place}]"),
            Self::NoCurrent { place } => format!("[{place}].current"),
            Self::Wrong { place, field, .. } => format!("[{place}].{field}"),
        }
    }
}

/// What decides on the health of the objects of some kinds.
#[derive(Clone, Debug, Default)]
pub struct Judges(BTreeMap<(String, String), Judge>);

impl Judges {
    /// Reads them all, within what is left to the object that they stand in. Blocks the thread.
    ///
    /// # Errors
    /// When one is no expression, two are for the same kind, or they are more than the object may have.
    pub fn read<'a>(
        all: impl IntoIterator<Item = Written<'a>>,
        allowance: &mut Allowance,
    ) -> Result<Self, ExpressionsError> {
        let mut judges = BTreeMap::new();
        for (place, written) in all.into_iter().enumerate() {
            let group = written.api_version.split_once('/').map_or("", |(group, _)| group);
            let kind = (group.to_owned(), written.kind.to_owned());
            if judges.contains_key(&kind) {
                let kind =
                    [written.kind, group].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
                return Err(ExpressionsError::Twice { place, kind });
            }
            judges.insert(kind, Judge::read(place, &written, allowance)?);
        }
        Ok(Self(judges))
    }

    /// What decides on the health of an object, if anything does: what is for its kind before what is for its group.
    pub fn of(&self, object: &ObjectId) -> Option<&Judge> {
        let of_kind = |kind: &str| self.0.get(&(object.group.clone(), kind.to_owned()));
        if self.0.is_empty() {
            return None;
        }
        of_kind(&object.kind).or_else(|| of_kind(""))
    }
}

/// Decides on the health of the objects of a kind.
#[derive(Clone, Debug)]
pub struct Judge(Arc<Expressions>);

/// The expressions of a kind.
#[derive(Debug)]
pub(crate) struct Expressions {
    in_progress: Option<Expression>,
    failed: Option<Expression>,
    current: Expression,
}

/// The same expressions, whoever else has equal ones.
impl PartialEq for Judge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Judge {}

impl Judge {
    fn read(place: usize, written: &Written<'_>, allowance: &mut Allowance) -> Result<Self, ExpressionsError> {
        let mut read = |field, text: Option<&str>| {
            let text = text.filter(|text| !text.is_empty());
            let parsed = text.map(|text| Expression::parse_within(text, allowance)).transpose();
            parsed.map_err(|error| ExpressionsError::Wrong { place, field, error })
        };
        let current = read("current", Some(written.current))?.ok_or(ExpressionsError::NoCurrent { place })?;
        let (failed, in_progress) = (read("failed", written.failed)?, read("inProgress", written.in_progress)?);
        Ok(Self(Arc::new(Expressions { in_progress, failed, current })))
    }

    pub(crate) fn shared(&self) -> &Arc<Expressions> {
        &self.0
    }

    /// How far an object is, which must be whole, its status included.
    pub fn assess(&self, object: &Value) -> Health {
        self.0.assess(object)
    }
}

impl Expressions {
    pub(crate) fn assess(&self, object: &Value) -> Health {
        if let Some(behind) = super::behind(&Facts::new(object), "") {
            return behind;
        }
        let scope = Scope::fields(object);
        let in_order = [
            (self.in_progress.as_ref(), Health::in_progress("inProgress of its healthCheckExprs holds")),
            (self.failed.as_ref(), Health::failed("failed of its healthCheckExprs holds")),
            (Some(&self.current), Health::current("current of its healthCheckExprs holds")),
        ];
        for (expression, health) in in_order {
            let Some(expression) = expression else { continue };
            match expression.bool(&scope, Budget::EXPRESSION) {
                Ok(true) => return health,
                Ok(false) => {}
                Err(error) => {
                    // It may quote what the object holds, or any part of that, which no mask knows.
                    let error = if mask::is_secret(object) { error.without_data() } else { error.to_string() };
                    let message = format!("failed to evaluate the CEL expression '{expression}': {error}");
                    return Health { status: Status::Unknown, message: message.into() };
                }
            }
        }
        Health::in_progress("none of its healthCheckExprs holds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(in_progress: Option<&str>, failed: Option<&str>, current: &str) -> Judge {
        let written = Written { api_version: "example.com/v1", kind: "Widget", in_progress, failed, current };
        let judges = Judges::read([written], &mut Allowance::default()).unwrap();
        judges.of(&ObjectId { group: "example.com".into(), kind: "Widget".into(), ..id("", "") }).unwrap().clone()
    }

    fn id(group: &str, kind: &str) -> ObjectId {
        ObjectId { namespace: "n".into(), name: "a".into(), group: group.into(), kind: kind.into() }
    }

    fn phase(phase: &str) -> Value {
        json!({ "kind": "Widget", "metadata": { "generation": 1 }, "status": { "observedGeneration": 1, "phase": phase } })
    }

    #[test]
    fn the_first_that_holds_decides_and_what_none_holds_of_is_on_its_way() {
        let judge = judge(Some("status.phase == 'Working'"), Some("status.phase != 'Fine'"), "true");
        let status = |phase: &str| judge.assess(&self::phase(phase)).status;
        assert_eq!(status("Working"), Status::InProgress);
        assert_eq!(status("Broken"), Status::Failed);
        assert_eq!(status("Fine"), Status::Current);
        let judge = self::judge(None, None, "status.phase == 'Fine'");
        assert_eq!(judge.assess(&phase("Working")).status, Status::InProgress);
    }

    #[test]
    fn what_was_not_observed_is_on_its_way_whatever_expressions_say() {
        let judge = judge(None, Some("true"), "true");
        let object = json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } });
        assert_eq!(judge.assess(&object).status, Status::InProgress);
        // Who has it as a text has it as something else.
        let object = json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": "1" } });
        assert_eq!(judge.assess(&object).status, Status::Failed);
    }

    #[test]
    fn of_what_cannot_be_evaluated_nothing_is_known() {
        let health = judge(Some("has(data.foo.bar)"), None, "true").assess(&json!({ "kind": "ConfigMap" }));
        assert_eq!(health.status, Status::Unknown);
        let words = "failed to evaluate the CEL expression 'has(data.foo.bar)': no such attribute(s): data.foo.bar";
        assert!(health.message.starts_with(words), "{}", health.message);
    }

    #[test]
    fn of_a_secret_it_is_not_told_why_an_expression_cannot_be_evaluated() {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "data": { "n": "NDcxMXNlY3JldA==" } });
        let written = Written { api_version: "v1", kind: "Secret", ..Written::default() };
        for current in ["int(data['n']) > 1", "{'a': 1}[data['n']] == 1", "int(data['n'].substring(0, 4)) > 1"] {
            let judges = Judges::read([Written { current, ..written }], &mut Allowance::default()).unwrap();
            let told = |object: &Value| judges.of(&id("", "Secret")).unwrap().assess(object).message.to_string();
            let said = told(&secret);
            assert!(said.contains("cannot be evaluated") && !said.contains("NDcx"), "{said}");
            let mut other = secret.clone();
            other["kind"] = "ConfigMap".into();
            assert!(told(&other).contains("NDcx"), "of others it is told");
        }
    }

    #[test]
    fn what_is_for_a_kind_goes_before_what_is_for_its_group() {
        let of = |kind, current| Written { api_version: "example.com/v1", kind, current, ..Written::default() };
        let judges = Judges::read([of("", "true"), of("Widget", "false")], &mut Allowance::default()).unwrap();
        let status = |kind: &str| judges.of(&id("example.com", kind)).unwrap().assess(&json!({})).status;
        assert_eq!((status("Widget"), status("Gadget")), (Status::InProgress, Status::Current));
        assert!(judges.of(&id("other.com", "Widget")).is_none());
        let of_v2 = Written { api_version: "example.com/v2", kind: "Widget", current: "true", ..Written::default() };
        let twice = Judges::read([of("Widget", "true"), of_v2], &mut Allowance::default()).unwrap_err();
        assert_eq!(twice.field(), "[1]");
        assert!(twice.to_string().starts_with("is for Widget.example.com, which"), "{twice}");
    }

    #[test]
    fn what_is_no_expression_is_named_with_its_field_and_place() {
        let written =
            Written { api_version: "v1", kind: "A", failed: Some("a ==\n  ]"), current: "true", ..Written::default() };
        let error = Judges::read([written], &mut Allowance::default()).unwrap_err();
        assert_eq!(error.field(), "[0].failed");
        assert!(error.to_string().contains("CEL: 2:3: syntax error: unexpected ']'"), "{error}");
        let none = Written { api_version: "v1", kind: "A", ..Written::default() };
        let error = Judges::read([none], &mut Allowance::default()).unwrap_err();
        assert_eq!(error.field(), "[0].current");
    }
}
