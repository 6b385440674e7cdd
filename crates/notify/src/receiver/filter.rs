//! Which of the resources of a Receiver a webhook is about, as expressions of CEL say: over the resource's metadata as
//! `res` and the content of the webhook as `req`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cowherd_api::flux::notification::v1::ReceiverSpec;
use cowherd_cel::{Budget, EvalError, Expression, Numbers, Output, Scope};
use http::{HeaderMap, header};
use serde_json::{Value, json};

/// What the filters of a webhook may cost, for all resources of all references together.
const OF_WEBHOOK: Budget = Budget(10_000_000);
/// How many bytes all expressions of a Receiver may have together; the same one again does not count.
const LONGEST: usize = 16 << 10;
/// How much memory an expression stands for, for each of its bytes and for each of its patterns.
const MEMORY: usize = 64;
const OF_PATTERN: usize = 128 << 10;

/// An expression that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFilter {
    /// Its field, below the spec.
    pub field: String,
    /// What is wrong with it, and where in it.
    pub problem: String,
}

/// The expressions in the spec of a Receiver that are none.
pub fn wrong_filters(spec: &Value) -> Vec<WrongFilter> {
    let resources = spec["resources"].as_array().into_iter().flatten().enumerate();
    let of_resources = resources.map(|(place, one)| (of_resource(place), one["filter"].as_str()));
    let all = std::iter::once((OF_ALL.to_owned(), spec["resourceFilter"].as_str())).chain(of_resources);
    let mut compiler = Compiler::default();
    let wrong = all.filter_map(|(field, text)| {
        let problem = compiler.compile(text?).err()?;
        Some(WrongFilter { field, problem })
    });
    wrong.collect()
}

const OF_ALL: &str = "resourceFilter";

fn of_resource(place: usize) -> String {
    format!("resources[{place}].filter")
}

/// Compiles what is the same once.
#[derive(Default)]
struct Compiler<'s> {
    known: HashMap<&'s str, Result<Arc<Expression>, String>>,
    bytes: usize,
}

impl<'s> Compiler<'s> {
    /// The expression; none where there is no text.
    fn compile(&mut self, text: &'s str) -> Result<Option<Arc<Expression>>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(text) {
            return known.clone().map(Some);
        }
        if self.bytes + text.len() > LONGEST {
            return Err(format!(
                "is too long: the expressions of a Receiver may have {LONGEST} bytes together; write shorter ones, or several Receivers"
            ));
        }
        self.bytes += text.len();
        let compiled = Expression::compile(text, &["res", "req"], Output::Bool);
        let compiled =
            compiled.map(Arc::new).map_err(|error| format!("cannot be read as an expression of CEL: {error}"));
        self.known.insert(text, compiled.clone());
        compiled.map(Some)
    }

    /// The expression of a field.
    fn field(&mut self, field: String, text: &'s Option<String>) -> Result<Option<Arc<Expression>>, WrongFilter> {
        self.compile(text.as_deref().unwrap_or_default()).map_err(|problem| WrongFilter { field, problem })
    }
}

/// By the place of each reference the names of the resources that its filters accept, or why they cannot decide.
pub(super) type Accepted = HashMap<usize, Result<HashSet<String>, String>>;

/// The filters of a Receiver, compiled: what decides on the resources of each of its references.
#[derive(Debug)]
pub(super) struct Filters {
    of_each: Vec<Vec<Arc<Expression>>>,
    /// How much memory they stand for, in bytes.
    pub(super) size: usize,
}

impl Filters {
    /// Whether a Receiver has any.
    pub(super) fn has(spec: &ReceiverSpec) -> bool {
        let mut all = std::iter::once(&spec.resource_filter).chain(spec.resources.iter().map(|one| &one.filter));
        all.any(|text| text.as_ref().is_some_and(|text| !text.is_empty()))
    }

    /// Compiles those of a Receiver. Blocks the thread.
    pub(super) fn compile(spec: &ReceiverSpec) -> Result<Self, WrongFilter> {
        let mut compiler = Compiler::default();
        let of_all = compiler.field(OF_ALL.to_owned(), &spec.resource_filter)?;
        let of_each = spec.resources.iter().enumerate().map(|(place, one)| {
            let own = compiler.field(of_resource(place), &one.filter)?;
            Ok(of_all.iter().cloned().chain(own).collect())
        });
        let of_each = of_each.collect::<Result<_, WrongFilter>>()?;
        let patterns: usize = compiler.known.keys().map(|text| text.matches("matches").count()).sum();
        Ok(Self { of_each, size: MEMORY * (compiler.bytes + spec.resources.len()) + OF_PATTERN * patterns })
    }

