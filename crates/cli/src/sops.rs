//! Private keys for what SOPS encrypted, as people give them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use cowherd_gitops::{DecryptionKeys, NamespacedName};
use cowherd_sops::Keys;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde_json::json;

use crate::bootstrap::{ROOT, apply};

/// The heading in a command's help under which the flag stands.
const HEADING: &str = "What is encrypted";
/// The Secret with the keys, named as Flux's documentation names it.
pub const SECRET: &str = "sops-age";
/// Its key.
const KEY: &str = "age.agekey";
/// The variable with private keys themselves, as sops has it.
const VARIABLE: &str = "SOPS_AGE_KEY";

/// Flags with keys for commands that print what they make of a repository, with all values masked.
#[derive(Args, Clone, Debug, Default)]
pub struct SopsKeys {
    /// A file with private keys of age for what is encrypted with SOPS; as with sops, SOPS_AGE_KEY may have keys themselves
    #[arg(help_heading = HEADING, long, value_name = "FILE", env = "SOPS_AGE_KEY_FILE")]
    sops_age_key_file: Option<PathBuf>,
}

impl SopsKeys {
    /// The keys that were given.
    ///
    /// # Errors
    /// When they cannot be read, or are none.
    pub fn keys(&self) -> Result<Keys> {
        let mut keys = Keys::default();
        if let Some(file) = &self.sops_age_key_file {
            add(&mut keys, &read(file)?, &file.display().to_string())?;
        }
        if let Ok(text) = std::env::var(VARIABLE) {
            let lines: Vec<&str> = text.split_whitespace().collect();
            add(&mut keys, &lines.join("\n"), VARIABLE)?;
        }
        Ok(keys)
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}, which is to hold keys of age", file.display()))
}

fn add(keys: &mut Keys, text: &str, place: &str) -> Result<()> {
    keys.add_age(text).with_context(|| format!("{place} holds no private keys of age"))
}

/// Brings the keys of a file to the cluster, where Kustomizations find them that name the Secret, or none.
///
/// # Errors
/// When they are none, or the cluster does not take them.
pub async fn bring(client: &Client, file: &Path) -> Result<()> {
    let text = checked(file)?;
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": SECRET, "namespace": ROOT },
        "stringData": { KEY: text } });
    let secrets: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    apply(&secrets, &secret).await.context("cannot keep the keys for what is encrypted").map(drop)
}

/// The keys in a file, as it has them.
///
/// # Errors
/// When there are none.
pub fn checked(file: &Path) -> Result<String> {
    let text = read(file)?;
    let mut keys = Keys::default();
    add(&mut keys, &text, &file.display().to_string())?;
    anyhow::ensure!(
        !keys.is_empty(),
        "{} holds no private keys of age; `age-keygen -o FILE` makes one",
        file.display()
    );
    Ok(text)
}

/// The Secret of a cluster whose keys are for all Kustomizations that name none, if it has been brought there.
pub async fn global(client: &Client) -> Option<NamespacedName> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    let found = secrets.get_metadata_opt(SECRET).await.ok().flatten();
    found.map(|_| NamespacedName::new(ROOT, SECRET))
}

/// All keys that a comparison with a cluster may use.
///
/// # Errors
/// When those that were given cannot be read.
pub async fn of_cluster(client: &Client, given: &SopsKeys) -> Result<DecryptionKeys> {
    Ok(DecryptionKeys { secret: global(client).await, given: given.keys()? })
}
