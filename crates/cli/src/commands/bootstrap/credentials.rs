//! With what this machine logs in to the repository, and with what the cluster does.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use console::Term;
use cowherd_source::{Auth, KeyAlgorithm, RepositoryUrl, Secret};

use super::address::{Address, USER};
use crate::bootstrap::ROOT;
use crate::failure::misuse;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
const HEADING: &str = "Credentials of the repository";

/// Flags with the credentials of the repository, as `flux bootstrap git` has them.
#[derive(Args, Clone)]
pub struct Credentials {
    /// The user of basic authentication, and of ssh where the URL names none
    #[arg(help_heading = HEADING, short, long, value_name = "USER", default_value = USER)]
    username: String,
    /// The password or token of basic authentication, or the passphrase of the private key; better in the environment than on
    /// the command line
    #[arg(help_heading = HEADING, short, long, value_name = "PASSWORD", env = "GIT_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Have the cluster log in with the password, over https, instead of a deploy key over ssh
    #[arg(help_heading = HEADING, long)]
    pub token_auth: bool,
    /// The password is a bearer token; the cluster logs in with it, too
    #[arg(help_heading = HEADING, long)]
    with_bearer_token: bool,
    /// A file with a private key for ssh, with which the cluster logs in, too; without it, ssh uses here what you have set up, and
    /// a deploy key is made for the cluster
    #[arg(help_heading = HEADING, long, value_name = "FILE", conflicts_with_all = ["token_auth", "with_bearer_token"])]
    private_key_file: Option<PathBuf>,
    /// A file with the host keys that are accepted over ssh [default: those of the host in ~/.ssh/known_hosts]
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    known_hosts_file: Option<PathBuf>,
    /// A file with the certificate authority of the server (PEM)
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The Secret in flux-system with what the cluster logs in with
    #[arg(help_heading = HEADING, long, value_name = "NAME", default_value = ROOT)]
    pub secret_name: String,
    /// The host, with its port, at which the cluster finds the repository over ssh, where it is another one than that of the URL
    #[arg(help_heading = HEADING, long, value_name = "HOST", conflicts_with = "token_auth")]
    ssh_hostname: Option<String>,
    /// What kind of deploy key is made
    #[arg(help_heading = HEADING, long, value_name = "ALGORITHM", default_value = "ecdsa")]
    ssh_key_algorithm: Algorithm,
    /// The curve of a deploy key of ECDSA
    #[arg(help_heading = HEADING, long, value_name = "CURVE", default_value = "p384")]
    ssh_ecdsa_curve: Curve,
    /// How many bits a deploy key of RSA has
    #[arg(help_heading = HEADING, long, value_name = "BITS", default_value_t = 2048)]
    ssh_rsa_bits: usize,
    /// Take it for done that the deploy key was added to the repository, and do not ask
    #[arg(help_heading = HEADING, short, long)]
    pub silent: bool,
    /// Who has a token of the host, and the token: it goes before user and password.
    #[arg(skip)]
    token: Option<(String, Secret)>,
    /// The host keys that the host says are its own.
    #[arg(skip)]
    host_keys: Option<Vec<u8>>,
}

/// The kinds of keys, as Flux names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Algorithm {
    /// RSA
    Rsa,
    /// ECDSA
    Ecdsa,
    /// Ed25519
    Ed25519,
}

/// The curves of ECDSA.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Curve {
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521
    P521,
}

/// The keys of the cluster's Secret, as Flux names them, with what they hold.
pub type Data = BTreeMap<String, Vec<u8>>;

/// With what the cluster logs in.
pub enum Login {
    /// With the same as this machine.
    Given(Data),
    /// With a key that it has, or that is made for it. What else its Secret holds.
    DeployKey(Data),
}

impl Credentials {
    /// The same with the password of the URL where no other one is said, and one that is asked for where it takes one.
    ///
    /// # Errors
    /// When there is none, and nobody who could be asked.
    pub fn complete(mut self, url: &str) -> Result<Self> {
        self.token_auth |= self.with_bearer_token;
        let url = RepositoryUrl::parse(url)?;
        if let (None, Some((user, password))) = (&self.password, url.userinfo())
            && !password.is_empty()
        {
            self.password = Some(String::from_utf8_lossy(password.expose()).into_owned());
            if self.username == USER && !user.is_empty() {
                self.username = user.to_owned();
            }
        }
        self.password = self.password.filter(|password| !password.is_empty());
        if self.token_auth && self.password.is_none() {
            if !io::stdin().is_terminal() {
                misuse!("--token-auth takes a password or token; give it in GIT_PASSWORD");
            }
            let term = Term::stderr();
            term.write_str("the password or token of the repository: ")?;
            self.password = Some(term.read_secure_line().context("no password was given")?);
        }
        Ok(self)
    }

    /// The same for a repository of a host that takes a token, and may say which its host keys are.
    pub fn of_a_host(mut self, owner: &str, token: Secret, host_keys: Option<Vec<u8>>) -> Self {
        self.token = Some((owner.to_owned(), token));
        self.host_keys = host_keys;
        self
    }

    /// Whether it takes the host keys of the server itself, and none are named.
    pub fn lack_host_keys(&self) -> bool {
        !self.token_auth && self.known_hosts_file.is_none() && self.ssh_hostname.is_none()
    }

    /// User and password of basic authentication.
    fn basic(&self) -> Option<(String, Secret)> {
        let given = || Some((self.username.clone(), Secret::from(self.password.as_deref()?)));
        self.token.clone().or_else(given)
    }

