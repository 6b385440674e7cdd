//! Kubeconfigs of tenants, read: what says where a cluster is and who one is there, and nothing that would use this machine.
//!
//! A kubeconfig may name commands to run and files to read, and what those give would go to a server that it names as well. So
//! it has to have all in itself, as Flux asks for; what else it says is refused by name, since it would not be done.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cowherd_yaml::{Limits, YamlError};
use http::Uri;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// How large a kubeconfig may be, in bytes.
const LARGEST: usize = 256 * 1024;

/// How a cluster is reached, and who one is there.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) server: Uri,
    /// The authorities that count for the server's certificate, as DER; those of this machine's system where none are said.
    pub(super) authorities: Option<Vec<Vec<u8>>>,
    /// The name that its certificate has to have, where that is another than that of the server.
    pub(super) server_name: Option<String>,
    /// Whether its certificate is not looked at.
    pub(super) is_insecure: bool,
    pub(super) who: AuthInfo,
    /// What is another one where anything of it is.
    pub(super) stamp: Stamp,
}

/// A digest of what a connection was read from.
pub(super) type Stamp = [u8; 32];

/// Why a kubeconfig is not acted on. It shows no value of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KubeConfigError {
    #[error("the kubeconfig is larger than {} KiB; leave only what one cluster needs", LARGEST / 1024)]
    TooLarge,
    #[error("the kubeconfig is no YAML: {0}")]
    Unreadable(#[from] YamlError),
    #[error("the kubeconfig is wrong: {field} {problem}")]
    Wrong { field: &'static str, problem: &'static str },
    #[error("the kubeconfig says {field}, which is refused: {instead}")]
    Refused { field: &'static str, instead: &'static str },
}

/// What of a cluster is refused.
const OF_CLUSTERS: &[(&str, &str, &str)] = &[
    (
        "certificate-authority",
        "cluster.certificate-authority",
        "no file of this machine is read; put the certificate into certificate-authority-data",
    ),
    (
        "proxy-url",
        "cluster.proxy-url",
        "a proxy would connect where cowherd must not; name a server that is reached without one",
    ),
];

/// What of a user is refused.
const OF_USERS: &[(&str, &str, &str)] = &[
    ("exec", "user.exec", "no command of this machine is run; give a token, or a client certificate"),
    ("auth-provider", "user.auth-provider", "Kubernetes itself has it no more; give a token, or a client certificate"),
    ("tokenFile", "user.tokenFile", "no file of this machine is read; put the token into token"),
    (
        "client-certificate",
        "user.client-certificate",
        "no file of this machine is read; put the certificate into client-certificate-data",
    ),
    ("client-key", "user.client-key", "no file of this machine is read; put the key into client-key-data"),
    ("as", "user.as", "name the account in spec.serviceAccountName"),
    ("as-uid", "user.as-uid", "name the account in spec.serviceAccountName"),
    ("as-groups", "user.as-groups", "name the account in spec.serviceAccountName"),
    ("as-user-extra", "user.as-user-extra", "name the account in spec.serviceAccountName"),
];

/// What to do about a server whose certificate is not to be looked at.
const INSECURE: &str = "anybody between here and there could be the server; give certificate-authority-data, or start cowherd with \
                        --insecure-kubeconfig-tls";

/// Reads a kubeconfig, of which the current context counts. `allows_insecure`: whether the server's certificate need not be
/// looked at.
pub(super) fn read(text: &[u8], allows_insecure: bool) -> Result<Connection, KubeConfigError> {
    if text.len() > LARGEST {
        return Err(KubeConfigError::TooLarge);
    }
    let limits = Limits { bytes: LARGEST, documents: 2, expansion: LARGEST, ..Limits::default() };
    let mut documents = cowherd_yaml::parse_documents(text, &limits)?.into_iter();
    let Some(Value::Object(config)) = documents.next().map(|document| document.value) else {
        return Err(wrong("it", "has to be a mapping with clusters, users and contexts"));
    };
    let current = text_of(&config, "current-context", "current-context")?;
    let current = current.ok_or_else(|| wrong("current-context", "is missing; name the context that is meant"))?;
    let context = named(&config, ("contexts", "context"), current)?;
    let of_context = |field, place| {
        let name = text_of(context, field, place)?;
        name.ok_or_else(|| wrong(place, "is missing"))
    };
    let cluster = named(&config, ("clusters", "cluster"), of_context("cluster", "context.cluster")?)?;
    let user = named(&config, ("users", "user"), of_context("user", "context.user")?)?;
    refuse(cluster, OF_CLUSTERS)?;
    refuse(user, OF_USERS)?;
    let server = text_of(cluster, "server", "cluster.server")?;
    let is_insecure = match cluster.get("insecure-skip-tls-verify") {
        None | Some(Value::Null) | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(wrong("cluster.insecure-skip-tls-verify", "is neither true nor false")),
    };
    let authorities = data(cluster, "certificate-authority-data", "cluster.certificate-authority-data")?;
    if is_insecure && !allows_insecure {
        return Err(KubeConfigError::Refused { field: "cluster.insecure-skip-tls-verify: true", instead: INSECURE });
    }
    if is_insecure && authorities.is_some() {
        let problem = "and certificate-authority-data are both said, of which one would not count";
        return Err(wrong("cluster.insecure-skip-tls-verify", problem));
    }
    Ok(Connection {
        server: address(server.unwrap_or_default(), allows_insecure)?,
        authorities: authorities.map(|pem| certificates(&pem, "cluster.certificate-authority-data")).transpose()?,
        server_name: text_of(cluster, "tls-server-name", "cluster.tls-server-name")?.map(str::to_owned),
        is_insecure,
        who: who(user)?,
        stamp: Sha256::digest(text).into(),
    })
}

