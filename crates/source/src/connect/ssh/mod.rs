//! Git's protocol through the `ssh` program.

mod keys;
mod terms;

use std::io::Read;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use gix_transport::{Protocol, Service};

use super::Means;
use super::attempt::{Attempt, Counted};
use super::line::MAX_CONNECT;
use crate::FetchError;
use crate::objects::lock;
use keys::KeyFiles;
use terms::Terms;

/// The most that is kept of what `ssh` writes to its error output, in bytes.
const MAX_WORDS: u64 = 16 * 1024;

/// How long `ssh` may take to end once its connection is closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts `ssh` to the server of `attempt`.
pub(super) fn transport(
    attempt: &Arc<Attempt>,
    means: &Means<'_>,
    service: Service,
) -> Result<(Connection<Counted<ChildStdout>, ChildStdin>, Process), FetchError> {
    let terms = Terms::of(attempt)?;
    let files = KeyFiles::write(attempt, means)?;
    let mut command = command(attempt, means, (&terms, &files), service)?;
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

fn command(
    attempt: &Attempt,
    means: &Means<'_>,
    (terms, files): (&Terms, &KeyFiles),
    service: Service,
) -> Result<Command, FetchError> {
    let without_host = || attempt.unsupported("a URL without a host");
    let url = attempt.url().git().ok_or_else(without_host)?;
    let host = url.host_argument_safe().ok_or_else(without_host)?;
    let mut command = Command::new(means.ssh);
    terms.apply(&mut command);
    command.args(["-T", "-o", "StrictHostKeyChecking=yes", "-o", "SendEnv=GIT_PROTOCOL"]);
    command.args(["-o", "ServerAliveInterval=15", "-o", "ControlMaster=no", "-o", "ControlPath=none"]);
    let seconds = attempt.deadline().remaining().min(MAX_CONNECT).as_secs().max(1);
    command.arg("-o").arg(format!("ConnectTimeout={seconds}"));
    files.apply(attempt.auth(), &mut command);
    if let Some(port) = url.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = url.user() {
        command.arg("-l").arg(user);
    }
    let path = quote(&gix::url::expand_path::for_shell(url.path.clone()).to_string());
    command.arg("--").arg(host).arg(format!("{} {path}", service.as_str()));
    // There is no second version of the protocol for pushing.
    let version = if service == Service::UploadPack { "version=2" } else { "" };
    command.env("GIT_PROTOCOL", version).env("LC_ALL", "C").env("LANG", "C");
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
        Some(if let Some(shown) = changed_key(&words) {
            attempt.host_key(&format!(
                "it shows another one ({shown}) than is known for it: it was replaced, or somebody else answers in its place"
            ))
        } else if says(&["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED", "host key is known for"]) {
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
    lines.map(|line| line.trim_matches(['@', ' ']).trim_end_matches(['.', '!'])).collect::<Vec<_>>().join("; ")
}

/// Which host key a server shows, where OpenSSH knows another one for it: `ED25519 SHA256:…`.
fn changed_key(words: &str) -> Option<String> {
    let (_, behind) = words.split_once("HOST IDENTIFICATION HAS CHANGED")?;
    let (_, behind) = behind.split_once("The fingerprint for the ")?;
    let (kind, behind) = behind.split_once(" key sent by the remote host is")?;
    let fingerprint = behind.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(format!("{kind} {}", fingerprint.trim_end_matches('.')))
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

    #[test]
    fn what_ssh_says_is_told_in_one_line_without_its_frames() {
        let words = "@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@\nIT IS POSSIBLE!\nThe fingerprint for \
                     the ED25519 key sent by the remote host is\r\nSHA256:abc.\r\nHost key verification failed.\n";
        assert_eq!(changed_key(words).as_deref(), Some("ED25519 SHA256:abc"));
        assert_eq!(significant("@ IT IS POSSIBLE! @\nPermission denied.\n"), "IT IS POSSIBLE; Permission denied");
        assert_eq!(changed_key("Host key verification failed."), None);
    }
}
