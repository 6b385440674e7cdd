//! Which control plane a command means: one rule for all of them.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

/// A repository with its own control plane in `.cowherd`, and another control plane far from it.
struct Two {
    repository: Repository,
    own: Running,
    far: Running,
    /// A home directory; nothing is in it at first.
    home: PathBuf,
    // Goes last, when nobody writes into it any more.
    directory: tempfile::TempDir,
}

/// A repository with a Kustomization, and a ConfigMap, of this name.
fn repository(path: &Path, name: &str) -> Repository {
    let repository = Repository::new(path.to_owned());
    repository.kustomization(name, "./app", "").config_map("app/map.yaml", name, "1");
    repository.commit("begin");
    repository
}

impl Two {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let home = path.join("home");
        std::fs::create_dir_all(&home).unwrap();
        let own_repository = repository(&path.join("own"), "near");
        repository(&path.join("elsewhere/fleet"), "far");
        let mut up = cowherd(&own_repository.path);
        up.args(["up", ".", "--path", "cluster"]);
        let own = Running::spawn(up, &own_repository.path.join(".cowherd"));
        let far = Running::start(&path.join("elsewhere"), ["up", "fleet", "--path", "cluster", "--name", "distant"]);
        own.wait_for_ready("near", "True", "");
        far.wait_for_ready("far", "True", "");
        Self { repository: own_repository, own, far, home, directory }
    }

    /// Runs a command in the repository, with this kubeconfig in the environment.
    fn run(&self, words: &[&str], kubeconfig: Option<&Path>) -> Output {
        let mut command = cowherd(&self.repository.path);
        command.args(words).env("HOME", &self.home).env_remove("COWHERD_DATA_DIR");
        command.envs(kubeconfig.map(|path| ("KUBECONFIG", path))).output().unwrap()
    }

    /// What it prints; it must succeed.
    fn prints(&self, words: &[&str], kubeconfig: Option<&Path>) -> String {
        crate::program::succeeded(self.run(words, kubeconfig))
    }

    /// A kubeconfig of a control plane that is not in its data directory.
    fn copy(&self, of: &Running, name: &str) -> PathBuf {
        let copy = self.directory.path().join(name);
        std::fs::copy(of.kubeconfig(), &copy).unwrap();
        copy
    }
}

#[test]
fn a_kubeconfig_in_the_environment_comes_before_the_data_directory_of_where_one_stands() {
    let two = Two::start();
    let far = two.far.kubeconfig();
    for (words, told) in [
        (&["get", "ks", "-o", "name"][..], "/far"),
        (&["tree", "flux-system"], "ConfigMap/default/far"),
        (&["history", "far"], "begin"),
        (&["trace", "cm/far"], "ConfigMap/default/far"),
        (&["events", "--for", "ks/far"], "Kustomization/far"),
        (&["logs", "ks/far"], "Kustomization/far."),
    ] {
        let printed = two.prints(words, Some(&far));
        assert!(printed.contains(told) && !printed.contains("near"), "{words:?}: {printed}");
    }
    assert_eq!(two.run(&["diff", "ks/far"], Some(&far)).status.code(), Some(0));
    for words in [&["get", "ks", "-o", "name"][..], &["trace", "cm/near"], &["logs", "ks/near"]] {
        let printed = two.prints(words, None);
        assert!(printed.contains("near") && !printed.contains("far"), "{words:?}: {printed}");
    }
    // A flag comes before both.
    let own = two.own.kubeconfig();
    for words in [["--kubeconfig", own.to_str().unwrap()], ["--data-dir", ".cowherd"]] {
        for command in [&["get", "ks", "-o", "name"][..], &["logs", "ks/near"]] {
            let printed = two.prints(&[command, &words].concat(), Some(&far));
            assert!(printed.contains("near") && !printed.contains("far"), "{words:?}: {printed}");
        }
    }
}

#[test]
fn the_kubeconfig_of_the_home_directory_comes_last_but_a_context_is_one_of_it() {
    let two = Two::start();
    std::fs::create_dir_all(two.home.join(".kube")).unwrap();
    std::fs::copy(two.far.kubeconfig(), two.home.join(".kube/config")).unwrap();
    assert!(two.prints(&["get", "ks", "-o", "name"], None).contains("near"));
    assert!(two.prints(&["get", "ks", "-o", "name", "--context", "distant"], None).contains("far"));
    let mut outside = cowherd(two.directory.path());
    outside.args(["get", "ks", "-o", "name"]).env("HOME", &two.home);
    assert!(crate::program::succeeded(outside.output().unwrap()).contains("far"));
}

