//! A small repository that is being followed.

use std::path::Path;

use super::Running;
use super::repository::Repository;

/// A repository with two Kustomizations, and the program that follows it: `app` with the ConfigMaps `red` and
/// `blue`, and `other` with the ConfigMap `other`, each with the value `1`.
pub struct Fleet {
    pub repository: Repository,
    pub running: Running,
    /// The first commit.
    pub first: String,
    // Goes last, when nobody writes into it any more.
    pub directory: tempfile::TempDir,
}

impl Fleet {
    /// Starts it, and waits until both Kustomizations are ready.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = repository(&directory.path().join("fleet"));
        let first = repository.commit("begin");
        let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
        let fleet = Self { repository, running, first, directory };
        fleet.wait_until_applied(&fleet.first);
        fleet
    }

    /// Waits until both Kustomizations are ready at a commit.
    pub fn wait_until_applied(&self, commit: &str) {
        self.running.wait_for_ready("app", "True", commit);
        self.running.wait_for_ready("other", "True", commit);
    }
}

/// The repository of a fleet, not committed yet.
pub fn repository(path: &Path) -> Repository {
    let repository = Repository::new(path.to_owned());
    repository.kustomization("app", "./app", "").kustomization("other", "./other", "");
    repository.config_map("app/red.yaml", "red", "1").config_map("app/blue.yaml", "blue", "1");
    repository.config_map("other/map.yaml", "other", "1");
    repository
}
