//! A HelmRelease as an owner: what it asks for, read and checked.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::helm::v2::{HelmRelease, HelmReleaseSpec};
use cowherd_api::supported;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Account, is_path_segment};
use cowherd_helm::release::check_name;
use cowherd_render::Helm;
use cowherd_tree::Tree;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::names::{self, Names};
use super::remediation::ReleaseAction;
use super::{KIND, status};
use crate::owner::{
    Deletion, Dependency, Expressions, KubeConfig, Over, Owner, OwnerKind, OwnerName, Owning, Precedence, Settings,
    SettingsError, Status, check_names,
};
use crate::producer::{Inputs, Outcome, Prepared, Preparing, Producer, ProducerError, Product, Production};
use crate::remotes::Brought;
use crate::source::{SourceKind, SourceName, helm_chart};

/// How long an action may take where nothing is said of that.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// The shortest interval, whatever the spec says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

impl Owning for HelmRelease {
    const KIND: &'static OwnerKind = &KIND;

    fn read(mut self, known: Option<&Owner>) -> (Owner, Status) {
        let status = self.status.take().map(status::read).unwrap_or_default();
        let known = known.filter(|known| known.metadata.still_says(&self.metadata));
        let name = OwnerName::of(&self);
        let owner = Owner {
            is_suspended: self.spec.suspend == Some(true),
            settings: known.map_or_else(|| settings(&name, &self.spec).map(Arc::new), |known| known.settings.clone()),
            // What becomes of its objects is Helm's own to say.
            deletion: Deletion::Delete,
            kube_config: KubeConfig::read(&name.namespace, self.spec.kube_config.as_ref()),
            account: account(&name, &self.spec),
            has_default_account: false,
            precedence: Precedence::default(),
            metadata: self.metadata.into(),
            own: known.map_or_else(|| Some(Arc::new(self.spec) as _), |known| known.own.clone()),
            name,
        };
        (owner, status)
    }
}

/// The spec of the HelmRelease that an owner is.
pub(super) fn spec(owner: &Owner) -> Arc<HelmReleaseSpec> {
    let spec = owner.own.clone().and_then(|own| own.downcast().ok());
    // Every owner of this kind was read above.
    spec.unwrap_or_default()
}

/// What a HelmRelease asks for.
fn settings(name: &OwnerName, spec: &HelmReleaseSpec) -> Result<Settings, SettingsError> {
    refuse_unsupported(spec)?;
    refuse_misnamed(name, spec)?;
    KubeConfig::read(&name.namespace, spec.kube_config.as_ref()).map_or(Ok(()), |said| said.check())?;
    let interval = duration("interval", Some(&spec.interval))?.unwrap_or(TIMEOUT).max(SHORTEST_INTERVAL);
    let timeout = duration("timeout", spec.timeout.as_ref())?.unwrap_or(TIMEOUT).max(Duration::from_secs(1));
    let depends_on = spec.depends_on.iter().enumerate().map(|(place, dependency)| {
        let namespace = names::given(dependency.namespace.as_ref()).unwrap_or_else(|| name.namespace.clone());
        let name = OwnerName::new(&KIND, namespace, &dependency.name);
        let ready = dependency.ready_expr.as_ref().filter(|text| !text.is_empty()).map(|_| place);
        Dependency { name, ready, minds_rights: false }
    });
    Ok(Settings {
        source: source(name, spec)?,
        producer: Arc::new(Unforeseen),
        default_namespace: Some(Names::of(name, spec).namespace),
        depends_on: depends_on.collect(),
        interval,
        retry_interval: retry_interval(spec).unwrap_or(interval),
        timeout,
        prune: true,
        force: spec.upgrade.as_ref().and_then(|upgrade| upgrade.force) == Some(true),
        wait: false,
        health_checks: Vec::new(),
        expressions: Expressions::new(
            &spec.health_check_exprs,
            spec.depends_on.iter().map(|dependency| dependency.ready_expr.as_deref()),
            Over::BothObjects,
        ),
        minds_drift: corrects_drift(spec),
        needs_lockdown: None,
    })
}

/// What is done for a HelmRelease that asks for what cannot be acted on, and goes.
pub(super) fn least_settings(name: &OwnerName) -> Settings {
    Settings {
        source: SourceName { kind: helm_chart::KIND, name: name.namespaced() },
        producer: Arc::new(Unforeseen),
        default_namespace: None,
        depends_on: Vec::new(),
        interval: TIMEOUT,
        retry_interval: TIMEOUT,
        timeout: TIMEOUT,
        prune: true,
        force: false,
        wait: false,
        health_checks: Vec::new(),
        expressions: Expressions::default(),
        minds_drift: false,
        needs_lockdown: None,
    }
}

/// Whether what others change is put right.
pub(super) fn corrects_drift(spec: &HelmReleaseSpec) -> bool {
    spec.drift_detection.as_ref().and_then(|detection| detection.mode.as_deref()) == Some("enabled")
}

/// When an action is tried again that is not remediated.
fn retry_interval(spec: &HelmReleaseSpec) -> Option<Duration> {
    [ReleaseAction::Install, ReleaseAction::Upgrade].into_iter().filter_map(|action| action.retry(spec)).min()
}

