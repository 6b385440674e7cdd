//! What a Kustomization asks for, read and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::flux::annotations::DEFAULT_NAMESPACE;
use cowherd_api::flux::kustomize::v1::{Kustomization, KustomizationSpec, SubstituteReference};
use cowherd_api::supported;
use cowherd_apply::{Account, ObjectId, Versioned};
use cowherd_render::Overlay;
use kube::ResourceExt;

use crate::NamespacedName;

/// The shortest time that applying and health checks get.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest interval, whatever the spec says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// What happens to the objects when the Kustomization is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    Orphan,
    Delete,
    DeleteAndWait,
}

/// What a Kustomization asks for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) source: NamespacedName,
    pub(crate) path: String,
    /// Where objects are that name no namespace.
    pub(crate) default_namespace: Option<String>,
    pub(crate) overlay: Overlay,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) substitutes: bool,
    pub(crate) always_substitute: bool,
    pub(crate) substitute: BTreeMap<String, String>,
    pub(crate) substitute_from: Vec<SubstituteReference>,
    pub(crate) depends_on: Vec<NamespacedName>,
    pub(crate) interval: Duration,
    pub(crate) retry_interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) prune: bool,
    pub(crate) force: bool,
    pub(crate) wait: bool,
    pub(crate) health_checks: Vec<Versioned>,
    pub(crate) account: Option<Account>,
}

/// A field that cannot be acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.{field} {problem}")]
pub(crate) struct SettingsError {
    pub(crate) field: &'static str,
    problem: String,
}

impl Settings {
    pub(crate) fn read(object: &Kustomization) -> Result<Self, SettingsError> {
        let spec = &object.spec;
        let written = serde_json::to_value(spec);
        let written =
            written.map_err(|error| SettingsError { field: "", problem: format!("cannot be read: {error}") })?;
        if let Some(refused) = supported::refused(supported::KUSTOMIZATION, &written) {
            return Err(SettingsError { field: refused.entry.field, problem: refused.problem() });
        }
        let name = NamespacedName::of(object);
        let duration = |field, value: &cowherd_api::Duration| {
            value.parse().map_err(|error| SettingsError { field, problem: format!("is wrong: {error}") })
        };
        let optional = |field, value: &Option<cowherd_api::Duration>| {
            value.as_ref().map(|value| duration(field, value)).transpose()
        };
        let interval = duration("interval", &spec.interval)?.max(SHORTEST_INTERVAL);
        let timeout = optional("timeout", &spec.timeout)?;
        let overlay = serde_json::from_value(written);
        let overlay =
            overlay.map_err(|error| SettingsError { field: "patches", problem: format!("cannot be read: {error}") })?;
        let common = spec.common_metadata.clone().unwrap_or_default();
        let post_build = spec.post_build.clone();
        let within = |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| name.namespace.clone());
        Ok(Self {
            source: NamespacedName::new(within(&spec.source_ref.namespace), &spec.source_ref.name),
            path: spec.path.clone().unwrap_or_default(),
            default_namespace: object.annotations().get(DEFAULT_NAMESPACE).cloned(),
            overlay,
            labels: common.labels.unwrap_or_default(),
            annotations: common.annotations.unwrap_or_default(),
            substitutes: post_build.is_some(),
            always_substitute: post_build
                .as_ref()
                .is_some_and(|post| post.substitute_strategy.as_deref() == Some("Always")),
            substitute: post_build.as_ref().and_then(|post| post.substitute.clone()).unwrap_or_default(),
            substitute_from: post_build.map(|post| post.substitute_from).unwrap_or_default(),
            depends_on: spec
                .depends_on
                .iter()
                .map(|dependency| NamespacedName::new(within(&dependency.namespace), &dependency.name))
                .collect(),
            interval,
            retry_interval: optional("retryInterval", &spec.retry_interval)?.unwrap_or(interval).max(SHORTEST_INTERVAL),
            timeout: timeout
                .unwrap_or_else(|| interval.saturating_sub(Duration::from_secs(30)))
                .max(if timeout.is_some() { Duration::from_secs(1) } else { SHORTEST_TIMEOUT }),
            prune: spec.prune,
            force: spec.force,
            wait: spec.wait == Some(true),
            health_checks: health_checks(spec),
            account: account(object),
        })
    }

    /// Whether the health of anything decides whether the Kustomization is ready.
    pub(crate) fn checks_health(&self) -> bool {
        self.wait || !self.health_checks.is_empty()
    }
}

