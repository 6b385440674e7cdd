//! What a HelmRepository asks for, and on which terms charts are fetched from it.

use std::time::Duration;

use cowherd_api::flux::source::v1::HelmRepository;
use cowherd_api::supported;
use cowherd_source::{ChartRepository, ChartSource};

use super::super::{MAX_TIMEOUT, Shared};
use kube::ResourceExt as _;

use super::error::Error;
use super::{credentials, is_registry};

/// How a chart of the repository is fetched, or its index where no chart is named: on the word of a tenant, by the credentials
/// that the repository names.
pub(in super::super) async fn asked(
    shared: &Shared,
    object: &HelmRepository,
    chart: &str,
) -> Result<ChartSource, Error> {
    let repository = place(object)?;
    let auth = credentials::of(shared, object, &repository, chart).await?;
    let mut source = ChartSource::new(repository, chart);
    source.access = shared.config.policy.of_tenant(&object.namespace().unwrap_or_default());
    source.auth = auth;
    source.pass_credentials = object.spec.pass_credentials == Some(true);
    source.plain_http = object.spec.insecure.filter(|insecure| *insecure);
    if let Some(timeout) = object.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        source.timeout = Duration::clamp(timeout, Duration::from_secs(1), MAX_TIMEOUT);
    }
    Ok(source)
}

/// Where the charts are.
pub(super) fn place(object: &HelmRepository) -> Result<ChartRepository, Error> {
    refuse_unsupported(object)?;
    let url = &object.spec.url;
    let repository = ChartRepository::parse(url).map_err(|cause| Error::Url(cause.to_string()))?;
    match (is_registry(object), repository.is_registry()) {
        (false, true) => {
            Err(Error::Url("'oci' URL scheme cannot be used with 'default' HelmRepository type".to_owned()))
        }
        (true, false) => Err(Error::Registry(repository.to_string())),
        // What lies on this machine is nobody's to name here.
        _ if repository.local_path().is_some() => Err(Error::Url("use an https, http or oci URL".to_owned())),
        _ => Ok(repository),
    }
}

fn refuse_unsupported(object: &HelmRepository) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::HELM_REPOSITORY, &spec)
        .next()
        .map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(spec: Value) -> String {
        let object = json!({ "metadata": { "name": "charts", "namespace": "team" }, "spec": spec });
        let object: HelmRepository = serde_json::from_value(object).unwrap();
        place(&object).map_or_else(|error| error.to_string(), |place| place.to_string())
    }

    #[test]
    fn the_url_and_the_type_have_to_agree() {
        assert_eq!(said(json!({ "url": "https://example.com/charts" })), "https://example.com/charts");
        assert_eq!(said(json!({ "url": "oci://ghcr.io/org", "type": "oci" })), "oci://ghcr.io/org");
        assert_eq!(
            said(json!({ "url": "oci://ghcr.io/org" })),
            "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type"
        );
        assert_eq!(
            said(json!({ "url": "https://ghcr.io/org", "type": "oci" })),
            "invalid OCI registry URL: https://ghcr.io/org"
        );
    }

    #[test]
    fn nothing_of_this_machine_is_named() {
        assert!(said(json!({ "url": "file:///etc" })).starts_with("invalid Helm repository URL: "));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let said =
            said(json!({ "url": "oci://1234.dkr.ecr.eu-west-1.amazonaws.com", "type": "oci", "provider": "aws" }));
        assert!(said.starts_with("spec.provider \"aws\" is not supported yet"), "{said}");
    }
}
