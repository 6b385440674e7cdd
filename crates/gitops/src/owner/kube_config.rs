//! Where an owner says how another cluster is reached.

use cowherd_api::flux::SecretKeyReference;
use cowherd_api::flux::kustomize::v1::KubeConfigReference;
use cowherd_apply::is_path_segment;

use super::SettingsError;

/// The object of the owner's namespace that says how the cluster is reached which its objects are in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KubeConfig {
    pub(crate) namespace: String,
    pub(crate) from: KubeConfigSource,
}

/// What kind of an object that is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum KubeConfigSource {
    /// A Secret with a kubeconfig, under this key where one is said.
    Secret { name: String, key: Option<String> },
    /// A ConfigMap that says the address; a token is made for it.
    ConfigMap { name: String },
    /// None: what is said cannot be acted on.
    Nothing,
}

impl KubeConfig {
    /// What the spec of an owner of the namespace says.
    pub(crate) fn read(namespace: &str, said: Option<&KubeConfigReference>) -> Option<Self> {
        let from = match said? {
            KubeConfigReference { secret_ref: Some(SecretKeyReference { name, key }), config_map_ref: None } => {
                KubeConfigSource::Secret { name: name.clone(), key: key.clone().filter(|key| !key.is_empty()) }
            }
            KubeConfigReference { secret_ref: None, config_map_ref: Some(reference) } => {
                KubeConfigSource::ConfigMap { name: reference.name.clone() }
            }
            _ => KubeConfigSource::Nothing,
        };
        Some(Self { namespace: namespace.to_owned(), from })
    }

    /// Refuses what names nothing, or would make another request of the one about the object.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let (field, what, name) = match &self.from {
            KubeConfigSource::Secret { name, .. } => ("kubeConfig.secretRef.name", "Secret", name),
            KubeConfigSource::ConfigMap { name } => ("kubeConfig.configMapRef.name", "ConfigMap", name),
            KubeConfigSource::Nothing => {
                let problem = "must have exactly one of secretRef and configMapRef".to_owned();
                return Err(SettingsError::new("kubeConfig", problem));
            }
        };
        match is_path_segment(name) && !name.is_empty() {
            true => Ok(()),
            false => Err(SettingsError::new(
                field,
                format!("{name:?} cannot name a {what}; see Kubernetes' rules for names"),
            )),
        }
    }

    /// The object, as people are told.
    pub(crate) fn object(&self) -> String {
        let namespace = &self.namespace;
        match &self.from {
            KubeConfigSource::Secret { name, .. } => format!("Secret {namespace}/{name}"),
            KubeConfigSource::ConfigMap { name } => format!("ConfigMap {namespace}/{name}"),
            KubeConfigSource::Nothing => "nothing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(said: Value) -> Result<String, String> {
        let said: KubeConfigReference = serde_json::from_value(said).unwrap();
        let read = KubeConfig::read("team", Some(&said)).unwrap();
        read.check().map(|()| read.object()).map_err(|error| error.to_string())
    }

    #[test]
    fn exactly_one_object_says_how_the_cluster_is_reached() {
        assert_eq!(read(json!({ "secretRef": { "name": "s", "key": "" } })).unwrap(), "Secret team/s");
        assert_eq!(read(json!({ "configMapRef": { "name": "m" } })).unwrap(), "ConfigMap team/m");
        let both = json!({ "secretRef": { "name": "s" }, "configMapRef": { "name": "m" } });
        for wrong in [json!({}), both] {
            assert!(read(wrong).unwrap_err().starts_with("spec.kubeConfig must have exactly one"));
        }
        for name in ["", "../other/secrets/s", "s?watch=1", ".."] {
            let error = read(json!({ "secretRef": { "name": name } })).unwrap_err();
            assert!(error.starts_with("spec.kubeConfig.secretRef.name"), "{error}");
        }
        assert_eq!(KubeConfig::read("team", None), None);
    }
}
