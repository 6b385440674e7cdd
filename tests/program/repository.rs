//! A config repository, made with git itself.

use std::fs;
use std::path::{Path, PathBuf};

use cowherd_gitserver::repository::run;

/// A repository in a directory of its own.
pub struct Repository {
    pub path: PathBuf,
}

impl Repository {
    /// An empty repository with the branch `main`.
    pub fn new(path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        let repository = Self { path };
        repository.git(["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    /// Runs git; what it printed.
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> String {
        run(&self.path, &arguments)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: &str) -> &Self {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Removes a file or directory.
    pub fn remove(&self, path: &str) -> &Self {
        let path = self.path.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    /// Copies a directory into the repository.
    pub fn copy(&self, from: &Path, to: &str) -> &Self {
        let to = self.path.join(to);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let below = Path::new(to.strip_prefix(&self.path).unwrap()).join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), below.to_str().unwrap());
            } else {
                fs::copy(entry.path(), self.path.join(below)).unwrap();
            }
        }
        self
    }

    /// Commits everything; the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// A Flux Kustomization in `clusters/<cluster>`, of the given path and with more lines of its spec.
    pub fn kustomization(&self, name: &str, path: &str, more: &str) -> &Self {
        let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
        let manifest = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: \
             flux-system\nspec:\n  interval: 10m\n  retryInterval: 1s\n  path: {path}\n  prune: true\n  sourceRef:\n    \
             kind: GitRepository\n    name: flux-system\n{more}"
        );
        self.write(&format!("cluster/{name}.yaml"), &manifest)
    }

    /// A ConfigMap in the namespace `default`.
    pub fn config_map(&self, path: &str, name: &str, value: &str) -> &Self {
        self.write(path, &config_map(name, value))
    }
}

/// The manifest of a ConfigMap in the namespace `default`.
pub fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndata:\n  value: \"{value}\"\n"
    )
}
