//! Who we are to the server of a bucket, and the way to it: what a Bucket names of its namespace.

use cowherd_api::flux::source::v1::Bucket;
use cowherd_source::{Auth, BucketKeys, ProxyServer};
use kube::ResourceExt;

use super::super::Shared;
use super::super::proxy;
use super::super::secrets::{Namespace, Unread};
use super::KIND;

const SECRET: &str = "spec.secretRef";
const CERTIFICATES: &str = "spec.certSecretRef";

/// What a Bucket names of its namespace.
pub(super) struct Credentials {
    /// By which keys requests are signed.
    pub(super) keys: Option<BucketKeys>,
    /// Which servers are trusted, and the certificate that is shown to them.
    pub(super) certificates: Auth,
    /// The proxy to use, if there is one.
    pub(super) proxy: Option<ProxyServer>,
}

pub(super) async fn of(shared: &Shared, object: &Bucket) -> Result<Credentials, Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
    let keys = match &object.spec.secret_ref {
        Some(reference) => {
            let data = namespace.secret(&reference.name, SECRET).await?;
            BucketKeys::read(&data).map_err(|cause| Unread::unusable(&reference.name, SECRET, cause))?
        }
        None => None,
    };
    let proxy = proxy::of(&namespace, object.spec.proxy_secret_ref.as_ref()).await?;
    let Some(reference) = object.spec.cert_secret_ref.as_ref().filter(|reference| !reference.name.is_empty()) else {
        return Ok(Credentials { keys, certificates: Auth::default(), proxy });
    };
    let data = namespace.secret(&reference.name, CERTIFICATES).await?;
    let Auth { ca, client_certificate, client_key, .. } = Auth::from_secret(&data);
    if ca.is_none() && client_certificate.is_none() && client_key.is_none() {
        return Err(Unread::unusable(&reference.name, CERTIFICATES, "it has none of ca.crt, tls.crt and tls.key"));
    }
    let certificates = Auth { ca, client_certificate, client_key, ..Auth::default() };
    Ok(Credentials { keys, certificates, proxy })
}
