//! Who we are to a repository of charts: what a HelmRepository names of its namespace.

use cowherd_api::flux::source::v1::HelmRepository;
use cowherd_source::{Auth, ChartRepository, Logins};
use kube::ResourceExt;

use super::super::Shared;
use super::super::secrets::{Namespace, Unread};
use super::KIND;

const SECRET: &str = "spec.secretRef";
const CERTIFICATES: &str = "spec.certSecretRef";

/// Who we are for a chart of the repository: by the Secret, and by the certificates.
pub(super) async fn of(
    shared: &Shared,
    object: &HelmRepository,
    place: &ChartRepository,
    chart: &str,
) -> Result<Auth, Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
    let mut auth = Auth::default();
    if let Some(reference) = &object.spec.secret_ref {
        let data = namespace.secret(&reference.name, SECRET).await?;
        auth = match Logins::read(&data) {
            Ok(logins) if place.is_registry() => place.login(&logins, chart),
            // Certificates in it are what early versions of Flux had.
            _ => Auth::from_secret(&data),
        };
        let is_half = auth.username.is_some() != auth.password.is_some();
        if is_half {
            return Err(Unread::unusable(&reference.name, SECRET, "it needs both username and password"));
        }
    }
    let Some(reference) = object.spec.cert_secret_ref.as_ref().filter(|reference| !reference.name.is_empty()) else {
        return Ok(auth);
    };
    let data = namespace.secret(&reference.name, CERTIFICATES).await?;
    let Auth { ca, client_certificate, client_key, .. } = Auth::from_secret(&data);
    if ca.is_none() && client_certificate.is_none() && client_key.is_none() {
        return Err(Unread::unusable(&reference.name, CERTIFICATES, "it has none of ca.crt, tls.crt and tls.key"));
    }
    Ok(Auth { ca, client_certificate, client_key, ..auth })
}
