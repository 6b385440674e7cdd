//! The Secret with which the cluster logs in to the repository, and its deploy key.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cowherd_source::{Auth, FetchError, KeyPair};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::credentials::{Credentials, Data, Login, confirmed};
use super::hosting::Hosting;
use super::pushing::Repository;
use crate::blocking::blocking;
use crate::bootstrap::{ROOT, apply};
use crate::cluster::explain;
use crate::terminal::{Mark, tell};

/// A private key, and what belongs to it.
const IDENTITY: &str = "identity";
const PUBLIC: &str = "identity.pub";

/// How often a server is asked that was just told of the key, which it may not know everywhere yet.
const TRIES: usize = 4;
/// The pause between.
const PAUSE: Duration = Duration::from_secs(2);

/// What came of it.
pub struct Kept {
    /// The public key that the repository has to know, where a deploy key is used.
    pub public_key: Option<String>,
}

/// Brings the Secret, and sees that the server lets in who has it.
///
/// A deploy key that is there stays. One that is made is in the cluster before anybody is asked to add it to the repository:
/// started again, it is the same.
///
/// # Errors
/// When the Secret cannot be written, or the server does not let the cluster in.
pub async fn keep(
    client: &Client,
    flags: &Credentials,
    repository: &Repository,
    url: &str,
    host: Option<(&Hosting, &str)>,
) -> Result<Kept> {
    let name = &flags.secret_name;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    let there = secrets.get_opt(name).await.map_err(explain)?.and_then(|secret| secret.data).unwrap_or_default();
    let there: Data = there.into_iter().map(|(key, value)| (key, value.0)).collect();
    let (mut data, is_new) = match flags.of_the_cluster(url)? {
        Login::Given(data) => (data, false),
        Login::DeployKey(mut data) => match there.get(IDENTITY) {
            Some(_) => {
                let kept = [IDENTITY, PUBLIC, "password"].into_iter().filter_map(|key| Some((key, there.get(key)?)));
                data.extend(kept.map(|(key, value)| (key.to_owned(), value.clone())));
                (data, false)
            }
            None => {
                let algorithm = flags.algorithm();
                let pair = blocking(move || KeyPair::generate(algorithm)).await?;
                let pair = pair.context("no deploy key can be made")?;
                data.insert(IDENTITY.to_owned(), pair.private.expose().to_vec());
                data.insert(PUBLIC.to_owned(), pair.public.into_bytes());
                (data, true)
            }
        },
    };
    if let (Some(identity), None) = (data.get(IDENTITY), data.get(PUBLIC)) {
        let public = KeyPair::public_of(&identity.clone().into()).map(String::into_bytes);
        data.extend(public.map(|public| (PUBLIC.to_owned(), public)));
    }
    write(&secrets, name, &data, &there).await?;
    let public_key = data.get(PUBLIC).map(|public| String::from_utf8_lossy(public).trim().to_owned());
    match (host, &public_key) {
        (Some((host, title)), Some(public)) => {
            let action = host.trust(title, public).await.context(
                "the repository has the manifests and the cluster what agents need, and nothing is followed; start this again then",
            )?;
            tell!("{} deploy key {title} {action}", Mark::Success);
        }
        (None, Some(public)) if is_new => ask_for(public, flags.silent).await?,
        _ => {}
    }
    let tries = if host.is_some() { TRIES } else { 1 };
    let_in(repository, url, &data, public_key.as_deref(), tries).await?;
    Ok(Kept { public_key })
}

/// Has a person add a key to the repository.
async fn ask_for(public: &str, is_silent: bool) -> Result<()> {
    tell!("{} a deploy key was made; add it to the repository, with leave to read:", Mark::Action);
    // It is copied, so that nothing may break it.
    let _ = writeln!(std::io::stderr(), "{public}");
    if !is_silent && !blocking(|| confirmed("has the repository the key by now?")).await? {
        bail!(
            "the deploy key is not added yet; the repository has the manifests and the cluster what agents need, and \
             nothing is followed. Add the key, and start this again: it is the same one then"
        );
    }
    Ok(())
}

async fn write(secrets: &Api<Secret>, name: &str, data: &Data, there: &Data) -> Result<()> {
    if data.iter().all(|(key, value)| there.get(key) == Some(value)) {
        tell!("{} Secret/{ROOT}/{name} unchanged", Mark::Success);
        return Ok(());
    }
    let encoded: Map<String, Value> =
        data.iter().map(|(key, value)| (key.clone(), STANDARD.encode(value).into())).collect();
    let object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": ROOT },
        "data": encoded });
    apply(secrets, &object).await.context("cannot keep the cluster's credentials")?;
    let action = if there.is_empty() { "created" } else { "configured" };
    tell!("{} Secret/{ROOT}/{name} {action}", Mark::Success);
    Ok(())
}

/// Whether the server lets in who has this.
async fn let_in(repository: &Repository, url: &str, data: &Data, public_key: Option<&str>, tries: usize) -> Result<()> {
    let mut answer = repository.try_as(url, Auth::from_secret(data)).await?;
    for _ in 1..tries {
        if !matches!(answer, Err(FetchError::Refused { .. } | FetchError::RepositoryNotFound { .. })) {
            break;
        }
        sleep(PAUSE).await;
        answer = repository.try_as(url, Auth::from_secret(data)).await?;
    }
    match answer {
        Ok(()) => {
            tell!("{} the cluster may read {url}", Mark::Success);
            Ok(())
        }
        // From the cluster it may be reached all the same.
        Err(error @ (FetchError::Unreachable { .. } | FetchError::Timeout { .. })) => {
            tell!("{} whether the cluster may read {url} cannot be told from here: {error}", Mark::Waiting);
            Ok(())
        }
        Err(error) => Err(refused(&error, public_key)),
    }
}

fn refused(error: &FetchError, public_key: Option<&str>) -> anyhow::Error {
    let remedy = match (error, public_key) {
        (FetchError::Refused { .. } | FetchError::RepositoryNotFound { .. }, Some(key)) => {
            format!("add the deploy key to the repository, with leave to read, and start this again: {key}")
        }
        _ => "put that right, and start this again".to_owned(),
    };
    anyhow!("{error}\n  what agents need is in the cluster, and nothing is followed yet; {remedy}")
}
