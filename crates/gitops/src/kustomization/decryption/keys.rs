//! Where the private keys come from.

use std::collections::BTreeMap;

use cowherd_api::flux::kustomize::v1::KustomizationSpec;
use cowherd_apply::is_path_segment;
use cowherd_sops::{KeyError, Keys};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use crate::NamespacedName;
use crate::owner::SettingsError;

/// What decrypts.
const PROVIDER: &str = "sops";
/// How keys of the Secret end that hold private keys of age.
const AGE: &str = ".agekey";
/// The same for those of OpenPGP.
const OPEN_PGP: &str = ".asc";
/// Keys of the Secret with credentials for services that decrypt, and what those are.
const SERVICES: &[(&str, &str)] = &[
    ("sops.vault-token", "Vault"),
    ("sops.aws-kms", "AWS KMS"),
    ("sops.azure-kv", "Azure Key Vault"),
    ("sops.gcp-kms", "GCP KMS"),
];

/// Keys for all Kustomizations that ask for decryption.
#[derive(Clone, Debug, Default)]
pub struct DecryptionKeys {
    /// The Secret whose keys of age count where a Kustomization names no Secret of its own, as Flux's `--sops-age-secret` has it.
    pub secret: Option<NamespacedName>,
    /// Keys that whoever runs the program gives beside those.
    pub given: Keys,
}

/// What a Kustomization says of decryption.
#[derive(Clone, Debug)]
pub(in super::super) struct Decryption {
    /// The Secret with the private keys, in the namespace of the Kustomization.
    secret: Option<String>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The Secret is not there.
    #[error(
        "cannot get sops decryption Secret '{0}': not found; bring it with the private keys, as by `kubectl create secret generic \
         {name} --namespace {namespace} --from-file=age.agekey`",
        name = cowherd_text::shell::word(&.0.name),
        namespace = cowherd_text::shell::word(&.0.namespace)
    )]
    Missing(NamespacedName),
    /// The API does not give it.
    #[error("cannot get sops decryption Secret '{0}': {1}")]
    Unread(NamespacedName, String),
    /// A key of it is none.
    #[error("failed to import '{1}' data from sops decryption Secret '{0}': {2}")]
    Key(NamespacedName, String, KeyError),
    /// It has credentials for a service.
    #[error(
        "'{key}' of sops decryption Secret '{secret}' is for {service}, which is not asked: only keys of age (*.agekey) and OpenPGP \
         (*.asc) decrypt here; encrypt for one of those too (`sops updatekeys`), and take '{key}' out of the Secret"
    )]
    Service {
        /// The Secret.
        secret: NamespacedName,
        /// Its key.
        key: &'static str,
        /// What that is for.
        service: &'static str,
    },
}

impl Decryption {
    /// What the spec says, if it asks for decryption.
    pub(in super::super) fn read(spec: &KustomizationSpec) -> Result<Option<Self>, SettingsError> {
        let Some(decryption) = &spec.decryption else { return Ok(None) };
        if decryption.provider != PROVIDER {
            let problem = format!("{:?} is none that decrypts; write sops", decryption.provider);
            return Err(SettingsError::new("decryption.provider", problem));
        }
        let secret = decryption.secret_ref.as_ref().map(|reference| reference.name.clone());
        if let Some(name) = secret.as_ref().filter(|name| !is_path_segment(name)) {
            let problem = format!("{name:?} cannot name a Secret; see Kubernetes' rules for names");
            return Err(SettingsError::new("decryption.secretRef", problem));
        }
        Ok(Some(Self { secret }))
    }

    /// The keys for a Kustomization in `namespace`.
    pub(in super::super) async fn keys(
        &self,
        client: &Client,
        namespace: &str,
        global: &DecryptionKeys,
    ) -> Result<Keys, KeysError> {
        let mut keys = global.given.clone();
        match (&self.secret, &global.secret) {
            (Some(name), _) => {
                let name = NamespacedName::new(namespace, name);
                match read(client, &name).await {
                    // Whoever gave keys may have no right to the Secret, or have no cluster that holds it.
                    Err(KeysError::Missing(_) | KeysError::Unread(..)) if !keys.is_empty() => {}
                    data => import(&mut keys, &name, data?)?,
                }
            }
            // As in Flux, only keys of age are for all.
            (None, Some(name)) => {
                let mut data = read(client, name).await?;
                data.retain(|key, _| key.ends_with(AGE));
                import(&mut keys, name, data)?;
            }
            (None, None) => {}
        }
        Ok(keys)
    }
}

async fn read(client: &Client, name: &NamespacedName) -> Result<BTreeMap<String, ByteString>, KeysError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &name.namespace);
    match api.get_opt(&name.name).await {
        Ok(Some(secret)) => Ok(secret.data.unwrap_or_default()),
        Ok(None) => Err(KeysError::Missing(name.clone())),
        Err(kube::Error::Api(status)) => Err(KeysError::Unread(name.clone(), status.message.clone())),
        Err(error) => Err(KeysError::Unread(name.clone(), error.to_string())),
    }
}

fn import(keys: &mut Keys, name: &NamespacedName, data: BTreeMap<String, ByteString>) -> Result<(), KeysError> {
    for (key, ByteString(value)) in data {
        let imported = match &key {
            key if key.ends_with(AGE) => keys.add_age(&String::from_utf8_lossy(&value)),
            key if key.ends_with(OPEN_PGP) => keys.add_open_pgp(&value),
            key => match SERVICES.iter().find(|(service, _)| *service == key.as_str()) {
                Some(&(key, service)) => return Err(KeysError::Service { secret: name.clone(), key, service }),
                None => Ok(()),
            },
        };
        imported.map_err(|error| KeysError::Key(name.clone(), key, error))?;
    }
    Ok(())
}
