//! A data directory of which it is not known yet whether there is to be one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use cowherd_controlplane::DataDir;
use cowherd_source::Mirrors;

/// Mirrors of remote repositories, opened when the first is fetched.
pub enum Fetching {
    /// Those of a control plane that runs.
    Running(Mirrors),
    /// Those of a data directory that nothing runs on yet.
    Tentative(Tentative),
}

impl Fetching {
    /// The mirrors.
    pub fn mirrors(&self) -> Result<Mirrors> {
        match self {
            Self::Running(mirrors) => Ok(mirrors.clone()),
            Self::Tentative(tentative) => tentative.mirrors(),
        }
    }
}

/// A data directory that is made when something has to be fetched, and taken away again where nothing comes of it: of what
/// is in it then, only what was made here, for others may have begun to use it.
pub struct Tentative {
    data_dir: PathBuf,
    opened: Mutex<Option<Opened>>,
}

struct Opened {
    mirrors: Mirrors,
    /// Whether the mark was not there before, and the directory of the mirrors.
    is_mark_new: bool,
    are_mirrors_new: bool,
    /// The directories that were not there before, the innermost first.
    directories: Vec<PathBuf>,
}

impl Tentative {
    /// Makes nothing yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), opened: Mutex::default() }
    }

    fn mirrors(&self) -> Result<Mirrors> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(opened.mirrors.clone());
        }
        let is_missing = |path: &PathBuf| !path.exists() && !path.as_os_str().is_empty();
        let is_mark_new = is_missing(&DataDir::mark(&self.data_dir));
        let are_mirrors_new = is_missing(&DataDir::mirrors_in(&self.data_dir));
        let directories = self.data_dir.ancestors().map(Path::to_owned).filter(is_missing).collect();
        let mirrors = DataDir::prepare(&self.data_dir)?.mirrors()?;
        *opened = Some(Opened { mirrors: mirrors.clone(), is_mark_new, are_mirrors_new, directories });
        Ok(mirrors)
    }

    /// What was made stays: the data directory is to be used. The mirrors are free for whoever opens them next.
    pub fn keep(self) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Tentative {
    fn drop(&mut self) {
        let Some(Opened { mirrors, is_mark_new, are_mirrors_new, directories }) =
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return;
        };
        if are_mirrors_new {
            let _ = fs::remove_dir_all(DataDir::mirrors_in(&self.data_dir));
        }
        // The mark goes last: what is kept here by now, keys among it, must go on being hidden from the repository.
        if is_mark_new {
            DataDir::unmark(&self.data_dir);
        }
        // One that holds something by now stays.
        directories.iter().for_each(|directory| drop(fs::remove_dir(directory)));
        drop(mirrors);
    }
}

#[cfg(test)]
mod tests {
    use cowherd_source::{Access, Reference, Remote, RepositoryUrl};

    use super::*;

    /// One for which something was fetched.
    fn tentative(data_dir: &Path) -> Tentative {
        let tentative = Tentative::new(data_dir);
        tentative.mirrors().unwrap();
        tentative
    }

    #[test]
    fn what_was_made_goes_again_and_nothing_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().join("new/data");
        drop(Tentative::new(&data_dir));
        let opened = tentative(&data_dir);
        assert!(data_dir.join("mirrors").exists() && data_dir.join(".gitignore").exists());
        drop(opened);
        assert!(!directory.path().join("new").exists());

        let opened = tentative(&data_dir);
        fs::write(data_dir.join("state.redb"), "another's").unwrap();
        drop(opened);
        assert!(data_dir.join("state.redb").exists() && !data_dir.join("mirrors").exists());
        assert!(DataDir::mark(&data_dir).exists(), "the state is still hidden from the repository");

        tentative(&data_dir).keep();
        assert!(data_dir.join("mirrors").exists());
        Mirrors::open(data_dir.join("mirrors")).unwrap();
    }

    #[test]
    fn a_directory_that_was_there_is_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(directory.path()).unwrap().count();
        drop(tentative(directory.path()));
        assert_eq!(entries(), 0);
        fs::write(directory.path().join("notes.txt"), "of somebody").unwrap();
        drop(tentative(directory.path()));
        assert_eq!(entries(), 1);
    }

    #[test]
    fn a_fetch_that_goes_on_for_a_while_makes_nothing_again() {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path().join("served/fleet");
        fs::create_dir_all(&repository).unwrap();
        let git = |words: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.args(["-c", "user.name=n", "-c", "user.email=n@example.com"]).args(words);
            assert!(command.current_dir(&repository).output().unwrap().status.success(), "{words:?}");
        };
        git(&["init", "--quiet", "--initial-branch", "main"]);
        git(&["commit", "--quiet", "--allow-empty", "-m", "begin"]);
        let served = cowherd_gitserver::http::Server::start(&directory.path().join("served"));
        let remote = Remote::new(RepositoryUrl::parse(&served.url("fleet/.git")).unwrap()).with_access(Access::own());
        let data_dir = directory.path().join("new/data");
        let opened = tentative(&data_dir);
        let mirrors = opened.mirrors().unwrap();
        mirrors.fetch(&remote, &Reference::Head).unwrap();
        drop(opened);
        assert!(!directory.path().join("new").exists());
        // Whoever fetches still has the mirrors in hand.
        mirrors.forget(&remote.url);
        let failure = mirrors.fetch(&remote, &Reference::Head).unwrap_err().to_string();
        assert!(failure.contains("was removed"), "{failure}");
        assert!(!directory.path().join("new").exists());
    }
}
