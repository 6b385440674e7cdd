//! A server of its own for a test, and kubectl pointed at it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod peers;
pub mod request;

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use cowherd_apiserver::{
    ApiServer, Config,
    pki::{Names, Pki},
};
use cowherd_store::{Options, Store};
use tempfile::TempDir;

/// A server over TLS that ends with the test.
pub struct Served {
    pub server: ApiServer,
    pub directory: TempDir,
    pub address: std::net::SocketAddr,
    pub pki: Pki,
}

/// A server without a socket.
pub async fn local() -> (ApiServer, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = open(&directory, Config::default()).await;
    (server, directory)
}

/// A server on the state in a directory.
pub async fn open(directory: &TempDir, config: Config) -> ApiServer {
    let store = Store::open(directory.path().join("state.redb"), Options::default()).unwrap();
    ApiServer::open(store, config).await.unwrap()
}

impl Served {
    pub async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub async fn start_with(config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = open(&directory, config).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pki = Pki::open(directory.path().join("pki"), Names::new(address, Default::default()), Default::default())
            .unwrap();
        pki.kubeconfig("cowherd", format!("https://{address}")).write(directory.path().join("kubeconfig")).unwrap();
        let (serving, tls) = (server.clone(), pki.server_config().unwrap());
        tokio::spawn(async move { serving.serve(listener, tls, std::future::pending()).await });
        Self { server, directory, address, pki }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// kubectl with the admin's kubeconfig.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(self.path("kubeconfig"))
            .arg("--cache-dir")
            .arg(self.path("cache"))
            .args(args)
            .env("HOME", self.directory.path())
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null());
        command
    }

    pub async fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        let shown = args.join(" ");
        tokio::task::spawn_blocking(move || Ran::of(shown, command.output().unwrap())).await.unwrap()
    }

    /// What kubectl prints when it succeeds.
    pub async fn kubectl(&self, args: &[&str]) -> String {
        let ran = self.run(args).await;
        assert!(ran.success, "kubectl {} failed:\n{}{}", ran.shown, ran.stdout, ran.stderr);
        ran.stdout
    }

    /// The same with a manifest on its standard input.
    pub async fn kubectl_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (shown, input) = (args.join(" "), input.to_owned());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            Ran::of(shown, child.wait_with_output().unwrap())
        })
        .await
        .unwrap()
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub shown: String,
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(shown: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { shown, success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub fn ok(self) -> String {
        assert!(self.success, "kubectl {} failed:\n{}{}", self.shown, self.stdout, self.stderr);
        self.stdout
    }

    pub fn refused(self) -> String {
        assert!(!self.success, "kubectl {} should have failed, and printed:\n{}", self.shown, self.stdout);
        self.stderr
    }
}

/// A Deployment as people write it.
pub const NGINX: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx
  labels: {app: nginx}
spec:
  replicas: 2
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        ports: [{containerPort: 80}]
";
