//! A Kustomization as an owner: what it asks for, read and checked.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::DEFAULT_NAMESPACE;
use cowherd_api::flux::kustomize::v1::{Kustomization, KustomizationSpec};
use cowherd_api::supported;
use cowherd_apply::{Account, ObjectId, Versioned, is_path_segment};
use kube::ResourceExt;

use super::producer::Kustomize;
use super::{KIND, status};
use crate::NamespacedName;
use crate::owner::{
    Deletion, Dependency, Expressions, KubeConfig, Over, Owner, OwnerKind, OwnerName, Owning, Precedence, Settings,
    SettingsError, Status, check_names,
};
use crate::source::{SourceKind, SourceName};

/// The shortest time that applying and health checks get.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest interval, whatever the spec says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Owning for Kustomization {
    const KIND: &'static OwnerKind = &KIND;

    fn read(mut self, known: Option<&Owner>) -> (Owner, Status) {
        let status = self.status.take().map(status::read).unwrap_or_default();
        let known = known.filter(|known| known.metadata.still_says(&self.metadata));
        let owner = Owner {
            name: OwnerName::of(&self),
            is_suspended: self.spec.suspend == Some(true),
            settings: known.map_or_else(|| settings(&self).map(Arc::new), |known| known.settings.clone()),
            deletion: deletion(&self),
            kube_config: kube_config(&self),
            account: account(&self),
            has_default_account: false,
            precedence: Precedence::default(),
            own: None,
            metadata: self.metadata.into(),
        };
        (owner, status)
    }
}

/// What a Kustomization asks for.
pub(super) fn settings(object: &Kustomization) -> Result<Settings, SettingsError> {
    let spec = &object.spec;
    refuse_unsupported(spec)?;
    refuse_misnamed(object)?;
    kube_config(object).map_or(Ok(()), |said| said.check())?;
    let kind = source_kind(spec)?;
    let name = NamespacedName::of(object);
    let duration = |field, value: &cowherd_api::Duration| {
        value.parse().map_err(|error| SettingsError::new(field, format!("is wrong: {error}")))
    };
    let optional =
        |field, value: &Option<cowherd_api::Duration>| value.as_ref().map(|value| duration(field, value)).transpose();
    let interval = duration("interval", &spec.interval)?.max(SHORTEST_INTERVAL);
    let timeout = optional("timeout", &spec.timeout)?;
    let within = |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| name.namespace.clone());
    let depends_on = spec.depends_on.iter().enumerate().map(|(place, dependency)| {
        let name = OwnerName::new(&KIND, within(&dependency.namespace), &dependency.name);
        let ready = dependency.ready_expr.as_ref().filter(|text| !text.is_empty()).map(|_| place);
        Dependency { name, ready, minds_rights: false }
    });
    Ok(Settings {
        source: SourceName::new(kind, within(&spec.source_ref.namespace), &spec.source_ref.name),
        producer: Arc::new(Kustomize::read(&name.namespace, spec)?),
        default_namespace: object.annotations().get(DEFAULT_NAMESPACE).cloned(),
        depends_on: depends_on.collect(),
        interval,
        retry_interval: optional("retryInterval", &spec.retry_interval)?.unwrap_or(interval).max(SHORTEST_INTERVAL),
        timeout: timeout
            .unwrap_or_else(|| interval.saturating_sub(Duration::from_secs(30)))
            .max(if timeout.is_some() { Duration::from_secs(1) } else { SHORTEST_TIMEOUT }),
        prune: spec.prune,
        force: spec.force,
        wait: spec.wait == Some(true),
        health_checks: health_checks(spec)?,
        expressions: Expressions::new(
            &spec.health_check_exprs,
            spec.depends_on.iter().map(|dependency| dependency.ready_expr.as_deref()),
            Over::BothObjects,
        ),
        minds_drift: true,
        needs_lockdown: None,
    })
}

/// Refuses what is to become a part of a request and would make another one of it.
fn refuse_misnamed(object: &Kustomization) -> Result<(), SettingsError> {
    let spec = &object.spec;
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    // A colon would end the namespace or the name of the account in the name of the user that stands for it.
    if account.contains(':') || !is_path_segment(account) {
        let problem = format!("{account:?} cannot name a ServiceAccount; see Kubernetes' rules for names");
        return Err(SettingsError::new("serviceAccountName", problem));
    }
    let namespace = object.annotations().get(DEFAULT_NAMESPACE).map(String::as_str);
    if let Some(namespace) = namespace.filter(|namespace| !is_path_segment(namespace)) {
        let problem = format!("the annotation {DEFAULT_NAMESPACE}: {namespace:?} cannot name a namespace");
        return Err(SettingsError::new("", problem));
    }
    let mut substitutes = spec.post_build.iter().flat_map(|post| &post.substitute_from);
    if let Some(reference) = substitutes.find(|reference| !is_path_segment(&reference.name)) {
        let problem = format!("{:?} cannot name a {}; see Kubernetes' rules for names", reference.name, reference.kind);
        return Err(SettingsError::new("postBuild.substituteFrom", problem));
    }
    check_names(references(spec))
}

