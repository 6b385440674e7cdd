//! The HelmChart that is made for a HelmRelease.

use cowherd_api::flux::helm::v2::{ChartTemplate, HelmReleaseSpec};
use cowherd_api::flux::source::v1::HelmChart;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{KIND, names, owner};
use crate::NamespacedName;
use crate::delivery::{Context, Failure};
use crate::events::{Happened, Type};
use crate::owner::{Owner, status};

/// Makes the HelmChart that the HelmRelease describes, and keeps it as that is. What is suspended, goes, or names a chart that is
/// there needs none.
pub(super) async fn keep(context: &Context, release: &Owner) -> Result<(), Failure> {
    let Ok(settings) = &release.settings else { return Ok(()) };
    if release.is_suspended || release.is_deleted() || context.policy.check(&release.name, settings).is_err() {
        return Ok(());
    }
    let spec = owner::spec(release);
    let (Some(name), Some(template)) = (names::chart(&release.name, &spec), &spec.chart) else { return Ok(()) };
    let object = object(release, &spec, &name, template);
    let params = PatchParams::apply(KIND.status_manager).force();
    let api: Api<HelmChart> = Api::namespaced(context.client.clone(), &name.namespace);
    let before = api.get_metadata_opt(&name.name).await.map_err(|error| failed(&name, &error))?;
    let after = api.patch(&name.name, &params, &Patch::Apply(object)).await.map_err(|error| failed(&name, &error))?;
    let action = match before {
        None => "Created",
        Some(before) if before.metadata.generation != after.metadata.generation => "Configured",
        Some(_) => return Ok(()),
    };
    let source = &template.spec.source_ref;
    let (kind, namespace, source) = (&source.kind, &name.namespace, &source.name);
    let message = format!("{action} HelmChart/{name} with SourceRef '{kind}/{namespace}/{source}'");
    tell(context, release, &format!("HelmChart{action}"), &message);
    Ok(())
}

/// The HelmChart as [`keep`] would have it, with what the API would say of it, where nothing is to be written.
pub(super) async fn foreseen(client: &Client, release: &Owner) -> kube::Result<Option<(NamespacedName, Value)>> {
    if release.settings.is_err() {
        return Ok(None);
    }
    let spec = owner::spec(release);
    let (Some(name), Some(template)) = (names::chart(&release.name, &spec), &spec.chart) else { return Ok(None) };
    let api: Api<HelmChart> = Api::namespaced(client.clone(), &name.namespace);
    let live = api.get_opt(&name.name).await?;
    let mut object = object(release, &spec, &name, template);
    let said = |chart: &HelmChart| serde_json::to_value(&chart.spec).ok();
    let wanted: Option<HelmChart> = serde_json::from_value(object.clone()).ok();
    // Another spec is another generation, which versions of charts tell.
    let (generation, status) = match (live, wanted) {
        (Some(live), Some(wanted)) => {
            let is_same = said(&live) == said(&wanted);
            let generation = live.metadata.generation.unwrap_or_default() + i64::from(!is_same);
            (generation, live.status.and_then(|status| serde_json::to_value(status).ok()))
        }
        _ => (1, None),
    };
    object["metadata"]["generation"] = generation.into();
    if let Some(status) = status {
        object["status"] = status;
    }
    Ok(Some((name, object)))
}

/// Deletes the HelmChart that was made for the HelmRelease before, if it is that and another one than now.
pub(super) async fn forget(context: &Context, release: &Owner, before: &str) -> Result<(), Failure> {
    let Some((namespace, name)) = before.split_once('/') else { return Ok(()) };
    let name = NamespacedName::new(namespace, name);
    let is_name = [&name.namespace, &name.name].into_iter().all(|part| cowherd_apply::is_path_segment(part));
    // Whoever may write the status may write anything there.
    let blocked = context.policy.no_cross_namespace_refs && name.namespace != release.name.namespace;
    if !is_name || blocked {
        return Ok(());
    }
    let api: Api<HelmChart> = Api::namespaced(context.client.clone(), &name.namespace);
    let found = match api.get_metadata_opt(&name.name).await {
        Ok(found) => found,
        Err(error) => return Err(failed(&name, &error)),
    };
    let label = |key: &str| found.as_ref()?.metadata.labels.as_ref()?.get(key).cloned();
    let is_ours = label(KIND.ownership.name_label).as_ref() == Some(&release.name.name)
        && label(KIND.ownership.namespace_label).as_ref() == Some(&release.name.namespace);
    if !is_ours {
        return Ok(());
    }
    match api.delete(&name.name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(failed(&name, &error)),
        Ok(_) => {
            tell(context, release, "HelmChartDeleted", &format!("deleted HelmChart '{name}'"));
            Ok(())
        }
    }
}

