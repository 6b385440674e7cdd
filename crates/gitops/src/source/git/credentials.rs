//! Who we are to the server of a repository, and the way to it: what a GitRepository names of its namespace.

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_source::{Auth, ProxyServer};
use kube::{Client, ResourceExt};

use super::super::proxy;
use super::super::secrets::Namespace;
use super::KIND;
use super::error::Error;

/// Who we are to the server, and the proxy to use, if there is one.
pub(super) async fn of(client: &Client, object: &GitRepository) -> Result<(Auth, Option<ProxyServer>), Error> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client, name: &name, kind: KIND.0 };
    let proxy = proxy::of(&namespace, object.spec.proxy_secret_ref.as_ref()).await.map_err(Error::Proxy)?;
    let auth = match &object.spec.secret_ref {
        Some(reference) => Auth::from_secret(&namespace.secret(&reference.name, "spec.secretRef").await?),
        None => Auth::default(),
    };
    Ok((auth, proxy))
}
