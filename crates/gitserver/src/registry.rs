//! A real OCI registry: Debian's `docker-registry`.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who may use a registry.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anyone.
    Anyone,
    /// Whoever is in a password file, as `htpasswd -B` writes it.
    Passwords(String),
    /// Whoever has a token that a server gives.
    Tokens {
        /// The URL of that server.
        realm: String,
        /// Its certificate as PEM: tokens are signed with its key.
        certificate: String,
    },
}

/// A running registry. It ends when this is dropped.
pub struct Registry {
    /// `host:port`.
    pub host: String,
    process: Child,
}

impl Registry {
    /// Keeps what is pushed in `directory`.
    pub fn start(directory: &Path, access: &Access) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        // Another process may take the port before the registry does.
        for _ in 0..5 {
            let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            let config = directory.join("config.yaml");
            std::fs::write(&config, configuration(directory, &host, access)).unwrap();
            let mut command = Command::new("docker-registry");
            command.arg("serve").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut registry = Self { process: command.spawn().unwrap(), host };
            if registry.listens() {
                return registry;
            }
        }
        panic!("docker-registry does not start");
    }

    fn listens(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) && self.process.try_wait().unwrap().is_none() {
            if TcpStream::connect(&self.host).is_ok() {
                // It may be another one that took the port: then this one ends at once.
                std::thread::sleep(Duration::from_millis(100));
                return self.process.try_wait().unwrap().is_none();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(directory: &Path, host: &str, access: &Access) -> String {
    let mut config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: {host:?}}}\n",
        directory.join("data")
    );
    match access {
        Access::Anyone => {}
        Access::Passwords(passwords) => {
            let path = directory.join("htpasswd");
            std::fs::write(&path, passwords).unwrap();
            writeln!(config, "auth: {{htpasswd: {{realm: charts, path: {path:?}}}}}").unwrap();
        }
        Access::Tokens { realm, certificate } => {
            let path = directory.join("tokens.pem");
            std::fs::write(&path, certificate).unwrap();
            let token = format!("realm: {realm:?}, service: charts, issuer: tests, rootcertbundle: {path:?}");
            writeln!(config, "auth: {{token: {{{token}}}}}").unwrap();
        }
    }
    config
}
