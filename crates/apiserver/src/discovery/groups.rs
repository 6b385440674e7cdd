//! The discovery documents of each group and version.

use serde_json::{Value, json};

use crate::{
    catalog::Catalog,
    resource::Resource,
    reviews::{REVIEWS, Review},
    route::GroupVersion,
};

/// `/`: the paths that there are.
pub fn paths(catalog: &Catalog) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in all_groups(catalog) {
        if !group.is_empty() {
            paths.push(format!("/apis/{group}"));
            paths.extend(versions.iter().map(|version| format!("/apis/{group}/{}", version.version)));
        }
    }
    paths.extend(
        ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    json!({"paths": paths})
}

/// `/api`
pub fn core() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
    })
}

/// Every group with its versions, those that only answer questions included.
pub fn all_groups(catalog: &Catalog) -> Vec<(String, Vec<GroupVersion>)> {
    let mut groups = catalog.groups();
    for review in REVIEWS {
        if !groups.iter().any(|(group, _)| group == review.group) {
            // After the core group and that of the workloads, where Kubernetes has them.
            let at = groups.iter().filter(|(group, _)| group.starts_with("auth")).count() + 2;
            groups.insert(at.min(groups.len()), (review.group.to_owned(), vec![GroupVersion::new(review.group, "v1")]));
        }
    }
    groups
}

/// `/apis`
pub fn groups(catalog: &Catalog) -> Value {
    let groups = all_groups(catalog);
    let groups: Vec<Value> = groups.iter().filter(|(group, _)| !group.is_empty()).map(describe).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/{group}`
pub fn group(catalog: &Catalog, name: &str) -> Option<Value> {
    let found = all_groups(catalog).into_iter().find(|(group, _)| group == name && !group.is_empty())?;
    let mut group = describe(&found);
    crate::object::as_map(&mut group)
        .extend([("kind".to_owned(), "APIGroup".into()), ("apiVersion".to_owned(), "v1".into())]);
    Some(group)
}

fn describe((group, versions): &(String, Vec<GroupVersion>)) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": version.api_version(), "version": version.version}))
        .collect();
    json!({"name": group, "preferredVersion": versions.first(), "versions": versions})
}

/// `/api/v1` and `/apis/{group}/{version}`
pub fn resources(catalog: &Catalog, group_version: &GroupVersion) -> Option<Value> {
    let served = catalog.resources(group_version);
    let served = served.iter().flat_map(|resource| one_resource(resource));
    let reviews = reviews(group_version).map(|review| {
        json!({
            "name": review.plural, "singularName": review.kind.to_lowercase(), "namespaced": review.namespaced,
            "kind": review.kind, "verbs": ["create"],
        })
    });
    let resources: Vec<Value> = served.chain(reviews).collect();
    if resources.is_empty() {
        return None;
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version.api_version(),
        "resources": resources,
    }))
}

/// The questions of a group and version.
pub fn reviews(group_version: &GroupVersion) -> impl Iterator<Item = &'static Review> {
    REVIEWS.iter().filter(move |review| review.group == group_version.group && group_version.version == "v1")
}

fn one_resource(resource: &Resource) -> Vec<Value> {
    let mut main = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs,
    });
    let map = crate::object::as_map(&mut main);
    for (field, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            map.insert(field.to_owned(), list.clone().into());
        }
    }
    let subresources = subresources(resource).into_iter().map(|subresource| {
        let mut described = json!({
            "name": format!("{}/{}", resource.plural, subresource.name), "singularName": "",
            "namespaced": resource.namespaced, "kind": subresource.kind, "verbs": subresource.verbs,
        });
        if let (Some((group, version)), Value::Object(map)) = (subresource.group_version, &mut described) {
            map.insert("group".to_owned(), group.into());
            map.insert("version".to_owned(), version.into());
        }
        described
    });
    let subresources: Vec<Value> = subresources.collect();
    std::iter::once(main).chain(subresources).collect()
}

/// What of an object can be reached on its own.
pub struct Subresource {
    /// The last part of its path.
    pub name: &'static str,
    /// The kind of what is sent and answered.
    pub kind: String,
    /// The group and version of that kind, where they are not the resource's own.
    pub group_version: Option<(&'static str, &'static str)>,
    /// What can be done with it.
    pub verbs: &'static [&'static str],
}

/// The subresources of a resource.
pub fn subresources(resource: &Resource) -> Vec<Subresource> {
    let mut found = Vec::new();
    let mut add = |name, kind: &str, group_version, verbs| {
        found.push(Subresource { name, kind: kind.to_owned(), group_version, verbs });
    };
    let core = resource.group_version.group.is_empty();
    match resource.plural.as_str() {
        "pods" if core => {
            add("binding", "Binding", None, &["create"]);
            add("eviction", "Eviction", Some(("policy", "v1")), &["create"]);
        }
        "namespaces" if core => add("finalize", "Namespace", None, &["update"]),
        "serviceaccounts" if core => {
            add("token", "TokenRequest", Some(("authentication.k8s.io", "v1")), &["create"]);
        }
        _ => {}
    }
    if resource.scale.is_some() {
        add("scale", "Scale", Some(("autoscaling", "v1")), &["get", "patch", "update"]);
    }
    if resource.status {
        add("status", &resource.kind, None, &["get", "patch", "update"]);
    }
    found
}