/// Reads the address of a server.
pub(super) fn address(text: &str, allows_insecure: bool) -> Result<Uri, KubeConfigError> {
    const FIELD: &str = "cluster.server";
    let uri: Uri = text.parse().map_err(|_| wrong(FIELD, "is no address; write https://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allows_insecure => {}
        Some("http") => return Err(KubeConfigError::Refused { field: "cluster.server with http", instead: INSECURE }),
        _ => return Err(wrong(FIELD, "is no address; write https://HOST:PORT")),
    }
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    if uri.host().unwrap_or_default().is_empty() || authority.contains('@') || uri.query().is_some() {
        return Err(wrong(FIELD, "has to be a host, and maybe a port and a path; write https://HOST:PORT"));
    }
    Ok(uri)
}

/// The certificates in a text in PEM format.
pub(super) fn certificates(pem: &[u8], field: &'static str) -> Result<Vec<Vec<u8>>, KubeConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    let found = found.ok_or_else(|| wrong(field, "holds no certificate in PEM format"))?;
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// Who is known by a token.
pub(super) fn by_token(token: &str) -> AuthInfo {
    // The type of its field is another crate's.
    serde_json::from_value(json!({ "token": token })).unwrap_or_default()
}

fn who(user: &Map<String, Value>) -> Result<AuthInfo, KubeConfigError> {
    let mut taken = Map::new();
    for (field, place) in [
        ("token", "user.token"),
        ("username", "user.username"),
        ("password", "user.password"),
        ("client-certificate-data", "user.client-certificate-data"),
        ("client-key-data", "user.client-key-data"),
    ] {
        if let Some(text) = text_of(user, field, place)? {
            taken.insert(field.to_owned(), text.into());
        }
    }
    let has = |field: &str| taken.contains_key(field);
    if has("token") && (has("username") || has("password")) {
        return Err(wrong("user.token", "and user.username are both said; give one of them"));
    }
    if has("client-certificate-data") != has("client-key-data") {
        return Err(wrong(
            "user.client-certificate-data",
            "and user.client-key-data belong together, and one is missing",
        ));
    }
    for (field, place) in
        [("client-certificate-data", "user.client-certificate-data"), ("client-key-data", "user.client-key-data")]
    {
        data(user, field, place)?;
    }
    serde_json::from_value(Value::Object(taken)).map_err(|_| wrong("user", "cannot be read"))
}

fn refuse(entry: &Map<String, Value>, refused: &[(&str, &'static str, &'static str)]) -> Result<(), KubeConfigError> {
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    let found = refused.iter().find(|(name, ..)| entry.get(*name).is_some_and(is_said));
    found.map_or(Ok(()), |&(_, field, instead)| Err(KubeConfigError::Refused { field, instead }))
}

/// The entry of a list that has this name.
fn named<'a>(
    config: &'a Map<String, Value>,
    (list, field): (&'static str, &'static str),
    name: &str,
) -> Result<&'a Map<String, Value>, KubeConfigError> {
    let entries = config.get(list).and_then(Value::as_array).ok_or_else(|| wrong(list, "is missing"))?;
    let mut found: HashMap<&str, &Value> = HashMap::new();
    for entry in entries {
        let named = entry["name"].as_str().unwrap_or_default();
        if found.insert(named, &entry[field]).is_some() {
            return Err(wrong(list, "has two entries of one name"));
        }
    }
    let entry = found.get(name).and_then(|entry| entry.as_object());
    entry.ok_or_else(|| wrong(list, "has no entry of the name that the current context leads to"))
}

fn text_of<'a>(
    entry: &'a Map<String, Value>,
    field: &str,
    place: &'static str,
) -> Result<Option<&'a str>, KubeConfigError> {
    match entry.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(wrong(place, "is no text")),
    }
}

