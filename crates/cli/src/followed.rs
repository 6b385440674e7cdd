//! What a data directory follows, written down so that a later start goes on with it and with nothing else.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::Client;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bootstrap::ROOT;
use crate::target::Kind;

/// A repository, a reference and a path. The credentials are in the cluster, in the Secret that Flux would have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The URL of the repository, without credentials.
    pub url: String,
    /// The reference, as `spec.ref` of a GitRepository has it.
    #[serde(rename = "ref")]
    pub reference: Value,
    /// The directory, as `spec.path` of a Kustomization has it.
    pub path: String,
    /// How often a remote repository is looked at, where somebody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

impl Followed {
    /// What the data directory follows; `None` for a new one, and where another is meant (`switch`) and what it
    /// followed cannot be told.
    pub async fn read(data_dir: &Path, client: &Client, switch: bool) -> Result<Option<Self>> {
        match Self::written(data_dir, switch)? {
            Some(followed) => Ok(Some(followed)),
            // Earlier versions kept it in the cluster alone.
            None if !file(data_dir).exists() => Ok(Self::in_cluster(client).await),
            None => Ok(None),
        }
    }

    /// The same, as it is written in the data directory.
    pub fn written(data_dir: &Path, switch: bool) -> Result<Option<Self>> {
        let path = file(data_dir);
        match fs::read(&path) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(followed) => Ok(Some(followed)),
                Err(_) if switch => Ok(None),
                Err(error) => {
                    let remedy =
                        "say with `cowherd up REPO --path PATH --switch` what this data directory is to follow";
                    Err(error).with_context(|| format!("cannot understand {}; {remedy}", path.display()))
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Whether both are the same to follow, however often that is looked at.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.url, &self.reference, &self.path) == (&other.url, &other.reference, &other.path)
    }

    async fn in_cluster(client: &Client) -> Option<Self> {
        let source = Kind::GitRepository.api(client, ROOT).get_opt(ROOT).await.ok()??;
        let kustomization = Kind::Kustomization.api(client, ROOT).get_opt(ROOT).await.ok()??;
        Some(Self {
            url: source.data.pointer("/spec/url")?.as_str()?.to_owned(),
            reference: source.data.pointer("/spec/ref")?.clone(),
            path: kustomization.data.pointer("/spec/path")?.as_str()?.to_owned(),
            interval: None,
        })
    }

    /// Writes it down, whole or not at all.
    pub fn write(&self, data_dir: &Path) -> Result<()> {
        write_whole(&file(data_dir), self)
    }

    /// In words, such as `branch main of https://github.com/org/fleet, from ./prod`.
    pub fn words(&self) -> String {
        format!("{} of {}, from {}", reference_words(&self.reference), self.url, self.path)
    }
}

/// Writes a value to a file, whole or not at all.
pub fn write_whole(path: &Path, value: &impl Serialize) -> Result<()> {
    let staged = path.with_extension("new");
    let write = || {
        let mut file = fs::File::create(&staged)?;
        file.write_all(&serde_json::to_vec_pretty(value)?)?;
        file.sync_all()?;
        fs::rename(&staged, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("following.json")
}

/// The reference in words: `branch main`.
fn reference_words(reference: &Value) -> String {
    let fields = reference.as_object().into_iter().flatten();
    fields.map(|(kind, name)| format!("{kind} {}", name.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_followed_is_said_in_words() {
        let followed = Followed {
            url: "https://example.com/fleet".into(),
            reference: json!({ "branch": "main" }),
            path: "./prod".into(),
            interval: None,
        };
        assert_eq!(followed.words(), "branch main of https://example.com/fleet, from ./prod");
    }
}
