//! The `token` subresource of service accounts.

use cowherd_schema::{FieldError, FieldPath};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Request, incoming, load};
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

/// Answers with a token for the service account.
pub async fn token(request: &Request<'_>) -> ApiResult<Answer> {
    let account = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    let mut asked = incoming::document(request.call)?.value;
    if !asked.is_object() {
        return Err(ApiError::bad_request("the body must be a TokenRequest"));
    }
    let seconds = at(&asked, &["spec", "expirationSeconds"]).and_then(Value::as_i64).unwrap_or(DEFAULT);
    if seconds < SHORTEST {
        let path = FieldPath::new("spec.expirationSeconds");
        let error = FieldError::invalid(&path, seconds, "may not specify a duration less than 10 minutes");
        return Err(ApiError::invalid(Named { group: "authentication.k8s.io", name: "TokenRequest" }, "", &[error]));
    }
    let seconds = seconds.min(LONGEST);
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

/// The object that the token shall end with.
async fn bound(request: &Request<'_>, asked: &Value) -> ApiResult<Option<Bound>> {
    let Some(reference) = at(asked, &["spec", "boundObjectRef"]).filter(|reference| !reference.is_null()) else {
        return Ok(None);
    };
    let text = |field: &str| text_at(reference, &[field]).to_owned();
    let (kind, name, uid) = (text("kind"), text("name"), text("uid"));
    let plural = match kind.as_str() {
        "Pod" => "pods",
        "Secret" => "secrets",
        _ => {
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount {:?} to object of kind {kind:?}: only Pods and Secrets can be",
                request.name
            )));
        }
    };
    let named = Named { group: "", name: plural };
    let live = tokens::find(request.server, plural, request.namespace, &name).await?;
    let live = live.ok_or_else(|| ApiError::not_found(named, &name))?;
    let actual = object::uid(&live).to_owned();
    if !uid.is_empty() && uid != actual {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object \
             might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(named, &name, why));
    }
    Ok(Some(Bound { kind, name, uid: actual }))
}
