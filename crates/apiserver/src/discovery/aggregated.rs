//! Discovery in one document: every group, version, resource and subresource.

use bytes::Bytes;
use serde_json::{Value, json};

use super::groups::{all_groups, reviews, subresources};
use crate::{catalog::Catalog, resource::Resource, route::GroupVersion};

/// `/api`, aggregated.
pub fn core(catalog: &Catalog) -> Bytes {
    write(catalog, |group| group.is_empty())
}

/// `/apis`, aggregated.
pub fn groups(catalog: &Catalog) -> Bytes {
    let documents = catalog.documents();
    documents.groups.get_or_init(|| write(catalog, |group| !group.is_empty())).clone()
}

fn write(catalog: &Catalog, wanted: impl Fn(&str) -> bool) -> Bytes {
    let groups = all_groups(catalog).into_iter().filter(|(group, _)| wanted(group));
    let items: Vec<String> = groups.map(|(group, versions)| describe(catalog, &group, &versions)).collect();
    let head = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":["#;
    format!("{head}{}]}}", items.join(",")).into()
}

fn describe(catalog: &Catalog, group: &str, versions: &[GroupVersion]) -> String {
    let metadata = if group.is_empty() {
        json!({"creationTimestamp": null})
    } else {
        json!({"name": group, "creationTimestamp": null})
    };
    let versions: Vec<String> = versions.iter().map(|version| describe_version(catalog, version)).collect();
    format!(r#"{{"metadata":{metadata},"versions":[{}]}}"#, versions.join(","))
}

/// The part of one version, which stays as it is while others change.
fn describe_version(catalog: &Catalog, version: &GroupVersion) -> String {
    let describe = || {
        let served = catalog.resources(version);
        let served = served.iter().map(|one| resource(one));
        let asked = reviews(version).map(|review| {
            json!({
                "resource": review.plural, "singularResource": review.kind.to_lowercase(),
                "responseKind": {"group": review.group, "version": "v1", "kind": review.kind},
                "scope": scope(review.namespaced), "verbs": ["create"],
            })
        });
        let resources: Vec<Value> = served.chain(asked).collect();
        json!({"version": version.version, "freshness": "Current", "resources": resources}).to_string()
    };
    catalog.parts(version).discovery.get_or_init(describe).clone()
}

fn scope(namespaced: bool) -> &'static str {
    if namespaced { "Namespaced" } else { "Cluster" }
}

fn resource(resource: &Resource) -> Value {
    let GroupVersion { group, version } = &resource.group_version;
    let subresources: Vec<Value> = subresources(resource)
        .into_iter()
        .map(|subresource| {
            let (group, version) = subresource.group_version.unwrap_or((group, version));
            json!({
                "subresource": subresource.name, "verbs": subresource.verbs,
                "responseKind": {"group": group, "version": version, "kind": subresource.kind},
            })
        })
        .collect();
    let mut described = json!({
        "resource": resource.plural, "singularResource": resource.singular,
        "responseKind": {"group": group, "version": version, "kind": resource.kind},
        "scope": scope(resource.namespaced), "verbs": resource.verbs,
    });
    let map = crate::object::as_map(&mut described);
    let lists = [("shortNames", &resource.short_names), ("categories", &resource.categories)];
    for (field, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        map.insert(field.to_owned(), list.clone().into());
    }
    if !subresources.is_empty() {
        map.insert("subresources".to_owned(), subresources.into());
    }
    described
}
