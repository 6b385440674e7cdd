//! Tokens of service accounts: signed by this server, good for as long as what they are bound to exists.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use cowherd_store::{Expected, Store, WriteError};
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use serde_json::{Value, json};

use crate::{
    identity::User,
    object::{self, at, text_at},
    rest,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Who issues the tokens, and whom they are for unless something else is asked for.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Where the key is kept; no path of the API leads there.
const KEY: &str = "/keys/service-accounts";
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Signs and verifies tokens.
pub struct Tokens {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// What a token is bound to besides its service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `Pod`, `Secret` or `Node`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The identity of the object.
    pub uid: String,
}

/// What a token shall say.
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    /// The namespace of the service account.
    pub namespace: &'a str,
    /// The name of the service account.
    pub account: &'a str,
    /// The identity of the service account.
    pub uid: &'a str,
    /// Whom the token is for.
    pub audiences: &'a [String],
    /// How long it is good, in seconds.
    pub seconds: i64,
    /// What else must exist.
    pub bound: Option<Bound>,
}

impl Tokens {
    /// Opens the key in the store, made at the first start.
    pub async fn open(store: &Store) -> ApiResult<Self> {
        let random = SystemRandom::new();
        let damaged = |error: &dyn std::fmt::Display| ApiError::internal(format!("the key of tokens: {error}"));
        let known = store.get(KEY).await.map_err(|error| damaged(&error))?;
        let pkcs8 = match known {
            Some(entry) => entry.value,
            None => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map_err(|error| damaged(&error))?;
                let made = Bytes::copy_from_slice(made.as_ref());
                match store.put(KEY, made.clone(), Expected::Absent).await {
                    Ok(_) => made,
                    Err(WriteError::Conflict { current: Some(entry), .. }) => entry.value,
                    Err(error) => return Err(damaged(&error)),
                }
            }
        };
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random)
            .map_err(|error| damaged(&error))?;
        Ok(Self { key, random })
    }

    /// A token that says this, and when it ends.
    pub fn issue(&self, claims: &Claims<'_>) -> ApiResult<(String, Timestamp)> {
        let now = Timestamp::now().as_second();
        let (token, end) = self.issue_at(claims, now)?;
        Ok((token, Timestamp::from_second(end).map_err(ApiError::internal)?))
    }

    /// The same at a time, in seconds; when the token ends, too.
    fn issue_at(&self, claims: &Claims<'_>, now: i64) -> ApiResult<(String, i64)> {
        let end = now.saturating_add(claims.seconds);
        let mut kubernetes = json!({
            "namespace": claims.namespace, "serviceaccount": {"name": claims.account, "uid": claims.uid},
        });
        if let (Some(bound), Value::Object(map)) = (&claims.bound, &mut kubernetes) {
            map.insert(bound.kind.to_lowercase(), json!({"name": bound.name, "uid": bound.uid}));
        }
        let payload = json!({
            "iss": ISSUER, "sub": format!("system:serviceaccount:{}:{}", claims.namespace, claims.account),
            "aud": claims.audiences, "iat": now, "nbf": now, "exp": end, "jti": crate::random::uuid()?,
            "kubernetes.io": kubernetes,
        });
        Ok((self.sign(&payload)?, end))
    }

    fn sign(&self, payload: &Value) -> ApiResult<String> {
        let header = json!({"alg": "ES256", "typ": "JWT"});
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(payload));
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(ApiError::internal)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What a token says, if this server signed it and it is good at a time, in seconds.
    fn verify(&self, token: &str, now: i64) -> Option<Value> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (_, payload) = signed.split_once('.')?;
        let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let time = |field: &str| claims.get(field).and_then(Value::as_i64);
        let good = text_at(&claims, &["iss"]) == ISSUER && time("exp")? > now && time("nbf")? <= now;
        good.then_some(claims)
    }
}

/// The user that a bearer token names, where nothing else has said who it is.
pub async fn authenticate(server: &ApiServer, user: User, headers: &HeaderMap) -> ApiResult<User> {
    if !user.is_anonymous() {
        return Ok(user);
    }
    let Some(header) = headers.get(header::AUTHORIZATION) else { return Ok(user) };
    // Credentials that cannot be read are not good; they are not those of nobody.
    let header = header.to_str().map_err(|_| ApiError::unauthorized())?;
    let Some((_, token)) = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Ok(user);
    };
    match check(server, token.trim(), &[]).await? {
        Ok((user, _)) => Ok(user),
        Err(_) => Err(ApiError::unauthorized()),
    }
}

/// The user of a token and whom it is for, of those asked for; or why it is not good.
pub async fn check(
    server: &ApiServer,
    token: &str,
    audiences: &[&str],
) -> ApiResult<Result<(User, Vec<String>), &'static str>> {
    let Some(claims) = server.tokens().verify(token, Timestamp::now().as_second()) else {
        return Ok(Err("invalid bearer token"));
    };
    let wanted = if audiences.is_empty() { &[ISSUER] } else { audiences };
    let meant = claims.get("aud").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let meant: Vec<String> = meant.filter(|audience| wanted.contains(audience)).map(str::to_owned).collect();
    if meant.is_empty() {
        return Ok(Err("token audiences are invalid for the target audiences"));
    }
    let kubernetes = claims.get("kubernetes.io").cloned().unwrap_or_default();
    let namespace = text_at(&kubernetes, &["namespace"]);
    let now = Timestamp::now();
    for (kind, plural) in BOUND {
        let Some(known) = kubernetes.get(*kind) else { continue };
        let live = find(server, plural, namespace, text_at(known, &["name"])).await?;
        if live.is_none_or(|live| object::uid(&live) != text_at(known, &["uid"]) || is_past(&live, now)) {
            return Ok(Err("what the token is bound to has been deleted"));
        }
    }
    let mut user = User::known(text_at(&claims, &["sub"]), &[]);
    user.uid = text_at(&kubernetes, &["serviceaccount", "uid"]).to_owned();
    for kind in ["pod", "node"] {
        let Some(known) = at(&kubernetes, &[kind]) else { continue };
        for field in ["name", "uid"] {
            let name = format!("authentication.kubernetes.io/{kind}-{field}");
            user.extra.insert(name, vec![text_at(known, &[field]).to_owned()]);
        }
    }
    Ok(Ok((user, meant)))
}

