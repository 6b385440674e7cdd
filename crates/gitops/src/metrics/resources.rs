//! What metrics tell of the objects of each kind, in the labels that Flux's dashboards know them by.

use cowherd_api::flux::controlplane::v1::{FluxInstance, ResourceSet, ResourceSetInputProvider};
use cowherd_api::flux::helm::v2::HelmRelease;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::{
    Artifact, Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository,
};
use cowherd_api::flux::source_extensions::v1beta1::ArtifactGenerator;
use cowherd_api::{Condition, ConditionStatus};
use cowherd_runtime::Description;
use cowherd_source::shown_url;

use crate::conditions::READY;

/// An object that metrics tell of.
pub(crate) trait Described {
    /// What they tell of it: nothing that must not be shown.
    fn described(&self) -> Description;
}

/// What conditions say of being ready.
fn ready(conditions: Option<&Vec<Condition>>) -> Option<&'static str> {
    let ready = conditions?.iter().find(|condition| condition.type_ == READY)?;
    Some(match ready.status {
        ConditionStatus::True => "True",
        ConditionStatus::False => "False",
        ConditionStatus::Unknown => "Unknown",
    })
}

/// What is told of every source.
fn source(suspend: Option<bool>, conditions: Option<&Vec<Condition>>, artifact: Option<&Artifact>) -> Description {
    Description::new(ready(conditions), suspend).with("revision", artifact.map(|artifact| &*artifact.revision))
}

impl Described for Kustomization {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        Description::new(ready(status.map(|status| &status.conditions)), spec.suspend)
            .with("revision", status.and_then(|status| status.last_applied_revision.as_deref()))
            .with("source_name", Some(&spec.source_ref.name))
    }
}

impl Described for HelmRelease {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let released = status.and_then(|status| status.history.first());
        let source = spec.chart.as_ref().map(|chart| &*chart.spec.source_ref.name);
        Description::new(ready(status.map(|status| &status.conditions)), spec.suspend)
            .with("revision", released.map(|released| &*released.chart_version))
            .with("chart_name", released.map(|released| &*released.chart_name))
            .with("chart_app_version", released.and_then(|released| released.app_version.as_deref()))
            .with("chart_ref_name", spec.chart_ref.as_ref().map(|chart| &*chart.name))
            .with("chart_source_name", source)
    }
}

impl Described for ResourceSet {
    fn described(&self) -> Description {
        let status = self.status.as_ref();
        Description::new(ready(status.map(|status| &status.conditions)), None)
            .with("revision", status.and_then(|status| status.last_applied_revision.as_deref()))
    }
}

impl Described for FluxInstance {
    fn described(&self) -> Description {
        let status = self.status.as_ref();
        Description::new(ready(status.map(|status| &status.conditions)), None)
            .with("revision", status.and_then(|status| status.last_applied_revision.as_deref()))
    }
}

impl Described for ResourceSetInputProvider {
    fn described(&self) -> Description {
        let status = self.status.as_ref();
        Description::new(ready(status.map(|status| &status.conditions)), None)
            .with("revision", status.and_then(|status| status.last_exported_revision.as_deref()))
            .with("url", self.spec.url.as_deref().map(shown_url).as_deref())
    }
}

impl Described for ArtifactGenerator {
    fn described(&self) -> Description {
        Description::new(ready(self.status.as_ref().map(|status| &status.conditions)), None)
    }
}

impl Described for GitRepository {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let (conditions, artifact) =
            (status.map(|status| &status.conditions), status.and_then(|s| s.artifact.as_ref()));
        source(spec.suspend, conditions, artifact).with("url", Some(&shown_url(&spec.url)))
    }
}

impl Described for OCIRepository {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let (conditions, artifact) =
            (status.map(|status| &status.conditions), status.and_then(|s| s.artifact.as_ref()));
        source(spec.suspend, conditions, artifact).with("url", Some(&shown_url(&spec.url)))
    }
}

impl Described for HelmRepository {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let (conditions, artifact) =
            (status.map(|status| &status.conditions), status.and_then(|s| s.artifact.as_ref()));
        source(spec.suspend, conditions, artifact).with("url", Some(&shown_url(&spec.url)))
    }
}

impl Described for HelmChart {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let (conditions, artifact) =
            (status.map(|status| &status.conditions), status.and_then(|s| s.artifact.as_ref()));
        source(spec.suspend, conditions, artifact)
            .with("chart_name", Some(&spec.chart))
            .with("chart_version", spec.version.as_deref())
    }
}

impl Described for Bucket {
    fn described(&self) -> Description {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let (conditions, artifact) =
            (status.map(|status| &status.conditions), status.and_then(|s| s.artifact.as_ref()));
        source(spec.suspend, conditions, artifact)
            .with("endpoint", Some(&shown_url(&spec.endpoint)))
            .with("bucket_name", Some(&spec.bucket_name))
    }
}

impl Described for ExternalArtifact {
    fn described(&self) -> Description {
        let status = self.status.as_ref();
        source(None, status.map(|status| &status.conditions), status.and_then(|status| status.artifact.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_told_without_what_may_be_a_password() {
        let repository: GitRepository = serde_json::from_value(json!({
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "interval": "1m", "url": "https://user:hunter2@git.example.com/a?token=hunter2", "suspend": true },
            "status": {
                "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z",
                    "reason": "GitOperationFailed", "message": "hunter2" }],
            },
        }))
        .unwrap();
        let expected = Description::new(Some("False"), Some(true)).with("url", Some("https://git.example.com/a"));
        assert_eq!(repository.described(), expected);
    }

    #[test]
    fn a_release_says_what_was_released_last() {
        let release: HelmRelease = serde_json::from_value(json!({
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "interval": "1m", "chart": { "spec": { "chart": "web", "sourceRef": { "kind": "HelmRepository", "name": "charts" } } } },
            "status": { "history": [{ "digest": "d", "name": "a", "namespace": "n", "version": 2, "status": "deployed",
                "chartName": "web", "chartVersion": "1.2.3", "appVersion": "4.5", "configDigest": "c",
                "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z" }] },
        }))
        .unwrap();
        let expected = Description::new(None, None)
            .with("revision", Some("1.2.3"))
            .with("chart_name", Some("web"))
            .with("chart_app_version", Some("4.5"))
            .with("chart_source_name", Some("charts"));
        assert_eq!(release.described(), expected);
    }
}
