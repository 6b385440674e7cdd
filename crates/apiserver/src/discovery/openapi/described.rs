//! What is served, as OpenAPI documents describe it, and the parts of them that it is.

use std::sync::Arc;

use cowherd_schema::openapi::{self, Form, ResourceSchema, Subresource, v3};
use serde_json::Value;

use super::{
    document::Document,
    packed::{Packed, Said},
};
use crate::{
    catalog::{Catalog, Parts},
    crd::CustomVersion,
    discovery::groups::{reviews, subresources},
    resource::{Behaviour, Resource},
    route::GroupVersion,
};

/// The verbs of what only answers questions.
const CREATE: &[&str] = &["create"];

/// A group and version as it was served at a moment.
pub struct Version {
    name: GroupVersion,
    resources: Vec<Arc<Resource>>,
    parts: Arc<Parts>,
}

impl Version {
    /// As it is now.
    pub fn of(catalog: &Catalog, name: GroupVersion) -> Self {
        let (resources, parts) = catalog.version(&name);
        Self { name, resources, parts }
    }

    /// Whether nothing is served.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && reviews(&self.name).next().is_none()
    }

    /// A text that changes whenever what documents say of it does, made without its schemas.
    pub fn hash(&self) -> String {
        let hash = || {
            let digest = |version: &CustomVersion| Value::String(version.document.digest.clone());
            let digests: Vec<Value> = self.custom().map(|(_, version)| digest(version)).collect();
            let custom = self.custom().zip(&digests);
            let custom = custom.map(|((resource, _), digest)| describe(resource, ResourceSchema::Custom(digest)));
            v3::hash(&self.built_in().into_iter().chain(custom).collect::<Vec<_>>())
        };
        self.parts.hash.get_or_init(hash).clone()
    }

    /// The custom resources.
    fn custom(&self) -> impl Iterator<Item = (&Resource, &CustomVersion)> {
        self.resources.iter().filter_map(|resource| Some((&**resource, resource.custom_version()?)))
    }

    /// The built-in resources, and the questions that can be asked.
    fn built_in(&self) -> Vec<openapi::Resource<'_>> {
        let built_in = self.resources.iter().filter_map(|resource| match resource.behaviour {
            Behaviour::BuiltIn(kind) => Some(describe(resource, ResourceSchema::Definition(kind.definition))),
            Behaviour::Custom(_) => None,
        });
        let asked = reviews(&self.name).map(|review| openapi::Resource {
            group: review.group,
            version: "v1",
            kind: review.kind,
            list_kind: "",
            plural: review.plural,
            namespaced: review.namespaced,
            verbs: CREATE.to_vec(),
            subresources: Vec::new(),
            schema: ResourceSchema::Definition(review.definition),
        });
        built_in.chain(asked).collect()
    }
}

/// The document of these versions. Each part of it is made once, by whoever asks first.
pub fn document(catalog: &Catalog, form: Form, versions: &[Version]) -> Document {
    let (mut definitions, mut paths, mut names) = (Vec::new(), Vec::new(), openapi::built_in_names(&[]));
    for version in versions {
        let built_in = version.built_in();
        names.extend(openapi::built_in_names(&built_in));
        let of_built_in = || {
            let paths: Vec<Vec<u8>> = built_in.iter().map(|resource| form.paths(resource)).collect();
            let paths = paths.join(form.frame().separator.as_bytes());
            Said { definitions: Packed::default(), paths: Packed::pack(&paths) }
        };
        if !built_in.is_empty() {
            paths.push(version.parts.built_in.get_or_make(form, of_built_in).paths);
        }
        for (resource, custom) in version.custom() {
            let described = describe(resource, ResourceSchema::Custom(&custom.document));
            names.extend(openapi::built_in_names(std::slice::from_ref(&described)));
            let said = custom.described.get_or_make(form, || Said {
                definitions: Packed::pack(&form.definitions(&described)),
                paths: Packed::pack(&form.paths(&described)),
            });
            definitions.push(said.definitions);
            paths.push(said.paths);
        }
    }
    let mut built_in = catalog.built_in_definitions().parts(form, names);
    built_in.append(&mut definitions);
    Document::of(form.frame(), built_in, paths)
}

fn describe<'a>(resource: &'a Resource, schema: ResourceSchema<'a>) -> openapi::Resource<'a> {
    let GroupVersion { group, version } = &resource.group_version;
    let subresources = subresources(resource).into_iter().map(|subresource| {
        let (group, version) = subresource.group_version.unwrap_or((group, version));
        let (kind, definition) = match subresource.name {
            "binding" => ("Binding", Some("io.k8s.api.core.v1.Binding")),
            "eviction" => ("Eviction", Some("io.k8s.api.policy.v1.Eviction")),
            "token" => ("TokenRequest", Some("io.k8s.api.authentication.v1.TokenRequest")),
            "scale" => ("Scale", Some("io.k8s.api.autoscaling.v1.Scale")),
            _ => (resource.kind.as_str(), None),
        };
        let verbs = subresource.verbs.to_vec();
        Subresource { name: subresource.name, group, version, kind, verbs, definition }
    });
    openapi::Resource {
        group,
        version,
        kind: &resource.kind,
        list_kind: &resource.list_kind,
        plural: &resource.plural,
        namespaced: resource.namespaced,
        verbs: resource.verbs.iter().map(String::as_str).collect(),
        subresources: subresources.collect(),
        schema,
    }
}
