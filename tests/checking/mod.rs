//! `cowherd check`: what in a repository would fail.

mod accounts;
mod kinds;
mod objects;
mod paths;
mod references;
mod refusals;
mod sets;
mod variables;

use std::process::Output;

use crate::program::cowherd;
use crate::program::repository::Repository;

/// A repository with the Kustomizations `app` and `other`.
pub struct Story {
    pub repository: Repository,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Story {
    /// A repository in which nothing is wrong.
    pub fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("fleet"));
        repository.kustomization("app", "./app", "").kustomization("other", "./other", "");
        repository.config_map("app/red.yaml", "red", "1").config_map("other/map.yaml", "other", "1");
        repository.commit("begin");
        Self { repository, _directory: directory }
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        cowherd(&self.repository.path).arg("check").args(arguments).output().unwrap()
    }

    /// The lines that are printed, and how the program ended.
    pub fn lines(&self, arguments: &[&str]) -> (Vec<String>, i32) {
        let output = self.run(arguments);
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        (lines, output.status.code().unwrap())
    }

    /// Whether a line begins with a place and holds words.
    pub fn says(&self, place: &str, words: &str) {
        let (lines, _) = self.lines(&[]);
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}: ")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
}

#[test]
fn a_repository_in_which_nothing_is_wrong_passes() {
    let story = Story::begin();
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    assert_eq!(story.lines(&["cluster"]), (Vec::new(), 0));
}
