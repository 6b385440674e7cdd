//! The repository that a person named on the command line.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use cowherd_source::local::{self, Head};
use cowherd_source::{Access, Auth, FetchError, Location, Reference, Remote, RepositoryUrl, Scheme, Snapshot};
use cowherd_text::near;
use cowherd_tree::{EntryKind, Tree, TreePath};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::bootstrap::{self, Root};
use crate::checkout;
use crate::failure::misuse;
use crate::followed::Followed;
use crate::tentative::Fetching;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
const HEADING: &str = "Credentials of the repository";

/// Flags with the credentials of a remote repository, as `flux bootstrap git` has them.
#[derive(Args, Clone)]
pub struct Credentials {
    /// The user of basic authentication
    #[arg(help_heading = HEADING, long, value_name = "USER")]
    username: Option<String>,
    /// The password or token of basic authentication; better in the environment than on the command line
    #[arg(help_heading = HEADING, long, value_name = "PASSWORD", env = "GIT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// A file with the private key for ssh; without it, ssh uses what you have set up
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// A file with the host keys that are accepted over ssh [default: ~/.ssh/known_hosts]
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    known_hosts_file: Option<PathBuf>,
    /// A file with the certificate authority of the server (PEM)
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Credentials {
    /// Refuses flags that say how to log in to a server, where there is none. The variable of the password may be set for others.
    fn are_for_a_server(&self, repository: &Path) -> Result<()> {
        let given = [
            ("--username", self.username.is_some()),
            ("--private-key-file", self.private_key_file.is_some()),
            ("--known-hosts-file", self.known_hosts_file.is_some()),
            ("--ca-file", self.ca_file.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => misuse!(
                "{flag} is for a repository of a server, and {} is one of this machine: name its URL, or leave the flag out",
                repository.display()
            ),
            None => Ok(()),
        }
    }

    /// The host keys that go with a private key where none are named and none are known: those of the person.
    ///
    /// # Errors
    /// When there are none, unless an earlier start may have given some.
    fn own_known_hosts(&self, is_resumed: bool) -> Result<bootstrap::Credentials> {
        if self.private_key_file.is_none() || self.known_hosts_file.is_some() {
            return Ok(Vec::new());
        }
        let path = std::env::home_dir().context("no home directory; use --known-hosts-file")?.join(".ssh/known_hosts");
        match std::fs::read(&path) {
            Ok(keys) => Ok(vec![("known_hosts", keys)]),
            Err(_) if is_resumed => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "cannot read {}, which has to hold the server's host key; `ssh-keyscan HOST` prints it, and \
                     --known-hosts-file names another file",
                    path.display()
                )
            }),
        }
    }

    /// The data of the Secret that Flux would have.
    fn secret_data(&self, url: &RepositoryUrl) -> Result<bootstrap::Credentials> {
        let read = |flag: &str, path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}, which {flag} names", path.display()))
        };
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
            data.push(("ca.crt", read("--ca-file", path)?));
        }
        if let Some(path) = &self.private_key_file {
            data.push(("identity", read("--private-key-file", path)?));
        }
        if let Some(path) = &self.known_hosts_file {
            data.push(("known_hosts", read("--known-hosts-file", path)?));
        }
        Ok(data)
    }
}

/// What a person said on the command line about what to follow.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// A URL or a path.
    pub repository: Option<&'a str>,
    pub branch: Option<&'a str>,
    pub path: Option<&'a str>,
    pub credentials: &'a Credentials,
}