/// Where the chart comes from.
fn source(name: &OwnerName, spec: &HelmReleaseSpec) -> Result<SourceName, SettingsError> {
    let problem = |field, problem: &str| SettingsError::new(field, problem.to_owned());
    match (&spec.chart, &spec.chart_ref) {
        (Some(_), Some(_)) => Err(problem("chartRef", "and spec.chart are both set; name the chart in one of them")),
        (None, None) => Err(problem("chart", "is missing, and so is spec.chartRef; name the chart in one of them")),
        (Some(_), None) => {
            let chart = names::chart(name, spec).unwrap_or_else(|| name.namespaced());
            Ok(SourceName { kind: helm_chart::KIND, name: chart })
        }
        (None, Some(reference)) => {
            let kind = SourceKind::read(SourceKind::OF_CHARTS, &reference.kind)
                .ok_or_else(|| problem("chartRef.kind", "names no kind of source that is known here"))?;
            let namespace = names::given(reference.namespace.as_ref()).unwrap_or_else(|| name.namespace.clone());
            Ok(SourceName::new(kind, namespace, &reference.name))
        }
    }
}

/// Refuses what is to become a part of a request and would make another one of it.
fn refuse_misnamed(name: &OwnerName, spec: &HelmReleaseSpec) -> Result<(), SettingsError> {
    let wrong = |field, text: &str, what| {
        Err(SettingsError::new(field, format!("{text:?} cannot name a {what}; see Kubernetes' rules for names")))
    };
    let account = spec.service_account_name.as_deref().unwrap_or_default();
    if account.contains(':') || !is_path_segment(account) {
        return wrong("serviceAccountName", account, "ServiceAccount");
    }
    let Names { release, namespace, storage } = Names::of(name, spec);
    for (field, text) in [("targetNamespace", &namespace), ("storageNamespace", &storage)] {
        if !is_path_segment(text) {
            return wrong(field, text, "namespace");
        }
    }
    if let Some(reference) = spec.values_from.iter().find(|reference| !is_path_segment(&reference.name)) {
        return wrong("valuesFrom", &reference.name, "ConfigMap or Secret");
    }
    check_names(references(spec))?;
    check_name(&release).map_err(|error| SettingsError::new("releaseName", format!("{release:?}: {error}")))
}

/// The names and namespaces of what a HelmRelease refers to, by their fields.
fn references(spec: &HelmReleaseSpec) -> impl Iterator<Item = (String, &str)> {
    let template = spec.chart.iter().map(|chart| ("chart.spec.sourceRef", &chart.spec.source_ref));
    let of_template = template.map(|(field, source)| (field.to_owned(), source.namespace.as_deref(), &source.name));
    let reference = spec.chart_ref.iter();
    let of_reference = reference.map(|chart| ("chartRef".to_owned(), chart.namespace.as_deref(), &chart.name));
    let dependencies = spec.depends_on.iter().enumerate();
    let of_dependencies =
        dependencies.map(|(place, one)| (format!("dependsOn[{place}]"), one.namespace.as_deref(), &one.name));
    let all = of_template.chain(of_reference).chain(of_dependencies);
    all.flat_map(|(field, namespace, name)| {
        [(format!("{field}.name"), name.as_str()), (format!("{field}.namespace"), namespace.unwrap_or_default())]
    })
}

fn duration(field: &'static str, value: Option<&cowherd_api::Duration>) -> Result<Option<Duration>, SettingsError> {
    let parse = |value: &cowherd_api::Duration| {
        value.parse().map_err(|error| SettingsError::new(field, format!("is wrong: {error}")))
    };
    value.map(parse).transpose()
}

/// On whose behalf a HelmRelease acts.
fn account(name: &OwnerName, spec: &HelmReleaseSpec) -> Option<Account> {
    let account = names::given(spec.service_account_name.as_ref())?;
    Some(Account::service_account(&name.namespace, &account))
}

fn refuse_unsupported(spec: &HelmReleaseSpec) -> Result<(), SettingsError> {
    let written = serde_json::to_value(spec);
    let written = written.map_err(|error| SettingsError::new("", format!("cannot be read: {error}")))?;
    if let Some(refused) = supported::refused(supported::HELM_RELEASE, &written).next() {
        return Err(SettingsError::new(refused.entry.field, refused.problem()));
    }
    let applies_on_the_server = spec.install.as_ref().and_then(|install| install.server_side_apply).unwrap_or(true);
    if !applies_on_the_server {
        let problem = "false is not supported yet; objects are applied on the server's side".to_owned();
        return Err(SettingsError::new("install.serverSideApply", problem));
    }
    Ok(())
}

/// Says of a release what it consists of: nothing that is known beforehand, since templates see the cluster, and what there is of
/// the release already. So nobody is held up by what a release may describe, as nobody is with Flux.
#[derive(Debug)]
struct Unforeseen;

impl Producer for Unforeseen {
    fn reads_cluster(&self) -> bool {
        true
    }

