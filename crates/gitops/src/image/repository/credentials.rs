//! Who we are to a registry, and the way to it: what an ImageRepository names of its namespace.

use cowherd_api::flux::image::v1::ImageRepository;
use cowherd_source::{Auth, ImageName, Logins, ProxyServer};
use kube::ResourceExt;

use crate::source::Shared;
use crate::source::proxy;
use crate::source::secrets::{Data, Namespace, Unread};

const SECRET: &str = "spec.secretRef";
const ACCOUNT: &str = "spec.serviceAccountName";
const CERTIFICATES: &str = "spec.certSecretRef";

/// Who we are to the registry, by the Secret, by those of the ServiceAccount, and by the certificates; and the proxy to use.
pub(super) async fn of(
    shared: &Shared,
    object: &ImageRepository,
    image: &ImageName,
) -> Result<(Auth, Option<ProxyServer>), Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: "ImageRepository", hidden: &shared.hidden };
    let mut logins = Logins::default();
    let mut read = |name: &str, field, data: &Data| {
        logins.extend(Logins::read(data).map_err(|cause| Unread::unusable(name, field, cause))?);
        Ok(())
    };
    if let Some(reference) = &object.spec.secret_ref {
        read(&reference.name, SECRET, &namespace.secret(&reference.name, SECRET).await?)?;
    }
    if let Some(account) = object.spec.service_account_name.as_ref().filter(|account| !account.is_empty()) {
        for secret in namespace.pull_secrets(account, ACCOUNT).await? {
            read(&secret, ACCOUNT, &namespace.secret(&secret, ACCOUNT).await?)?;
        }
    }
    let proxy = proxy::of(&namespace, object.spec.proxy_secret_ref.as_ref()).await?;
    let login = image.login(&logins);
    let Some(reference) = object.spec.cert_secret_ref.as_ref().filter(|reference| !reference.name.is_empty()) else {
        return Ok((login, proxy));
    };
    let data = namespace.secret(&reference.name, CERTIFICATES).await?;
    let Auth { ca, client_certificate, client_key, .. } = Auth::from_secret(&data);
    if ca.is_none() && client_certificate.is_none() && client_key.is_none() {
        return Err(Unread::unusable(&reference.name, CERTIFICATES, "it has none of ca.crt, tls.crt and tls.key"));
    }
    Ok((Auth { ca, client_certificate, client_key, ..login }, proxy))
}