#[test]
fn a_log_that_is_not_here_is_said_with_where_it_is_and_one_that_is_here_is_known_by_its_certificates() {
    let two = Two::start();
    let (own, far) = (two.copy(&two.own, "own.yaml"), two.copy(&two.far, "far.yaml"));
    let far_flag = ["logs", "--kubeconfig", far.to_str().unwrap()];
    for (output, named_by) in
        [(two.run(&["logs"], Some(&far)), "KUBECONFIG"), (two.run(&far_flag, None), "--kubeconfig")]
    {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
        for word in [
            named_by,
            "names the cluster at https://127.0.0.1:",
            "whose log is not here",
            "`cowherd logs --data-dir DIR` on its machine",
            "kubectl logs -n flux-system deployment/cowherd-agent",
            "for that of .cowherd, which is another one: `cowherd logs --data-dir .cowherd`",
        ] {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
    assert!(two.prints(&["logs", "ks/near"], Some(&own)).contains("Kustomization/near."));
    // Whatever the copy is called, and wherever it lies.
    let own = two.copy(&two.own, "kubeconfig");
    assert!(two.prints(&["logs", "ks/near"], Some(&own)).contains("Kustomization/near."));
    let far = two.copy(&two.far, "home/kubeconfig");
    let output = two.run(&["logs"], Some(&far));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("whose log is not here"), "{said}");
}

#[test]
fn a_context_is_one_of_kubectl_where_a_data_directory_is_named_by_the_environment_alone() {
    let two = Two::start();
    let get = |words: &[&str], data_dir: &Path| {
        let mut command = cowherd(&two.repository.path);
        command.args(["get", "ks", "-o", "name"]).args(words).env("HOME", &two.home).env("COWHERD_DATA_DIR", data_dir);
        crate::program::succeeded(command.output().unwrap())
    };
    let own = two.repository.path.join(".cowherd");
    assert!(get(&["--context", "cowherd"], &own).contains("near"), "kubectl has no contexts");
    std::fs::create_dir_all(two.home.join(".kube")).unwrap();
    std::fs::copy(two.far.kubeconfig(), two.home.join(".kube/config")).unwrap();
    assert!(get(&["--context", "distant"], &own).contains("far"));
    assert!(get(&["--context", "cowherd", "--data-dir", ".cowherd"], &two.far.data_dir).contains("near"));
    assert!(get(&[], &own).contains("near"));
    // An empty name is none, for all commands.
    assert!(get(&[], Path::new("")).contains("near"));
    let mut up = cowherd(&two.repository.path);
    up.args(["up", "--once", "--listen", "127.0.0.1:0"]).env("COWHERD_DATA_DIR", "");
    let output = up.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("in use"), "{said}");
}

#[test]
fn a_server_has_a_log_as_any_other_and_says_where_it_is_silent() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let logs = |words: &[&str]| {
        let mut command = cowherd(directory.path());
        command.arg("logs").args(words).env("KUBECONFIG", running.kubeconfig()).output().unwrap()
    };
    let output = logs(&[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!output.stdout.is_empty() || said.contains("started with COWHERD_LOG=debug it says more"), "{said}");
    // Most of what its controllers say is about objects of other namespaces than the one of Flux.
    let log = running.data_dir.join("logs");
    std::fs::create_dir_all(&log).unwrap();
    let line = r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","fields":{"message":"m"},"spans":[{"controller":"deployment","object":"web/web"}]}"#;
    let file = std::fs::OpenOptions::new().append(true).create(true).open(log.join("cowherd.log")).unwrap();
    std::io::Write::write_all(&mut { file }, format!("{line}\n").as_bytes()).unwrap();
    let output = logs(&["--kind", "deployment"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && output.stdout.is_empty() && said.contains("-A shows all"), "{said}");
    assert!(String::from_utf8_lossy(&logs(&["-A", "--kind", "deployment"]).stdout).contains("web.web - m"));
}
