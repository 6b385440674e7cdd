//! Who we are to a registry, and the way to it: what an OCIRepository names of its namespace.

use cowherd_api::flux::source::v1::OCIRepository;
use cowherd_source::{ArtifactRepository, Auth, Logins, ProxyServer};
use kube::ResourceExt;

use super::super::Shared;
use super::super::proxy;
use super::super::secrets::{Data, Namespace, Unread};
use super::KIND;

const SECRET: &str = "spec.secretRef";
const ACCOUNT: &str = "spec.serviceAccountName";
const CERTIFICATES: &str = "spec.certSecretRef";

/// What is named in a namespace of who we are to a registry; a name that is empty names nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    /// By `spec.secretRef`.
    pub(crate) secret: Option<&'a str>,
    /// By `spec.serviceAccountName`, whose Secrets for pulling images count.
    pub(crate) account: Option<&'a str>,
    /// By `spec.certSecretRef`.
    pub(crate) certificates: Option<&'a str>,
}

/// Who we are to the registry of an OCIRepository.
pub(super) async fn of(shared: &Shared, object: &OCIRepository, at: &ArtifactRepository) -> Result<Auth, Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
    let named = Named {
        secret: object.spec.secret_ref.as_ref().map(|reference| reference.name.as_str()),
        account: object.spec.service_account_name.as_deref(),
        certificates: object.spec.cert_secret_ref.as_ref().map(|reference| reference.name.as_str()),
    };
    to_registry(&namespace, named, at).await
}

/// Who we are to the registry: by the Secret, by those of the ServiceAccount, and by the certificates.
pub(crate) async fn to_registry(
    namespace: &Namespace<'_>,
    named: Named<'_>,
    at: &ArtifactRepository,
) -> Result<Auth, Unread> {
    let mut logins = Logins::default();
    let mut read = |name: &str, field, data: &Data| {
        logins.extend(Logins::read(data).map_err(|cause| Unread::unusable(name, field, cause))?);
        Ok(())
    };
    if let Some(secret) = named.secret {
        read(secret, SECRET, &namespace.secret(secret, SECRET).await?)?;
    }
    if let Some(account) = named.account.filter(|account| !account.is_empty()) {
        for secret in namespace.pull_secrets(account, ACCOUNT).await? {
            read(&secret, ACCOUNT, &namespace.secret(&secret, ACCOUNT).await?)?;
        }
    }
    let login = at.login(&logins);
    let Some(certificates) = named.certificates.filter(|name| !name.is_empty()) else { return Ok(login) };
    let Auth { ca, client_certificate, client_key, .. } = namespace.certificates(certificates, CERTIFICATES).await?;
    Ok(Auth { ca, client_certificate, client_key, ..login })
}

/// The proxy to use, if there is one.
pub(super) async fn proxy(shared: &Shared, object: &OCIRepository) -> Result<Option<ProxyServer>, Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
    proxy::of(&namespace, object.spec.proxy_secret_ref.as_ref()).await
}