    fn prepare<'a>(&'a self, _with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>> {
        async { Ok(Prepared { production: Arc::new(Unforeseen), mask: Mask::default() }) }.boxed()
    }
}

impl Production for Unforeseen {
    fn parameters(&self) -> String {
        String::new()
    }

    fn produce(&self, _tree: &dyn Tree, _helm: &Helm, _brought: &mut Brought) -> Outcome {
        Outcome::Done(Ok(Product::of(Vec::new())), Arc::new(Inputs { is_complete: true, ..Inputs::default() }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> Result<Settings, String> {
        let mut full = json!({ "interval": "10m",
            "chart": { "spec": { "chart": "web", "sourceRef": { "kind": "HelmRepository", "name": "charts" } } } });
        for (field, value) in spec.as_object().unwrap() {
            full[field] = value.clone();
        }
        let spec = serde_json::from_value(full).unwrap();
        let read = settings(&OwnerName::new(&KIND, "apps", "web"), &spec);
        let compiled = read.and_then(|settings| settings.expressions.compile().map(|()| settings));
        compiled.map_err(|error| error.to_string())
    }

    #[test]
    fn the_chart_is_one_that_is_made_for_it_or_one_that_is_named() {
        assert_eq!(read(json!({})).unwrap().source.to_string(), "HelmChart/apps/apps-web");
        let elsewhere = json!({ "chart": { "spec": { "chart": "web", "sourceRef":
            { "kind": "HelmRepository", "name": "charts", "namespace": "shared" } } } });
        assert_eq!(read(elsewhere).unwrap().source.to_string(), "HelmChart/shared/apps-web");
        let named =
            json!({ "chart": null, "chartRef": { "kind": "OCIRepository", "name": "web", "namespace": "shared" } });
        assert_eq!(read(named).unwrap().source.to_string(), "OCIRepository/shared/web");
        assert!(read(json!({ "chart": null })).unwrap_err().starts_with("spec.chart is missing"));
        let both = json!({ "chartRef": { "kind": "HelmChart", "name": "web" } });
        assert!(read(both).unwrap_err().starts_with("spec.chartRef and spec.chart are both set"));
    }

    #[test]
    fn fields_have_fluxs_defaults() {
        let read = read(json!({ "dependsOn": [{ "name": "db" }, { "name": "cache", "namespace": "infra" }] })).unwrap();
        assert_eq!((read.interval, read.timeout), (Duration::from_secs(600), TIMEOUT));
        assert_eq!(
            read.depends_on.iter().map(|dependency| dependency.name.to_string()).collect::<Vec<_>>(),
            ["apps/db", "infra/cache"]
        );
        assert!(!read.minds_drift);
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (spec, begins) in [
            (json!({ "kubeConfig": {} }), "spec.kubeConfig must have exactly one of"),
            (json!({ "chart": null, "chartRef": { "kind": "Bucket", "name": "x" } }), "spec.chartRef.kind \"Bucket"),
            (
                json!({ "dependsOn": [{ "name": "a", "readyExpr": "1 +" }] }),
                "spec.dependsOn[0].readyExpr cannot be read",
            ),
            (json!({ "upgrade": { "preserveValues": true } }), "spec.upgrade.preserveValues is not supported yet"),
            (json!({ "install": { "serverSideApply": false } }), "spec.install.serverSideApply false is not"),
            (
                json!({ "upgrade": { "serverSideApply": "disabled" } }),
                "spec.upgrade.serverSideApply \"disabled\" is not",
            ),
        ] {
            let error = read(spec.clone()).unwrap_err();
            assert!(error.starts_with(begins), "{spec}: {error}");
        }
    }

    #[test]
    fn a_name_that_would_make_another_request_is_refused() {
        let of_source = |name: &str, namespace: &str| {
            let source = json!({ "kind": "HelmRepository", "name": name, "namespace": namespace });
            json!({ "chart": { "spec": { "chart": "web", "sourceRef": source } } })
        };
        for (spec, field) in [
            (json!({ "targetNamespace": "a/b" }), "spec.targetNamespace"),
            (json!({ "storageNamespace": ".." }), "spec.storageNamespace"),
            (json!({ "serviceAccountName": "a:b" }), "spec.serviceAccountName"),
            (json!({ "releaseName": "../x" }), "spec.releaseName"),
            (json!({ "valuesFrom": [{ "kind": "Secret", "name": "s?watch=1" }] }), "spec.valuesFrom"),
            (of_source("charts", "bystander/helmcharts/v?y="), "spec.chart.spec.sourceRef.namespace"),
            (of_source("../x", "shared"), "spec.chart.spec.sourceRef.name"),
            (
                json!({ "chart": null, "chartRef": { "kind": "HelmChart", "name": "a", "namespace": "b/c" } }),
                "spec.chartRef.namespace",
            ),
            (
                json!({ "dependsOn": [{ "name": "a" }, { "name": "b", "namespace": "c/d" }] }),
                "spec.dependsOn[1].namespace",
            ),
        ] {
            let error = read(spec.clone()).unwrap_err();
            assert!(error.starts_with(field), "{spec}: {error}");
        }
    }
}
