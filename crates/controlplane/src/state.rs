//! Looks whether the state is still where it belongs, and followed by what is kept of it in memory, for the terminal and the log:
//! nobody may write for a long time.

use std::time::Duration;

use cowherd_runtime::Pulse;
use cowherd_store::Store;

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Says by the pulse how it is, for as long as it is polled.
pub(crate) async fn watch(store: Store, follows: impl Fn() -> Result<(), String>, pulse: Pulse) {
    loop {
        let lost = store.lost().map(|failure| failure.to_string());
        match lost.or_else(|| follows().err()) {
            Some(trouble) => pulse.unwell(trouble),
            None => pulse.well(),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_runtime::Health;

    #[tokio::test]
    async fn a_state_that_memory_does_not_follow_is_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
        let health = Health::default();
        let follows = || Err("what is kept in memory of k/ follows the store no more".to_owned());
        let mut looking = std::pin::pin!(watch(store, follows, health.register("state")));
        let _ = futures::poll!(&mut looking);
        assert!(health.problems()[0].reason.contains("follows the store no more"), "{:?}", health.problems());
    }

    #[tokio::test]
    async fn a_state_that_is_removed_is_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.redb");
        let store = Store::open(&path, Default::default()).unwrap();
        let health = Health::default();
        let looked = |health: &Health| watch(store.clone(), || Ok(()), health.register("state"));
        let _ = futures::poll!(std::pin::pin!(looked(&health)));
        assert!(health.problems().is_empty());
        std::fs::remove_file(path).unwrap();
        let mut looking = std::pin::pin!(looked(&health));
        let _ = futures::poll!(&mut looking);
        let problems = health.problems();
        assert!(problems.len() == 1 && problems[0].reason.contains("removed"), "{problems:?}");
    }
}