fn tell(context: &Context, release: &Owner, reason: &str, message: &str) {
    let (about, annotations) = (release.reference(), Default::default());
    context.recorder.tell(KIND.component, Happened { about, severity: Type::Normal, reason, message, annotations });
}

fn failed(name: &NamespacedName, error: &kube::Error) -> Failure {
    let cause = match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    };
    Failure::Api(format!("the HelmChart {name} cannot be kept: {cause}"))
}

/// The HelmChart that is made for the HelmRelease.
pub(super) fn object(
    release: &Owner,
    spec: &HelmReleaseSpec,
    name: &NamespacedName,
    template: &ChartTemplate,
) -> Value {
    let ChartTemplate { metadata, spec: chart } = template;
    let metadata = metadata.clone().unwrap_or_default();
    let mut labels = metadata.labels.unwrap_or_default();
    let mark =
        [(KIND.ownership.name_label, &release.name.name), (KIND.ownership.namespace_label, &release.name.namespace)];
    labels.extend(mark.map(|(key, value)| (key.to_owned(), value.clone())));
    let mut described = json!({
        "chart": chart.chart,
        "version": chart.version,
        "sourceRef": { "kind": chart.source_ref.kind, "name": chart.source_ref.name },
        "interval": as_go_says_it(chart.interval.as_ref().unwrap_or(&spec.interval)),
        "reconcileStrategy": chart.reconcile_strategy,
    });
    let mut put = |field: &str, value: Value| {
        if let Value::Object(map) = &mut described {
            map.insert(field.to_owned(), value);
        }
    };
    if !chart.values_files.is_empty() {
        put("valuesFiles", json!(chart.values_files));
    }
    if chart.ignore_missing_values_files == Some(true) {
        put("ignoreMissingValuesFiles", true.into());
    }
    let mut object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmChart",
        "metadata": { "name": name.name, "namespace": name.namespace, "labels": labels },
        "spec": without_null(described),
    });
    if let Some(annotations) = metadata.annotations.filter(|annotations| !annotations.is_empty()) {
        object["metadata"]["annotations"] = json!(annotations);
    }
    object
}

/// A duration in the one way in which Go writes it, so that nobody who takes over from the other has to change it.
fn as_go_says_it(duration: &cowherd_api::Duration) -> Value {
    duration.parse().map_or_else(|_| json!(duration), |duration| status::go_duration(duration).into())
}

fn without_null(mut object: Value) -> Value {
    if let Value::Object(map) = &mut object {
        map.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::helm::v2::HelmRelease;

    use super::*;
    use crate::owner::Owning;

    #[test]
    fn the_chart_is_made_as_flux_makes_it() {
        let release: HelmRelease = serde_json::from_value(json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": "web", "namespace": "apps" },
            "spec": { "interval": "10m", "chart": { "metadata": { "labels": { "a": "b" } }, "spec": { "chart": "web",
                "version": "1.x", "valuesFiles": ["prod.yaml"], "ignoreMissingValuesFiles": true,
                "sourceRef": { "kind": "HelmRepository", "name": "charts", "namespace": "shared" } } } },
        }))
        .unwrap();
        let (owner, _) = release.read(None);
        let spec = owner::spec(&owner);
        let name = names::chart(&owner.name, &spec).unwrap();
        let made = object(&owner, &spec, &name, spec.chart.as_ref().unwrap());
        let labels =
            json!({ "a": "b", "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "apps" });
        assert_eq!(
            made,
            json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
                "metadata": { "name": "apps-web", "namespace": "shared", "labels": labels },
                "spec": { "chart": "web", "version": "1.x", "interval": "10m0s", "reconcileStrategy": "ChartVersion",
                    "sourceRef": { "kind": "HelmRepository", "name": "charts" }, "valuesFiles": ["prod.yaml"],
                    "ignoreMissingValuesFiles": true },
            })
        );
    }
}
