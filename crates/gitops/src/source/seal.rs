//! What shows that an artifact was fetched for an object, and by us.
//!
//! Others may be able to write a status. What is kept here was fetched with somebody's credentials, and is for them
//! alone.

use std::collections::BTreeMap;

use cowherd_api::flux::source::v1;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

/// Under which name an artifact carries its seal.
const SEAL: &str = "cowherd.dev/seal";

/// The metadata of an artifact of the object that came from `url`.
pub(super) fn put(seed: &[u8], object: &impl ResourceExt, url: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(SEAL.to_owned(), seal(seed, object, url))])
}

/// Whether the artifact, as a status has it, was fetched for the object.
pub(super) fn holds(seed: &[u8], object: &impl ResourceExt, artifact: &v1::Artifact) -> bool {
    let found = artifact.metadata.as_ref().and_then(|metadata| metadata.get(SEAL));
    found.is_some_and(|found| *found == seal(seed, object, &artifact.url))
}

/// It takes the seed, which nobody else knows.
fn seal(seed: &[u8], object: &impl ResourceExt, url: &str) -> String {
    let (namespace, name, uid) = (object.namespace(), object.name_any(), object.uid());
    let what = serde_json::json!([namespace, name, uid, url]).to_string();
    let mut digest = Sha256::new();
    digest.update(seed);
    digest.update(Sha256::digest(what));
    hex(&digest.finalize())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_api::flux::source::v1::GitRepository;

    #[test]
    fn a_seal_is_good_for_one_object_and_one_artifact() {
        let object = |namespace: &str, uid: &str| -> GitRepository {
            serde_json::from_value(serde_json::json!({ "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository", "metadata": { "name": "a", "namespace": namespace, "uid": uid },
                "spec": { "interval": "1m", "url": "https://example.com/private" } }))
            .unwrap()
        };
        let seals = [
            seal(b"seed", &object("n", "1"), "https://example.com/private#1"),
            seal(b"other", &object("n", "1"), "https://example.com/private#1"),
            seal(b"seed", &object("team", "1"), "https://example.com/private#1"),
            seal(b"seed", &object("n", "2"), "https://example.com/private#1"),
            seal(b"seed", &object("n", "1"), "https://example.com/private#2"),
        ];
        let different: std::collections::BTreeSet<_> = seals.iter().collect();
        assert_eq!(different.len(), seals.len());
        assert_eq!(seals[0], seal(b"seed", &object("n", "1"), "https://example.com/private#1"));
    }
}
