//! The kinds that a cluster serves, by every name that kubectl takes for them.

use anyhow::Result;
use cowherd_text::near;
use kube::Client;
use kube::api::ApiResource;
use kube::core::discovery::v2::{APIGroupDiscovery, APIResourceDiscovery};

use crate::cluster::{explain, missing};
use crate::target::Kind;

/// A kind that a cluster serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Group, version, kind and plural.
    pub resource: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The kind that a word names: singular, plural, short or as manifests write it, in any case, and if need be with its
/// group, or version and group, behind a dot. Where several groups have one, the first in the cluster's own order.
///
/// # Errors
/// When the cluster serves no such kind, or does not answer.
pub async fn find(client: &Client, word: &str) -> Result<Served> {
    if let Ok(Some(kind)) = Kind::of_word(word) {
        return Ok(Served { resource: kind.api_resource(), namespaced: true });
    }
    let wanted = Word::read(word);
    let groups = discovery(client).await?;
    for group in &groups {
        let name = group.metadata.as_ref().and_then(|metadata| metadata.name.as_deref()).unwrap_or_default();
        for version in &group.versions {
            let number = version.version.as_deref().unwrap_or_default();
            if !wanted.is_of(name, number) {
                continue;
            }
            if let Some(found) = version.resources.iter().find(|resource| wanted.names(resource)) {
                return Ok(served(name, number, found));
            }
        }
    }
    let name = word.split('.').next().unwrap_or_default();
    let hint = near::hint(name, words_of(&groups));
    Err(missing(format!("the server doesn't have a resource type {word:?}{hint}")))
}

/// The kinds that can be listed, as kubectl names them: singular, in small letters.
///
/// # Errors
/// When the cluster does not answer.
pub async fn words(client: &Client) -> Result<Vec<String>> {
    Ok(words_of(&discovery(client).await?).map(str::to_owned).collect())
}

/// The kinds, each with its group.
///
/// # Errors
/// When the cluster does not answer.
pub async fn kinds(client: &Client) -> Result<Vec<(String, String)>> {
    let groups = discovery(client).await?;
    let named = groups.iter().flat_map(|group| {
        let name = group.metadata.as_ref().and_then(|metadata| metadata.name.as_deref()).unwrap_or_default();
        let resources = group.versions.iter().flat_map(|version| &version.resources);
        resources.filter_map(move |resource| Some((resource.response_kind.as_ref()?.kind.clone()?, name.to_owned())))
    });
    Ok(named.collect())
}

fn words_of(groups: &[APIGroupDiscovery]) -> impl Iterator<Item = &str> {
    let all = groups.iter().flat_map(|group| &group.versions).flat_map(|version| &version.resources);
    let listed = all.filter(|resource| resource.verbs.iter().any(|verb| verb == "list"));
    listed.filter_map(|resource| resource.singular_resource.as_deref())
}

/// What the cluster serves, in its own order.
async fn discovery(client: &Client) -> Result<Vec<APIGroupDiscovery>> {
    let core = client.list_core_api_versions_aggregated().await.map_err(explain)?;
    let groups = client.list_api_groups_aggregated().await.map_err(explain)?;
    Ok(core.items.into_iter().chain(groups.items).collect())
}

fn served(group: &str, version: &str, found: &APIResourceDiscovery) -> Served {
    let kind = found.response_kind.as_ref().and_then(|kind| kind.kind.clone()).unwrap_or_default();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Served {
        resource: ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind,
            plural: found.resource.clone().unwrap_or_default(),
        },
        namespaced: found.scope.as_deref() == Some("Namespaced"),
    }
}

/// A word that names a kind.
struct Word {
    name: String,
    /// What stands behind the first dot.
    qualifier: String,
}

impl Word {
    fn read(word: &str) -> Self {
        let word = word.to_ascii_lowercase();
        let (name, qualifier) = word.split_once('.').unwrap_or((&word, ""));
        Self { name: name.to_owned(), qualifier: qualifier.to_owned() }
    }

    fn is_of(&self, group: &str, version: &str) -> bool {
        self.qualifier.is_empty()
            || self.qualifier == group
            || self.qualifier.trim_end_matches('.') == format!("{version}.{group}").trim_end_matches('.')
    }

    fn names(&self, resource: &APIResourceDiscovery) -> bool {
        let is = |name: &Option<String>| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&self.name));
        is(&resource.resource)
            || is(&resource.singular_resource)
            || resource.response_kind.as_ref().is_some_and(|kind| is(&kind.kind))
            || resource.short_names.iter().any(|short| short.eq_ignore_ascii_case(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployments() -> APIResourceDiscovery {
        serde_json::from_value(serde_json::json!({
            "resource": "deployments", "singularResource": "deployment", "shortNames": ["deploy"], "scope": "Namespaced",
            "responseKind": { "group": "apps", "version": "v1", "kind": "Deployment" },
        }))
        .unwrap()
    }

    #[test]
    fn a_kind_has_many_names() {
        for word in ["deploy", "Deployment", "DEPLOYMENTS", "deployments.apps", "deployment.v1.apps"] {
            let word = Word::read(word);
            assert!(word.is_of("apps", "v1") && word.names(&deployments()));
        }
        assert!(!Word::read("deployments.example.com").is_of("apps", "v1"));
        assert!(!Word::read("deployments.v2.apps").is_of("apps", "v1"));
        assert!(!Word::read("deploys").names(&deployments()));
        assert!(Word::read("pods.v1.").is_of("", "v1"));
        assert!(!Word::read("pods.v1.").is_of("apps", "v1"));
    }

    #[test]
    fn what_is_served_is_read_from_the_discovery_document() {
        let served = served("apps", "v1", &deployments());
        assert_eq!((served.resource.api_version.as_str(), served.resource.kind.as_str()), ("apps/v1", "Deployment"));
        assert!(served.namespaced);
    }
}
