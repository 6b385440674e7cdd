//! A real `sshd` on a port of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `sshd` that lets one key in. It ends with this.
pub struct Sshd {
    /// The port of 127.0.0.1 where it listens.
    pub port: u16,
    /// The user to log in as: whoever runs the test.
    pub user: String,
    directory: PathBuf,
    child: Child,
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Makes a key pair at `path` and `path.pub`.
pub fn make_key(path: &Path, passphrase: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(path));
}

impl Sshd {
    /// Starts in `directory`. The key that is let in is `user_key` there, with the passphrase given.
    pub fn start(directory: &Path, passphrase: &str) -> Self {
        fs::create_dir_all(directory).unwrap();
        make_key(&directory.join("host_key"), "");
        make_key(&directory.join("user_key"), passphrase);
        let authorized = directory.join("authorized_keys");
        fs::copy(directory.join("user_key.pub"), &authorized).unwrap();
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600)).unwrap();
        // Where sshd, as root, shuts itself in before a login.
        let _ = fs::DirBuilder::new().mode(0o755).create("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = directory.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\nMaxStartups 100\n"
        );
        fs::write(directory.join("sshd_config"), config).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(directory.join("sshd_config"))
            .stderr(fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(directory.join("log")).unwrap();
            assert!(started.elapsed() < Duration::from_secs(20), "sshd does not listen: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let user = run(&mut Command::new("whoami"));
        Self { port, user, directory: directory.to_owned(), child }
    }

    /// The URL of a repository of this machine through this server.
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, path.display())
    }

    /// The private key that is let in.
    pub fn identity(&self) -> Vec<u8> {
        fs::read(self.directory.join("user_key")).unwrap()
    }

    /// A `known_hosts` with the key in `file` for this server.
    pub fn known_hosts(&self, file: &str) -> Vec<u8> {
        let key = fs::read_to_string(self.directory.join(file)).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port).into_bytes()
    }

    /// What the server wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
