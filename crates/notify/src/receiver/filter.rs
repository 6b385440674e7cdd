//! Which of the resources of a Receiver a webhook is about, as expressions of CEL say: over the resource's metadata as
//! `res` and the content of the webhook as `req`.

use std::sync::Arc;

use cowherd_api::flux::notification::v1::ReceiverSpec;
use cowherd_cel::{Budget, EvalError, Expression, Numbers, Output, Scope};
use http::{HeaderMap, header};
use serde_json::{Value, json};

/// What a filter may cost of all resources of a webhook together.
const OF_WEBHOOK: Budget = Budget(10_000_000);

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
    let of_resources = resources.map(|(place, one)| (format!("resources[{place}].filter"), one["filter"].as_str()));
    let all = std::iter::once(("resourceFilter".to_owned(), spec["resourceFilter"].as_str())).chain(of_resources);
    let wrong = all.filter_map(|(field, text)| Some(WrongFilter { field, problem: compile(text?).err()? }));
    wrong.collect()
}

fn compile(text: &str) -> Result<Option<Expression>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let compiled = Expression::compile(text, &["res", "req"], Output::Bool);
    compiled.map(Some).map_err(|error| format!("cannot be read as an expression of CEL: {error}"))
}

/// What decides on the resources of a reference.
#[derive(Clone)]
pub(super) struct Filter {
    expressions: Arc<[Expression]>,
    content: Arc<Value>,
}

/// The filters of a Receiver's resources, one for each, over the content of a webhook. Where no expression asks for it, that
/// may be anything.
pub(super) fn filters(spec: &ReceiverSpec, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Option<Filter>>, String> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let of_all = given(&spec.resource_filter);
    let of_each: Vec<Vec<String>> =
        spec.resources.iter().map(|one| of_all.iter().cloned().chain(given(&one.filter)).collect()).collect();
    if of_each.iter().all(Vec::is_empty) {
        return Ok(of_each.iter().map(|_| None).collect());
    }
    let content = Arc::new(content(headers, body)?);
    let filter = |texts: Vec<String>| {
        let expressions = texts.iter().map(|text| compile(text)).collect::<Result<Vec<_>, _>>()?;
        let expressions: Arc<[Expression]> = expressions.into_iter().flatten().collect();
        Ok((!expressions.is_empty()).then(|| Filter { expressions, content: content.clone() }))
    };
    of_each.into_iter().map(filter).collect()
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

impl Filter {
    /// Those of the resources that a webhook is about. Blocks the thread.
    pub(super) fn accepted(&self, resources: Vec<(String, Value)>) -> Result<Vec<String>, String> {
        let each = Budget(OF_WEBHOOK.0 / (resources.len().max(1) as u64)).min(Budget::EXPRESSION);
        let mut accepted = Vec::new();
        for (name, resource) in resources {
            if self.accepts(&resource, each).map_err(|error| format!("{name}: {error}"))? {
                accepted.push(name);
            }
        }
        Ok(accepted)
    }

    fn accepts(&self, resource: &Value, budget: Budget) -> Result<bool, String> {
        let scope = Scope::named([("res", resource), ("req", &*self.content)]).reading(Numbers::Double);
        for expression in self.expressions.iter() {
            let told = |error: EvalError| format!("failed to evaluate the CEL expression '{expression}': {error}");
            if !expression.bool(&scope, budget).map_err(told)? {
                return Ok(false);
            }
        }
        Ok(true)
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
        let filter = filters(spec, &headers, body.as_bytes())?.remove(0);
        let Some(filter) = filter else { return Ok(true) };
        filter.accepted(vec![("app".to_owned(), resource)]).map(|accepted| !accepted.is_empty())
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
}
