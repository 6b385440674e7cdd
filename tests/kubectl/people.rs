//! People at a terminal: each has a kubectl of some version, a namespace and a directory with files.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Running, succeeded};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Deployment that most stories are about.
pub const APP: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels:
    app: app
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app
  template:
    metadata:
      labels:
        app: app
    spec:
      containers:
      - name: app
        image: app:1
";

/// Tells a story once for every kubectl, each in a namespace of its own, all on one server.
pub fn everyone(story: impl Fn(&Person)) {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    for (version, kubectl) in installed() {
        let person = Person::new(&running, version, kubectl);
        story(&person);
    }
}

/// Every kubectl that the test command installed; that of the `PATH` alone where it did not run.
fn installed() -> Vec<(&'static str, PathBuf)> {
    let variables = [("v1-32", "KUBECTL_1_32"), ("v1-35", "KUBECTL_1_35")];
    let installed: Vec<_> = variables
        .into_iter()
        .filter_map(|(version, variable)| Some((version, PathBuf::from(std::env::var_os(variable)?))))
        .collect();
    if installed.is_empty() { vec![("newest", PathBuf::from("kubectl"))] } else { installed }
}

/// Somebody with a kubectl, who works in a namespace and a directory of their own.
pub struct Person {
    kubectl: PathBuf,
    /// The namespace that their kubeconfig names.
    pub namespace: String,
    directory: TempDir,
}

impl Person {
    fn new(running: &Running, version: &str, kubectl: PathBuf) -> Self {
        let person = Self { kubectl, namespace: version.to_owned(), directory: tempfile::tempdir().unwrap() };
        fs::copy(running.kubeconfig(), person.path("kubeconfig")).unwrap();
        person.ok(&format!("create namespace {version}"));
        person.ok(&format!("config set-context --current --namespace={version}"));
        person
    }

    /// The path of a file in their directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file into their directory.
    pub fn write(&self, name: &str, content: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// A program in their directory, with their kubeconfig and nothing of the machine's.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("KUBECACHEDIR", self.path("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The helm that came with their kubectl.
    pub fn helm(&self, line: &str) -> Output {
        self.program(&self.kubectl.with_file_name("helm")).args(words(line)).output().unwrap()
    }

    /// kubectl with the arguments of a command line, in which single quotes keep words together.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.program(&self.kubectl);
        command.args(words(line));
        command
    }

    /// Runs kubectl.
    pub fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs kubectl, which must succeed; what it printed.
    pub fn ok(&self, line: &str) -> String {
        said(line, self.run(line))
    }

    /// The same with a text on its standard input.
    pub fn ok_with(&self, line: &str, input: &str) -> String {
        said(line, self.fed(line, input))
    }

    /// Runs kubectl, which must succeed; what it printed as messages, warnings among them.
    pub fn warned(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "kubectl {line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs kubectl, which must fail; what it said.
    pub fn refused(&self, line: &str) -> String {
        refusal(line, self.run(line))
    }

    /// The same with a text on its standard input.
    pub fn refused_with(&self, line: &str, input: &str) -> String {
        refusal(line, self.fed(line, input))
    }

    /// Runs `kubectl edit` with an editor that is a sed script; everything that it printed.
    pub fn edit(&self, line: &str, script: &str) -> (bool, String) {
        let mut command = self.command(&format!("edit {line}"));
        let output = command.env("KUBE_EDITOR", format!("sed -i {script}")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }

    /// Runs `kubectl delete`, which must succeed; its lines without the namespace that newer versions mention.
    pub fn delete(&self, line: &str) -> String {
        let mention = format!(" from {} namespace", self.namespace);
        self.ok(&format!("delete {line}")).replace(&mention, "")
    }

    /// A value of an object, found by a JSONPath without the braces.
    pub fn value(&self, object: &str, path: &str) -> String {
        self.ok(&format!("get {object} -o jsonpath='{{{path}}}'"))
    }

    /// An object or a list as JSON.
    pub fn get(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("get {line} -o json"))).unwrap()
    }

    /// The lines of a table, each as its words.
    pub fn table(&self, line: &str) -> Vec<Vec<String>> {
        self.ok(line).lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    }

    /// Waits until a command prints what passes a check; what it printed then.
    pub fn eventually(&self, line: &str, check: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let output = self.run(line);
            let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            if check(&text) {
                return text.into_owned();
            }
            assert!(start.elapsed() < PATIENCE, "kubectl {line}: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Applies the Deployment that most stories are about, and waits until its two Pods are there.
    pub fn deploy_app(&self) {
        self.write("app.yaml", APP).ok("apply -f app.yaml");
        self.eventually("get pods -l app=app -o name", |names| names.lines().count() == 2);
    }

    fn fed(&self, line: &str, input: &str) -> Output {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Starts a kubectl that goes on until the value goes.
    pub fn start(&self, line: &str) -> Ongoing {
        let file = self.path(&format!("output-{}", line.len()));
        let child = self.command(line).stdout(fs::File::create(&file).unwrap()).spawn().unwrap();
        Ongoing { child, file, line: line.to_owned() }
    }
}

/// A kubectl that goes on, such as one that watches.
pub struct Ongoing {
    child: Child,
    file: PathBuf,
    line: String,
}

impl Ongoing {
    /// Waits until what it printed passes a check; everything that it printed.
    pub fn until(&self, check: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = fs::read_to_string(&self.file).unwrap();
            if check(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "kubectl {}: {text}", self.line);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Ongoing {
    /// Waits until it ends by itself, which must be a success.
    pub fn end(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "kubectl {}: {status}", self.line);
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(line: &str, output: Output) -> String {
    assert!(output.status.success(), "kubectl {line}: {output:?}");
    succeeded(output)
}

fn refusal(line: &str, output: Output) -> String {
    assert!(!output.status.success(), "kubectl {line} should fail: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The words of a command line; single quotes keep words together.
fn words(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut started) = (String::new(), false, false);
    for character in line.chars() {
        match character {
            '\'' => (quoted, started) = (!quoted, true),
            ' ' if !quoted => {
                if started {
                    words.push(OsString::from(std::mem::take(&mut word)));
                }
                started = false;
            }
            _ => {
                word.push(character);
                started = true;
            }
        }
    }
    if started {
        words.push(word.into());
    }
    words
}
