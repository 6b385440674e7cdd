//! The files that `ssh` reads keys from.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::super::Means;
use super::super::attempt::Attempt;
use crate::{Auth, FetchError};

/// The files that `ssh` reads keys from. They go when this is dropped.
pub(super) struct KeyFiles {
    directory: Option<TempDir>,
}

impl KeyFiles {
    /// Writes what the credentials hold, readable to us alone.
    pub(super) fn write(attempt: &Attempt, means: &Means<'_>) -> Result<Self, FetchError> {
        let auth = attempt.auth();
        if auth.identity.is_some() && auth.known_hosts.is_none() {
            let scan = attempt.url().key_scan();
            return Err(attempt.credentials(&format!(
                "there is a private key but no known_hosts; add the host keys that `{scan}` prints"
            )));
        }
        if auth.password.is_none() && auth.identity.as_ref().is_some_and(|identity| has_passphrase(identity.expose())) {
            return Err(attempt.credentials(
                "the private key has a passphrase, and none is given; put it as password into the Secret that spec.secretRef \
                 names, give it to `cowherd up` in GIT_PASSWORD, or use a key without one",
            ));
        }
        if auth.identity.is_none() && auth.known_hosts.is_none() {
            return Ok(Self { directory: None });
        }
        let storage = |error: std::io::Error| FetchError::Storage {
            url: attempt.url().clone(),
            path: means.keys.to_owned(),
            cause: error.to_string(),
        };
        let directory = tempfile::Builder::new().prefix("ssh-").tempdir_in(means.keys).map_err(storage)?;
        let put = |name: &str, content: &[u8], mode: u32| put(directory.path().join(name), content, mode);
        if let Some(identity) = &auth.identity {
            put("identity", identity.expose(), 0o600).map_err(storage)?;
        }
        if let Some(public) = &auth.identity_public {
            put("identity.pub", public, 0o600).map_err(storage)?;
        }
        if let Some(known_hosts) = &auth.known_hosts {
            put("known_hosts", known_hosts, 0o600).map_err(storage)?;
        }
        if let (Some(_), Some(passphrase)) = (&auth.identity, &auth.password) {
            put("passphrase", passphrase.expose(), 0o600).map_err(storage)?;
            put("askpass", b"#!/bin/sh\nexec cat \"${0%/*}/passphrase\"", 0o700).map_err(storage)?;
        }
        Ok(Self { directory: Some(directory) })
    }

    /// Tells `ssh` to use these files and nothing else; without any, it uses what the user has set up.
    pub(super) fn apply(&self, auth: &Auth, command: &mut Command) {
        let options = |command: &mut Command, options: &[&str]| {
            options.iter().for_each(|option| {
                command.arg("-o").arg(option);
            });
        };
        // Names relative to the working directory: a path could hold characters that mean something to ssh.
        if let Some(directory) = &self.directory {
            command.current_dir(directory.path());
        }
        if auth.known_hosts.is_some() {
            options(
                command,
                &["UserKnownHostsFile=known_hosts", "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no"],
            );
        }
        if auth.identity.is_some() {
            command.args(["-F", "none", "-i", "identity"]);
            options(command, &["IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey"]);
        }
        match (&self.directory, &auth.identity, &auth.password) {
            (Some(directory), Some(_), Some(_)) => {
                command.env("SSH_ASKPASS", directory.path().join("askpass"));
                command.env("SSH_ASKPASS_REQUIRE", "force");
                options(command, &["NumberOfPasswordPrompts=1"]);
            }
            _ => options(command, &["BatchMode=yes"]),
        }
    }
}

/// Whether a private key can be read with a passphrase alone: as OpenSSH writes them (PROTOCOL.key), and as PEM.
fn has_passphrase(key: &[u8]) -> bool {
    const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
    const MAGIC: &[u8] = b"openssh-key-v1\0";
    let text = String::from_utf8_lossy(key);
    let Some((_, body)) = text.split_once(BEGIN) else {
        return text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
    };
    // The name of the cipher stands at the beginning.
    let body: String = body.chars().filter(|letter| !letter.is_whitespace()).take(64).collect();
    let Ok(decoded) = STANDARD.decode(body) else { return false };
    decoded.strip_prefix(MAGIC).is_some_and(|rest| !rest.starts_with(b"\0\0\0\x04none"))
}

fn put(path: PathBuf, content: &[u8], mode: u32) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    // OpenSSH does not read a key whose last line is not ended.
    if content.last().is_some_and(|last| *last != b'\n') {
        file.write_all(b"\n")?;
    }
    Ok(())
}