/// The names and namespaces of what a Kustomization refers to, by their fields.
fn references(spec: &KustomizationSpec) -> impl Iterator<Item = (String, &str)> {
    let source = &spec.source_ref;
    let source = std::iter::once(("sourceRef".to_owned(), source.namespace.as_deref(), &source.name));
    let dependencies = spec.depends_on.iter().enumerate();
    let dependencies =
        dependencies.map(|(place, one)| (format!("dependsOn[{place}]"), one.namespace.as_deref(), &one.name));
    source.chain(dependencies).flat_map(|(field, namespace, name)| {
        [(format!("{field}.name"), name.as_str()), (format!("{field}.namespace"), namespace.unwrap_or_default())]
    })
}

/// What says how the cluster is reached that its objects are in.
fn kube_config(object: &Kustomization) -> Option<KubeConfig> {
    KubeConfig::read(object.metadata.namespace.as_deref().unwrap_or_default(), object.spec.kube_config.as_ref())
}

/// On whose behalf a Kustomization acts.
fn account(object: &Kustomization) -> Option<Account> {
    let name = object.spec.service_account_name.as_ref().filter(|name| !name.is_empty())?;
    Some(Account::service_account(object.metadata.namespace.as_deref().unwrap_or_default(), name))
}

/// What the deletion of a Kustomization does. A suspended one leaves its objects alone.
pub(super) fn deletion(object: &Kustomization) -> Deletion {
    if object.spec.suspend == Some(true) {
        return Deletion::Orphan("spec.suspend: true");
    }
    match object.spec.deletion_policy.as_deref() {
        None | Some("" | "MirrorPrune") if object.spec.prune => Deletion::MirrorPrune,
        Some("Delete") => Deletion::Delete,
        Some("WaitForTermination") => Deletion::DeleteAndWait,
        Some("Orphan") => Deletion::Orphan("spec.deletionPolicy: Orphan"),
        _ => Deletion::Orphan("spec.prune: false"),
    }
}

fn health_checks(spec: &KustomizationSpec) -> Result<Vec<Versioned>, SettingsError> {
    let read = |check: &cowherd_api::flux::kustomize::v1::NamespacedObjectKindReference| {
        let api_version = check.api_version.as_deref().filter(|text| !text.is_empty()).unwrap_or("apps/v1");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let id = ObjectId {
            namespace: check.namespace.clone().unwrap_or_default(),
            name: check.name.clone(),
            group: group.to_owned(),
            kind: check.kind.clone(),
        };
        let check = Versioned { id, version: version.to_owned() };
        match check.misnamed() {
            None => Ok(check),
            Some((field, text)) => {
                let problem = format!("has the {field} {text:?}, which no object has; see Kubernetes' rules for names");
                Err(SettingsError::new("healthChecks", problem))
            }
        }
    };
    spec.health_checks.iter().map(read).collect()
}

fn refuse_unsupported(spec: &KustomizationSpec) -> Result<(), SettingsError> {
    let written = serde_json::to_value(spec);
    let written = written.map_err(|error| SettingsError::new("", format!("cannot be read: {error}")))?;
    supported::refused(supported::KUSTOMIZATION, &written)
        .next()
        .map_or(Ok(()), |refused| Err(SettingsError::new(refused.entry.field, refused.problem())))
}

