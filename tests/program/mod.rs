//! The built program, real repositories and real kubectl.

mod api;
pub mod credentials;
pub mod disk;
pub mod fleet;
pub mod repository;
pub mod screen;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::Api;
use serde_json::Value;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(100);

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
    api: Api,
    pub data_dir: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the program said:\n{}", self.said());
        }
    }
}

impl Running {
    /// Starts the program and waits until its API answers. Its data directory is `data` in the given directory.
    pub fn start<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = cowherd(directory);
        command.args(arguments);
        Self::spawn(command, &directory.join("data"))
    }

    /// The same with a command that lacks nothing but the data directory and the address.
    pub fn spawn(command: Command, data_dir: &Path) -> Self {
        Self::listening(command, data_dir, "127.0.0.1:0")
    }

    /// The same with another address.
    pub fn listening(command: Command, data_dir: &Path, address: &str) -> Self {
        // The kubeconfig of an earlier start would name a port where nobody listens.
        let _ = std::fs::remove_file(data_dir.join("kubeconfig"));
        let mut running = Self::unready(command, data_dir, address);
        running.wait_until("/readyz");
        running
    }

    /// Starts it where it was before, on a disk without room; until it answers.
    pub fn without_room(command: Command, data_dir: &Path, address: &str) -> Self {
        let mut running = Self::unready(command, data_dir, address);
        running.wait_until("/livez");
        running
    }

    fn unready(mut command: Command, data_dir: &Path, address: &str) -> Self {
        command.arg("--data-dir").arg(data_dir).args(["--listen", address]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), Arc::clone(&said));
        listen(child.stderr.take().unwrap(), Arc::clone(&said));
        Self { child, said, api: Api::default(), data_dir: data_dir.to_owned() }
    }

    /// Waits until it says at this path that all is well.
    fn wait_until(&mut self, path: &str) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the program ended with {status}: {}", self.said());
            }
            let ready = self.kubeconfig().exists() && self.api.text(&self.kubeconfig(), path).is_some();
            if ready {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the program does not answer: {}", self.said());
            std::thread::sleep(PAUSE / 5);
        }
    }

    /// Everything that it printed.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        let server = ["config", "view", "--output", "jsonpath={.clusters[0].cluster.server}"];
        self.kubectl_ok(server).trim_start_matches("https://").to_owned()
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

    /// Asks it to end, as a service manager does; how it ended.
    pub fn stop(mut self) -> ExitStatus {
        succeeded(Command::new("kill").arg(self.pid()).output().unwrap());
        self.child.wait().unwrap()
    }

    /// Asks it to end; everything that it printed until then.
    pub fn stop_and_listen(mut self) -> String {
        succeeded(Command::new("kill").arg(self.pid()).output().unwrap());
        self.child.wait().unwrap();
        // What it wrote last may still be on its way.
        eventually(
            "it says that it stops",
            || if self.said().contains("stopping") { Ok(()) } else { Err(self.said()) },
        );
        self.said()
    }

    /// The id of its process.
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Runs kubectl.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let cache = self.data_dir.join("kubectl-cache");
        let mut command = Command::new("kubectl");
        command.args(arguments).arg("--kubeconfig").arg(self.kubeconfig()).arg("--cache-dir").arg(cache);
        command.stdin(Stdio::null()).output().unwrap()
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

    /// Runs a command of the program, which must succeed; what it printed, the messages after the output.
    pub fn cowherd_ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.cowherd(arguments);
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        succeeded(output) + &messages
    }

    /// Waits until a Kustomization's `Ready` condition has this status and its message holds this text.
    pub fn wait_for_ready(&self, name: &str, status: &str, message: &str) {
        self.wait_for_condition(&format!("kustomization {name}"), status, &[message]);
    }

    /// Waits until the `Ready` condition of an object of `flux-system` has this status and its message these words.
    pub fn wait_for_condition(&self, object: &str, status: &str, words: &[&str]) {
        eventually(&format!("{object} is Ready={status} with {words:?}"), || {
            let object = self.look(object);
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|one| one["type"] == "Ready").cloned().unwrap_or_default();
            let message = ready["message"].as_str().unwrap_or_default();
            let says = words.iter().all(|word| message.contains(word));
            let observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            if ready["status"] == status && says && (observed || status != "True") {
                Ok(())
            } else {
                Err(format!("{ready}"))
            }
        });
    }

    /// An object of `flux-system`, given as `kubectl get` takes it; null where there is none.
    fn look(&self, object: &str) -> Value {
        if let Some(path) = api::path(object) {
            return self.api.get(&self.kubeconfig(), &path);
        }
        let arguments = ["get", "-n", "flux-system", "-o", "json"].into_iter().chain(object.split(' '));
        serde_json::from_slice(&self.kubectl(arguments).stdout).unwrap_or_default()
    }

    /// Waits until there is a warning about an object, given as kind and name, that holds these words.
    pub fn wait_for_warning(&self, about: &str, words: &[&str]) {
        let (kind, name) = about.split_once('/').unwrap();
        eventually(&format!("a warning about {about} says {words:?}"), || {
            let list = self.api.get(&self.kubeconfig(), "/api/v1/namespaces/flux-system/events");
            let mut messages = list["items"].as_array().into_iter().flatten().filter_map(|event| {
                let object = &event["involvedObject"];
                let fits = object["kind"] == kind && object["name"] == name && event["type"] == "Warning";
                fits.then(|| event["message"].as_str().unwrap_or_default())
            });
            let found = messages.any(|message| words.iter().all(|word| message.contains(word)));
            if found { Ok(()) } else { Err(self.kubectl_ok(["get", "events", "-n", "flux-system"])) }
        });
    }

    /// Waits until it has printed a line with all of these words.
    pub fn wait_until_said(&self, words: &[&str]) {
        eventually(&format!("the terminal says {words:?}"), || {
            let said = self.said();
            let found = said.lines().any(|line| words.iter().all(|word| line.contains(word)));
            if found { Ok(()) } else { Err(said) }
        });
    }

    /// The objects of a kind in a namespace: the uid and the resource version by name.
    pub fn identities(&self, kind: &str, namespace: &str) -> BTreeMap<String, (String, String)> {
        let list = self.get(&format!("{kind} -n {namespace}"));
        let text = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let identity = |object: &Value| (text(object, "name"), (text(object, "uid"), text(object, "resourceVersion")));
        list["items"].as_array().unwrap().iter().map(identity).collect()
    }

    /// The uid of an object, given as `kubectl get` takes it.
    pub fn uid(&self, object: &str) -> String {
        self.get(object)["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// The value of a ConfigMap of the namespace `default`; empty where there is none.
    pub fn value(&self, config_map: &str) -> String {
        let path = format!("/api/v1/namespaces/default/configmaps/{config_map}");
        let object = self.api.get(&self.kubeconfig(), &path);
        object["data"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a ConfigMap of the namespace `default` has a value.
    pub fn wait_for_value(&self, config_map: &str, value: &str) {
        eventually(&format!("ConfigMap {config_map} has the value {value:?}"), || {
            let seen = self.value(config_map);
            if seen == value { Ok(()) } else { Err(format!("{seen:?}")) }
        });
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
        std::thread::sleep(PAUSE);
    }
}

fn listen(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
}
