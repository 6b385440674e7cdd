//! The proxy that a source names of its namespace.

use cowherd_api::flux::LocalObjectReference;
use cowherd_source::{ProxyServer, Secret};

use super::secrets::{Namespace, Unread};

const PROXY: &str = "spec.proxySecretRef";

/// The proxy to use, if there is one: `address`, and `username` with `password` where it wants them.
pub(crate) async fn of(
    namespace: &Namespace<'_>,
    reference: Option<&LocalObjectReference>,
) -> Result<Option<ProxyServer>, Unread> {
    let Some(LocalObjectReference { name }) = reference else { return Ok(None) };
    let data = namespace.secret(name, PROXY).await?;
    let text = |key: &str| data.get(key).map(|value| String::from_utf8_lossy(value).trim_end().to_owned());
    let address = text("address").ok_or_else(|| Unread::unusable(name, PROXY, "it has no address"))?;
    let password = data.get("password").cloned().map(Secret::from);
    let proxy = ProxyServer::new(&address, text("username").as_deref(), password.as_ref());
    proxy.map(Some).map_err(|cause| Unread::unusable(name, PROXY, cause))
}
