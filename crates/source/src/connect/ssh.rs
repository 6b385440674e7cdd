//! Git's protocol through the `ssh` program.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use gix_transport::Protocol;
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use tempfile::TempDir;

use super::Means;
use super::attempt::{Attempt, Counted};
use crate::objects::lock;
use crate::{Auth, FetchError};

/// The most that is kept of what `ssh` writes to its error output, in bytes.
const MAX_WORDS: u64 = 16 * 1024;

/// How long `ssh` may take to end once its connection is closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts `ssh` to the server of `attempt`.
pub(super) fn transport(
    attempt: &Arc<Attempt>,
    means: &Means<'_>,
) -> Result<(Connection<Counted<ChildStdout>, ChildStdin>, Process), FetchError> {
    let files = KeyFiles::write(attempt, means)?;
    let mut command = command(attempt, means, &files)?;
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FetchError::NoSsh { url: attempt.url().clone(), program: means.ssh.to_owned() },
        _ => attempt.unreachable(&format!("ssh could not be started: {error}")),
    })?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let process = Process::new(child, errors, files);
    let (Some(input), Some(output)) = (input, output) else {
        return Err(attempt.unreachable("ssh has no input or output"));
    };
    let output = Counted { attempt: attempt.clone(), inner: output };
    let path = attempt.url().git().map(|url| url.path.clone()).unwrap_or_default();
    let connection = Connection::new(output, input, Protocol::V2, path, None::<(&str, _)>, ConnectMode::Process, false);
    Ok((connection, process))
}

fn command(attempt: &Attempt, means: &Means<'_>, files: &KeyFiles) -> Result<Command, FetchError> {
    let without_host = || attempt.unsupported("a URL without a host");
    let url = attempt.url().git().ok_or_else(without_host)?;
    let host = url.host_argument_safe().ok_or_else(without_host)?;
    let mut command = Command::new(means.ssh);
    command.args(["-T", "-o", "StrictHostKeyChecking=yes", "-o", "SendEnv=GIT_PROTOCOL"]);
    command.args(["-o", "ServerAliveInterval=15", "-o", "ControlMaster=no", "-o", "ControlPath=none"]);
    let seconds = attempt.deadline().remaining().as_secs().max(1);
    command.arg("-o").arg(format!("ConnectTimeout={seconds}"));
    files.apply(attempt.auth(), &mut command);
    if let Some(port) = url.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = url.user() {
        command.arg("-l").arg(user);
    }
    let path = quote(&gix::url::expand_path::for_shell(url.path.clone()).to_string());
    command.arg("--").arg(host).arg(format!("git-upload-pack {path}"));
    command.env("GIT_PROTOCOL", "version=2").env("LC_ALL", "C").env("LANG", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// `text` as one word of a shell; a leading `~user/` is left for the shell to read.
fn quote(text: &str) -> String {
    let (home, rest) = match (text.starts_with('~'), text.find('/')) {
        (true, Some(slash)) if text[1..slash].chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) => {
            text.split_at(slash + 1)
        }
        _ => ("", text),
    };
    format!("{home}'{}'", rest.replace('\'', "'\\''"))
}

/// The files that `ssh` reads keys from. They go when this is dropped.
struct KeyFiles {
    directory: Option<TempDir>,
}

impl KeyFiles {
    /// Writes what the credentials hold, readable to us alone.
    fn write(attempt: &Attempt, means: &Means<'_>) -> Result<Self, FetchError> {
        let auth = attempt.auth();
        if auth.identity.is_some() && auth.known_hosts.is_none() {
            return Err(attempt
                .credentials("there is a private key but no known_hosts; add the host keys that ssh-keyscan prints"));
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
    fn apply(&self, auth: &Auth, command: &mut Command) {
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

/// A running `ssh`. It ends with this.
pub(crate) struct Process {
    child: Arc<Mutex<Child>>,
    words: Arc<Mutex<Vec<u8>>>,
    listener: Mutex<Option<JoinHandle<()>>>,
    _files: KeyFiles,
}

/// Can end an `ssh` from another thread.
pub(super) struct Killer(Arc<Mutex<Child>>);

impl Killer {
    pub(super) fn kill(&self) {
        // It may have ended already.
        let _ = lock(&self.0).kill();
    }
}

impl Process {
    fn new(child: Child, errors: Option<impl Read + Send + 'static>, files: KeyFiles) -> Self {
        let words = Arc::new(Mutex::new(Vec::new()));
        let heard = words.clone();
        let listener = errors.and_then(|mut errors| {
            let listen = move || {
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = errors.read(&mut buffer) {
                    let mut heard = lock(&heard);
                    if (heard.len() as u64) < MAX_WORDS {
                        heard.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    }
                }
            };
            std::thread::Builder::new().name("ssh-errors".to_owned()).spawn(listen).ok()
        });
        Self { child: Arc::new(Mutex::new(child)), words, listener: Mutex::new(listener), _files: files }
    }

    pub(super) fn killer(&self) -> Killer {
        Killer(self.child.clone())
    }

    /// What `ssh` said before it failed, and what that means; `None` if it said nothing.
    pub(super) fn last_words(&self, attempt: &Attempt) -> Option<FetchError> {
        self.end();
        let words = String::from_utf8_lossy(&lock(&self.words)).into_owned();
        let text = significant(&words);
        if text.is_empty() {
            return None;
        }
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
        Some(if says(&["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED", "host key is known for"]) {
            attempt.host_key(&text)
        } else if says(&["Permission denied", "Too many authentication failures", "Load key"]) {
            attempt.refused(&text)
        } else if says(UNREACHABLE) {
            attempt.unreachable(&text)
        } else if says(&["not appear to be a git repository", "epository not found", "does not exist", "not found"]) {
            attempt.not_found(&text)
        } else {
            attempt.protocol(&text)
        })
    }

    /// Waits a moment for `ssh` to end by itself, then ends it, and hears it out.
    fn end(&self) {
        let farewell = std::time::Instant::now();
        while matches!(lock(&self.child).try_wait(), Ok(None)) {
            if farewell.elapsed() > FAREWELL {
                let _ = lock(&self.child).kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(listener) = lock(&self.listener).take() {
            // Its only work is to collect; if it failed there is nothing to hear.
            let _ = listener.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

const UNREACHABLE: &[&str] = &[
    "Could not resolve hostname",
    "Connection refused",
    "Connection timed out",
    "Operation timed out",
    "No route to host",
    "Network is unreachable",
    "Connection closed",
    "Connection reset",
    "Broken pipe",
    "kex_exchange_identification",
];

/// The lines that say something: not the frames that OpenSSH draws around its warnings.
fn significant(words: &str) -> String {
    let lines = words.lines().map(str::trim).filter(|line| line.chars().any(char::is_alphanumeric));
    lines.map(|line| line.trim_matches(['@', ' '])).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_remote_shell() {
        assert_eq!(quote("/srv/it's; rm -rf"), "'/srv/it'\\''s; rm -rf'");
        assert_eq!(quote("~git/repo"), "~git/'repo'");
        assert_eq!(quote("~$(x)/repo"), "'~$(x)/repo'");
    }
}
