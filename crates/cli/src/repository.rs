//! The repository that a person named on the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use cowherd_source::local::{self, Head};
use cowherd_source::{Access, Auth, Location, Mirrors, Reference, Remote, RepositoryUrl, Scheme};
use cowherd_tree::TreePath;
use serde_json::{Value, json};

use crate::bootstrap::Root;

/// Flags with the credentials of a remote repository, as `flux bootstrap git` has them.
#[derive(Args, Clone)]
pub struct Credentials {
    /// The user of basic authentication
    #[arg(long, value_name = "USER")]
    username: Option<String>,
    /// The password or token of basic authentication; better in the environment than on the command line
    #[arg(long, value_name = "PASSWORD", env = "GIT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// A file with the private key for ssh; without it, ssh uses what you have set up
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// A file with the host keys that are accepted over ssh [default: ~/.ssh/known_hosts]
    #[arg(long, value_name = "FILE")]
    known_hosts_file: Option<PathBuf>,
    /// A file with the certificate authority of the server (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Credentials {
    /// The data of the Secret that Flux would have.
    fn secret_data(&self, url: &RepositoryUrl) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let mut data = Vec::new();
        // Over ssh the user is part of the URL, and a password would not be used.
        if let Some((user, password)) = url.userinfo()
            && matches!(url.scheme(), Scheme::Http | Scheme::Https)
        {
            data.push(("username", user.as_bytes().to_vec()));
            data.push(("password", password.expose().to_vec()));
        }
        if let Some(user) = &self.username {
            data.retain(|(key, _)| *key != "username");
            data.push(("username", user.as_bytes().to_vec()));
        }
        if let Some(password) = &self.password {
            data.retain(|(key, _)| *key != "password");
            data.push(("password", password.as_bytes().to_vec()));
        }
        if let Some(path) = &self.ca_file {
            data.push(("ca.crt", read(path)?));
        }
        if let Some(path) = &self.private_key_file {
            data.push(("identity", read(path)?));
            let known_hosts = match &self.known_hosts_file {
                Some(path) => path.clone(),
                None => {
                    std::env::home_dir().context("no home directory; use --known-hosts-file")?.join(".ssh/known_hosts")
                }
            };
            data.push(("known_hosts", read(&known_hosts)?));
        } else if let Some(path) = &self.known_hosts_file {
            data.push(("known_hosts", read(path)?));
        }
        Ok(data)
    }
}

/// Finds out what to follow: the branch that is checked out here or there, unless one is named, and the directory
/// that was named, from where the person stands in the repository.
pub async fn resolve(
    named: &str,
    branch: Option<&str>,
    path: Option<&str>,
    credentials: &Credentials,
    mirrors: &Mirrors,
) -> Result<Root> {
    match Location::parse(named)? {
        Location::Path(directory) => resolve_local(&directory, branch, path),
        Location::Url(url) => resolve_remote(url, branch, path, credentials, mirrors).await,
    }
}

fn resolve_local(directory: &Path, branch: Option<&str>, path: Option<&str>) -> Result<Root> {
    let repository = local::discover(directory)?;
    let reference = match branch {
        Some(branch) => {
            repository.snapshot(&Reference::Branch(branch.to_owned()))?;
            json!({ "branch": branch })
        }
        None => match repository.head()? {
            Head::Branch(branch) => json!({ "branch": branch }),
            Head::Detached(_) => json!({ "name": "HEAD" }),
            Head::Unborn(branch) => {
                bail!("{} has no commit on {branch} yet; commit your manifests first", repository.root().display())
            }
        },
    };
    let path = repository.prefix().join(path.unwrap_or("."))?;
    Ok(Root {
        url: format!("file://{}", repository.root().display()),
        reference,
        path: spec_path(&path),
        credentials: Vec::new(),
    })
}

async fn resolve_remote(
    url: RepositoryUrl,
    branch: Option<&str>,
    path: Option<&str>,
    credentials: &Credentials,
    mirrors: &Mirrors,
) -> Result<Root> {
    let data = credentials.secret_data(&url)?;
    let secret = data.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let remote = Remote::new(url.clone()).with_auth(Auth::from_secret(&secret)).with_access(Access::own());
    let wanted = branch.map_or(Reference::Head, |branch| Reference::Branch(branch.to_owned()));
    let mirrors = mirrors.clone();
    let snapshot = tokio::task::spawn_blocking(move || mirrors.fetch(&remote, &wanted)).await??;
    let reference = match (branch, snapshot.revision.name()) {
        (Some(branch), _) => json!({ "branch": branch }),
        (None, Some(name)) if name != "HEAD" => json!({ "branch": name }),
        (None, _) => json!({ "name": "HEAD" }),
    };
    let path = TreePath::parse(path.unwrap_or("."))?;
    Ok(Root { url: url.to_string(), reference, path: spec_path(&path), credentials: data })
}

/// A path as `spec.path` has it.
fn spec_path(path: &TreePath) -> String {
    if path.is_root() { "./".to_owned() } else { format!("./{path}") }
}

/// The reference in words: `branch main`.
pub fn reference_words(reference: &Value) -> String {
    let fields = reference.as_object().into_iter().flatten();
    fields.map(|(kind, name)| format!("{kind} {}", name.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", ")
}
