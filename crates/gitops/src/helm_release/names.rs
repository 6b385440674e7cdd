//! How a release, and what belongs to it, is called.

use cowherd_api::flux::helm::v2::HelmReleaseSpec;
use sha2::{Digest, Sha256};

use crate::NamespacedName;
use crate::owner::OwnerName;

/// The most bytes that the name of a release may have.
const LONGEST: usize = 53;

/// How many digits of its digest stand behind a name that is too long.
const DIGITS: usize = 12;

/// How a release, and what belongs to it, is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The name of the release.
    pub(super) release: String,
    /// The namespace of its objects.
    pub(super) namespace: String,
    /// The namespace of Helm's records.
    pub(super) storage: String,
}

impl Names {
    /// What follows from the spec of this HelmRelease.
    pub(super) fn of(owner: &OwnerName, spec: &HelmReleaseSpec) -> Self {
        let target = given(spec.target_namespace.as_ref());
        let release = match (given(spec.release_name.as_ref()), &target) {
            (Some(name), _) => name,
            (None, Some(target)) => format!("{target}-{}", owner.name),
            (None, None) => owner.name.clone(),
        };
        Self {
            release: shortened(&release),
            namespace: target.unwrap_or_else(|| owner.namespace.clone()),
            storage: given(spec.storage_namespace.as_ref()).unwrap_or_else(|| owner.namespace.clone()),
        }
    }
}

/// The HelmChart that is made for a HelmRelease, if one is.
pub(super) fn chart(owner: &OwnerName, spec: &HelmReleaseSpec) -> Option<NamespacedName> {
    let template = spec.chart.as_ref()?;
    let namespace = given(template.spec.source_ref.namespace.as_ref()).unwrap_or_else(|| owner.namespace.clone());
    Some(NamespacedName::new(namespace, format!("{}-{}", owner.namespace, owner.name)))
}

/// A name that is not too long, with the beginning of its digest where it was.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let digest = Sha256::digest(name).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let begin: String = name.chars().take(LONGEST - DIGITS - 1).collect();
    format!("{begin}-{}", &digest[..DIGITS])
}

pub(super) fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn names(name: &str, spec: Value) -> Names {
        let mut full = json!({ "interval": "1m" });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        Names::of(&OwnerName::new(&super::super::KIND, "apps", name), &serde_json::from_value(full).unwrap())
    }

    #[test]
    fn a_release_is_called_as_flux_calls_it() {
        let plain = names("web", json!({}));
        assert_eq!((plain.release.as_str(), plain.namespace.as_str(), plain.storage.as_str()), ("web", "apps", "apps"));
        let target = names("web", json!({ "targetNamespace": "prod" }));
        assert_eq!(
            (target.release.as_str(), target.namespace.as_str(), target.storage.as_str()),
            ("prod-web", "prod", "apps")
        );
        let named = names("web", json!({ "targetNamespace": "prod", "releaseName": "w", "storageNamespace": "helm" }));
        assert_eq!((named.release.as_str(), named.storage.as_str()), ("w", "helm"));
    }

    #[test]
    fn a_long_name_is_shortened_as_flux_shortens_it() {
        let long = names("some-front-appended-namespace-release-with-a-very-long-name", json!({}));
        assert_eq!(long.release.len(), LONGEST);
        assert!(long.release.starts_with("some-front-appended-namespace-release-wi-"), "{}", long.release);
    }
}