fn data(entry: &Map<String, Value>, field: &str, place: &'static str) -> Result<Option<Vec<u8>>, KubeConfigError> {
    let text = text_of(entry, field, place)?;
    let decoded = text.map(|text| BASE64_STANDARD.decode(text.split_whitespace().collect::<String>()));
    decoded.transpose().map_err(|_| wrong(place, "is not in base64"))
}

fn wrong(field: &'static str, problem: &'static str) -> KubeConfigError {
    KubeConfigError::Wrong { field, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cluster: Value, user: Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "there",
            "contexts": [{ "name": "there", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": cluster }, { "name": "other", "cluster": { "server": "https://other" } }],
            "users": [{ "name": "u", "user": user }, { "name": "other", "user": { "exec": { "command": "id" } } }],
        })
    }

    fn told(config: &Value) -> String {
        read(config.to_string().as_bytes(), false).unwrap_err().to_string()
    }

    #[test]
    fn what_the_current_context_leads_to_counts_and_nothing_else() {
        let found = read(
            config(json!({ "server": "https://there:6443/k8s" }), json!({ "token": "t" })).to_string().as_bytes(),
            false,
        );
        let found = found.unwrap();
        assert_eq!(found.server.to_string(), "https://there:6443/k8s");
        assert!(found.who.token.is_some() && found.authorities.is_none() && !found.is_insecure);
    }

    #[test]
    fn what_would_use_this_machine_is_refused_by_name() {
        let server = || json!({ "server": "https://there" });
        for field in ["exec", "auth-provider", "tokenFile", "client-certificate", "client-key", "as", "as-groups"] {
            let said = match field {
                "exec" => json!({ "command": "/bin/sh", "args": ["-c", "hunter2"] }),
                "auth-provider" => json!({ "name": "gcp", "config": { "cmd-path": "hunter2" } }),
                "as-groups" => json!(["system:masters"]),
                _ => json!("/etc/hunter2"),
            };
            let mut user = json!({});
            user[field] = said;
            let error = told(&config(server(), user));
            assert!(error.contains(&format!("says user.{field}, which is refused: ")), "{field}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for (field, said) in [("certificate-authority", "/etc/hunter2"), ("proxy-url", "http://hunter2")] {
            let mut cluster = server();
            cluster[field] = said.into();
            let error = told(&config(cluster, json!({})));
            assert!(error.contains(&format!("says cluster.{field}, which is refused: ")), "{field}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_server_that_anybody_could_be_is_refused_unless_that_is_allowed() {
        for cluster in [
            json!({ "server": "http://there" }),
            json!({ "server": "https://there", "insecure-skip-tls-verify": true }),
        ] {
            let text = config(cluster, json!({})).to_string();
            let error = read(text.as_bytes(), false).unwrap_err().to_string();
            assert!(error.contains("which is refused") && error.contains("--insecure-kubeconfig-tls"), "{error}");
            assert!(read(text.as_bytes(), true).is_ok());
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_its_values() {
        let good = || config(json!({ "server": "https://there" }), json!({}));
        let with = |pointer: &str, value: Value| {
            let mut config = good();
            *config.pointer_mut(pointer).unwrap() = value;
            told(&config)
        };
        for (error, said) in [
            (with("/current-context", json!("")), "current-context is missing"),
            (with("/contexts", json!([])), "contexts has no entry"),
            (with("/clusters/1/name", json!("c")), "clusters has two entries of one name"),
            (with("/clusters/0/cluster/server", json!("hunter2:6443")), "cluster.server is no address"),
            (with("/clusters/0/cluster/server", json!("https://me:hunter2@there")), "cluster.server has to be a host"),
            (with("/clusters/0/cluster/server", json!(["hunter2"])), "cluster.server is no text"),
            (
                with("/users/0/user", json!({ "token": "hunter2", "username": "u" })),
                "user.token and user.username are both",
            ),
            (
                with("/users/0/user", json!({ "client-key-data": "aHVudGVyMg==" })),
                "belong together, and one is missing",
            ),
        ] {
            assert!(error.contains(said) && !error.contains("hunter2"), "{said}: {error}");
        }
        let authority = |text: &str| {
            let cluster = json!({ "server": "https://there", "certificate-authority-data": text });
            told(&config(cluster, json!({})))
        };
        assert!(authority("!").contains("certificate-authority-data is not in base64"));
        assert!(authority("aHVudGVyMg==").contains("certificate-authority-data holds no certificate"));
        assert!(read(b"token: {{ hunter2", false).unwrap_err().to_string().contains("is no YAML"));
        assert!(read(b"hunter2", false).unwrap_err().to_string().contains("has to be a mapping"));
        assert_eq!(read(&vec![b' '; LARGEST + 1], false).unwrap_err(), KubeConfigError::TooLarge);
    }
}
