//! The built program, real repositories and real kubectl.

pub mod repository;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// `cowherd` as a command, in a directory, seeing nothing of the machine's own kubeconfig.
pub fn cowherd(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cowherd"));
    command.current_dir(directory).env_remove("KUBECONFIG").env("HOME", directory).stdin(Stdio::null());
    command
}

/// A running `cowherd up` or `cowherd server`, killed when the value goes.
pub struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    pub data_dir: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts the program and waits until its API answers.
    pub fn start<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        let data_dir = directory.join("data");
        let mut child = cowherd(directory)
            .args(arguments)
            .arg("--data-dir")
            .arg(&data_dir)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), Arc::clone(&said));
        listen(child.stderr.take().unwrap(), Arc::clone(&said));
        let mut running = Self { child, said, data_dir };
        running.wait_until_ready();
        running
    }

    fn wait_until_ready(&mut self) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the program ended with {status}: {}", self.said());
            }
            let ready = self.kubeconfig().exists() && self.kubectl(["get", "--raw", "/readyz"]).status.success();
            if ready {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the program does not answer: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything that it printed.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Its kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.data_dir.join("kubeconfig")
    }

    /// Kills it as the kernel would for want of memory.
    pub fn kill(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.data_dir.clone()
    }

    /// Runs kubectl.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        Kubectl::newest().run(&self.kubeconfig(), arguments)
    }

    /// Runs kubectl, which must succeed; what it printed.
    pub fn kubectl_ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        succeeded(self.kubectl(arguments))
    }

    /// Objects as `kubectl get -o json` gives them.
    pub fn get(&self, arguments: &str) -> Value {
        let words = ["get", "-o", "json"].into_iter().chain(arguments.split_whitespace());
        serde_json::from_str(&self.kubectl_ok(words)).unwrap()
    }

    /// Runs a command of the program against this control plane.
    pub fn cowherd<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let directory = self.data_dir.parent().unwrap();
        cowherd(directory).args(arguments).arg("--data-dir").arg(&self.data_dir).output().unwrap()
    }

    /// Waits until a Kustomization's `Ready` condition has this status and its message holds this text.
    pub fn wait_for_ready(&self, name: &str, status: &str, message: &str) {
        eventually(&format!("Kustomization {name} is Ready={status} with {message:?}"), || {
            let output = self.kubectl(["get", "kustomization", "-n", "flux-system", name, "-o", "json"]);
            let object: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|one| one["type"] == "Ready").cloned().unwrap_or_default();
            let says = ready["message"].as_str().unwrap_or_default();
            if ready["status"] == status && says.contains(message) { Ok(()) } else { Err(format!("{ready}")) }
        });
    }
}

/// A kubectl of some version.
pub struct Kubectl(PathBuf);

impl Kubectl {
    /// The kubectl of the `PATH`.
    pub fn newest() -> Self {
        Self("kubectl".into())
    }

    /// Every version that the test command installed; that of the `PATH` alone where it did not run.
    pub fn all() -> Vec<Self> {
        let installed: Vec<Self> = ["KUBECTL_1_32", "KUBECTL_1_35"]
            .into_iter()
            .filter_map(|variable| Some(Self(std::env::var_os(variable)?.into())))
            .collect();
        if installed.is_empty() { vec![Self::newest()] } else { installed }
    }

    /// Runs it.
    pub fn run<S: AsRef<OsStr>>(&self, kubeconfig: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
        let cache = kubeconfig.with_file_name("kubectl-cache");
        let mut command = Command::new(&self.0);
        command.args(arguments).arg("--kubeconfig").arg(kubeconfig).arg("--cache-dir").arg(cache);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

/// The output of a command that must have succeeded.
pub fn succeeded(output: Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {stdout}{stderr}", output.status);
    stdout.into_owned()
}

/// Waits until a check passes; fails with what it saw last.
pub fn eventually(what: &str, check: impl Fn() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match check() {
            Ok(()) => return,
            Err(seen) => assert!(start.elapsed() < PATIENCE, "{what}: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn listen(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
}
