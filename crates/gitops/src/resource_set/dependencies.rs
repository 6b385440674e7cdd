//! The objects that must be there, or ready, before anything is done for a ResourceSet.

use cowherd_api::flux::controlplane::v1::Dependency as Said;
use cowherd_apply::health::{Status, assess};
use cowherd_apply::mask::{Mask, is_secret};
use cowherd_apply::{ObjectId, Versioned};
use cowherd_cel::{Budget, Expression, Scope};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::budgets::Permits;
use crate::owner::{Dependency, Expressions, OwnerKind, OwnerName, SettingsError};
use crate::target::Target;
use crate::{helm_release, kustomization};

/// The annotation in which kubectl keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that must be there first.
#[derive(Clone, Debug)]
pub(super) struct Needed {
    object: Versioned,
    ready: Ready,
}

/// What it has to be besides.
#[derive(Clone, Debug)]
enum Ready {
    /// Nothing.
    IfThere,
    /// As kstatus has it.
    ByStatus,
    /// What the expression at this place of the spec says over its fields.
    ByExpression(usize),
}

/// Why a ResourceSet waits.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unmet {
    #[error("Retrying dependency check: dependency {0} not found")]
    Missing(String),
    #[error("Retrying dependency check: dependency {0} cannot be read: {1}")]
    Unread(String, String),
    #[error("Retrying dependency check: dependency {0} not ready: status {1}")]
    NotReady(String, Status),
    #[error("Retrying dependency check: dependency {0} not ready: expression '{1}'")]
    NotSo(String, String),
    #[error("Retrying dependency check: whether dependency {0} is ready could not be found out")]
    Undecided(String),
    #[error("Retrying dependency check: failed to evaluate the CEL expression '{1}' of dependency {0}: {2}")]
    Failed(String, String, String),
}

impl Needed {
    /// What stands at that place of the spec.
    pub(super) fn read(place: usize, said: &Said) -> Result<Self, SettingsError> {
        let (group, version) = said.api_version.split_once('/').unwrap_or(("", &said.api_version));
        let id = ObjectId {
            namespace: said.namespace.clone().unwrap_or_default(),
            name: said.name.clone(),
            group: group.to_owned(),
            kind: said.kind.clone(),
        };
        let object = Versioned { id, version: version.to_owned() };
        if let Some((field, text)) = object.misnamed() {
            let problem = format!("has the {field} {text:?}, which no object has; see Kubernetes' rules for names");
            return Err(SettingsError::new(format!("dependsOn[{place}]"), problem));
        }
        let ready = match expression(said) {
            _ if said.ready != Some(true) => Ready::IfThere,
            None => Ready::ByStatus,
            Some(_) => Ready::ByExpression(place),
        };
        Ok(Self { object, ready })
    }

    /// The owner that it is, where that says itself whether it is ready.
    fn owner(&self) -> Option<OwnerName> {
        let kinds: [&'static OwnerKind; 3] = [&super::KIND, &kustomization::KIND, &helm_release::KIND];
        let id = &self.object.id;
        let kind = kinds.into_iter().find(|kind| kind.group == id.group && kind.kind == id.kind)?;
        matches!(self.ready, Ready::ByStatus).then(|| OwnerName::new(kind, &id.namespace, &id.name))
    }

    /// Looks at it with the rights of who acts for the ResourceSet, which is in `namespace` and has these expressions: they are evaluated in
    /// a place of those for renders.
    pub(super) async fn check(
        &self,
        target: &Target,
        namespace: &str,
        expressions: &Expressions,
        places: &Permits,
    ) -> Result<(), Unmet> {
        let name = format!("{}/{}", self.object.api_version(), self.object.id);
        let found = target.applier.look(&self.object, target.account.as_ref()).await;
        let found = found.map_err(|error| Unmet::Unread(name.clone(), error.told(&Mask::default())))?;
        let object = found.ok_or_else(|| Unmet::Missing(name.clone()))?;
        let Ready::ByExpression(place) = self.ready else { return self.judge(name, &object) };
        let permit = places.acquire(namespace).await;
        let (needed, expressions, namespace) = (self.clone(), expressions.clone(), namespace.to_owned());
        let unknown = Unmet::Undecided(name.clone());
        // Whoever stops waiting for it does not end it: it has the permit for as long as it runs.
        let deciding = move || {
            let decided = match expressions.ready(place) {
                Some(expression) => needed.decide(name, object, &namespace, &expression),
                None => Err(Unmet::Undecided(name)),
            };
            drop(permit);
            decided
        };
        tokio::task::spawn_blocking(deciding).await.unwrap_or(Err(unknown))
    }

    /// Whether it is as it has to be, where no expression decides that.
    fn judge(&self, name: String, object: &Value) -> Result<(), Unmet> {
        if matches!(self.ready, Ready::IfThere) {
            return Ok(());
        }
        match assess(object, Timestamp::now()).status {
            Status::Current => Ok(()),
            status => Err(Unmet::NotReady(name, status)),
        }
    }

    /// Whether it is as the expression has it, for a ResourceSet in `namespace`. Blocks the thread.
    fn decide(&self, name: String, mut object: Value, namespace: &str, expression: &Expression) -> Result<(), Unmet> {
        self.withhold(&mut object, namespace);
        let said = expression.to_string();
        match expression.bool(&Scope::fields(&object), Budget::EXPRESSION) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unmet::NotSo(name, said)),
            // It may quote what the Secret holds, or any part of that, which no mask knows.
            Err(error) if is_secret(&object) => Err(Unmet::Failed(name, said, error.without_data())),
            Err(error) => Err(Unmet::Failed(name, said, error.to_string())),
        }
    }

    /// Takes out what no expression is to see: what kubectl applied, and what a Secret of another namespace holds.
    fn withhold(&self, object: &mut Value, namespace: &str) {
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
        let id = &self.object.id;
        let is_withheld = id.group.is_empty() && id.kind == "Secret" && id.namespace != namespace;
        if is_withheld && let Some(object) = object.as_object_mut() {
            object.remove("data");
        }
    }
}

