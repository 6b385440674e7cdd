//! Which resources Flux keeps in a cluster.

use std::collections::BTreeMap;

use anyhow::Result;
use cowherd_text::listed;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::sight;
use crate::cluster::{explain, unseen};

/// How the groups of Flux's kinds end.
const GROUPS: [&str; 3] = [".toolkit.fluxcd.io", ".extensions.fluxcd.io", "fluxcd.controlplane.io"];
/// How many of a kind are listed at once.
const PAGE: u32 = 500;
/// How many kinds are named.
const MOST: usize = 24;

/// How many there are of each kind, and whether something here does what they say.
pub struct Survey {
    counted: BTreeMap<String, (usize, bool)>,
}

impl Survey {
    /// Counts them.
    ///
    /// # Errors
    /// When the cluster gives no answer, or does not let them be seen.
    pub async fn of(client: &Client) -> Result<Self> {
        let known = cowherd_api::crd_names();
        let (mut counted, mut refused) = (BTreeMap::new(), Vec::new());
        for definition in definitions(client).await? {
            let is_known = definition.metadata.name.as_ref().is_some_and(|name| known.iter().any(|one| one == name));
            let Some(resource) = stored(&definition) else { continue };
            match count(client, &resource).await {
                Ok(0) => {}
                Ok(count) => _ = counted.insert(resource.kind, (count, is_known)),
                Err(kube::Error::Api(status)) if status.is_forbidden() => {
                    refused.push((sight::name(&resource), status));
                }
                Err(error) => return Err(explain(error)),
            }
        }
        unseen(refused).map_or(Ok(Self { counted }), Err)
    }

    /// All of them, for people.
    pub fn kept(&self) -> String {
        if self.counted.is_empty() {
            return "nothing".to_owned();
        }
        listed(self.counted.iter().map(|(kind, (count, _))| format!("{count} {kind}")), MOST)
    }

    /// Those that nothing here acts upon.
    pub fn left_out(&self) -> Vec<String> {
        self.unsupported().map(|(kind, count)| format!("{count} {kind}")).collect()
    }

    /// The kinds of these, and how many there are of each.
    pub fn unsupported(&self) -> impl Iterator<Item = (&str, usize)> {
        let left_out = self.counted.iter().filter(|(_, (_, is_known))| !is_known);
        left_out.map(|(kind, (count, _))| (kind.as_str(), *count))
    }

    /// For programs.
    pub fn structured(&self) -> Value {
        let kinds = self
            .counted
            .iter()
            .map(|(kind, (count, is_known))| json!({ "kind": kind, "count": count, "supported": is_known }));
        kinds.collect()
    }
}

/// The definitions of Flux's kinds.
async fn definitions(client: &Client) -> Result<Vec<CustomResourceDefinition>> {
    let all: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = all.list(&ListParams::default()).await.map_err(explain)?.items;
    Ok(found.into_iter().filter(|one| GROUPS.iter().any(|group| one.spec.group.ends_with(group))).collect())
}

/// The kind as it is stored.
fn stored(definition: &CustomResourceDefinition) -> Option<ApiResource> {
    let spec = &definition.spec;
    let version = spec.versions.iter().find(|version| version.storage)?.name.clone();
    let api_version = format!("{}/{version}", spec.group);
    let (group, kind, plural) = (spec.group.clone(), spec.names.kind.clone(), spec.names.plural.clone());
    Some(ApiResource { group, version, api_version, kind, plural })
}

/// How many there are, in all namespaces.
async fn count(client: &Client, resource: &ApiResource) -> kube::Result<usize> {
    let all: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let mut parameters = ListParams::default().limit(PAGE);
    let mut count = 0;
    loop {
        let page = all.list_metadata(&parameters).await?;
        count += page.items.len();
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_nothing_here_acts_upon_are_named() {
        let counted = BTreeMap::from([("Kustomization".to_owned(), (12, true)), ("Herd".to_owned(), (1, false))]);
        let survey = Survey { counted };
        assert_eq!(survey.kept(), "1 Herd, 12 Kustomization");
        assert_eq!(survey.left_out(), ["1 Herd"]);
        assert_eq!(Survey { counted: BTreeMap::new() }.kept(), "nothing");
    }
}
