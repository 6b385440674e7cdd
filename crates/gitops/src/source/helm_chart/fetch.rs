//! Brings the chart that a HelmChart asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::source::v1::HelmChart;
use cowherd_api::supported;
use kube::ResourceExt as _;
use serde_json::{Map, Value, json};

use super::super::{Artifact, Found, Shared, SourceName, Stored, helm_repository};
use super::error::Error;
use super::packaging::Packaged;
use super::{KIND, of_files, of_repository};

/// Brings the chart as the spec says.
pub(super) async fn fetch(shared: &Shared, object: &HelmChart) -> Result<Found, Error> {
    refuse_unsupported(object)?;
    let source = super::source(object).ok_or_else(|| {
        let kind = &object.spec.source_ref.kind;
        Error::Source(format!(
            "unsupported source kind '{kind}', must be one of: [HelmRepository GitRepository Bucket]"
        ))
    })?;
    let latest = shared.shelf.follow(&source).borrow().artifact.clone();
    let packaged = if source.kind == helm_repository::KIND {
        of_repository::fetch(shared, object, &source, latest.as_deref()).await?
    } else {
        let content = latest.clone().ok_or_else(|| none_yet(&source))?;
        of_files::package(shared, object, content).await?
    };
    let known = shared.shelf.follow(&SourceName::new(KIND, object.namespace().unwrap_or_default(), object.name_any()));
    let known = known.borrow().artifact.clone();
    Ok(found(object, packaged, latest.as_deref(), known))
}

/// What there is to say of a chart, which was made of what the source had. Where the object `known` has the same version already,
/// that is what it keeps: another chart has another version.
fn found(object: &HelmChart, packaged: Packaged, source: Option<&Artifact>, known: Option<Arc<Artifact>>) -> Found {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let Packaged { tree, digest, name: chart, version, is_repackaged, values_files } = packaged;
    let (reason, action) =
        if is_repackaged { ("ChartPackageSucceeded", "packaged") } else { ("ChartPullSucceeded", "pulled") };
    let merged = match values_files.as_slice() {
        [] => String::new(),
        files => format!(" and merged values files [{}]", files.join(" ")),
    };
    let message = format!("{action} '{chart}' chart with version '{version}'{merged}");
    let mut observed = Map::new();
    observed.insert("observedChartName".to_owned(), chart.as_str().into());
    if let Some(source) = source {
        observed.insert("observedSourceArtifactRevision".to_owned(), source.revision.as_str().into());
    }
    if object.spec.ignore_missing_values_files == Some(true) && !values_files.is_empty() {
        observed.insert("observedValuesFiles".to_owned(), json!(values_files));
    }
    let status = object.status.clone().unwrap_or_default();
    let made_for = super::made_for(object.metadata.labels.as_ref());
    let is_same = |known: &Arc<Artifact>| {
        known.revision == version
            && known.made_for == made_for
            && status.observed_chart_name.as_ref() == Some(&chart)
            && status.observed_generation == object.metadata.generation
    };
    let artifact = known.filter(is_same).unwrap_or_else(|| {
        let revision = version.clone();
        let made_for = made_for.clone();
        Arc::new(Artifact { revision, digest, tree: tree.clone(), all: tree, made_for, ..Artifact::nothing() })
    });
    let digest_hex = artifact.digest.rsplit(':').next().unwrap_or_default();
    Found {
        path: format!("helmchart/{namespace}/{name}/{chart}-{version}.tgz"),
        url: format!("helmchart/{namespace}/{name}/{chart}-{version}@{digest_hex}"),
        news: message.clone(),
        stored: Some(Stored { reason, message }),
        metadata: BTreeMap::new(),
        verified: None,
        observed,
        artifact,
    }
}

/// Says that the source has nothing to take a chart from.
pub(super) fn none_yet(source: &SourceName) -> Error {
    Error::NoArtifact { kind: source.kind.0, name: source.name.name.clone() }
}

/// What is added to the version of a chart whose values are others than its own, so that a change of them is seen: the
/// generation of the object.
pub(super) fn version_metadata(object: &HelmChart, of_source: Option<String>) -> Option<String> {
    let generation =
        (!super::values_files::given(object).is_empty()).then(|| object.metadata.generation.unwrap_or_default());
    let parts: Vec<String> = of_source.into_iter().chain(generation.map(|number| number.to_string())).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

fn refuse_unsupported(object: &HelmChart) -> Result<(), Error> {
    let spec: Value = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::HELM_CHART, &spec).next().map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(spec: Value) -> HelmChart {
        let mut full =
            json!({ "interval": "1m", "chart": "web", "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "a", "namespace": "n", "generation": 3 }, "spec": full }))
            .unwrap()
    }

    #[test]
    fn other_values_and_another_revision_make_another_version() {
        let own = chart(json!({}));
        assert_eq!(version_metadata(&own, None), None);
        assert_eq!(version_metadata(&chart(json!({ "valuesFiles": ["values.yaml"] })), None), None);
        assert_eq!(version_metadata(&chart(json!({ "valuesFiles": ["./values.yaml"] })), None), None);
        let other = chart(json!({ "valuesFiles": ["values.yaml", "prod.yaml"] }));
        assert_eq!(version_metadata(&other, None).as_deref(), Some("3"));
        assert_eq!(version_metadata(&other, Some("0123456789ab".into())).as_deref(), Some("0123456789ab.3"));
        assert_eq!(version_metadata(&own, Some("0123456789ab".into())).as_deref(), Some("0123456789ab"));
    }

    #[test]
    fn what_was_made_for_another_release_is_not_kept() {
        let object = |release: &str| {
            let labels = json!({ "helm.toolkit.fluxcd.io/name": release, "helm.toolkit.fluxcd.io/namespace": "apps" });
            let spec =
                json!({ "interval": "1m", "chart": "web", "sourceRef": { "kind": "GitRepository", "name": "s" } });
            let metadata = json!({ "name": "a", "namespace": "n", "generation": 3, "labels": labels });
            let status = json!({ "observedGeneration": 3, "observedChartName": "web" });
            let object = json!({ "metadata": metadata, "spec": spec, "status": status });
            serde_json::from_value::<HelmChart>(object).unwrap()
        };
        let brought = |release: &str, known: Option<Arc<Artifact>>| {
            let (tree, digest) = (Artifact::nothing().tree, "sha256:1".to_owned());
            let (name, version) = ("web".to_owned(), "1.0.0".to_owned());
            let packaged = Packaged { tree, digest, name, version, is_repackaged: false, values_files: Vec::new() };
            found(&object(release), packaged, None, known).artifact
        };
        let first = brought("web", None);
        assert_eq!(first.made_for.as_ref().map(ToString::to_string).as_deref(), Some("apps/web"));
        assert!(Arc::ptr_eq(&first, &brought("web", Some(first.clone()))));
        let other = brought("other", Some(first.clone()));
        assert_eq!(other.made_for.as_ref().map(ToString::to_string).as_deref(), Some("apps/other"));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let said = |spec: Value| refuse_unsupported(&chart(spec)).unwrap_err().to_string();
        let artifact = said(json!({ "sourceRef": { "kind": "OCIRepository", "name": "b" } }));
        assert!(artifact.starts_with("spec.sourceRef.kind \"OCIRepository\" is not supported yet"), "{artifact}");
        assert!(said(json!({ "verify": { "provider": "cosign" } })).starts_with("spec.verify is not supported yet"));
    }
}
