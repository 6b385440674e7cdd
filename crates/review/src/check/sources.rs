//! Sources that the agents would refuse without asking anybody.

use cowherd_api::flux::source::v1::{Bucket, GitRepository, OCIRepository};
use cowherd_api::flux::source_extensions::v1beta1::ArtifactGenerator;
use cowherd_api::supported::{ARTIFACT_GENERATOR, BUCKET, refused};
use cowherd_source::Access;
use serde_json::Value;

use crate::gitops::{self, Generator, ROOT, SourceRefusal};

use super::Checked;
use super::finding::{Finding, Rule, Severity};

/// Lists sources that the agents refuse. What a flag at their start allows may be meant.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let id = object.id();
            if !["source.toolkit.fluxcd.io", "source.extensions.fluxcd.io"].contains(&id.group.as_str()) {
                continue;
            }
            let Some(refusal) = refusal(&id.kind, object.object()) else { continue };
            // The one that everything grows from is a person's word.
            if !refusal.is_final && id.namespace == ROOT && id.name == ROOT {
                continue;
            }
            let severity = if refusal.is_final { Severity::Error } else { Severity::Warning };
            let field = match id.kind.as_str() {
                "ArtifactGenerator" => "spec",
                "Bucket" => "spec.endpoint",
                _ => "spec.url",
            };
            let place = checked.places.field(unit, object, field);
            let text = unit.mask().text(&refusal.text);
            checked.findings.push(Finding { severity, ..Finding::error(place, Rule::Source, text).of(id) });
        }
    }
}

/// What a source of a kind is refused for, if it is. One that cannot be read is another rule's.
fn refusal(kind: &str, object: &Value) -> Option<SourceRefusal> {
    match kind {
        "GitRepository" => {
            let repository: GitRepository = serde_json::from_value(object.clone()).ok()?;
            gitops::refusal(&repository, &Access::default())
        }
        "OCIRepository" => {
            let repository: OCIRepository = serde_json::from_value(object.clone()).ok()?;
            gitops::artifact_refusal(&repository, &Access::default())
        }
        "Bucket" => {
            let bucket: Bucket = serde_json::from_value(object.clone()).ok()?;
            // What is not supported is another rule's.
            let is_supported = refused(BUCKET, &object["spec"]).next().is_none();
            gitops::bucket_refusal(&bucket, &Access::default()).filter(|_| is_supported)
        }
        "ArtifactGenerator" => {
            let generator: ArtifactGenerator = serde_json::from_value(object.clone()).ok()?;
            // What is not supported is another rule's.
            let is_supported = refused(ARTIFACT_GENERATOR, &object["spec"]).next().is_none();
            let text = Generator::read(&generator).err().filter(|_| is_supported)?;
            Some(SourceRefusal { is_final: true, text })
        }
        // Charts are fetched from there, whoever does it.
        "HelmRepository" => {
            let problem = Access::default().check(object["spec"]["url"].as_str()?).err()?;
            Some(SourceRefusal { is_final: false, text: problem.to_string() })
        }
        _ => None,
    }
}
