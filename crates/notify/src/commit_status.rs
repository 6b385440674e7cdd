//! What the status of a commit is called.

use cowherd_api::flux::notification::v1beta3::{Alert, Provider};
use cowherd_cel::{Budget, CompileError, Expression, Output, Scope};
use kube::ResourceExt;
use serde_json::Value;

use crate::event::Event;
use crate::provider::{self, Failure};

/// What is wrong with the expression in the spec of a Provider that makes the name, if anything is.
pub fn wrong_expression(spec: &Value) -> Option<String> {
    let text = spec["commitStatusExpr"].as_str().filter(|text| !text.is_empty())?;
    if !provider::is_of_commits(spec["type"].as_str().unwrap_or_default()) {
        return Some(OF_NO_COMMITS.to_owned());
    }
    compile(text).err().map(|error| format!("cannot be read as an expression of CEL: {error}"))
}

const OF_NO_COMMITS: &str = "is only for the types that set statuses of commits; remove it";

fn compile(text: &str) -> Result<Expression, CompileError> {
    Expression::compile(text, &["event", "alert", "provider"], Output::Text)
}

/// Whether an expression makes the name.
pub(crate) fn is_expressed(provider: &Provider) -> bool {
    provider.spec.commit_status_expr.as_ref().is_some_and(|text| !text.is_empty())
}

/// The name of the status of a commit for an event, as the Provider has it told. Others than those of commits need none. Blocks the
/// thread where an expression makes it.
pub(crate) fn name(provider: &Provider, alert: &Alert, event: &Event) -> Result<String, Failure> {
    let uid = provider.uid().unwrap_or_default();
    let expression = provider.spec.commit_status_expr.as_deref().filter(|text| !text.is_empty());
    let Some(text) = expression else { return Ok(usual(&uid, event)) };
    if !provider::is_of_commits(&provider.spec.kind) {
        return Err(Failure::new(format!("spec.commitStatusExpr {OF_NO_COMMITS}")));
    }
    let failed = |cause: String| {
        let what = "failed to evaluate the spec.commitStatusExpr CEL expression for the event";
        Failure::new(format!("failed to create commit status: {what}: {cause}"))
    };
    let expression = compile(text).map_err(|error| failed(format!("failed to compile expression: {error}")))?;
    let json = |made: serde_json::Result<Value>| made.map_err(|error| failed(error.to_string()));
    let event = json(serde_json::to_value(event))?;
    let alert = json(serde_json::to_value(alert))?;
    let provider = json(serde_json::to_value(provider))?;
    let scope = Scope::named([("event", &event), ("alert", &alert), ("provider", &provider)]);
    expression.text(&scope, Budget::EXPRESSION).map_err(|error| failed(error.to_string()))
}

/// One name for each object and cluster, by the uid of the Provider.
fn usual(uid: &str, event: &Event) -> String {
    let first = uid.split('-').next().unwrap_or_default();
    format!("{}/{}/{first}", event.kind(), event.name()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::tests::event;

    fn named(kind: &str, expression: Option<&str>) -> Result<String, String> {
        let provider = json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider",
            "metadata": { "name": "p", "namespace": "n", "uid": "0c9c2e41-d2f9" },
            "spec": { "type": kind, "commitStatusExpr": expression } });
        let alert = json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "providerRef": { "name": "p" }, "eventSources": [] } });
        let (provider, alert) = (serde_json::from_value(provider).unwrap(), serde_json::from_value(alert).unwrap());
        name(&provider, &alert, &event(&[("environment", "production")]))
            .map_err(|failure| failure.told(&Default::default()))
    }

    #[test]
    fn a_status_is_called_as_the_expression_says_or_as_usual() {
        assert_eq!(named("github", None).unwrap(), "kustomization/web/0c9c2e41");
        assert_eq!(named("github", Some("")).unwrap(), "kustomization/web/0c9c2e41");
        let expression = "(event.involvedObject.kind + '/' + event.involvedObject.name + '/' + event.metadata.environment + '/' \
                          + provider.metadata.uid.split('-').first().value() + '/' + alert.metadata.name).lowerAscii()";
        assert_eq!(named("gitlab", Some(expression)).unwrap(), "kustomization/web/production/0c9c2e41/a");
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_told() {
        for (kind, expression, words) in [
            ("github", "event.metadata.none + 'x'", "no such key: none"),
            ("github", "event.involvedObject.kind == 'x'", "has to be of the type string, and is of bool"),
            ("github", "events.x", "failed to compile expression: 1:1: undeclared reference to 'events'"),
            ("slack", "'x'", "is only for the types that set statuses of commits"),
        ] {
            let told = named(kind, Some(expression)).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
        let wrong = wrong_expression(&json!({ "type": "github", "commitStatusExpr": "event." })).unwrap();
        assert!(wrong.contains("1:7: syntax error"), "{wrong}");
        assert_eq!(wrong_expression(&json!({ "type": "github", "commitStatusExpr": "event.reason + ''" })), None);
    }
}
