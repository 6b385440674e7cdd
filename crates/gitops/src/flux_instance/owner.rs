//! A FluxInstance as an owner: what it asks for, read and checked.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::{DISABLED, SET_EVERY, SET_RECONCILE, SET_TIMEOUT};
use cowherd_api::flux::controlplane::v1::{Cluster, FluxInstance};
use kube::ResourceExt;

use super::producer::FromSync;
use super::{ITSELF, KIND, NAME, status};
use crate::owner::{
    Deletion, Expressions, Owner, OwnerKind, OwnerName, Owning, Precedence, Settings, SettingsError, Status,
    check_names,
};
use crate::source::SourceName;

/// How often it is looked at what nobody tells of, where nothing is said of that.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How long applying and health checks may take, where nothing is said of that.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// When it is tried again at the latest that failed.
const RETRY: Duration = Duration::from_secs(60);

/// The most patches that are read.
const MOST_PATCHES: usize = 200;
/// The account that tenants act for who name none, where nothing is said of that, as with the Flux Operator.
const TENANT_ACCOUNT: &str = "default";

impl Owning for FluxInstance {
    const KIND: &'static OwnerKind = &KIND;

    fn read(mut self, known: Option<&Owner>) -> (Owner, Status) {
        let status = self.status.take().map(status::read).unwrap_or_default();
        let known = known.filter(|known| known.metadata.still_says(&self.metadata));
        let annotations = self.metadata.annotations.as_ref();
        let rests = annotations
            .and_then(|all| all.get(SET_RECONCILE))
            .is_some_and(|value| value.eq_ignore_ascii_case(DISABLED));
        let owner = Owner {
            name: OwnerName::of(&self),
            is_suspended: rests,
            settings: known.map_or_else(|| settings(&self).map(Arc::new), |known| known.settings.clone()),
            deletion: match rests {
                true => Deletion::Orphan("fluxcd.controlplane.io/reconcile: disabled"),
                false => Deletion::Delete,
            },
            kube_config: None,
            account: None,
            has_default_account: false,
            precedence: Precedence::default(),
            own: None,
            metadata: self.metadata.into(),
        };
        (owner, status)
    }
}

/// The duration that an annotation says; the default where it is none, as with the Flux Operator.
fn duration(object: &FluxInstance, annotation: &str, default: Duration) -> Duration {
    let said = object.annotations().get(annotation);
    let said = said.and_then(|text| cowherd_api::Duration::new(text).parse().ok());
    said.unwrap_or(default).max(Duration::from_secs(1))
}

fn settings(object: &FluxInstance) -> Result<Settings, SettingsError> {
    let (spec, name) = (&object.spec, OwnerName::of(object));
    if name.name != NAME {
        let problem =
            format!("metadata.name is {:?}, and the only accepted name for a FluxInstance is {NAME:?}", name.name);
        return Err(SettingsError::new("", problem));
    }
    if let Some(sync) = &spec.sync {
        let own = sync.name.iter().map(|name| ("sync.name", name.as_str()));
        let secret = sync.pull_secret.iter().map(|name| ("sync.pullSecret", name.as_str()));
        check_names(own.chain(secret).filter(|(_, name)| !name.is_empty()))?;
        if !["GitRepository", "OCIRepository", "Bucket"].contains(&sync.kind.as_str()) {
            let problem = format!("{:?} is none; write GitRepository, OCIRepository or Bucket", sync.kind);
            return Err(SettingsError::new("sync.kind", problem));
        }
    }
    let patches = spec.kustomize.as_ref().map_or(0, |kustomize| kustomize.patches.len());
    if patches > MOST_PATCHES {
        let problem = format!("has {patches} patches, and {MOST_PATCHES} are read at most");
        return Err(SettingsError::new("kustomize.patches", problem));
    }
    Ok(Settings {
        source: SourceName::new(ITSELF, &name.namespace, &name.name),
        producer: Arc::new(FromSync::read(&name, spec)),
        default_namespace: None,
        depends_on: Vec::new(),
        interval: duration(object, SET_EVERY, INTERVAL),
        retry_interval: RETRY,
        timeout: duration(object, SET_TIMEOUT, TIMEOUT),
        prune: true,
        force: false,
        wait: spec.wait != Some(false),
        health_checks: Vec::new(),
        expressions: Expressions::default(),
        minds_drift: true,
        needs_lockdown: spec.cluster.as_ref().and_then(lockdown),
    })
}

/// The account that tenants have to act for who name none, where they are to be kept apart.
fn lockdown(cluster: &Cluster) -> Option<String> {
    let account = cluster.tenant_default_service_account.as_deref().filter(|account| !account.is_empty());
    (cluster.multitenant == Some(true)).then(|| account.unwrap_or(TENANT_ACCOUNT).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner(name: &str, spec: Value) -> Owner {
        let mut full = json!({ "distribution": { "version": "2.x", "registry": "ghcr.io/fluxcd" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({ "metadata": { "name": name, "namespace": "flux-system" }, "spec": full });
        serde_json::from_value::<FluxInstance>(object).unwrap().read(None).0
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let error = |name: &str, spec| owner(name, spec).settings.unwrap_err().to_string();
        assert!(error("other", json!({})).starts_with("metadata.name is \"other\", and the only accepted name"));
        let sync = |kind: &str, name: &str| json!({ "sync": { "kind": kind, "url": "u", "ref": "r", "path": "p", "name": name } });
        assert!(error("flux", sync("HelmRepository", "a")).starts_with("spec.sync.kind \"HelmRepository\" is none"));
        assert!(
            error("flux", sync("Bucket", "../a")).starts_with("spec.sync.name is \"../a\", which no object is called")
        );
        assert!(owner("flux", sync("Bucket", "a")).settings.is_ok());
        let many = vec![json!({ "patch": "a" }); MOST_PATCHES + 1];
        assert!(
            error("flux", json!({ "kustomize": { "patches": many } })).starts_with("spec.kustomize.patches has 201")
        );
    }

    #[test]
    fn tenants_are_kept_apart_where_that_is_asked_for() {
        let of = |cluster: Value| owner("flux", json!({ "cluster": cluster })).settings.unwrap().needs_lockdown.clone();
        assert_eq!(of(json!({ "multitenant": true })).as_deref(), Some("default"));
        assert_eq!(of(json!({ "multitenant": true, "tenantDefaultServiceAccount": "flux" })).as_deref(), Some("flux"));
        assert_eq!(of(json!({ "tenantDefaultServiceAccount": "flux" })), None);
    }

    #[test]
    fn annotations_say_when_it_is_looked_and_whether_at_all() {
        let of = |annotations: Value| {
            let distribution = json!({ "version": "2.x", "registry": "ghcr.io/fluxcd" });
            let object = json!({ "metadata": { "name": "flux", "namespace": "flux-system", "annotations": annotations },
                "spec": { "distribution": distribution } });
            serde_json::from_value::<FluxInstance>(object).unwrap().read(None).0
        };
        let plain = of(json!({}));
        assert_eq!(plain.deletion, Deletion::Delete);
        let settings = plain.settings.unwrap();
        assert_eq!((settings.interval, settings.timeout, settings.wait), (INTERVAL, TIMEOUT, true));
        let said = of(json!({ SET_EVERY: "10m", SET_TIMEOUT: "1m", SET_RECONCILE: "Disabled" }));
        assert!(said.is_suspended && matches!(said.deletion, Deletion::Orphan(_)));
        let settings = said.settings.unwrap();
        assert_eq!((settings.interval.as_secs(), settings.timeout.as_secs()), (600, 60));
    }
}