fn source_kind(spec: &KustomizationSpec) -> Result<SourceKind, SettingsError> {
    let kind = &spec.source_ref.kind;
    SourceKind::read(SourceKind::OF_MANIFESTS, kind).ok_or_else(|| {
        let known: Vec<&str> = SourceKind::OF_MANIFESTS.iter().map(|kind| kind.0).collect();
        let problem = format!("{kind:?} is not supported yet; use a {}", known.join(" or "));
        SettingsError::new("sourceRef.kind", problem)
    })
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
        let read = settings(&kustomization(json!({}))).unwrap();
        assert_eq!(read.source.to_string(), "GitRepository/n/s");
        assert_eq!(read.timeout, Duration::from_secs(570));
        assert_eq!(read.retry_interval, Duration::from_secs(600));
        assert!(!read.checks_health());
        let short = settings(&kustomization(json!({ "interval": "10s", "timeout": "5s" }))).unwrap();
        assert_eq!(short.timeout, Duration::from_secs(5));
        assert_eq!(settings(&kustomization(json!({ "interval": "10s" }))).unwrap().timeout, SHORTEST_TIMEOUT);
    }

    #[test]
    fn a_reference_that_would_make_another_request_is_refused() {
        let source = |name: &str, namespace: &str| json!({ "sourceRef": { "kind": "GitRepository", "name": name, "namespace": namespace } });
        for (spec, field) in [
            (source("../s", "n"), "spec.sourceRef.name"),
            (source("s", "n/gitrepositories/x?y="), "spec.sourceRef.namespace"),
            (json!({ "dependsOn": [{ "name": "a/b" }] }), "spec.dependsOn[0].name"),
            (
                json!({ "dependsOn": [{ "name": "a" }, { "name": "b", "namespace": ".." }] }),
                "spec.dependsOn[1].namespace",
            ),
        ] {
            let error = settings(&kustomization(spec)).unwrap_err().to_string();
            assert!(error.starts_with(field) && error.contains("which no object is called"), "{error}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let error = |spec| settings(&kustomization(spec)).unwrap_err().to_string();
        let by_account = json!({ "decryption": { "provider": "sops", "serviceAccountName": "a" } });
        assert!(error(by_account).starts_with("spec.decryption.serviceAccountName is not supported"));
        assert!(
            error(json!({ "sourceRef": { "kind": "HelmRepository", "name": "s" } }))
                .starts_with("spec.sourceRef.kind \"HelmRepository\" is not supported yet")
        );
        assert!(error(json!({ "kubeConfig": {} })).starts_with("spec.kubeConfig must have exactly one"));
        assert!(error(json!({ "interval": "soon" })).contains("\"soon\" is not a duration"));
    }

    #[test]
    fn a_name_that_would_make_another_request_is_refused() {
        let check = |field: &str, text: &str| {
            let mut check = json!({ "apiVersion": "v1", "kind": "Secret", "namespace": "n", "name": "s" });
            check[field] = text.into();
            json!({ "healthChecks": [check] })
        };
        let from = |name: &str| json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": name }] } });
        for (spec, field) in [
            (check("name", "s,metadata.namespace!=a/b/c/d"), "healthChecks"),
            (check("name", "../../other/secrets/s"), "healthChecks"),
            (check("name", ".."), "healthChecks"),
            (check("name", "s?watch=1"), "healthChecks"),
            (check("name", ""), "healthChecks"),
            (check("namespace", "n/secrets"), "healthChecks"),
            (check("apiVersion", "v1/namespaces/n"), "healthChecks"),
            (check("apiVersion", "apps/v1/namespaces/n"), "healthChecks"),
            (from("s/../t"), "postBuild.substituteFrom"),
            (json!({ "serviceAccountName": "a:b" }), "serviceAccountName"),
            (json!({ "serviceAccountName": "a/token" }), "serviceAccountName"),
            (json!({ "serviceAccountName": "a\nb" }), "serviceAccountName"),
        ] {
            let error = settings(&kustomization(spec.clone())).unwrap_err();
            assert_eq!(error.field, field, "{spec}: {error}");
        }
        let mut object = kustomization(json!({}));
        object.metadata.annotations = Some([(DEFAULT_NAMESPACE.to_owned(), "n/secrets".to_owned())].into());
        assert!(settings(&object).unwrap_err().to_string().contains("cannot name a namespace"));
        for good in
            [check("name", "system:node"), check("namespace", ""), from("s"), json!({ "serviceAccountName": "" })]
        {
            assert!(settings(&kustomization(good.clone())).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_kinds_of_sources_that_are_supported_are_those_that_there_are() {
        let table = supported::KUSTOMIZATION.iter().find(|entry| entry.field == "sourceRef.kind").unwrap();
        let mut kinds: Vec<&str> = SourceKind::OF_MANIFESTS.iter().map(|kind| kind.0).collect();
        let mut supported = table.but.to_vec();
        kinds.sort();
        supported.sort();
        assert_eq!(kinds, supported);
    }

    #[test]
    fn deletion_follows_the_policy_and_prune() {
        let of = |spec| deletion(&kustomization(spec));
        assert_eq!(of(json!({})), Deletion::MirrorPrune);
        assert_eq!(of(json!({ "prune": false })), Deletion::Orphan("spec.prune: false"));
        assert_eq!(of(json!({ "prune": false, "deletionPolicy": "Delete" })), Deletion::Delete);
        assert_eq!(of(json!({ "deletionPolicy": "Orphan" })), Deletion::Orphan("spec.deletionPolicy: Orphan"));
        assert_eq!(of(json!({ "deletionPolicy": "WaitForTermination" })), Deletion::DeleteAndWait);
        assert_eq!(of(json!({ "deletionPolicy": "Delete", "suspend": true })), Deletion::Orphan("spec.suspend: true"));
    }
}
