//! Variables in manifests: `postBuild.substitute` of Flux's Kustomization.

mod expression;
mod glob;

use std::collections::{BTreeMap, BTreeSet};

use cowherd_yaml::{Dialect, Limits, parse_documents_as, to_string};
use serde_json::Value;

/// The label or annotation by which an object says that it wants no substitution.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// How variables are substituted.
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    /// A variable that has neither value nor default is an error rather than empty.
    pub strict: bool,
    /// Expressions are evaluated even where no variable at all is given.
    pub always: bool,
    /// An expression with a variable that has no value stays as it is written, its default included: for whoever does not
    /// know all values.
    pub keep: bool,
}

/// Why variables could not be substituted. Names variables, never their values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// A variable has a name that no expression could use.
    #[error("{0:?} is no name of a variable: it must match ^[_[:alpha:]][_[:alpha:][:digit:]]*$")]
    Name(String),
    /// An expression is wrong.
    #[error("{object}: line {line}: {detail}; write $${{ where the text is meant as it is")]
    Expression {
        /// Kind and name of the object.
        object: String,
        /// The line of the object as it is printed.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// A variable has no value.
    #[error("{object}: the variable {variable:?} is not set (strict mode)")]
    Unset {
        /// Kind and name of the object.
        object: String,
        /// The variable.
        variable: String,
    },
    /// The object is no YAML once the variables have their values.
    #[error("{object}: line {line} is no valid YAML once variables have their values; quote the expression")]
    Result {
        /// Kind and name of the object.
        object: String,
        /// The line of the object as it is printed.
        line: usize,
    },
}

impl SubstitutionError {
    /// What is wrong, without the object and the line in which it stands.
    pub fn cause(&self) -> String {
        match self {
            Self::Name(_) => self.to_string(),
            Self::Expression { detail, .. } => format!("{detail}; write $${{ where the text is meant as it is"),
            Self::Unset { variable, .. } => format!("the variable {variable:?} is not set (strict mode)"),
            Self::Result { .. } => "no valid YAML once variables have their values; quote the expression".to_owned(),
        }
    }
}

/// What came of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Substituted {
    /// The object with values in the place of expressions.
    pub object: Value,
    /// The variables in it that have no value and no default.
    pub unset: BTreeSet<String>,
    /// What came of expressions on variables that are secret, in each form that it may have in the object.
    pub secrets: BTreeSet<String>,
}

impl Substituted {
    fn nowhere(object: &Value) -> Self {
        Self { object: object.clone(), unset: BTreeSet::new(), secrets: BTreeSet::new() }
    }
}

/// `object` with the expressions in it (`${name}`, `${name:=default}` and so on) replaced, as Flux replaces them: in
/// the text of the object, so that what looks like a number afterwards is one.
pub fn substitute(
    object: &Value,
    variables: &BTreeMap<String, String>,
    options: &Substitution,
) -> Result<Value, SubstitutionError> {
    substitute_noting(object, variables, &BTreeSet::new(), options).map(|substituted| substituted.object)
}

/// As [`substitute`], with what is to be known of it besides; `secret` names the variables whose values must not be shown.
pub fn substitute_noting(
    object: &Value,
    variables: &BTreeMap<String, String>,
    secret: &BTreeSet<String>,
    options: &Substitution,
) -> Result<Substituted, SubstitutionError> {
    if let Some(name) = variables.keys().find(|name| !is_name(name)) {
        return Err(SubstitutionError::Name(name.clone()));
    }
    if (variables.is_empty() && !options.always && !options.keep) || is_not_substituted(object) {
        return Ok(Substituted::nowhere(object));
    }
    let text = to_string(object);
    if !text.contains('$') {
        return Ok(Substituted::nowhere(object));
    }
    // A value cannot break the line that it stands in.
    let lookup = |name: &str| variables.get(name).map(|value| value.replace('\n', ""));
    let unset = match (options.keep, options.strict) {
        (true, _) => expression::Unset::Keep,
        (false, true) => expression::Unset::Refuse,
        (false, false) => expression::Unset::Empty,
    };
    let evaluated = expression::evaluate(&text, &lookup, &|name| secret.contains(name), unset);
    let evaluated = evaluated.map_err(|error| match error {
        expression::Error::Unset(variable) => SubstitutionError::Unset { object: describe(object), variable },
        expression::Error::Syntax { detail, line } => {
            SubstitutionError::Expression { object: describe(object), line, detail }
        }
    })?;
    let documents = parse_documents_as(evaluated.text.as_bytes(), Dialect::Kubernetes, &Limits::default())
        .map_err(|error| SubstitutionError::Result { object: describe(object), line: error.line })?;
    match documents.into_iter().next() {
        Some(document) if document.value.is_object() => {
            let secrets = evaluated.noted.iter().flat_map(|text| forms(text)).collect();
            Ok(Substituted { object: document.value, unset: evaluated.unset, secrets })
        }
        _ => Err(SubstitutionError::Result { object: describe(object), line: 1 }),
    }
}