/// On whose behalf a Kustomization acts.
pub(crate) fn account(object: &Kustomization) -> Option<Account> {
    let name = object.spec.service_account_name.as_ref().filter(|name| !name.is_empty())?;
    Some(Account::service_account(object.metadata.namespace.as_deref().unwrap_or_default(), name))
}

/// What the deletion of a Kustomization does. A suspended one leaves its objects alone.
pub(crate) fn deletion(object: &Kustomization) -> Deletion {
    if object.spec.suspend == Some(true) {
        return Deletion::Orphan;
    }
    match object.spec.deletion_policy.as_deref() {
        None | Some("" | "MirrorPrune") if object.spec.prune => Deletion::Delete,
        Some("Delete") => Deletion::Delete,
        Some("WaitForTermination") => Deletion::DeleteAndWait,
        _ => Deletion::Orphan,
    }
}

fn health_checks(spec: &KustomizationSpec) -> Vec<Versioned> {
    let read = |check: &cowherd_api::flux::kustomize::v1::NamespacedObjectKindReference| {
        let api_version = check.api_version.as_deref().filter(|text| !text.is_empty()).unwrap_or("apps/v1");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let id = ObjectId {
            namespace: check.namespace.clone().unwrap_or_default(),
            name: check.name.clone(),
            group: group.to_owned(),
            kind: check.kind.clone(),
        };
        Versioned { id, version: version.to_owned() }
    };
    spec.health_checks.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn kustomization(spec: Value) -> Kustomization {
        let mut full =
            json!({ "interval": "10m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "a", "namespace": "n" }, "spec": full }))
        .unwrap()
    }

    #[test]
    fn fields_have_fluxs_defaults() {
        let settings = Settings::read(&kustomization(json!({}))).unwrap();
        assert_eq!(settings.source, NamespacedName::new("n", "s"));
        assert_eq!(settings.timeout, Duration::from_secs(570));
        assert_eq!(settings.retry_interval, Duration::from_secs(600));
        assert!(!settings.checks_health());
        let short = Settings::read(&kustomization(json!({ "interval": "10s", "timeout": "5s" }))).unwrap();
        assert_eq!(short.timeout, Duration::from_secs(5));
        assert_eq!(Settings::read(&kustomization(json!({ "interval": "10s" }))).unwrap().timeout, SHORTEST_TIMEOUT);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let error = |spec| Settings::read(&kustomization(spec)).unwrap_err().to_string();
        assert!(error(json!({ "decryption": { "provider": "sops" } })).starts_with("spec.decryption is not supported"));
        assert!(
            error(json!({ "sourceRef": { "kind": "Bucket", "name": "s" } }))
                .starts_with("spec.sourceRef.kind \"Bucket\" is not supported yet")
        );
        assert!(error(json!({ "kubeConfig": { "secretRef": { "name": "s" } } })).starts_with("spec.kubeConfig"));
        assert!(error(json!({ "interval": "soon" })).contains("\"soon\" is not a duration"));
    }

    #[test]
    fn deletion_follows_the_policy_and_prune() {
        let of = |spec| deletion(&kustomization(spec));
        assert_eq!(of(json!({})), Deletion::Delete);
        assert_eq!(of(json!({ "prune": false })), Deletion::Orphan);
        assert_eq!(of(json!({ "prune": false, "deletionPolicy": "Delete" })), Deletion::Delete);
        assert_eq!(of(json!({ "deletionPolicy": "Orphan" })), Deletion::Orphan);
        assert_eq!(of(json!({ "deletionPolicy": "WaitForTermination" })), Deletion::DeleteAndWait);
        assert_eq!(of(json!({ "deletionPolicy": "Delete", "suspend": true })), Deletion::Orphan);
    }
}
