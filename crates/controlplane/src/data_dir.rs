//! The directory that a program keeps its state in.

use std::fs::{self, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cowherd_gitops::{Elsewhere, KeptRenders};
use cowherd_source::{Artifacts, Charts, Mirrors, MirrorsError};

/// What lies in a data directory before anything else: by it one is told from a directory of other things.
const MARK: &str = ".gitignore";

/// What the mark says to git: nothing here belongs to the repository.
const HIDES_ALL: &str = "*\n";

/// The file of state.
const STATE: &str = "state.redb";

/// The directory of certificates.
const PKI: &str = "pki";

/// The file of the seed.
const SEED: &str = "seed";

/// A directory that a program keeps its state in. Clones are the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made, read or closed to others.
    #[error("cannot use the data directory {}; let this user read and write it, or name another with --data-dir", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The file of state has lost what it held.
    #[error(
        "{} is empty, so the state that it held is lost; put a copy of it back, or remove the file to begin anew",
        .0.display()
    )]
    Emptied(PathBuf),
    /// Something in it cannot be read, written or made.
    #[error("cannot use {}; let this user read and write it", path.display())]
    Part {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Mirrors, charts or artifacts cannot be kept in it.
    #[error(transparent)]
    Mirrors(#[from] MirrorsError),
}

impl DataDir {
    /// Whether there is a data directory at a path, and not a directory of other things.
    pub fn is_one(path: &Path) -> bool {
        path.join(MARK).is_file() || path.join(STATE).is_file()
    }

    /// Where the file lies that marks the data directory at a path, and hides what is in it from a repository.
    pub fn mark(path: &Path) -> PathBuf {
        path.join(MARK)
    }

    /// Where the data directory at a path keeps its mirrors.
    pub fn mirrors_in(path: &Path) -> PathBuf {
        path.join("mirrors")
    }

    /// Removes the mark of a data directory, if it holds nothing else. What comes meanwhile is hidden as before.
    pub fn unmark(path: &Path) {
        let count = || fs::read_dir(path).map_or(0, Iterator::count);
        let mark = Self::mark(path);
        if count() == 1 && fs::remove_file(&mark).is_ok() && count() > 0 {
            let _ = fs::write(mark, HIDES_ALL);
        }
    }

    /// Whether a control plane has kept state at a path.
    pub fn holds_state(path: &Path) -> bool {
        path.join(STATE).exists()
    }

    /// Whether the state that a control plane kept at a path is gone, and what it had beside that is still there.
    pub fn has_lost_state(path: &Path) -> bool {
        let has_certificates = || fs::read_dir(path.join(PKI)).is_ok_and(|mut all| all.next().is_some());
        !Self::holds_state(path) && has_certificates()
    }

    /// Where a control plane keeps its state at a path.
    pub fn state_in(path: &Path) -> PathBuf {
        path.join(STATE)
    }

    /// Whether a directory holds anything although it is not its owner's alone, as data directories are, or its owner is
    /// somebody else. So is what came with a repository: git keeps no such modes. Nobody who did not name it means it.
    pub fn is_foreign(path: &Path) -> bool {
        let Ok(about) = fs::metadata(path) else { return false };
        let is_own = about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0;
        let is_empty = || fs::read_dir(path).is_ok_and(|mut all| all.next().is_none());
        !is_own && !is_empty()
    }

    /// Makes the data directory, for its owner alone, and hides it from the repository that it may stand in. One that
    /// others could read until now is closed to them.
    pub fn prepare(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        let unusable = |cause| DataDirError::Unusable { path: path.clone(), cause };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(unusable)?;
        let mark = path.join(MARK);
        let is_empty = fs::read_dir(&path).map_err(unusable)?.next().is_none();
        if is_empty {
            fs::write(&mark, HIDES_ALL).map_err(unusable)?;
        }
        // A directory of other things stays as its owner has it; what is secret there has modes of its own.
        let is_ours = fs::read_to_string(&mark).is_ok_and(|text| text == HIDES_ALL);
        let mode = fs::metadata(&path).map_err(unusable)?.permissions().mode();
        if is_ours && mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(unusable)?;
        }
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The kubeconfig of the control plane that it belongs to.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// The directory of certificates.
    pub(crate) fn pki(&self) -> PathBuf {
        self.0.join(PKI)
    }

    /// The file of state. One in which nothing is left is refused: it would begin anew as if nothing had ever been.
    pub(crate) fn state(&self) -> Result<PathBuf, DataDirError> {
        let path = self.0.join(STATE);
        let is_emptied = fs::metadata(&path).is_ok_and(|about| about.len() == 0);
        if is_emptied { Err(DataDirError::Emptied(path)) } else { Ok(path) }
    }

    /// The mirrors of repositories.
    pub fn mirrors(&self) -> Result<Mirrors, DataDirError> {
        Ok(Mirrors::open(Self::mirrors_in(&self.0))?)
    }

    /// What is elsewhere for agents: repositories in the mirrors, charts in the data directory.
    pub fn elsewhere(&self, mirrors: &Mirrors) -> Result<Arc<Elsewhere>, DataDirError> {
        let charts = Charts::open(self.0.join("charts"))?;
        Ok(Arc::new(Elsewhere::new(mirrors.clone(), charts)))
    }

    /// The artifacts of registries.
    pub fn artifacts(&self) -> Result<Artifacts, DataDirError> {
        Ok(Artifacts::open(self.0.join("artifacts"))?)
    }

    /// The renders of earlier runs. Another build of the program may render otherwise, and makes its own.
    pub fn renders(&self) -> Result<Arc<KeptRenders>, DataDirError> {
        let build = || -> io::Result<String> {
            let about = fs::metadata(std::env::current_exe()?)?;
            Ok(format!("{} {:?}", about.len(), about.modified()?))
        };
        let path = self.0.join("renders");
        let kept = build().and_then(|build| KeptRenders::open(&path, &build));
        Ok(Arc::new(kept.map_err(|cause| part(&path, cause))?))
    }

    /// The seed of the data directory, from which follows what charts make up: made once, for its owner alone.
    pub fn seed(&self) -> Result<Arc<[u8]>, DataDirError> {
        let path = self.0.join(SEED);
        match fs::read(&path) {
            Ok(seed) => return Ok(seed.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(part(&path, error)),
        }
        let make = || -> io::Result<[u8; 32]> {
            let seed = random()?;
            let staged = path.with_extension("new");
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
            file.write_all(&seed)?;
            file.sync_all()?;
            fs::rename(&staged, &path)?;
            Ok(seed)
        };
        Ok(Arc::from(make().map_err(|cause| part(&path, cause))?))
    }
}

/// The seed in the data directory at `path`, where there is one, and whoever asks may read it.
pub fn seed_in(path: &Path) -> Option<Arc<[u8]>> {
    fs::read(path.join(SEED)).ok().map(Arc::from)
}

/// What nobody can guess.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn part(path: &Path, cause: io::Error) -> DataDirError {
    DataDirError::Part { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_that_was_there_is_closed_if_it_is_ours() {
        let directory = tempfile::tempdir().unwrap();
        for (name, file) in [("empty", None), ("ours", Some((MARK, "*\n"))), ("theirs", Some(("a.txt", "a")))] {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            if let Some((file, text)) = file {
                fs::write(path.join(file), text).unwrap();
            }
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            DataDir::prepare(&path).unwrap();
            assert_eq!(mode(&path), if name == "theirs" { 0o755 } else { 0o700 }, "{name}");
        }
        let new = directory.path().join("new/one");
        DataDir::prepare(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn what_others_may_read_is_foreign_and_what_is_prepared_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".cowherd");
        assert!(!DataDir::is_foreign(&path), "nothing is there");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert!(!DataDir::is_foreign(&path), "nothing is in it");
        fs::write(path.join(STATE), "state").unwrap();
        assert!(DataDir::is_foreign(&path) && DataDir::is_one(&path));
        fs::write(path.join(MARK), "*\n").unwrap();
        DataDir::prepare(&path).unwrap();
        assert!(!DataDir::is_foreign(&path) && DataDir::is_one(&path));
    }

    #[test]
    fn state_that_was_emptied_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = DataDir::prepare(directory.path()).unwrap();
        let state = data_dir.state().unwrap();
        fs::write(&state, "").unwrap();
        assert!(data_dir.state().unwrap_err().to_string().contains("remove the file to begin anew"));
    }

    #[test]
    fn state_is_lost_where_certificates_are_left_without_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let is_lost = || DataDir::has_lost_state(&path);
        assert!(!is_lost(), "nothing is there");
        let data_dir = DataDir::prepare(&path).unwrap();
        fs::create_dir(data_dir.pki()).unwrap();
        assert!(!is_lost(), "nothing was ever there");
        fs::write(data_dir.pki().join("ca.crt"), "certificate").unwrap();
        assert!(is_lost());
        fs::write(DataDir::state_in(&path), "state").unwrap();
        assert!(!is_lost());
    }

    #[test]
    fn a_seed_is_made_once_and_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = DataDir::prepare(directory.path()).unwrap();
        let seed = data_dir.seed().unwrap();
        assert_eq!(data_dir.seed().unwrap(), seed);
        assert_eq!(mode(&directory.path().join("seed")), 0o600);
        let other = DataDir::prepare(directory.path().join("other")).unwrap();
        assert_ne!(other.seed().unwrap(), seed);
    }
}
