//! What a Provider and its Secrets say of how its service is told.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::flux::LocalObjectReference;
use cowherd_api::flux::notification::v1beta3::{Alert, Provider};
use cowherd_apply::mask::Mask;
use cowherd_source::{Access, Auth, CallTerms, ProxyServer};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};

use crate::provider::{self, AlertName, Failure, Settings};

/// The longest address.
const MAX_ADDRESS: usize = 2048;
/// The most headers that a Secret may have sent, and the most bytes that say so.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_TEXT: usize = 64 * 1024;
/// How long telling may take, unless the Provider says otherwise, and at most.
const TIMEOUT: Duration = Duration::from_secs(15);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);

type Data = BTreeMap<String, Vec<u8>>;

/// How a service is told, and what must not be shown of it.
pub(crate) struct Prepared {
    pub(crate) settings: Settings,
    pub(crate) terms: CallTerms,
    pub(crate) timeout: Duration,
    pub(crate) mask: Mask,
}

/// The Secrets of a namespace, and what was read of them so far.
struct Reading<'a> {
    api: Api<Secret>,
    namespace: &'a str,
    mask: Mask,
}

impl Reading<'_> {
    /// The data of the Secret that a field names.
    async fn secret(&mut self, reference: &LocalObjectReference) -> Result<Data, Failure> {
        let name = &reference.name;
        let failed = |cause: String| Failure::new(format!("failed to get secret '{}/{name}': {cause}", self.namespace));
        if !cowherd_apply::is_path_segment(name) {
            return Err(failed("no object can have this name".to_owned()));
        }
        let secret = match self.api.get_opt(name).await {
            Ok(Some(secret)) => secret,
            Ok(None) => return Err(failed("there is none".to_owned())),
            Err(kube::Error::Api(status)) => return Err(failed(status.message.clone())),
            Err(error) => return Err(failed(error.to_string())),
        };
        let data: Data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
        // The name of a user is no secret, and may be a part of anything.
        for (_, value) in data.iter().filter(|(key, _)| *key != "username") {
            self.mask.add_text(&String::from_utf8_lossy(value));
        }
        Ok(data)
    }
}

/// What a Provider says of how its service is told on the word of an Alert; what the status of a commit is called was found out before.
pub(crate) async fn prepare(
    client: &Client,
    provider: &Provider,
    alert: &Alert,
    commit_status: String,
    access: &Access,
) -> Result<Prepared, (Failure, Mask)> {
    let namespace = provider.namespace().unwrap_or_default();
    let api = Api::namespaced(client.clone(), &namespace);
    let mut reading = Reading { api, namespace: &namespace, mask: Mask::default() };
    match read(&mut reading, provider, alert, commit_status, access).await {
        Ok((settings, terms)) => {
            let timeout = provider.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok()).unwrap_or(TIMEOUT);
            Ok(Prepared { settings, terms, timeout: timeout.min(LONGEST_TIMEOUT), mask: reading.mask })
        }
        Err(failure) => Err((failure, reading.mask)),
    }
}

async fn read(
    reading: &mut Reading<'_>,
    provider: &Provider,
    alert: &Alert,
    commit_status: String,
    access: &Access,
) -> Result<(Settings, CallTerms), Failure> {
    let spec = &provider.spec;
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let uid = provider.uid().unwrap_or_default();
    let mut settings = Settings {
        kind: spec.kind.clone(),
        address: given(&spec.address),
        channel: given(&spec.channel),
        username: given(&spec.username),
        commit_status,
        uid,
        alert: AlertName {
            namespace: alert.namespace().unwrap_or_default(),
            name: alert.name_any(),
            uid: alert.uid().unwrap_or_default(),
        },
        ..Settings::default()
    };
    let mut terms = CallTerms { access: access.clone(), ..CallTerms::default() };
    let mut proxy = spec.proxy.as_deref().filter(|proxy| !proxy.is_empty()).map(own_proxy).transpose()?;
    if let Some(reference) = &spec.secret_ref {
        let data = reading.secret(reference).await?;
        take(&mut settings, &mut terms, &data, &reference.name)?;
        if let Some(address) = text(&data, "proxy") {
            proxy = Some(own_proxy(&address)?);
        }
    }
    if let Some(reference) = &spec.proxy_secret_ref {
        proxy = Some(secret_proxy(&reading.secret(reference).await?, &reference.name)?);
    }
    if let Some(reference) = &spec.cert_secret_ref {
        terms.auth = certificates(&reading.secret(reference).await?);
        if terms.auth == Auth::default() {
            let name = &reference.name;
            return Err(Failure::new(format!("the Secret '{name}' has none of ca.crt, tls.crt and tls.key")));
        }
    }
    terms.proxy = proxy;
    settings.headers.values().for_each(|value| reading.mask.add_text(value));
    if !settings.password.is_empty() {
        // As basic authentication has them, which a server may repeat.
        reading.mask.add_text(&format!("{}:{}", settings.username, settings.password));
    }
    Ok((settings, terms))
}

