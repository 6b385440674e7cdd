//! OpenAPI documents of what is served.

use std::collections::BTreeMap;

use cowherd_schema::openapi::{self, ResourceSchema, Subresource, v2, v3};
use http::header;
use serde_json::Value;

use super::groups::{reviews, subresources};
use crate::{
    answer::Answer,
    catalog::Catalog,
    resource::{Behaviour, Resource},
    route::GroupVersion,
    service::Call,
    status::{ApiError, ApiResult},
};

/// The media type of the binary form of OpenAPI v2.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The verbs of what only answers questions.
const CREATE: &[&str] = &["create"];

/// `/openapi/v2`, in the binary form where that is what the client wants first.
pub fn v2(catalog: &Catalog, call: &Call) -> ApiResult<Answer> {
    let versions = all_group_versions(catalog);
    let schemas: Vec<Schemas> = versions.iter().map(|version| custom_schemas(catalog, version)).collect();
    let resources: Vec<openapi::Resource<'_>> =
        versions.iter().zip(&schemas).flat_map(|(version, schemas)| described(catalog, version, schemas)).collect();
    let accept = call.header(header::ACCEPT);
    for range in accept.split(',') {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        match media_type {
            PROTOBUF | "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" => {
                return Ok(Answer::bytes(v2::protobuf(&resources), PROTOBUF));
            }
            "application/json" | "*/*" | "application/*" | "" => break,
            _ => {}
        }
    }
    Ok(Answer::bytes(v2::document(&resources), "application/json"))
}

/// `/openapi/v3`
pub fn v3_index(catalog: &Catalog) -> ApiResult<Answer> {
    let index = catalog.documents.openapi_v3.get_or_init(|| {
        let documents: Vec<(String, String)> = all_group_versions(catalog)
            .iter()
            .map(|version| {
                let schemas = custom_schemas(catalog, version);
                let hash = v3::hash(&described(catalog, version, &schemas));
                (v3::path(&version.group, &version.version), hash)
            })
            .collect();
        v3::index(documents.iter().map(|(path, hash)| (path.as_str(), hash.as_str()))).into()
    });
    Ok(Answer::bytes(index.clone(), "application/json"))
}

/// `/openapi/v3/…` of a group and version.
pub fn v3(catalog: &Catalog, group_version: &GroupVersion, call: &Call) -> ApiResult<Answer> {
    let schemas = custom_schemas(catalog, group_version);
    let resources = described(catalog, group_version, &schemas);
    if resources.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let answer = Answer::bytes(v3::document(&resources), "application/json");
    // Whoever asks by hash may keep what it names: another document has another hash.
    let named = call.query.get("hash").is_some_and(|hash| hash == v3::hash(&resources));
    Ok(if named { answer.forever() } else { answer })
}

fn all_group_versions(catalog: &Catalog) -> Vec<GroupVersion> {
    super::groups::all_groups(catalog).into_iter().flat_map(|(_, versions)| versions).collect()
}

/// The schemas of custom resources, by their plural.
type Schemas = BTreeMap<String, Value>;

fn custom_schemas(catalog: &Catalog, group_version: &GroupVersion) -> Schemas {
    let resources = catalog.resources(group_version).into_iter().flatten();
    resources
        .filter_map(|resource| Some((resource.plural.clone(), resource.custom_version()?.document.unpack())))
        .collect()
}

fn described<'a>(
    catalog: &'a Catalog,
    group_version: &'a GroupVersion,
    schemas: &'a Schemas,
) -> Vec<openapi::Resource<'a>> {
    let served = catalog.resources(group_version).into_iter().flatten();
    let served = served.filter_map(|resource| describe(resource, schemas));
    let asked = reviews(group_version).map(|review| openapi::Resource {
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
    served.chain(asked).collect()
}

fn describe<'a>(resource: &'a Resource, schemas: &'a Schemas) -> Option<openapi::Resource<'a>> {
    let GroupVersion { group, version } = &resource.group_version;
    let schema = match &resource.behaviour {
        Behaviour::BuiltIn(kind) => ResourceSchema::Definition(kind.definition),
        Behaviour::Custom(_) => ResourceSchema::Custom(schemas.get(&resource.plural)?),
    };
    let mut described = openapi::Resource {
        group,
        version,
        kind: &resource.kind,
        list_kind: &resource.list_kind,
        plural: &resource.plural,
        namespaced: resource.namespaced,
        verbs: resource.verbs.iter().map(String::as_str).collect(),
        subresources: Vec::new(),
        schema,
    };
    for subresource in subresources(resource) {
        let (group, version) = subresource.group_version.unwrap_or((group, version));
        let (kind, definition) = match subresource.name {
            "binding" => ("Binding", Some("io.k8s.api.core.v1.Binding")),
            "eviction" => ("Eviction", Some("io.k8s.api.policy.v1.Eviction")),
            "token" => ("TokenRequest", Some("io.k8s.api.authentication.v1.TokenRequest")),
            "scale" => ("Scale", Some("io.k8s.api.autoscaling.v1.Scale")),
            _ => (resource.kind.as_str(), None),
        };
        let verbs = subresource.verbs.to_vec();
        described.subresources.push(Subresource { name: subresource.name, group, version, kind, verbs, definition });
    }
    Some(described)
}
