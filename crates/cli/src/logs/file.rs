//! Writes a log to a directory, within limits.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The file that is written.
pub const CURRENT: &str = "cowherd.log";
/// The one before it.
pub const BEFORE: &str = "cowherd.log.1";
/// How large a file becomes until the next one is begun, in bytes.
const LIMIT: u64 = 8 << 20;

/// A log file that is replaced when it has become large. Clones are the same one.
///
/// A log is a courtesy: what cannot be written, as on a full disk, is dropped without a word.
#[derive(Clone)]
pub struct File(Arc<Mutex<State>>);

struct State {
    directory: PathBuf,
    limit: u64,
    open: Option<Open>,
}

struct Open {
    file: fs::File,
    size: u64,
}

impl File {
    /// A log in a directory of the data directory, which is made where it is missing, for its owner alone; the data directory
    /// is not: until it is there, nothing is kept.
    pub fn new(directory: &Path) -> Self {
        Self::with_limit(directory, LIMIT)
    }

    fn with_limit(directory: &Path, limit: u64) -> Self {
        Self(Arc::new(Mutex::new(State { directory: directory.to_owned(), limit, open: None })))
    }
}

impl Write for File {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.write(line).is_err() {
            // The next line begins anew; half of this one may be there.
            state.open = None;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if length > self.limit {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|open| open.size + length > self.limit) {
            self.open = None;
            fs::rename(self.directory.join(CURRENT), self.directory.join(BEFORE))?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(open(&self.directory)?),
        };
        open.file.write_all(line)?;
        open.size += length;
        Ok(())
    }
}

fn open(directory: &Path) -> io::Result<Open> {
    if let Err(error) = fs::DirBuilder::new().mode(0o700).create(directory)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(directory.join(CURRENT))?;
    let size = file.metadata()?.len();
    Ok(Open { file, size })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn two_files_are_kept_and_neither_is_larger_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/logs");
        File::with_limit(&path, 100).write_all(b"lost, and no directory is made for it\n").unwrap();
        assert!(!directory.path().join("data").exists());
        fs::create_dir(directory.path().join("data")).unwrap();
        let mut log = File::with_limit(&path, 100);
        for number in 0..50 {
            log.write_all(format!("line {number:02} of many\n").as_bytes()).unwrap();
        }
        log.write_all(&[b'x'; 101]).unwrap();
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        assert!(read(CURRENT).len() <= 100 && read(BEFORE).len() <= 100);
        let last: Vec<String> = (read(BEFORE) + &read(CURRENT)).lines().map(str::to_owned).collect();
        assert_eq!(last.last().unwrap(), "line 49 of many");
        assert!(last.len() > 6, "{last:?}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(CURRENT))), (0o700, 0o600));
    }

    #[test]
    fn a_log_goes_on_where_it_was_and_what_cannot_be_written_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs");
        File::new(&path).write_all(b"one\n").unwrap();
        File::new(&path).write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(path.join(CURRENT)).unwrap(), "one\ntwo\n");
        fs::write(directory.path().join("taken"), "").unwrap();
        File::new(&directory.path().join("taken")).write_all(b"lost\n").unwrap();
    }
}