/// What the Secret of a Provider says.
fn take(settings: &mut Settings, terms: &mut CallTerms, data: &Data, name: &str) -> Result<(), Failure> {
    if let Some(address) = text(data, "address") {
        if address.len() > MAX_ADDRESS {
            return Err(Failure::new(format!(
                "invalid address in secret: address exceeds maximum length of {MAX_ADDRESS} bytes"
            )));
        }
        settings.address = address;
        terms.alias = Some(format!("the address in the Secret '{name}'"));
    }
    if let Some(headers) = data.get("headers") {
        settings.headers = headers_of(headers).ok_or_else(|| {
            let what = "write NAME: VALUE, one on a line, as YAML";
            Failure::new(format!("failed to read headers from secret '{name}': {what}"))
        })?;
    }
    settings.token = text(data, "token").unwrap_or_default();
    if let (Some(username), Some(password)) = (text(data, "username"), text(data, "password")) {
        (settings.username, settings.password) = (username, password);
    }
    if provider::is_of_commits(&settings.kind) {
        terms.auth = certificates(data);
    }
    Ok(())
}

fn headers_of(text: &[u8]) -> Option<BTreeMap<String, String>> {
    if text.len() > MAX_HEADER_TEXT {
        return None;
    }
    let documents = cowherd_yaml::parse_documents(text, &cowherd_yaml::Limits::default()).ok()?;
    let Some(document) = documents.first() else { return Some(BTreeMap::new()) };
    let pairs = document.value.as_object().filter(|pairs| pairs.len() <= MAX_HEADERS)?;
    pairs.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// A value as text without the line break that tools leave at its end; nothing where it is empty or no text.
fn text(data: &Data, key: &str) -> Option<String> {
    let text = std::str::from_utf8(data.get(key)?).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What of a Secret is about certificates.
fn certificates(data: &Data) -> Auth {
    let Auth { ca, client_certificate, client_key, .. } = Auth::from_secret(data);
    Auth { ca, client_certificate, client_key, ..Auth::default() }
}

fn secret_proxy(data: &Data, name: &str) -> Result<ProxyServer, Failure> {
    let address = text(data, "address")
        .ok_or_else(|| Failure::new(format!("the Secret '{name}' of the proxy has no address")))?;
    let password = text(data, "password").map(Into::into);
    let proxy = ProxyServer::new(&address, text(data, "username").as_deref(), password.as_ref());
    proxy.map_err(|error| Failure::new(format!("the proxy of the Secret '{name}' cannot be used: {error}")))
}

/// A proxy by its address, which may hold its credentials.
fn own_proxy(address: &str) -> Result<ProxyServer, Failure> {
    let (scheme, rest) = address.trim().split_once("://").unwrap_or_default();
    let (user, server) = rest.rsplit_once('@').map_or((None, rest), |(user, server)| (Some(user), server));
    let user = user.map(|user| user.split_once(':').unwrap_or((user, "")));
    let password = user.map(|(_, password)| password.into());
    let proxy = ProxyServer::new(&format!("{scheme}://{server}"), user.map(|(name, _)| name), password.as_ref());
    proxy.map_err(|error| Failure::new(format!("the proxy cannot be used: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> Data {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn taken(pairs: &[(&str, &str)]) -> Result<(Settings, CallTerms), Failure> {
        let (mut settings, mut terms) =
            (Settings { username: "spec".into(), ..Settings::default() }, CallTerms::default());
        take(&mut settings, &mut terms, &data(pairs), "s").map(|()| (settings, terms))
    }

    #[test]
    fn a_secret_goes_before_what_the_provider_says() {
        let (settings, terms) = taken(&[
            ("address", "https://example.org/hook\n"),
            ("token", "hunter2\n"),
            ("username", "u"),
            ("password", "p"),
            ("headers", "X-One: a\nX-Two: \"2\"\n"),
        ])
        .unwrap();
        assert_eq!((settings.address.as_str(), settings.token.as_str()), ("https://example.org/hook", "hunter2"));
        assert_eq!((settings.username.as_str(), settings.password.as_str()), ("u", "p"));
        assert_eq!(settings.headers.len(), 2);
        assert_eq!(terms.alias.as_deref(), Some("the address in the Secret 's'"));
        assert_eq!(taken(&[("username", "u")]).unwrap().0.username, "spec", "half of a pair is none");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_being_shown() {
        let long = "h".repeat(MAX_ADDRESS + 1);
        for pairs in
            [("address", long.as_str()), ("headers", "- hunter2"), ("headers", "a: {hunter2: 1}"), ("headers", "a: 1")]
        {
            let failure = taken(&[pairs]).err().unwrap().told(&Mask::default());
            assert!(!failure.contains("hunter2"), "{failure}");
        }
        for address in ["hunter2", "ftp://hunter2:1", "http://u:hunter2@"] {
            let failure = own_proxy(address).unwrap_err().told(&Mask::default());
            assert!(!failure.contains("hunter2"), "{failure}");
        }
        assert!(own_proxy("http://u:p@proxy:3128").is_ok() && own_proxy("http://proxy:3128").is_ok());
    }
}
