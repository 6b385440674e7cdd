//! HelmCharts: a chart of a HelmRepository, or of the files of another source, as a tree.

mod error;
mod fetch;
mod of_files;
mod of_repository;
mod packaging;
mod values_files;

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::annotations::{RELEASE_NAME, RELEASE_NAMESPACE};
use cowherd_api::flux::source::v1::HelmChart;
use kube::ResourceExt;

pub(crate) use of_files::chart_in;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName, bucket, git, helm_repository};
use crate::NamespacedName;

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("HelmChart");

/// The kinds that a chart may be taken from.
const SOURCES: &[SourceKind] = &[helm_repository::KIND, git::KIND, bucket::KIND];

/// Where the chart is taken from.
fn source(chart: &HelmChart) -> Option<SourceName> {
    let kind = SourceKind::read(SOURCES, &chart.spec.source_ref.kind)?;
    Some(SourceName::new(kind, chart.namespace().unwrap_or_default(), &chart.spec.source_ref.name))
}

/// The HelmRelease for which a chart with these labels was made, where it was made for one.
pub(crate) fn made_for(labels: Option<&BTreeMap<String, String>>) -> Option<NamespacedName> {
    let label = |key: &str| labels?.get(key).cloned();
    Some(NamespacedName::new(label(RELEASE_NAMESPACE)?, label(RELEASE_NAME)?))
}

impl Source for HelmChart {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] =
        &["url", "observedSourceArtifactRevision", "observedChartName", "observedValuesFiles"];

    fn interval(&self) -> &cowherd_api::Duration {
        &self.spec.interval
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    fn made_of(&self) -> Vec<SourceName> {
        source(self).into_iter().collect()
    }

    fn told(&self) -> Option<String> {
        made_for(self.metadata.labels.as_ref()).map(|release| release.to_string())
    }

    fn status(&self) -> Status {
        Status::read(self.status.as_ref())
    }

    async fn fetch(&self, shared: &Shared) -> Result<Found, Problem> {
        fetch::fetch(shared, self).await.map_err(Problem::from)
    }

    /// Charts are asked for anew: nothing says where the one that was fetched before lies.
    async fn held(&self, _shared: &Shared) -> Option<Arc<Artifact>> {
        None
    }
}
