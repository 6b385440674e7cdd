//! The HelmChart that is made for a HelmRelease.

use cowherd_api::flux::helm::v2::{ChartTemplate, HelmRelease, HelmReleaseSpec};
use cowherd_api::flux::source::v1::HelmChart;
use cowherd_apply::is_path_segment;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{KIND, names, owner};
use crate::NamespacedName;
use crate::conditions::SOURCE_NOT_READY;
use crate::delivery::{Context, Failure};
use crate::events::{Happened, Type};
use crate::owner::{Owner, status};
use crate::source::helm_chart;

/// Makes the HelmChart that the HelmRelease describes, and keeps it as that is. What is suspended, goes, or names a chart that is
/// there needs none. One that was made for another HelmRelease stays that one's: as in Flux, those of `a/b-c` and of `a-b/c` are called
/// alike where both are to be in the namespace of the same source.
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
    let before = match before.as_ref().and_then(|before| made_for_another(before, release)) {
        None => before,
        Some(other) => {
            if is_there(context, &other).await? {
                return Err(taken(&name, &other));
            }
            // With it goes what it brought, which was for somebody else.
            delete(&api, &name, before.as_ref()).await?;
            None
        }
    };
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

/// The other HelmRelease for which the HelmChart was made, if that was another one.
fn made_for_another(chart: &PartialObjectMeta<HelmChart>, release: &Owner) -> Option<NamespacedName> {
    helm_chart::made_for(chart.metadata.labels.as_ref()).filter(|other| *other != release.name.namespaced())
}

/// Whether there is such a HelmRelease.
async fn is_there(context: &Context, release: &NamespacedName) -> Result<bool, Failure> {
    // Labels are written by whoever may write the HelmChart.
    if ![&release.namespace, &release.name].into_iter().all(|part| is_path_segment(part) && !part.is_empty()) {
        return Ok(false);
    }
    let api: Api<HelmRelease> = Api::namespaced(context.client.clone(), &release.namespace);
    let found = api.get_metadata_opt(&release.name).await;
    found.map(|found| found.is_some()).map_err(|error| {
        Failure::Api(format!("it cannot be seen whether HelmRelease {release} is there: {}", cause(&error)))
    })
}

/// Says that the HelmChart is somebody else's.
fn taken(chart: &NamespacedName, other: &NamespacedName) -> Failure {
    let message = format!(
        "HelmChart '{chart}' is that of HelmRelease '{other}', whose namespace and name make the same name: two cannot have it. Nothing is \
         done here until one of the two is called otherwise, or takes its chart from a source of another namespace \
         (spec.chart.spec.sourceRef.namespace), or names a chart that is there (spec.chartRef)"
    );
    Failure::because(SOURCE_NOT_READY, &message, true)
}

/// Deletes the HelmChart as it was seen.
async fn delete(
    api: &Api<HelmChart>,
    name: &NamespacedName,
    seen: Option<&PartialObjectMeta<HelmChart>>,
) -> Result<(), Failure> {
    let uid = seen.and_then(|seen| seen.metadata.uid.clone());
    let resource_version = seen.and_then(|seen| seen.metadata.resource_version.clone());
    let preconditions = Some(Preconditions { uid, resource_version });
    match api.delete(&name.name, &DeleteParams { preconditions, ..DeleteParams::default() }).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(failed(name, &error)),
        Ok(_) => Ok(()),
    }
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
    let is_name = [&name.namespace, &name.name].into_iter().all(|part| is_path_segment(part));
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
    let made_for = found.as_ref().and_then(|found| helm_chart::made_for(found.metadata.labels.as_ref()));
    if made_for != Some(release.name.namespaced()) {
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
    Failure::Api(format!("the HelmChart {name} cannot be kept: {}", cause(error)))
}

fn cause(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
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
