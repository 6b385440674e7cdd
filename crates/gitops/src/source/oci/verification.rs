//! Who may sign an artifact: whoever has one of some keys, or is somebody by their certificate.

use std::sync::Arc;

use cowherd_api::flux::source::v1::OCIRepository;
use cowherd_source::sigstore::{Identities, IdentitiesError, PublicKeys, Trust, TrustedRoot};
use kube::ResourceExt as _;
use sha2::{Digest as _, Sha256};

use super::super::Shared;
use super::super::seal::hex;
use super::super::secrets::{Namespace, Unread};
use super::KIND;

const KEYS: &str = "spec.verify.secretRef";
const ROOT: &str = "spec.verify.trustedRootSecretRef";

/// Under which name a Secret has a root of trust.
const ROOT_FILE: &str = "trusted_root.json";

/// What a spec says of who may sign.
#[derive(Clone, Debug)]
pub(super) enum Verification {
    /// Whoever has a key of the Secret.
    Keys(String),
    /// One of the identities, by the root of trust of a Secret, or that of the public Sigstore.
    Identities { identities: Identities, root: Option<String>, words: String },
}

impl Verification {
    /// What the spec says; `None` where nobody has to sign.
    pub(super) fn read(object: &OCIRepository) -> Result<Option<Self>, IdentitiesError> {
        let Some(verify) = &object.spec.verify else { return Ok(None) };
        if let Some(keys) = &verify.secret_ref {
            return Ok(Some(Self::Keys(keys.name.clone())));
        }
        let matches = verify.match_oidc_identity.as_deref().unwrap_or_default();
        let pairs = || matches.iter().map(|identity| (identity.issuer.as_str(), identity.subject.as_str()));
        let identities = Identities::new(pairs())?;
        let root = verify.trusted_root_secret_ref.as_ref().map(|root| root.name.clone());
        let words = serde_json::to_string(&(pairs().collect::<Vec<_>>(), &root)).unwrap_or_default();
        Ok(Some(Self::Identities { identities, root, words }))
    }

    /// By what it is verified, in Flux's words.
    pub(super) fn provider(&self) -> &'static str {
        match self {
            Self::Keys(_) => "cosign",
            Self::Identities { .. } => "cosign keyless",
        }
    }

    /// What tells it from others in a URL.
    pub(super) fn mark(&self) -> String {
        match self {
            Self::Keys(secret) => secret.clone(),
            // No name of a Secret has a colon.
            Self::Identities { words, .. } => format!("identities:{}", hex(&Sha256::digest(words)[..16])),
        }
    }

    /// Those who are believed, with what the namespace has of them.
    pub(super) async fn trust(&self, shared: &Shared, object: &OCIRepository) -> Result<Trust, Unread> {
        let name = object.namespace().unwrap_or_default();
        let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
        match self {
            Self::Keys(secret) => {
                let data = namespace.secret(secret, KEYS).await?;
                let keys = PublicKeys::read(&data).map_err(|cause| Unread::unusable(secret, KEYS, cause))?;
                Ok(Trust::Keys(keys))
            }
            Self::Identities { identities, root, .. } => {
                let root = match root {
                    Some(secret) => root_of(&namespace, secret).await?,
                    None => TrustedRoot::public().map_err(|cause| Unread::unusable("(built in)", ROOT, cause))?,
                };
                Ok(Trust::Identities { root: Arc::new(root), identities: identities.clone() })
            }
        }
    }
}

/// The root of trust in a Secret.
async fn root_of(namespace: &Namespace<'_>, secret: &str) -> Result<TrustedRoot, Unread> {
    let data = namespace.secret(secret, ROOT).await?;
    let missing = || Unread::unusable(secret, ROOT, format_args!("it has no {ROOT_FILE}"));
    let json = data.get(ROOT_FILE).ok_or_else(missing)?;
    TrustedRoot::read(json).map_err(|cause| Unread::unusable(secret, ROOT, format_args!("{ROOT_FILE}: {cause}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(verify: Value) -> Result<Option<Verification>, IdentitiesError> {
        let spec = json!({ "interval": "1h", "url": "oci://ghcr.io/team/apps", "verify": verify });
        let object = json!({ "metadata": { "name": "apps", "namespace": "team" }, "spec": spec });
        Verification::read(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn what_was_verified_by_somebody_else_is_told_apart() {
        let mark = |verify| read(verify).unwrap().unwrap().mark();
        let anybody = mark(json!({ "provider": "cosign" }));
        let one = mark(json!({ "matchOIDCIdentity": [{ "issuer": "a", "subject": "b" }] }));
        let other = mark(json!({ "matchOIDCIdentity": [{ "issuer": "a", "subject": "c" }] }));
        let root = mark(json!({ "trustedRootSecretRef": { "name": "root" } }));
        let marks = std::collections::BTreeSet::from([&anybody, &one, &other, &root]);
        assert_eq!(marks.len(), 4);
        assert!(marks.iter().all(|mark| mark.starts_with("identities:")));
        assert_eq!(mark(json!({ "secretRef": { "name": "keys" }, "matchOIDCIdentity": [] })), "keys");
        assert!(read(Value::Null).unwrap().is_none());
    }

    #[test]
    fn what_is_no_expression_is_named() {
        let error = read(json!({ "matchOIDCIdentity": [{ "issuer": "(", "subject": "b" }] })).unwrap_err();
        assert!(error.to_string().starts_with("matchOIDCIdentity[0].issuer is no regular expression: "), "{error}");
    }
}
