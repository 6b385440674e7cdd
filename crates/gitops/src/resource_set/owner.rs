//! A ResourceSet as an owner: what it asks for, read and checked.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{DISABLED, ENABLED, SET_EVERY, SET_FORCE, SET_RECONCILE, SET_TIMEOUT};
use cowherd_api::flux::controlplane::v1::ResourceSet;
use cowherd_api::supported;
use cowherd_apply::{Account, is_path_segment};
use kube::ResourceExt;

use super::dependencies::{self, Needed};
use super::inputs::INPUTS;
use super::producer::FromTemplates;
use super::{KIND, status};
use crate::owner::{
    Deletion, Expressions, Over, Owner, OwnerKind, OwnerName, Owning, Precedence, Settings, SettingsError, Status,
};
use crate::source::SourceName;

/// How often it is looked at what nobody tells of, where nothing is said of that.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// The shortest interval, whatever an annotation says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// How long applying and health checks may take, where nothing is said of that.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// When it is tried again at the latest that failed, and when it is looked again for what it depends on.
const RETRY: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Owning for ResourceSet {
    const KIND: &'static OwnerKind = &KIND;

    fn read(mut self, known: Option<&Owner>) -> (Owner, Status) {
        let status = self.status.take().map(status::read).unwrap_or_default();
        let known = known.filter(|known| known.metadata.still_says(&self.metadata));
        let is_suspended = says(&self, SET_RECONCILE, DISABLED);
        let owner = Owner {
            name: OwnerName::of(&self),
            is_suspended,
            settings: known.map_or_else(|| settings(&self).map(Arc::new), |known| known.settings.clone()),
            deletion: match is_suspended {
                true => Deletion::Orphan("fluxcd.controlplane.io/reconcile: disabled"),
                false => Deletion::Delete,
            },
            kube_config: None,
            account: account(&self),
            has_default_account: false,
            precedence: Precedence::default(),
            own: None,
            metadata: self.metadata.into(),
        };
        (owner, status)
    }
}

/// Whether the annotation has the value, whatever its case.
fn says(object: &ResourceSet, annotation: &str, value: &str) -> bool {
    object.annotations().get(annotation).is_some_and(|said| said.eq_ignore_ascii_case(value))
}

/// The duration that an annotation says; the default where it is none, as with the Flux Operator.
fn duration(object: &ResourceSet, annotation: &str, default: Duration) -> Duration {
    let said = object.annotations().get(annotation);
    said.and_then(|text| cowherd_api::Duration::new(text).parse().ok()).unwrap_or(default)
}

/// What a ResourceSet asks for.
pub(super) fn settings(object: &ResourceSet) -> Result<Settings, SettingsError> {
    let spec = &object.spec;
    refuse_unsupported(object)?;
    if spec.resources.is_empty() && spec.resources_template.as_ref().is_none_or(String::is_empty) {
        let problem = "is missing, and so is spec.resourcesTemplate; write the objects in one of them";
        return Err(SettingsError::new("resources", problem));
    }
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    // A colon would end the namespace or the name of the account in the name of the user that stands for it.
    if account.contains(':') || !is_path_segment(account) {
        let problem = format!("{account:?} cannot name a ServiceAccount; see Kubernetes' rules for names");
        return Err(SettingsError::new("serviceAccountName", problem));
    }
    let name = OwnerName::of(object);
    let needed = spec.depends_on.iter().enumerate().map(|(place, of)| Needed::read(place, of));
    let needed = needed.collect::<Result<Vec<_>, _>>()?;
    let (depends_on, needed) = dependencies::by_schedule(needed);
    let expressions = Expressions::new(&[], spec.depends_on.iter().map(dependencies::expression), Over::ItsFields);
    let retry_interval = if needed.is_empty() { RETRY } else { LOOK_AGAIN };
    Ok(Settings {
        source: SourceName::new(INPUTS, &name.namespace, &name.name),
        producer: Arc::new(FromTemplates::read(&name, spec, needed, expressions.clone())?),
        default_namespace: None,
        depends_on,
        interval: duration(object, SET_EVERY, INTERVAL).max(SHORTEST_INTERVAL),
        retry_interval,
        timeout: duration(object, SET_TIMEOUT, TIMEOUT).max(Duration::from_secs(1)),
        prune: true,
        force: says(object, SET_FORCE, ENABLED),
        wait: spec.wait == Some(true),
        health_checks: Vec::new(),
        expressions,
        minds_drift: true,
        needs_lockdown: None,
    })
}

fn refuse_unsupported(object: &ResourceSet) -> Result<(), SettingsError> {
    let written = serde_json::to_value(&object.spec);
    let written = written.map_err(|error| SettingsError::new("", format!("cannot be read: {error}")))?;
    supported::refused(supported::RESOURCE_SET, &written)
        .next()
        .map_or(Ok(()), |refused| Err(SettingsError::new(refused.entry.field, refused.problem())))
}

