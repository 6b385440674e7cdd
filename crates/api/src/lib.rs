//! The resource types people write in Git, one module per API group.
//!
//! The types keep the names, fields, defaults and patterns of the projects that defined them. Texts that have only
//! a few legal values stay texts here: the schema in the CustomResourceDefinition says which are legal, and an
//! object that was written by a newer version of a project can still be read.

mod condition;
mod duration;
pub mod flux;
pub mod supported;

pub use condition::{Condition, ConditionStatus};
pub use duration::{Duration, DurationError};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definitions of all resource types of this crate, ready to be applied to a cluster.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let definitions = [
        flux::source::v1::git_repository_crd(),
        flux::source::v1::oci_repository_crd(),
        flux::kustomize::v1::crd(),
        flux::source::v1::helm_repository_crd(),
        flux::source::v1::helm_chart_crd(),
        flux::source::v1::bucket_crd(),
        flux::source::v1::external_artifact_crd(),
        flux::source_extensions::v1beta1::artifact_generator_crd(),
        flux::helm::v2::crd(),
        flux::controlplane::v1::resource_set_crd(),
        flux::controlplane::v1::input_provider_crd(),
        flux::controlplane::v1::flux_instance_crd(),
        flux::controlplane::v1::flux_report_crd(),
        flux::notification::v1beta3::alert_crd(),
        flux::notification::v1beta3::provider_crd(),
        flux::notification::v1::receiver_crd(),
        flux::image::v1::image_repository_crd(),
        flux::image::v1::image_policy_crd(),
        flux::image::v1::image_update_automation_crd(),
    ];
    definitions.map(labelled).into()
}

/// The definition with the labels by which the `flux` command finds it, and learns who installed it.
fn labelled(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let labels = definition.metadata.labels.get_or_insert_default();
    labels.extend(LABELS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    definition
}

/// What marks definitions as part of Flux that cowherd has brought: `flux check` lists them, and `flux install` and `flux bootstrap`
/// ask before they put Flux in cowherd's place.
const LABELS: [(&str, &str); 3] = [
    ("app.kubernetes.io/managed-by", "cowherd"),
    ("app.kubernetes.io/part-of", "flux"),
    ("app.kubernetes.io/version", concat!("cowherd-", env!("CARGO_PKG_VERSION"))),
];

/// The names of these definitions, which costs less than to make them.
pub fn crd_names() -> [&'static str; 19] {
    [
        flux::source::v1::GitRepository::crd_name(),
        flux::source::v1::OCIRepository::crd_name(),
        flux::kustomize::v1::Kustomization::crd_name(),
        flux::source::v1::HelmRepository::crd_name(),
        flux::source::v1::HelmChart::crd_name(),
        flux::source::v1::Bucket::crd_name(),
        flux::source::v1::ExternalArtifact::crd_name(),
        flux::source_extensions::v1beta1::ArtifactGenerator::crd_name(),
        flux::helm::v2::HelmRelease::crd_name(),
        flux::controlplane::v1::ResourceSet::crd_name(),
        flux::controlplane::v1::ResourceSetInputProvider::crd_name(),
        flux::controlplane::v1::FluxInstance::crd_name(),
        flux::controlplane::v1::FluxReport::crd_name(),
        flux::notification::v1beta3::Alert::crd_name(),
        flux::notification::v1beta3::Provider::crd_name(),
        flux::notification::v1::Receiver::crd_name(),
        flux::image::v1::ImageRepository::crd_name(),
        flux::image::v1::ImagePolicy::crd_name(),
        flux::image::v1::ImageUpdateAutomation::crd_name(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_names_its_group_and_has_a_status_unless_it_is_static() {
        let names: Vec<_> = crds().into_iter().filter_map(|crd| crd.metadata.name).collect();
        assert_eq!(names, crd_names());
        let expected = [
            "gitrepositories.source.toolkit",
            "ocirepositories.source.toolkit",
            "kustomizations.kustomize.toolkit",
            "helmrepositories.source.toolkit",
            "helmcharts.source.toolkit",
            "buckets.source.toolkit",
            "externalartifacts.source.toolkit",
            "artifactgenerators.source.extensions",
            "helmreleases.helm.toolkit",
            "resourcesets",
            "resourcesetinputproviders",
            "fluxinstances",
            "fluxreports",
            "alerts.notification.toolkit",
            "providers.notification.toolkit",
            "receivers.notification.toolkit",
            "imagerepositories.image.toolkit",
            "imagepolicies.image.toolkit",
            "imageupdateautomations.image.toolkit",
        ];
        assert_eq!(
            names,
            expected.map(|name| match !name.contains('.') {
                true => format!("{name}.fluxcd.controlplane.io"),
                false => format!("{name}.fluxcd.io"),
            })
        );
        for crd in crds() {
            let version = &crd.spec.versions[0];
            // As with Flux, nothing is ever said of these two.
            let is_static = ["Alert", "Provider"].contains(&crd.spec.names.kind.as_str());
            let has_status = version.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some());
            assert_ne!(is_static, has_status);
            assert!(version.served && version.storage);
        }
    }
}
