//! OpenAPI documents of what is served.

use std::{collections::BTreeMap, sync::Arc};

use cowherd_schema::openapi::{self, ResourceSchema, Source, Subresource, v2, v3};
use http::header;
use serde_json::Value;

use super::groups::{reviews, subresources};
use crate::{
    answer::Answer,
    catalog::Catalog,
    crd::CustomVersion,
    resource::{Behaviour, Resource},
    route::GroupVersion,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

/// The media type of the binary form of OpenAPI v2.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The verbs of what only answers questions.
const CREATE: &[&str] = &["create"];

/// `/openapi/v2`, in the binary form where that is what the client wants first.
///
/// It describes everything at once, so it takes its time and its memory: it is made beside what else goes on, and one at
/// a time.
pub async fn v2(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let media_type = v2_form(call.header(header::ACCEPT));
    let turn = server.large_documents().clone().acquire_owned().await.map_err(ApiError::internal)?;
    let server = server.clone();
    let document = tokio::task::spawn_blocking(move || {
        let document = v2_document(server.catalog(), media_type == PROTOBUF);
        drop(turn);
        document
    });
    Ok(Answer::bytes(document.await.map_err(ApiError::internal)?, media_type))
}

/// The first form that the client names and that there is.
fn v2_form(accept: &str) -> &'static str {
    for range in accept.split(',') {
        match range.split(';').next().unwrap_or_default().trim() {
            PROTOBUF | "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" => return PROTOBUF,
            "application/json" | "*/*" | "application/*" | "" => break,
            _ => {}
        }
    }
    "application/json"
}

fn v2_document(catalog: &Catalog, binary: bool) -> Vec<u8> {
    let versions = all_group_versions(catalog);
    let served: Vec<Vec<Arc<Resource>>> = versions.iter().map(|version| catalog.resources(version)).collect();
    let schemas: Vec<Schemas> =
        served.iter().map(|served| schemas_of(served, |custom| Box::new(custom.document.clone()))).collect();
    let parts = versions.iter().zip(&served).zip(&schemas);
    let resources: Vec<openapi::Resource<'_>> =
        parts.flat_map(|((version, served), schemas)| described(served, version, schemas)).collect();
    if binary { v2::protobuf(&resources) } else { v2::document(&resources) }
}

/// `/openapi/v3`
pub fn v3_index(catalog: &Catalog) -> ApiResult<Answer> {
    let documents = catalog.documents();
    let index = documents.openapi_v3.get_or_init(|| {
        let documents: Vec<(String, String)> = all_group_versions(catalog)
            .iter()
            .map(|version| (v3::path(&version.group, &version.version), hash(catalog, version)))
            .collect();
        v3::index(documents.iter().map(|(path, hash)| (path.as_str(), hash.as_str()))).into()
    });
    Ok(Answer::bytes(index.clone(), "application/json"))
}

/// A text that changes whenever the document of a group and version does, made without its schemas.
fn hash(catalog: &Catalog, version: &GroupVersion) -> String {
    let hash = || {
        let served = catalog.resources(version);
        let digest =
            |custom: &CustomVersion| Box::new(Value::String(custom.document.digest.clone())) as Box<dyn Source>;
        let digests = schemas_of(&served, digest);
        v3::hash(&described(&served, version, &digests))
    };
    catalog.parts(version).hash.get_or_init(hash).clone()
}

/// `/openapi/v3/…` of a group and version.
pub fn v3(catalog: &Catalog, group_version: &GroupVersion, call: &Call) -> ApiResult<Answer> {
    let named = call.query.get("hash").is_some_and(|asked| asked == hash(catalog, group_version));
    let served = catalog.resources(group_version);
    let schemas = schemas_of(&served, |custom| Box::new(custom.document.clone()));
    let resources = described(&served, group_version, &schemas);
    if resources.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let answer = Answer::bytes(v3::document(&resources), "application/json");
    // Whoever asks by hash may keep what it names: another document has another hash.
    Ok(if named { answer.forever() } else { answer })
}

fn all_group_versions(catalog: &Catalog) -> Vec<GroupVersion> {
    super::groups::all_groups(catalog).into_iter().flat_map(|(_, versions)| versions).collect()
}

/// The schemas of custom resources, by their plural.
type Schemas = BTreeMap<String, Box<dyn Source>>;

fn schemas_of(resources: &[Arc<Resource>], schema: impl Fn(&CustomVersion) -> Box<dyn Source>) -> Schemas {
    let custom = resources.iter().filter_map(|resource| Some((resource.plural.clone(), resource.custom_version()?)));
    custom.map(|(plural, version)| (plural, schema(version))).collect()
}

fn described<'a>(
    served: &'a [Arc<Resource>],
    group_version: &'a GroupVersion,
    schemas: &'a Schemas,
) -> Vec<openapi::Resource<'a>> {
    let served = served.iter();
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
        Behaviour::Custom(_) => ResourceSchema::Custom(schemas.get(&resource.plural)?.as_ref()),
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
