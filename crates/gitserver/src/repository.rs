//! Repositories made with `git`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with a worktree.
pub struct Repository {
    /// The worktree.
    pub path: PathBuf,
}

/// `git` in `directory`, without any configuration but that of the repository.
pub fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).stdin(Stdio::null());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Jane Roe").env(format!("GIT_{who}_EMAIL"), "jane@example.com");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0100");
    }
    command
}

/// Runs `git` and gives what it prints.
pub fn run(directory: &Path, arguments: &[&str]) -> String {
    let output = git(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Repository {
    /// An empty repository at `path` whose branch is `main`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        fs::create_dir_all(&path).unwrap();
        run(&path, &["init", "--quiet", "--initial-branch=main"]);
        Self { path }
    }

    /// Runs `git` here.
    pub fn git(&self, arguments: &[&str]) -> String {
        run(&self.path, arguments)
    }

    /// Writes a file and commits it; gives the commit.
    pub fn commit(&self, path: &str, content: &str) -> String {
        let file = self.path.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self.commit_all(&format!("change {path}"))
    }

    /// Commits everything; gives the commit.
    pub fn commit_all(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}
