//! The `token` subresource of service accounts.

use cowherd_kinds::names;
use cowherd_schema::{FieldError, FieldPath};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Request, load, options::WriteOptions};
use crate::{
    answer::Answer,
    object::{self, as_map, at, text_at},
    status::{ApiError, ApiResult, Named},
    tokens::{self, Bound, Claims, ISSUER},
};

/// How long a token is good that names no time, in seconds.
const DEFAULT: i64 = 3600;
/// The shortest time that a token may be good, in seconds.
const SHORTEST: i64 = 600;
/// The longest time that a token is good, in seconds. Who asks for more gets this.
const LONGEST: i64 = 24 * 3600 * 365;

const TOKEN_REQUEST: Named<'static> = Named { group: "authentication.k8s.io", name: "TokenRequest" };

/// More than this many seconds is a mistake.
const WRONG: i64 = (1 << 32) + 1;

/// The kinds of what a token can be bound to, and their plurals.
const KINDS: &[(&str, &str)] = &[("Pod", "pods"), ("Secret", "secrets"), ("Node", "nodes")];

/// Answers with a token for the service account.
pub async fn token(request: &Request<'_>) -> ApiResult<Answer> {
    WriteOptions::parse(request.call, "CreateOptions", false)?;
    let mut asked = request.part(TOKEN_REQUEST)?;
    let account = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    check_identity(request, &asked, object::uid(&account.object))?;
    let seconds = seconds(&asked)?;
    let listed = at(&asked, &["spec", "audiences"]).and_then(Value::as_array).into_iter().flatten();
    let mut audiences: Vec<String> = listed.filter_map(|audience| audience.as_str().map(str::to_owned)).collect();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    let bound = bound(request, &asked).await?;
    let claims = Claims {
        namespace: request.namespace,
        account: request.name,
        uid: object::uid(&account.object),
        audiences: &audiences,
        seconds,
        bound,
    };
    let (token, end) = request.server.tokens().issue(&claims)?;
    let map = as_map(&mut asked);
    map.insert("kind".to_owned(), "TokenRequest".into());
    map.insert("apiVersion".to_owned(), "authentication.k8s.io/v1".into());
    let metadata = json!({
        "name": request.name, "namespace": request.namespace, "creationTimestamp": crate::clock::now(),
    });
    map.insert("metadata".to_owned(), metadata);
    let spec = as_map(map.entry("spec").or_insert_with(|| json!({})));
    spec.insert("audiences".to_owned(), audiences.into());
    spec.insert("expirationSeconds".to_owned(), seconds.into());
    map.insert("status".to_owned(), json!({"token": token, "expirationTimestamp": crate::clock::text(end)}));
    Ok(Answer::document(asked).with_code(StatusCode::CREATED))
}

/// Refuses a request that names another account than the URL.
fn check_identity(request: &Request<'_>, asked: &Value, account: &str) -> ApiResult<()> {
    let (name, uid) = (object::name(asked), object::uid(asked));
    if !name.is_empty() && name != request.name {
        let path = FieldPath::new("metadata.name");
        let error = FieldError::invalid(&path, name, "must match the service account name if specified");
        return Err(ApiError::invalid(TOKEN_REQUEST, request.name, &[error]));
    }
    if !uid.is_empty() && uid != account {
        let why =
            format!("the UID in the token request ({uid}) does not match the UID of the service account ({account})");
        return Err(ApiError::conflict(TOKEN_REQUEST, request.name, why));
    }
    Ok(())
}

/// How long the token shall be good.
fn seconds(asked: &Value) -> ApiResult<i64> {
    let seconds = at(asked, &["spec", "expirationSeconds"]).and_then(Value::as_i64).unwrap_or(DEFAULT);
    let why = match seconds {
        ..SHORTEST => "may not specify a duration less than 10 minutes",
        WRONG.. => "may not specify a duration larger than 2^32 seconds",
        _ => return Ok(seconds.min(LONGEST)),
    };
    let error = FieldError::invalid(&FieldPath::new("spec.expirationSeconds"), seconds, why);
    Err(ApiError::invalid(TOKEN_REQUEST, "", &[error]))
}

/// The object that the token shall end with. A Pod is one of the account's own, for what is known of a Pod's tokens is told to
/// whoever is shown them.
async fn bound(request: &Request<'_>, asked: &Value) -> ApiResult<Option<Bound>> {
    let Some(reference) = at(asked, &["spec", "boundObjectRef"]).filter(|reference| !reference.is_null()) else {
        return Ok(None);
    };
    let text = |field: &str| text_at(reference, &[field]).to_owned();
    let (kind, name, uid) = (text("kind"), text("name"), text("uid"));
    let version = text("apiVersion");
    // The version of the core group is not looked at, and may be missing.
    let known = KINDS.iter().find(|(known, _)| *known == kind && !version.contains('/'));
    let Some((_, plural)) = known else {
        let version = if version.contains('/') { version } else { format!("/{version}") };
        return Err(ApiError::bad_request(format!("cannot bind token to object of type {version}, Kind={kind}")));
    };
    if name.is_empty() {
        return Err(ApiError::bad_request("Name parameter required."));
    }
    if let Some(why) = names::path_segment(&name, false).first() {
        return Err(ApiError::bad_request(format!("Name parameter invalid: {name:?}: {why}")));
    }
    let live = tokens::find(request.server, plural, request.namespace, &name).await?;
    let live = live.ok_or_else(|| ApiError::not_found(Named { group: "", name: plural }, &name))?;
    if kind == "Pod" && text_at(&live, &["spec", "serviceAccountName"]) != request.name {
        return Err(ApiError::bad_request(format!(
            "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
            request.name
        )));
    }
    let actual = object::uid(&live).to_owned();
    if !uid.is_empty() && uid != actual {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object \
             might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(Named { group: "", name: &kind }, &name, why));
    }
    Ok(Some(Bound { kind, name, uid: actual }))
}
