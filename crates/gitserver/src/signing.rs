//! Those who sign commits and tags: `gpg` and `ssh-keygen`, with keys of their own, which the person who runs the tests never sees.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A home of GnuPG. Its agent ends with it.
pub struct Gpg {
    home: PathBuf,
}

impl Gpg {
    /// An empty home at `path`, which must be short: sockets lie there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let home = path.into();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&home).unwrap();
        let gpg = Self { home };
        let program = format!("#!/bin/sh\nexec gpg --homedir '{}' --batch --quiet \"$@\"\n", gpg.home.display());
        fs::write(gpg.program(), program).unwrap();
        fs::set_permissions(gpg.program(), fs::Permissions::from_mode(0o755)).unwrap();
        gpg
    }

    /// The program by which git signs with the keys here, and verifies.
    pub fn program(&self) -> PathBuf {
        self.home.join("program")
    }

    /// Runs `gpg` on `input`; what it prints.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let (status, printed, said) = ran(Command::new(self.program()).args(arguments), input);
        assert!(status, "gpg {arguments:?}: {said}");
        printed
    }

    /// Makes a key for somebody: `rsa2048`, `ed25519`, `nistp256`, for `cert,sign`, that expires (`none`, `1d`). Gives its fingerprint.
    /// `more` are options, such as the time at which that was.
    pub fn make_key(&self, user: &str, algorithm: &str, usage: &str, expires: &str, more: &[&str]) -> String {
        let make = ["--pinentry-mode", "loopback", "--passphrase", ""];
        let make = [more, &make, &["--quick-gen-key", user, algorithm, usage, expires]].concat();
        self.run(&make, b"");
        self.fingerprints(user).remove(0)
    }

    /// Adds a subkey to a key.
    pub fn add_key(&self, fingerprint: &str, algorithm: &str, usage: &str, expires: &str, more: &[&str]) {
        let add = ["--pinentry-mode", "loopback", "--passphrase", ""];
        self.run(&[more, &add, &["--quick-add-key", fingerprint, algorithm, usage, expires]].concat(), b"");
    }

    /// The fingerprints of somebody's key and of its subkeys.
    pub fn fingerprints(&self, user: &str) -> Vec<String> {
        let listed = self.run(&["--with-colons", "--list-keys", user], b"");
        let listed = String::from_utf8(listed).unwrap();
        let lines = listed.lines().filter(|line| line.starts_with("fpr:"));
        lines.map(|line| line.split(':').nth(9).unwrap().to_owned()).collect()
    }

    /// Revokes a key by the certificate that was made with it.
    pub fn revoke(&self, fingerprint: &str) {
        let file = self.home.join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let certificate = fs::read_to_string(file).unwrap().replace(":-----BEGIN", "-----BEGIN");
        self.run(&["--import"], certificate.as_bytes());
    }

    /// Takes away from a key, or gives it, that it signs.
    pub fn toggle_signing(&self, user: &str) {
        let edit = ["--passphrase", "", "--pinentry-mode", "loopback", "--command-fd", "0", "--edit-key", user];
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(&self.home).args(["--no-tty", "--quiet", "--expert"]).args(edit).arg("change-usage");
        let (status, _, said) = ran(&mut gpg, b"S\nQ\nsave\n");
        assert!(status, "gpg: {said}");
    }

    /// Somebody's public key, as people publish it.
    pub fn public_key(&self, user: &str) -> String {
        String::from_utf8(self.run(&["--export", "--armor", user], b"")).unwrap()
    }

    /// Everybody's.
    pub fn public_keys(&self) -> String {
        String::from_utf8(self.run(&["--export", "--armor"], b"")).unwrap()
    }

    /// A signature over bytes by each of the users, in one armor.
    pub fn sign(&self, users: &[&str], options: &[&str], signed: &[u8]) -> String {
        let users: Vec<&str> = users.iter().flat_map(|user| ["--local-user", user]).collect();
        String::from_utf8(self.run(&[&users, options, &["--armor", "--detach-sign"]].concat(), signed)).unwrap()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let kill = Command::new("gpgconf").arg("--homedir").arg(&self.home).args(["--kill", "all"]).output();
        drop(kill);
    }
}

/// Bytes in the armor of OpenPGP.
pub fn armored(kind: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n\n{}\n-----END {kind}-----\n", STANDARD.encode(bytes))
}

/// A key of ssh.
pub struct SshKey {
    /// The private one; the public one lies beside it, and ends with `.pub`.
    pub path: PathBuf,
}

impl SshKey {
    /// Makes one: `ed25519`, `rsa`, `ecdsa`, of so many bits where that is a question.
    pub fn new(path: impl Into<PathBuf>, kind: &str, bits: &str) -> Self {
        let path = path.into();
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-N", "", "-C", "jane@example.com", "-t", kind]).arg("-f").arg(&path);
        if !bits.is_empty() {
            make.args(["-b", bits]);
        }
        let (status, _, said) = ran(&mut make, b"");
        assert!(status, "ssh-keygen: {said}");
        Self { path }
    }

    /// The public key, as it lies in its file.
    pub fn public_key(&self) -> String {
        fs::read_to_string(self.path.with_extension("pub")).unwrap()
    }

    /// The fingerprint that people know.
    pub fn fingerprint(&self) -> String {
        let (_, printed, _) = ran(Command::new("ssh-keygen").arg("-lf").arg(&self.path), b"");
        String::from_utf8(printed).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// A signature over bytes that is for `namespace`.
    pub fn sign(&self, namespace: &str, signed: &[u8]) -> String {
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&self.path);
        let (status, printed, said) = ran(&mut sign, signed);
        assert!(status, "ssh-keygen: {said}");
        String::from_utf8(printed).unwrap()
    }
}

/// A commit as it lies in a repository, with a signature put in.
pub fn with_signature(commit: &[u8], signature: &str) -> Vec<u8> {
    let text = String::from_utf8(commit.to_vec()).unwrap();
    let (headers, message) = text.split_once("\n\n").unwrap();
    let signature = signature.trim_end().replace('\n', "\n ");
    format!("{headers}\ngpgsig {signature}\n\n{message}").into_bytes()
}

/// Puts an object into a repository as it is; gives its id.
pub fn store(repository: &Path, kind: &str, content: &[u8]) -> String {
    let mut store = crate::repository::git(repository);
    let (status, printed, said) = ran(store.args(["hash-object", "-w", "--stdin", "-t", kind]), content);
    assert!(status, "git hash-object: {said}");
    String::from_utf8(printed).unwrap().trim().to_owned()
}

/// An object as it lies in a repository.
pub fn object(repository: &Path, kind: &str, name: &str) -> Vec<u8> {
    let (status, printed, said) = ran(crate::repository::git(repository).args(["cat-file", kind, name]), b"");
    assert!(status, "git cat-file: {said}");
    printed
}

/// Runs a program on `input`: whether it succeeded, what it printed, and what it said.
pub fn ran(command: &mut Command, input: &[u8]) -> (bool, Vec<u8>, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that does not read is none of our business.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}
