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
    /// What was not there before: what holds files, and the directories that hold that, the innermost first.
    files: Vec<PathBuf>,
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
        let parts = [self.data_dir.join("mirrors"), self.data_dir.join(".gitignore")];
        let files = parts.into_iter().filter(is_missing).collect();
        let directories = self.data_dir.ancestors().map(Path::to_owned).filter(is_missing).collect();
        let mirrors = DataDir::prepare(&self.data_dir)?.mirrors()?;
        *opened = Some(Opened { mirrors: mirrors.clone(), files, directories });
        Ok(mirrors)
    }

    /// What was made stays: the data directory is to be used. The mirrors are free for whoever opens them next.
    pub fn keep(self) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Tentative {
    fn drop(&mut self) {
        let Some(Opened { mirrors, files, directories }) =
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return;
        };
        for path in files {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        // One that holds something by now stays.
        directories.iter().for_each(|directory| drop(fs::remove_dir(directory)));
        drop(mirrors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_again_and_nothing_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().join("new/data");
        drop(Tentative::new(&data_dir));
        let tentative = Tentative::new(&data_dir);
        tentative.mirrors().unwrap();
        assert!(data_dir.join("mirrors").exists() && data_dir.join(".gitignore").exists());
        drop(tentative);
        assert!(!directory.path().join("new").exists());

        let tentative = Tentative::new(&data_dir);
        tentative.mirrors().unwrap();
        fs::write(data_dir.join("state.redb"), "another's").unwrap();
        drop(tentative);
        assert!(data_dir.join("state.redb").exists() && !data_dir.join("mirrors").exists());

        let tentative = Tentative::new(&data_dir);
        tentative.mirrors().unwrap();
        tentative.keep();
        assert!(data_dir.join("mirrors").exists());
        Mirrors::open(data_dir.join("mirrors")).unwrap();
    }
}
