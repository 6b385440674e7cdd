//! Pod templates: whether two are the same, and the hash that names a ReplicaSet.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use sha2::{Digest, Sha256};

/// The label that tells the pods of a Deployment's ReplicaSets apart.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// Letters and digits that spell no words, as Kubernetes uses them in generated names.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const HASH_LENGTH: usize = 10;

/// Whether two templates give the same pods.
pub fn same(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    without_hash(a) == without_hash(b)
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(metadata) = template.metadata.as_mut() {
        if let Some(labels) = metadata.labels.as_mut() {
            labels.remove(POD_TEMPLATE_HASH);
            if labels.is_empty() {
                metadata.labels = None;
            }
        }
        if *metadata == Default::default() {
            template.metadata = None;
        }
    }
    template
}

/// The hash of a template. Its value is only ever compared with labels that this function made; the count of
/// collisions makes a new one where a foreign ReplicaSet has the name already.
pub fn hash(template: &PodTemplateSpec, collisions: i32) -> Result<String, serde_json::Error> {
    let mut digest = Sha256::new();
    digest.update(serde_json::to_vec(&without_hash(template))?);
    digest.update(collisions.to_be_bytes());
    let digest = digest.finalize();
    let letters = digest.iter().take(HASH_LENGTH).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    Ok(letters.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(image: &str, labels: serde_json::Value) -> PodTemplateSpec {
        serde_json::from_value(json!({
            "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "a", "image": image }] },
        }))
        .unwrap()
    }

    #[test]
    fn the_hash_label_is_no_difference_and_the_image_is() {
        let plain = template("nginx:1", json!({ "app": "a" }));
        let labelled = template("nginx:1", json!({ "app": "a", POD_TEMPLATE_HASH: "xyz" }));
        assert!(same(&plain, &labelled));
        assert_eq!(hash(&plain, 0).unwrap(), hash(&labelled, 0).unwrap());
        assert_ne!(hash(&plain, 0).unwrap(), hash(&plain, 1).unwrap());
        assert!(!same(&plain, &template("nginx:2", json!({ "app": "a" }))));
    }
}
