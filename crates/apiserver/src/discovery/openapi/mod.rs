//! OpenAPI documents of what is served: version 3 per group and version, version 2 of everything.
//!
//! Each definition is written once, by whoever asks first, and kept packed. A document is a row of such parts, which go out
//! as they lie to who takes gzip, and unpacked one after the other to others. What it is called by (`ETag`) follows from the
//! digests of schemas, so that who has it already costs next to nothing.

mod described;
mod document;
pub mod packed;

use cowherd_schema::openapi::{Form, v3};
use http::{HeaderMap, HeaderName, header};
use ring::digest::{SHA256, digest};

use self::described::Version;
use crate::{
    answer::Answer,
    catalog::Catalog,
    route::GroupVersion,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

const JSON: &str = "application/json";
/// The media type of the binary form of OpenAPI v2.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// The same, as older clients name it.
const PROTOBUF_DEPRECATED: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// `/openapi/v2`, in the form that the client wants first.
pub async fn v2(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let form = v2_form(&call.headers)?;
    let versions = all_group_versions(server.catalog());
    let versions: Vec<Version> = versions.into_iter().map(|name| Version::of(server.catalog(), name)).collect();
    let hashes: String = versions.iter().map(Version::hash).collect();
    let tag: String = digest(&SHA256, hashes.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    answer(server, call, form, versions, &tag).await
}

/// The first form that the client names and that there is.
fn v2_form(headers: &HeaderMap) -> ApiResult<Form> {
    let mut wanted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if wanted.peek().is_none() {
        return Ok(Form::V2);
    }
    let form = |range: &str| match range.split(';').next().unwrap_or_default().trim() {
        PROTOBUF | PROTOBUF_DEPRECATED => Some(Form::V2Protobuf),
        JSON | "*/*" | "application/*" | "" => Some(Form::V2),
        _ => None,
    };
    let found = wanted.flat_map(|value| value.split(',')).find_map(form);
    found.ok_or_else(|| ApiError::not_acceptable(&[JSON, PROTOBUF]))
}

/// `/openapi/v3`
pub fn v3_index(catalog: &Catalog) -> ApiResult<Answer> {
    let documents = catalog.documents();
    let index = documents.openapi_v3.get_or_init(|| {
        let documents: Vec<(String, String)> = all_group_versions(catalog)
            .into_iter()
            .map(|name| (v3::path(&name.group, &name.version), Version::of(catalog, name).hash()))
            .collect();
        v3::index(documents.iter().map(|(path, hash)| (path.as_str(), hash.as_str()))).into()
    });
    Ok(Answer::bytes(index.clone(), JSON))
}

/// `/openapi/v3/…` of a group and version.
pub async fn v3(server: &ApiServer, group_version: &GroupVersion, call: &Call) -> ApiResult<Answer> {
    let version = Version::of(server.catalog(), group_version.clone());
    if version.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let hash = version.hash();
    let asked = call.query.get("hash").filter(|asked| !asked.is_empty()).map(|asked| *asked == hash);
    if asked == Some(false) {
        // What was asked for is no more; this is.
        let path = v3::path(&group_version.group, &group_version.version);
        return Ok(Answer::moved(&format!("/openapi/v3/{path}?hash={hash}")));
    }
    let answer = answer(server, call, Form::V3, vec![version], &hash).await?;
    // Whoever asks by hash may keep what it names: another document has another hash.
    Ok(if asked.is_some() { answer.forever() } else { answer })
}

/// Answers with the document of these versions, which `tag` stands for. Other forms of it are called something else.
async fn answer(server: &ApiServer, call: &Call, form: Form, versions: Vec<Version>, tag: &str) -> ApiResult<Answer> {
    let tag = if form == Form::V2Protobuf { format!("\"{tag}-protobuf\"") } else { format!("\"{tag}\"") };
    let headers: [(HeaderName, &str); 2] = [(header::ETAG, &tag), (header::VARY, "Accept-Encoding, Accept")];
    if is_known(&call.headers, &tag) {
        return Ok(Answer::not_modified().with_headers(headers));
    }
    // The first one makes what there is to make, beside what else goes on; those who come meanwhile find it made.
    let turn = server.large_documents().clone().acquire_owned().await.map_err(ApiError::internal)?;
    let asked = server.clone();
    let document = tokio::task::spawn_blocking(move || {
        let document = described::document(asked.catalog(), form, &versions);
        drop(turn);
        document
    });
    let document =
        document.await.map_err(|_| ApiError::internal("the document was not made; this is a bug in cowherd"))?;
    let media_type = if form == Form::V2Protobuf { PROTOBUF } else { JSON };
    Ok(if takes_gzip(&call.headers) {
        Answer::kept(document.gzipped(), media_type)
            .with_headers(headers)
            .with_headers([(header::CONTENT_ENCODING, "gzip")])
    } else {
        Answer::kept(document.plain(), media_type).with_headers(headers)
    })
}

/// The items of headers of this name.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether the client has what the tag stands for.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    items(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    items(headers, header::ACCEPT_ENCODING).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.filter_map(|part| part.strip_prefix("q=")).any(|weight| weight.parse() == Ok(0.0));
        named && !refused
    })
}

fn all_group_versions(catalog: &Catalog) -> Vec<GroupVersion> {
    super::groups::all_groups(catalog).into_iter().flat_map(|(_, versions)| versions).collect()
}