/// What a token may be bound to, as its claims call it, and the plurals.
const BOUND: &[(&str, &str)] =
    &[("serviceaccount", "serviceaccounts"), ("pod", "pods"), ("secret", "secrets"), ("node", "nodes")];

/// For how long what is being deleted still counts as there, whatever holds it back.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Whether an object was to be gone by now, though it may be held back.
fn is_past(object: &Value, now: Timestamp) -> bool {
    let end = text_at(object, &["metadata", "deletionTimestamp"]).parse::<Timestamp>();
    end.is_ok_and(|end| end < now - LEEWAY)
}

/// A core object by its plural and name.
pub async fn find(server: &ApiServer, plural: &str, namespace: &str, name: &str) -> ApiResult<Option<Value>> {
    let resource = server.built_in("", "v1", plural)?;
    let namespace = if resource.namespaced { namespace } else { "" };
    Ok(rest::load(server, &resource, &resource.key(namespace, name)).await?.map(|live| live.object))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tokens() -> (Tokens, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
        (Tokens::open(&store).await.unwrap(), directory)
    }

    /// What a token of an hour says that is issued at this second.
    fn payload(now: i64) -> Value {
        json!({"iss": ISSUER, "nbf": now, "exp": now + 3600})
    }

    #[tokio::test]
    async fn a_token_is_good_from_when_it_was_issued_until_it_ends() {
        let (tokens, _directory) = tokens().await;
        let claims = Claims { namespace: "a", account: "robot", uid: "u", audiences: &[], seconds: 600, bound: None };
        let (token, end) = tokens.issue_at(&claims, 1000).unwrap();
        assert_eq!(end, 1600);
        let is_good = |now: i64| tokens.verify(&token, now).is_some();
        assert!(is_good(1000) && is_good(1599));
        assert!(!is_good(999) && !is_good(1600) && !is_good(1601));
        let said = tokens.verify(&token, 1000).unwrap();
        assert_eq!(said["sub"], "system:serviceaccount:a:robot");
        assert_eq!(said["kubernetes.io"], json!({"namespace": "a", "serviceaccount": {"name": "robot", "uid": "u"}}));
    }

    #[test]
    fn what_is_being_deleted_is_there_for_another_minute_whatever_holds_it_back() {
        let now: Timestamp = "2026-01-01T00:02:00Z".parse().unwrap();
        let deleted = |at: &str| json!({"metadata": {"deletionTimestamp": at, "finalizers": ["example.org/f"]}});
        assert!(!is_past(&json!({"metadata": {}}), now));
        assert!(!is_past(&deleted("2026-01-01T00:05:00Z"), now), "a Pod has time to end");
        assert!(!is_past(&deleted("2026-01-01T00:01:00Z"), now));
        assert!(is_past(&deleted("2026-01-01T00:00:59Z"), now));
    }

    #[tokio::test]
    async fn a_token_is_good_only_as_this_server_signed_it() {
        let (tokens, _directory) = tokens().await;
        let token = tokens.sign(&payload(1000)).unwrap();
        assert_eq!(tokens.verify(&token, 1000), Some(payload(1000)));
        let (other, _other_directory) = self::tokens().await;
        assert_eq!(other.verify(&token, 1000), None, "its key is another one");
        let (header, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let longer = BASE64_URL_SAFE_NO_PAD.encode(payload(2000).to_string());
        for forged in
            [format!("{header}.{longer}.{signature}"), format!("{header}.{rest}x"), header.to_owned(), String::new()]
        {
            assert_eq!(tokens.verify(&forged, 2000), None, "{forged}");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_issuer_or_without_its_times_is_not_good() {
        let (tokens, _directory) = tokens().await;
        for (field, value) in
            [("iss", json!("https://elsewhere")), ("exp", Value::Null), ("nbf", Value::Null), ("exp", json!("later"))]
        {
            let mut payload = payload(1000);
            payload[field] = value;
            assert_eq!(tokens.verify(&tokens.sign(&payload).unwrap(), 1000), None, "{payload}");
        }
    }

    #[tokio::test]
    async fn what_is_longer_than_any_token_is_not_looked_at() {
        let (tokens, _directory) = tokens().await;
        let long = |padding: usize| {
            let mut payload = payload(1000);
            payload["padding"] = "x".repeat(padding).into();
            tokens.sign(&payload).unwrap()
        };
        // A token of sixteen kibibytes is good, one with a byte more of payload is not.
        let padding = (11_900..12_200).find(|padding| long(*padding).len() >= 16 * 1024).unwrap();
        assert_eq!(long(padding).len(), 16 * 1024);
        assert!(tokens.verify(&long(padding), 1000).is_some());
        assert_eq!(tokens.verify(&long(padding + 1), 1000), None);
    }

    #[tokio::test]
    async fn tokens_outlive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
        let token = Tokens::open(&store).await.unwrap().sign(&payload(1000)).unwrap();
        assert!(Tokens::open(&store).await.unwrap().verify(&token, 1000).is_some());
    }
}
