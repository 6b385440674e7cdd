//! Names of what is in a cluster.

use std::ffi::OsStr;
use std::future::Future;

use clap_complete::CompletionCandidate;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};

use super::line::Line;
use super::{PATIENCE, candidates};
use crate::served;
use crate::target::Kind;

/// Kustomizations and sources, as `NAME`, `KIND NAME` or `KIND/NAME`; the kinds while none is named.
pub fn resources(so_far: &OsStr) -> Vec<CompletionCandidate> {
    let so_far = so_far.to_string_lossy();
    let line = Line::asked();
    let words = line.words();
    let namespace = line.cluster().namespace;
    let namespace = (!line.has(&["-A", "--all-namespaces"])).then_some(namespace.as_str());
    if let Some((word, _)) = so_far.split_once('/') {
        let Ok(Some(kind)) = Kind::of_word(word) else { return Vec::new() };
        let found = ask(&line, |client| names_of(client, kind, namespace)).unwrap_or_default();
        return candidates(found.into_iter().map(|name| format!("{word}/{name}")), &so_far);
    }
    match Kind::take(&words) {
        Ok(Some((kind, _))) => {
            candidates(ask(&line, |client| names_of(client, kind, namespace)).unwrap_or_default(), &so_far)
        }
        Ok(None) => {
            let found = ask(&line, |client| names_of(client, Kind::Kustomization, namespace)).unwrap_or_default();
            let kinds = ["helmrelease", "kustomization", "source"].map(str::to_owned);
            candidates(found.into_iter().chain(kinds.into_iter().filter(|_| words.is_empty())), &so_far)
        }
        Err(_) => candidates(["bucket", "chart", "external", "git", "helm", "oci"].map(str::to_owned), &so_far),
    }
}

async fn names_of(client: Client, kind: Kind, namespace: Option<&str>) -> Option<Vec<String>> {
    let api = namespace.map_or_else(|| kind.api_everywhere(&client), |namespace| kind.api(&client, namespace));
    names(api).await
}

/// Objects of any kind that the cluster serves, as `KIND/NAME`; the kinds while none is named.
pub fn objects(so_far: &OsStr) -> Vec<CompletionCandidate> {
    let so_far = so_far.to_string_lossy();
    let line = Line::asked();
    // Where none is named, the commands find what only one has.
    let namespace = line.namespace();
    let Some((word, _)) = so_far.split_once('/') else {
        let kinds = ask(&line, |client| async move { served::words(&client).await.ok() }).unwrap_or_default();
        let kinds = kinds.into_iter().map(|kind| format!("{kind}/"));
        return candidates(kinds, &so_far);
    };
    let found = ask(&line, |client| async move {
        let served = served::find(&client, word).await.ok()?;
        let api: Api<DynamicObject> = match namespace.filter(|_| served.namespaced) {
            Some(namespace) => Api::namespaced_with(client, &namespace, &served.resource),
            None => Api::all_with(client, &served.resource),
        };
        names(api).await
    });
    candidates(found.unwrap_or_default().into_iter().map(|name| format!("{word}/{name}")), &so_far)
}

/// Namespaces.
pub fn namespaces(so_far: &OsStr) -> Vec<CompletionCandidate> {
    let found = ask(&Line::asked(), |client| names(Api::<Namespace>::all(client)));
    candidates(found.unwrap_or_default(), &so_far.to_string_lossy())
}

async fn names<K>(api: Api<K>) -> Option<Vec<String>>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let found = api.list_metadata(&ListParams::default()).await.ok()?;
    Some(found.items.into_iter().filter_map(|object| object.metadata.name).collect())
}

/// What the cluster of the line answers; nothing where it does not, or takes too long.
fn ask<T, F: Future<Output = Option<T>>>(line: &Line, question: impl FnOnce(Client) -> F) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let answer = async { question(line.cluster().client().await.ok()?).await };
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
    })
}