    /// The user of ssh where the URL names none.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The URL by which the cluster follows the repository.
    ///
    /// # Errors
    /// When it cannot be told by what is said.
    pub fn followed(&self, address: &Address) -> Result<String> {
        match self.token_auth {
            true => Ok(address.followed_by_token()),
            false => address.followed_by_key(&self.username, self.ssh_hostname.as_deref()),
        }
    }

    /// Who this machine is to the server.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn own(&self, address: &Address) -> Result<Auth> {
        let password = self.password.as_deref().map(Secret::from);
        if address.is_ssh() {
            let identity = self.private_key()?;
            // Who has set up ssh has the host keys there, too.
            let known_hosts = match (&self.known_hosts_file, &identity) {
                (None, None) => None,
                _ => Some(self.known_hosts(&address.pushed_to(USER))?),
            };
            let password = password.filter(|_| identity.is_some());
            return Ok(Auth { identity: identity.map(Into::into), known_hosts, password, ..Auth::default() });
        }
        let ca = self.authority()?;
        let (username, password) = self.basic().unzip();
        Ok(match self.with_bearer_token {
            true => Auth { bearer_token: password, ca, ..Auth::default() },
            false => Auth { username, password, ca, ..Auth::default() },
        })
    }

    /// With what the cluster logs in to `url`.
    ///
    /// # Errors
    /// When a file cannot be read, or the server's host keys are not known.
    pub fn of_the_cluster(&self, url: &str) -> Result<Login> {
        let mut data = Data::new();
        let mut put = |key: &str, value: Option<Vec<u8>>| {
            if let Some(value) = value {
                data.insert(key.to_owned(), value);
            }
        };
        if self.token_auth {
            let (username, password) = self.basic().unzip();
            let password = password.map(|password| password.expose().to_vec());
            match self.with_bearer_token {
                true => put("bearerToken", password),
                false => {
                    put("username", username.map(String::into_bytes));
                    put("password", password);
                }
            }
            put("ca.crt", self.authority()?);
            return Ok(Login::Given(data));
        }
        put("known_hosts", Some(self.known_hosts(url)?));
        let Some(key) = self.private_key()? else { return Ok(Login::DeployKey(data)) };
        put("identity", Some(key));
        put("password", self.password.as_ref().map(|passphrase| passphrase.as_bytes().to_vec()));
        Ok(Login::Given(data))
    }

    /// What kind of deploy key is made.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match (self.ssh_key_algorithm, self.ssh_ecdsa_curve) {
            (Algorithm::Ed25519, _) => KeyAlgorithm::Ed25519,
            (Algorithm::Rsa, _) => KeyAlgorithm::Rsa(self.ssh_rsa_bits),
            (Algorithm::Ecdsa, Curve::P256) => KeyAlgorithm::EcdsaP256,
            (Algorithm::Ecdsa, Curve::P384) => KeyAlgorithm::EcdsaP384,
            (Algorithm::Ecdsa, Curve::P521) => KeyAlgorithm::EcdsaP521,
        }
    }

    fn private_key(&self) -> Result<Option<Vec<u8>>> {
        self.private_key_file.as_deref().map(|file| read(file, "--private-key-file")).transpose()
    }

    /// The certificate authority of the server.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn authority(&self) -> Result<Option<Vec<u8>>> {
        self.ca_file.as_deref().map(|file| read(file, "--ca-file")).transpose()
    }

    /// The host keys of a server: those that are named, or those that the person knows. What a server shows at this moment is not
    /// taken for its own: whoever is on the way could show another.
    fn known_hosts(&self, url: &str) -> Result<Vec<u8>> {
        if let Some(file) = &self.known_hosts_file {
            return read(file, "--known-hosts-file");
        }
        if let Some(keys) = &self.host_keys {
            return Ok(keys.clone());
        }
        let url = RepositoryUrl::parse(url)?;
        let host = url.host();
        let name = match host.rsplit_once(':') {
            Some((name, "22")) => name.to_owned(),
            Some((name, port)) => format!("[{}]:{port}", name.trim_start_matches('[').trim_end_matches(']')),
            None => host.clone(),
        };
        let home = std::env::home_dir().map(|home| home.join(".ssh/known_hosts"));
        for file in home.into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]) {
            let keys = keys_of(&name, &file)?;
            if !keys.is_empty() {
                return Ok(keys);
            }
        }
        bail!(
            "the host keys of {host} are not known here, by which the cluster knows the server: have `{}` print them, see \
             that they are the server's own, and name the file with --known-hosts-file",
            url.key_scan()
        )
    }
}

/// The lines of a known_hosts about a host, whose name may stand there as a hash alone.
fn keys_of(name: &str, file: &Path) -> Result<Vec<u8>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("ssh-keygen");
    command.arg("-F").arg(name).arg("-f").arg(file).stdin(Stdio::null());
    let found =
        command.output().context("cannot start ssh-keygen; install an OpenSSH client, or name --known-hosts-file")?;
    let text = String::from_utf8_lossy(&found.stdout);
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    Ok(lines.flat_map(|line| format!("{line}\n").into_bytes()).collect())
}

fn read(file: &Path, flag: &str) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}, which {flag} names", file.display()))
}

/// Asks the person something that is answered with yes or no. No answer is no.
pub fn confirmed(question: &str) -> bool {
    crate::terminal::tell!("{question} [y/N]");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}