    /// Whether the resources of a reference, by its place, have to be looked at.
    pub(super) fn has_any(&self, place: usize) -> bool {
        self.of_each.get(place).is_some_and(|expressions| !expressions.is_empty())
    }

    /// What of references a webhook is about: by the place of each the resources that it names, with their names. Blocks the thread.
    ///
    /// # Errors
    /// Where the content of the webhook cannot be read.
    pub(super) fn accepted(
        &self,
        found: Vec<(usize, Vec<(String, Value)>)>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Accepted, String> {
        let content = content(headers, body)?;
        let expressions = |place: usize| self.of_each.get(place).map(Vec::as_slice).unwrap_or_default();
        let evaluations = found.iter().map(|(place, resources)| resources.len() * expressions(*place).len());
        let each = Budget(OF_WEBHOOK.0 / (evaluations.sum::<usize>().max(1) as u64)).min(Budget::EXPRESSION);
        let of_reference = |place: usize, resources: Vec<(String, Value)>| {
            let expressions = expressions(place);
            let mut accepted = HashSet::new();
            for (name, resource) in resources {
                if accepts(expressions, &resource, &content, each).map_err(|error| format!("{name}: {error}"))? {
                    accepted.insert(name);
                }
            }
            Ok(accepted)
        };
        Ok(found.into_iter().map(|(place, resources)| (place, of_reference(place, resources))).collect())
    }
}

/// Whether all expressions accept a resource, each at this cost.
fn accepts(expressions: &[Arc<Expression>], resource: &Value, content: &Value, each: Budget) -> Result<bool, String> {
    let scope = Scope::named([("res", resource), ("req", content)]).reading(Numbers::Double);
    for expression in expressions {
        let told = |error: EvalError| format!("failed to evaluate the CEL expression '{expression}': {error}");
        if !expression.bool(&scope, each).map_err(told)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The content of a webhook, which is an object, or none where it does not say that it is JSON.
fn content(headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let says = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = says.split(',').map(|one| one.split(';').next().unwrap_or_default().trim());
    if !media.into_iter().any(|media| media.eq_ignore_ascii_case("application/json")) {
        return Ok(json!({}));
    }
    // As in Go, what follows the first value is not looked at.
    let first = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next();
    match first {
        Some(Ok(Value::Object(fields))) => Ok(Value::Object(fields)),
        Some(Ok(Value::Null)) => Ok(json!({})),
        Some(Ok(_)) => Err("failed to parse request body as JSON: it is no object".to_owned()),
        Some(Err(error)) => Err(format!("failed to parse request body as JSON: {error}")),
        None => Err("failed to parse request body as JSON: it is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(filter: Option<&str>, of_resource: Option<&str>) -> ReceiverSpec {
        let resource = json!({ "kind": "GitRepository", "name": "app", "filter": of_resource });
        serde_json::from_value(json!({ "type": "generic", "resourceFilter": filter, "resources": [resource] })).unwrap()
    }

    fn is_accepted(spec: &ReceiverSpec, media: &str, body: &str) -> Result<bool, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
        let resource = json!({ "kind": "GitRepository", "metadata": { "name": "app", "generation": 3,
            "annotations": { "update-image": "app" } } });
        let filters = Filters::compile(spec).unwrap();
        if !filters.has_any(0) {
            return Ok(true);
        }
        let found = vec![(0, vec![("app".to_owned(), resource)])];
        filters.accepted(found, &headers, body.as_bytes())?.remove(&0).unwrap().map(|accepted| !accepted.is_empty())
    }

    #[test]
    fn both_filters_have_to_accept_a_resource() {
        let of = |filter, of_resource| {
            is_accepted(
                &spec(filter, of_resource),
                "application/json; charset=utf-8",
                r#"{"tag":"ghcr.io/org/app:v1","n":5}"#,
            )
        };
        let by_image = "has(res.metadata.annotations) && req.tag.split('/').last().value().split(':').first().value() == \
                        res.metadata.annotations['update-image']";
        assert_eq!(of(None, None), Ok(true));
        assert_eq!(of(Some(by_image), None), Ok(true));
        assert_eq!(of(Some(by_image), Some("res.metadata.name == 'other'")), Ok(false));
        assert_eq!(of(Some("req.n == 5 && res.metadata.generation == 3"), Some("")), Ok(true));
        // Numbers of JSON that nobody knows the types of are those of JavaScript.
        assert!(of(Some("req.n + 1 == 6"), None).unwrap_err().contains("no such overload"));
        assert!(of(Some("req.none == 5"), None).unwrap_err().contains("'req.none == 5': no such key: none"));
    }

    #[test]
    fn what_is_no_json_has_no_fields_and_what_is_none_of_its_own_is_refused() {
        let spec = spec(Some("!has(req.tag)"), None);
        assert_eq!(is_accepted(&spec, "text/plain", "nonsense"), Ok(true));
        assert_eq!(is_accepted(&spec, "application/json", "{} nonsense"), Ok(true));
        for body in ["nonsense", "", "[1]"] {
            assert!(is_accepted(&spec, "application/json", body).unwrap_err().starts_with("failed to parse"), "{body}");
        }
    }

    #[test]
    fn what_is_no_expression_is_named_by_its_field() {
        let spec = json!({ "resourceFilter": "has(res.metadata.annotations", "resources": [{ "filter": "true" },
            { "filter": "res.metadata.name" }, { "filter": "claims.sub == 'x'" }] });
        let told: Vec<String> =
            wrong_filters(&spec).into_iter().map(|wrong| format!("{} {}", wrong.field, wrong.problem)).collect();
        assert_eq!(
            told,
            [
                "resourceFilter cannot be read as an expression of CEL: 1:29: syntax error: ')' is missing before the end",
                "resources[1].filter cannot be read as an expression of CEL: 1:1: the expression has to be of the type \
                 bool, and is of dyn",
                "resources[2].filter cannot be read as an expression of CEL: 1:1: undeclared reference to 'claims'",
            ]
        );
    }

    #[test]
    fn resources_share_what_filters_may_cost() {
        let spec = spec(Some("req.list.all(x, req.list.all(y, x + y >= 0.0))"), None);
        let list: Vec<u32> = (0..1000).collect();
        let error = is_accepted(&spec, "application/json", &json!({ "list": list }).to_string()).unwrap_err();
        assert!(error.contains("costs more than the 1000000 units"), "{error}");
    }

    #[test]
    fn what_many_resources_share_is_that_of_the_webhook() {
        let resource = json!({ "kind": "GitRepository", "name": "*", "matchLabels": {} });
        let spec = json!({ "type": "generic", "resourceFilter": "req.list.all(x, req.list.all(y, x + y >= 0.0))",
            "resources": vec![resource; 100] });
        let filters = Filters::compile(&serde_json::from_value(spec).unwrap()).unwrap();
        let list: Vec<u32> = (0..300).collect();
        let found = (0..100).map(|place| (place, vec![("app".to_owned(), json!({}))])).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let accepted = filters.accepted(found, &headers, json!({ "list": list }).to_string().as_bytes()).unwrap();
        let error = accepted[&0].clone().unwrap_err();
        assert!(accepted.len() == 100 && error.contains("costs more than the 100000 units"), "{error}");
    }

    #[test]
    fn what_is_the_same_is_compiled_once_and_all_of_it_has_a_limit() {
        let long = format!("'{}' == 'x'", "x".repeat(1_000));
        let of = |filters: Vec<String>| {
            let resources: Vec<Value> =
                filters.iter().map(|filter| json!({ "kind": "Bucket", "name": "x", "filter": filter })).collect();
            json!({ "type": "generic", "resources": resources })
        };
        let same = of(vec![long.clone(); 200]);
        assert_eq!(wrong_filters(&same), []);
        let same = Filters::compile(&serde_json::from_value(same).unwrap()).unwrap();
        assert!(Arc::ptr_eq(&same.of_each[0][0], &same.of_each[199][0]));
        let different = of((0..40).map(|number| format!("{long} || {number} == 1")).collect());
        let wrong = wrong_filters(&different);
        assert!(wrong.len() > 20 && wrong[0].problem.contains("may have 16384 bytes together"), "{:?}", wrong.first());
        let refused = Filters::compile(&serde_json::from_value(different).unwrap()).unwrap_err();
        assert_eq!(refused, wrong[0]);
    }
}