/// On whose behalf a ResourceSet acts.
fn account(object: &ResourceSet) -> Option<Account> {
    let name = object.spec.service_account_name.as_ref().filter(|name| !name.is_empty())?;
    Some(Account::service_account(object.metadata.namespace.as_deref().unwrap_or_default(), name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner(annotations: Value, spec: Value) -> Owner {
        let mut full =
            json!({ "resources": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" } }] });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({ "apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet",
            "metadata": { "name": "a", "namespace": "n", "annotations": annotations }, "spec": full });
        serde_json::from_value::<ResourceSet>(object).unwrap().read(None).0
    }

    fn error(spec: Value) -> String {
        let settings = owner(json!({}), spec).settings;
        settings.and_then(|settings| settings.expressions.compile()).unwrap_err().to_string()
    }

    #[test]
    fn annotations_say_when_it_is_looked_and_how_long_that_may_take() {
        let settings = owner(json!({}), json!({})).settings.unwrap();
        assert_eq!((settings.interval, settings.timeout, settings.force), (INTERVAL, TIMEOUT, false));
        let said = json!({ SET_EVERY: "30m", SET_TIMEOUT: "10s", SET_FORCE: "Enabled" });
        let settings = owner(said, json!({ "wait": true })).settings.unwrap();
        assert_eq!((settings.interval.as_secs(), settings.timeout.as_secs()), (1800, 10));
        assert!(settings.force && settings.wait);
        let settings = owner(json!({ SET_EVERY: "soon", SET_TIMEOUT: "-1s" }), json!({})).settings.unwrap();
        assert_eq!((settings.interval, settings.timeout), (INTERVAL, TIMEOUT));
    }

    #[test]
    fn one_that_rests_leaves_its_objects_where_it_is_deleted() {
        let rests = owner(json!({ SET_RECONCILE: "Disabled" }), json!({}));
        assert!(rests.is_suspended && matches!(rests.deletion, Deletion::Orphan(_)));
        let works = owner(json!({ SET_RECONCILE: "enabled" }), json!({}));
        assert!(!works.is_suspended && works.deletion == Deletion::Delete);
    }

    #[test]
    fn what_cannot_be_acted_on_is_refused_by_name() {
        let steps = json!({ "resources": [], "steps": [{ "name": "a", "resourcesTemplate": "x" }] });
        assert!(error(steps).starts_with("spec.steps is not supported yet; "));
        assert!(error(json!({ "resources": [] })).starts_with("spec.resources is missing"));
        assert!(error(json!({ "serviceAccountName": "a:b" })).starts_with("spec.serviceAccountName"));
        let wrong =
            json!([{ "apiVersion": "v1", "kind": "A", "name": "a", "ready": true, "readyExpr": "status.x ==" }]);
        assert!(error(json!({ "dependsOn": wrong })).starts_with("spec.dependsOn[0].readyExpr cannot be read"));
        let outside = json!([{ "apiVersion": "v1", "kind": "Secret", "name": "../../other/secrets/s" }]);
        assert!(error(json!({ "dependsOn": outside })).starts_with("spec.dependsOn[0] has the name"));
        assert!(error(json!({ "inputsFrom": [{}] })).starts_with("spec.inputsFrom[0] must have"));
    }

    #[test]
    fn what_owners_say_of_themselves_is_waited_for_by_the_schedule() {
        let of = |kind: &str, version: &str, more: Value| {
            let mut dependency =
                json!({ "apiVersion": version, "kind": kind, "name": "x", "namespace": "m", "ready": true });
            dependency.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let settings = owner(json!({}), json!({ "dependsOn": [dependency] })).settings.unwrap();
            (
                settings.depends_on.iter().map(|one| format!("{:?}", one.name.kind)).collect::<Vec<_>>(),
                settings.retry_interval,
            )
        };
        assert_eq!(of("ResourceSet", "fluxcd.controlplane.io/v1", json!({})), (vec!["ResourceSet".to_owned()], RETRY));
        let kustomization = "kustomize.toolkit.fluxcd.io/v1";
        assert_eq!(of("Kustomization", kustomization, json!({})), (vec!["Kustomization".to_owned()], RETRY));
        for (kind, version, more) in [
            ("Kustomization", kustomization, json!({ "ready": false })),
            ("Kustomization", kustomization, json!({ "readyExpr": "true" })),
            ("Deployment", "apps/v1", json!({})),
        ] {
            assert_eq!(of(kind, version, more), (vec![], LOOK_AGAIN), "{kind}");
        }
    }
}
