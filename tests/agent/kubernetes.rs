//! A real Kubernetes control plane on this machine: etcd, kube-apiserver, kube-controller-manager.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::program::{eventually, succeeded};

/// The variable that names the directory where the programs are.
const PROGRAMS: &str = "COWHERD_KUBERNETES_BIN";
/// Who may do everything, and the token by which that is known.
const ADMIN: &str = "admin-token";

/// A running control plane; it ends with the value.
pub struct Kubernetes {
    directory: PathBuf,
    port: u16,
    running: Vec<Child>,
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Kubernetes {
    /// Starts a control plane with its state and logs in `directory`, and waits until it is ready. What
    /// `audited` asks of it is logged.
    pub fn start(directory: &Path, audited: &str) -> Self {
        let [port, etcd, peers] = free_ports();
        let mut kubernetes = Self { directory: directory.to_owned(), port, running: Vec::new() };
        kubernetes.write_files(audited);
        kubernetes.launch("etcd", &etcd_arguments(etcd, peers));
        kubernetes.launch("kube-apiserver", &kubernetes.apiserver_arguments(etcd));
        eventually("kube-apiserver is ready", || {
            let output = kubernetes.kubectl(&["get", "--raw", "/readyz"]);
            if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
        });
        kubernetes.launch("kube-controller-manager", &kubernetes.manager_arguments());
        kubernetes
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn write_files(&self, audited: &str) {
        let write = |name: &str, content: String| fs::write(self.directory.join(name), content).unwrap();
        write("tokens.csv", format!("{ADMIN},admin,admin,system:masters\n"));
        write("admin.kubeconfig", self.kubeconfig_of(ADMIN).to_string());
        let rules = json!([{ "level": "Metadata", "users": [audited], "omitStages": ["RequestReceived"] }]);
        write("audit.yaml", json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules }).to_string());
        let key = ["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f"];
        succeeded(Command::new("ssh-keygen").args(key).arg(self.directory.join("accounts.key")).output().unwrap());
    }

    fn apiserver_arguments(&self, etcd: u16) -> Vec<String> {
        [
            format!("--etcd-servers=http://127.0.0.1:{etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--cert-dir={}", self.path("certificates")),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.path("accounts.key")),
            format!("--service-account-signing-key-file={}", self.path("accounts.key")),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            format!("--audit-policy-file={}", self.path("audit.yaml")),
            format!("--audit-log-path={}", self.path("audit.log")),
        ]
        .to_vec()
    }

    fn manager_arguments(&self) -> Vec<String> {
        let kubeconfig = self.path("admin.kubeconfig");
        [
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            format!("--service-account-private-key-file={}", self.path("accounts.key")),
        ]
        .to_vec()
    }

    /// The kubeconfig of the admin.
    pub fn admin(&self) -> PathBuf {
        self.directory.join("admin.kubeconfig")
    }

    fn launch(&mut self, program: &str, arguments: &[String]) {
        let child = self.spawn(program, arguments);
        self.running.push(child);
    }

    /// Starts one of the programs; its log lies beside the state.
    pub fn spawn(&self, program: &str, arguments: &[String]) -> Child {
        let programs = std::env::var_os(PROGRAMS).unwrap_or_else(|| panic!("{PROGRAMS} names no directory"));
        let log = fs::File::create(self.directory.join(format!("{program}.log"))).unwrap();
        let mut command = Command::new(Path::new(&programs).join(program));
        command.args(arguments).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // Flux's controllers take it from there, and where they are from the other one.
        command.env("KUBECONFIG", self.admin()).env("RUNTIME_NAMESPACE", "flux-system").spawn().unwrap()
    }

    /// A kubeconfig for whoever has this token, as JSON.
    fn kubeconfig_of(&self, token: &str) -> Value {
        let cluster = json!({ "server": format!("https://127.0.0.1:{}", self.port), "insecure-skip-tls-verify": true });
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "kubernetes",
            "clusters": [{ "name": "kubernetes", "cluster": cluster }],
            "users": [{ "name": "user", "user": { "token": token } }],
            "contexts": [{ "name": "kubernetes", "context": { "cluster": "kubernetes", "user": "user" } }],
        })
    }

    /// A kubeconfig of a service account; its path.
    pub fn kubeconfig_for_account(&self, namespace: &str, name: &str) -> PathBuf {
        let token = self.kubectl_ok(&["create", "token", name, "--namespace", namespace]);
        let path = self.directory.join(format!("{namespace}-{name}.kubeconfig"));
        fs::write(&path, self.kubeconfig_of(token.trim()).to_string()).unwrap();
        path
    }

    /// Runs kubectl as the admin.
    pub fn kubectl(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new("kubectl");
        command.args(arguments).arg("--kubeconfig").arg(self.directory.join("admin.kubeconfig"));
        command.arg("--cache-dir").arg(self.directory.join("cache")).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs kubectl as the admin, which must succeed; what it printed.
    pub fn kubectl_ok(&self, arguments: &[&str]) -> String {
        succeeded(self.kubectl(arguments))
    }

    /// An object, or a list; null where there is none.
    pub fn get(&self, arguments: &str) -> Value {
        let words: Vec<&str> = ["get", "--output", "json"].into_iter().chain(arguments.split(' ')).collect();
        serde_json::from_slice(&self.kubectl(&words).stdout).unwrap_or_default()
    }

    /// The requests that were logged.
    pub fn audited(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.directory.join("audit.log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn etcd_arguments(clients: u16, peers: u16) -> Vec<String> {
    let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
    [
        "--name=kubernetes".to_owned(),
        "--data-dir=etcd".to_owned(),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=kubernetes={peers}"),
    ]
    .to_vec()
}

/// Ports that nobody listens on.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