impl Named<'_> {
    /// The repository: the one that was named, the one that was followed before, or the one that a person stands in.
    pub fn location<'a>(&'a self, before: Option<&'a Followed>) -> &'a str {
        self.repository.or(before.map(|before| before.url.as_str())).unwrap_or(".")
    }

    /// Finds out what to follow. What was not said is as it was before, as long as the repository is the same; in
    /// another one it is the branch that is checked out here or there, and the directory that the person stands in.
    pub async fn resolve(&self, before: Option<&Followed>, fetching: &Fetching) -> Result<Root> {
        match Location::parse(self.location(before))? {
            Location::Path(directory) => self.resolve_local(&directory, before),
            Location::Url(url) => self.resolve_remote(url, before, fetching).await,
        }
    }

    fn resolve_local(&self, directory: &Path, before: Option<&Followed>) -> Result<Root> {
        let repository = local::discover(directory)?;
        self.credentials.are_for_a_server(repository.root())?;
        let url = format!("file://{}", repository.root().display());
        let before = before.filter(|before| before.url == url);
        let reference = match (self.branch, before) {
            (Some(branch), _) => {
                repository.snapshot(&Reference::Branch(branch.to_owned()))?;
                json!({ "branch": branch })
            }
            (None, Some(before)) => before.reference.clone(),
            (None, None) => match repository.head()? {
                Head::Branch(branch) => json!({ "branch": branch }),
                Head::Detached(_) => json!({ "name": "HEAD" }),
                Head::Unborn(branch) => {
                    bail!("{} has no commit on {branch} yet; commit your manifests first", repository.root().display())
                }
            },
        };
        let stands_below = !repository.prefix().is_root();
        let path = match (self.path, before) {
            (None, Some(before)) if !stands_below => before.path.clone(),
            (path, _) => {
                let path = path.unwrap_or(".");
                spec_path(&checkout::inside(repository.root(), repository.prefix(), "--path", path)?)
            }
        };
        Ok(Root { followed: Followed { url, reference, path, interval: None }, ..Root::default() })
    }

    async fn resolve_remote(&self, url: RepositoryUrl, before: Option<&Followed>, fetching: &Fetching) -> Result<Root> {
        let credentials = self.credentials.secret_data(&url)?;
        let before = before.filter(|before| before.url == url.to_string());
        let fallback = self.credentials.own_known_hosts(before.is_some())?;
        let reference = match (self.branch, before) {
            (None, Some(before)) => before.reference.clone(),
            (Some(branch), Some(before)) if before.reference["branch"] == branch => before.reference.clone(),
            _ => self.ask(&url, &[&credentials[..], &fallback].concat(), fetching).await?,
        };
        let path = match (self.path, before) {
            (None, Some(before)) => before.path.clone(),
            (path, _) => spec_path(&TreePath::parse(path.unwrap_or("."))?),
        };
        let followed = Followed { url: url.to_string(), reference, path, interval: None };
        Ok(Root { followed, credentials, fallback, keeps_credentials: before.is_some(), ..Root::default() })
    }

    /// Asks the server which branch to follow.
    async fn ask(
        &self,
        url: &RepositoryUrl,
        credentials: &[(&'static str, Vec<u8>)],
        fetching: &Fetching,
    ) -> Result<Value> {
        let secret = credentials.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let remote = Remote::new(url.clone()).with_auth(Auth::from_secret(&secret)).with_access(Access::own());
        let wanted = self.branch.map_or(Reference::Head, |branch| Reference::Branch(branch.to_owned()));
        let mirrors = fetching.mirrors()?;
        let snapshot = blocking(move || mirrors.fetch(&remote, &wanted)).await??;
        Ok(match (self.branch, snapshot.revision.name()) {
            (Some(branch), _) => json!({ "branch": branch }),
            (None, Some(name)) if name != "HEAD" => json!({ "branch": name }),
            (None, _) => json!({ "name": "HEAD" }),
        })
    }
}

/// The commit that is followed now; `None` where only the credentials in the cluster can tell.
pub async fn commit(root: &Root, fetching: &Fetching) -> Result<Option<String>> {
    Ok(snapshot(root, fetching).await?.map(|snapshot| snapshot.revision.commit().to_string()))
}

/// Refuses a path that the revision which is followed does not have, with those that may be meant.
pub async fn check_path(root: &Root, fetching: &Fetching) -> Result<()> {
    let Some(snapshot) = snapshot(root, fetching).await? else { return Ok(()) };
    let path = TreePath::parse(&root.followed.path)?;
    let tree = snapshot.tree.as_ref();
    match tree.stat(&path)? {
        Some(entry) if entry.kind == EntryKind::Directory => return Ok(()),
        Some(_) => bail!("{} is no directory in {}", spec_path(&path), snapshot.revision),
        None => {}
    }
    let all = directories(tree)?;
    let mut near: Vec<&str> = near::names(path.as_str(), all.iter().map(TreePath::as_str));
    if near.is_empty() {
        // It may be meant as seen from elsewhere.
        let is_named_so = |directory: &&TreePath| directory.as_str().ends_with(&format!("/{path}"));
        near = all.iter().filter(is_named_so).map(TreePath::as_str).take(3).collect();
    }
    let near: Vec<String> = near.into_iter().map(|path| format!("./{path}")).collect();
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    bail!("there is no {} in {} of {}{}", spec_path(&path), snapshot.revision, root.followed.url, near::said(&near))
}

/// How many directories are looked at to find those that may be meant.
const MAX_DIRECTORIES: usize = 5_000;

/// The directories of a tree, but hidden ones, the uppermost first.
fn directories(tree: &dyn Tree) -> Result<Vec<TreePath>> {
    let mut all = Vec::new();
    let mut queue = VecDeque::from([TreePath::root()]);
    while let Some(directory) = queue.pop_front() {
        for (name, entry) in tree.list(&directory)? {
            if entry.kind == EntryKind::Directory && !name.starts_with('.') && all.len() < MAX_DIRECTORIES {
                let Ok(path) = directory.join(&name) else { continue };
                queue.push_back(path.clone());
                all.push(path);
            }
        }
    }
    Ok(all)
}

/// What is followed as it is now; `None` where only the credentials in the cluster can tell.
pub async fn snapshot(root: &Root, fetching: &Fetching) -> Result<Option<Snapshot>> {
    let name = |field: &str| root.followed.reference[field].as_str().map(str::to_owned);
    let reference = name("branch").map_or(Reference::Head, Reference::Branch);
    match Location::parse(&root.followed.url)? {
        Location::Path(directory) => Ok(Some(local::discover(&directory)?.snapshot(&reference)?)),
        Location::Url(url) => {
            // It may be open to all; else, who knows the credentials that the cluster keeps, beside those given now?
            let is_blind = root.keeps_credentials;
            let given = root.fallback.iter().chain(&root.credentials);
            let secret = given.map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            let remote = Remote::new(url).with_auth(Auth::from_secret(&secret)).with_access(Access::own());
            let mirrors = fetching.mirrors()?;
            match blocking(move || mirrors.fetch(&remote, &reference)).await? {
                Err(error) if is_blind && takes_credentials(&error) => Ok(None),
                fetched => Ok(Some(fetched?)),
            }
        }
    }
}

/// Whether credentials may be what was missing. Some servers deny that there is what they show to some only.
fn takes_credentials(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Refused { .. }
            | FetchError::Credentials { .. }
            | FetchError::HostKey { .. }
            | FetchError::Tls { .. }
            | FetchError::RepositoryNotFound { .. }
    )
}

/// A path as `spec.path` has it.
pub fn spec_path(path: &TreePath) -> String {
    if path.is_root() { "./".to_owned() } else { format!("./{path}") }
}