/// The text, and what YAML makes of it where it stands: an escape in quotes is another character, and `0123` a number.
fn forms(text: &str) -> BTreeSet<String> {
    let read = |quoted: &str| {
        let documents = parse_documents_as(quoted.as_bytes(), Dialect::Kubernetes, &Limits::default()).ok()?;
        match documents.into_iter().next()?.value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    };
    let read =
        [text.to_owned(), format!("\"{text}\""), format!("'{text}'")].into_iter().filter_map(|quoted| read(&quoted));
    read.chain([text.to_owned()]).collect()
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Whether an object says that it wants none of its variables replaced.
pub fn is_not_substituted(object: &Value) -> bool {
    ["labels", "annotations"].iter().any(|field| object["metadata"][field][SWITCH] == "disabled")
}

fn describe(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(value: Value, strict: bool) -> Result<Value, SubstitutionError> {
        let object = json!({"kind": "ConfigMap", "metadata": {"name": "a"}, "spec": value});
        let variables = [("name", "web"), ("count", "3"), ("on", "yes"), ("multi", "a\nb"), ("odd", "[a")];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        substitute(&object, &variables, &Substitution { strict, ..Substitution::default() })
            .map(|object| object["spec"].clone())
    }

    #[test]
    fn values_take_the_type_that_they_look_like() {
        assert_eq!(run(json!({"a": "${count}"}), false), Ok(json!({"a": 3})));
        assert_eq!(run(json!({"a": "${on}"}), false), Ok(json!({"a": true})));
        assert_eq!(run(json!({"a": "x-${count}", "b": "${multi}"}), false), Ok(json!({"a": "x-3", "b": "ab"})));
        assert_eq!(run(json!({"a": "${missing}"}), false), Ok(json!({"a": null})));
        assert_eq!(run(json!({"a": "$${name} $name"}), false), Ok(json!({"a": "${name} $name"})));
    }

    #[test]
    fn strict_mode_and_broken_results_are_errors_without_values() {
        let error = run(json!({"a": "${missing}"}), true).unwrap_err();
        assert_eq!(error.to_string(), "ConfigMap/a: the variable \"missing\" is not set (strict mode)");
        assert_eq!(run(json!({"a": "${missing:=x}"}), true), Ok(json!({"a": "x"})));
        let error = run(json!({"a": "${odd}"}), false).unwrap_err();
        assert!(!error.to_string().contains("[a"), "{error}");
        assert!(matches!(run(json!({"a": "${name-x}"}), false), Err(SubstitutionError::Expression { .. })));
    }

    #[test]
    fn what_is_not_known_can_stay_as_it_is_written() {
        let object = json!({"kind": "ConfigMap", "metadata": {"name": "a"},
            "spec": {"a": "${known}-${unknown}", "b": "${unknown:=x${known}}", "c": "$${unknown}", "d": "${#unknown}"}});
        let variables = BTreeMap::from([("known".to_owned(), "1".to_owned())]);
        let options = Substitution { keep: true, ..Substitution::default() };
        let substituted = |options| substitute_noting(&object, &variables, &BTreeSet::new(), options).unwrap();
        let Substituted { object: kept, unset, .. } = substituted(&options);
        assert_eq!(
            kept["spec"],
            json!({"a": "1-${unknown}", "b": "${unknown:=x${known}}", "c": "${unknown}", "d": "${#unknown}"})
        );
        assert_eq!(unset, BTreeSet::from(["unknown".to_owned()]));
        let Substituted { object: replaced, unset, .. } = substituted(&Substitution::default());
        assert_eq!(replaced["spec"]["b"], "x1");
        assert_eq!(unset, BTreeSet::from(["unknown".to_owned()]));
    }

    #[test]
    fn what_is_made_of_a_secret_is_told_in_the_forms_that_it_has_in_the_object() {
        let secrets = |text: &str, value: &str| {
            let object = json!({"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": text}});
            let (variables, secret) = (BTreeMap::from([("s".to_owned(), value.to_owned())]), ["s".to_owned()].into());
            let substituted = substitute_noting(&object, &variables, &secret, &Substitution::default()).unwrap();
            (substituted.object["data"]["a"].clone(), substituted.secrets)
        };
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(secrets("${s:0:6}", "hunter2pass"), (json!("hunter"), of(&["hunter"])));
        assert_eq!(secrets("${s}", "0123"), (json!(83), of(&["0123", "83"])));
        assert_eq!(secrets("x ${s}", "ab\ncd"), (json!("x abcd"), of(&["abcd"])), "lines are put together");
        let (value, secrets) = secrets("- ${s}", "a\\tbc");
        assert!(secrets.contains(value.as_str().unwrap().trim_start_matches("- ")), "{value} {secrets:?}");
    }

    #[test]
    fn an_object_can_opt_out_and_names_are_checked() {
        let mut object =
            json!({"kind": "A", "metadata": {"name": "a", "annotations": {SWITCH: "disabled"}}, "x": "${a}"});
        let variables = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let options = Substitution::default();
        assert_eq!(substitute(&object, &variables, &options).as_ref(), Ok(&object));
        object["metadata"]["annotations"] = json!({});
        assert_eq!(substitute(&object, &variables, &options).unwrap()["x"], json!(1));
        assert_eq!(substitute(&object, &BTreeMap::new(), &options).as_ref(), Ok(&object));
        let wrong = BTreeMap::from([("a-b".to_owned(), String::new())]);
        assert_eq!(substitute(&object, &wrong, &options), Err(SubstitutionError::Name("a-b".into())));
    }
}