/// What is written of when the dependency is ready, if that counts.
pub(super) fn expression(said: &Said) -> Option<&str> {
    said.ready_expr.as_deref().filter(|text| !text.is_empty() && said.ready == Some(true))
}

/// Those that the schedule waits for, which knows when they change and finds cycles, and the others. The former, too, are told of to
/// none whose account may not see them.
pub(super) fn by_schedule(needed: Vec<Needed>) -> (Vec<Dependency>, Vec<Needed>) {
    let owners =
        needed.iter().filter_map(Needed::owner).map(|name| Dependency { name, ready: None, minds_rights: true });
    (owners.collect(), needed.into_iter().filter(|one| one.owner().is_none()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is told of an object that an expression is to find ready.
    fn told(kind: &str, expression: &str) -> String {
        let said = json!({ "apiVersion": "v1", "kind": kind, "name": "own", "namespace": "team", "ready": true,
            "readyExpr": expression });
        let needed = Needed::read(0, &serde_json::from_value(said).unwrap()).unwrap();
        let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "own", "namespace": "team" },
            "data": { "n": "NDcxMXNlY3JldA==" } });
        let expression = Expression::parse(expression).unwrap();
        needed.decide("v1/Secret/team/own".to_owned(), object, "team", &expression).unwrap_err().to_string()
    }

    #[test]
    fn an_expression_sees_no_secret_of_another_namespace_and_nothing_that_kubectl_kept() {
        let said = json!({ "apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "other", "ready": true,
            "readyExpr": "has(data)" });
        let needed = Needed::read(0, &serde_json::from_value(said).unwrap()).unwrap();
        let sees = |expression: &str, namespace: &str| {
            let object = json!({ "apiVersion": "v1", "kind": "Secret", "data": { "a": "MQ==" },
                "metadata": { "name": "s", "namespace": "other", "annotations": { LAST_APPLIED: "{}", "b": "c" } } });
            let expression = Expression::parse(expression).unwrap();
            needed.decide("s".to_owned(), object, namespace, &expression).is_ok()
        };
        assert!(sees("data.a == 'MQ=='", "other") && !sees("data.a == 'MQ=='", "team"));
        assert!(sees("metadata.annotations.b == 'c'", "team"));
        assert!(sees("size(metadata.annotations) == 1", "other"));
    }

    #[test]
    fn what_says_nothing_of_readiness_is_there_or_not() {
        let needed = |more: Value| {
            let mut said = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "m", "namespace": "n" });
            said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Said>(said).unwrap()
        };
        for (more, by_expression) in [
            (json!({}), false),
            (json!({ "readyExpr": "false" }), false),
            (json!({ "ready": false, "readyExpr": "false" }), false),
            (json!({ "ready": true, "readyExpr": "" }), false),
            (json!({ "ready": true, "readyExpr": "false" }), true),
        ] {
            let said = needed(more.clone());
            assert_eq!(expression(&said).is_some(), by_expression, "{more}");
            let is_by_expression = matches!(Needed::read(3, &said).unwrap().ready, Ready::ByExpression(3));
            assert_eq!(is_by_expression, by_expression, "{more}");
        }
    }

    #[test]
    fn of_a_secret_it_is_not_told_why_an_expression_fails() {
        for expression in ["int(data['n']) > 1", "{'a': 1}[data['n']] == 1", "int(data['n'].substring(0, 4)) > 1"] {
            let said = told("Secret", expression);
            assert!(said.contains("cannot be evaluated") && !said.contains("NDcx"), "{said}");
            assert!(said.contains(expression) && said.contains("v1/Secret/team/own"), "{said}");
        }
        let said = told("ConfigMap", "int(data['n']) > 1");
        assert!(said.contains("NDcx"), "what is no secret is told: {said}");
    }
}
