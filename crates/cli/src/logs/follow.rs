//! Reads a log that is being written.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Line;
use super::file::{BEFORE, CURRENT};

/// The longest line that is read, in bytes: no file is larger.
const LONGEST: usize = 8 << 20;

/// A log that is read from its beginning, and then on as it grows.
pub struct Log {
    directory: PathBuf,
    /// What was not read to its end.
    open: Option<Open>,
    has_begun: bool,
}

struct Open {
    reader: BufReader<fs::File>,
    id: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Log {
    /// The log in the directory.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::metadata(directory.join(CURRENT))?;
        Ok(Self::unwritten(directory))
    }

    /// The log that may come to be in the directory.
    pub fn unwritten(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), open: None, has_begun: false }
    }

    /// Takes all lines that are new, oldest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&mut self, mut take: impl FnMut(Line)) -> io::Result<()> {
        if !std::mem::replace(&mut self.has_begun, true) {
            // A line that was cut off there has no end.
            if let Some(mut before) = Open::file(&self.directory.join(BEFORE))? {
                before.read(&mut take)?;
            }
        }
        loop {
            let Some(open) = &mut self.open else {
                self.open = Open::file(&self.directory.join(CURRENT))?;
                if self.open.is_none() { return Ok(()) } else { continue }
            };
            // Looked at before it is read: what is written until it is replaced is read.
            let is_current = fs::metadata(self.directory.join(CURRENT)).is_ok_and(|about| about.ino() == open.id);
            open.read(&mut take)?;
            if is_current {
                return Ok(());
            }
            self.open = None;
        }
    }
}

impl Open {
    fn file(path: &Path) -> io::Result<Option<Self>> {
        match fs::File::open(path) {
            Ok(file) => {
                let id = file.metadata()?.ino();
                Ok(Some(Self { reader: BufReader::new(file), id, begun: Vec::new() }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, take: &mut impl FnMut(Line)) -> io::Result<()> {
        loop {
            let read = self.reader.read_until(b'\n', &mut self.begun)?;
            if read == 0 {
                return Ok(());
            }
            if self.begun.last() == Some(&b'\n') || self.begun.len() > LONGEST {
                if let Some(line) = Line::read(&String::from_utf8_lossy(&self.begun)) {
                    take(line);
                }
                self.begun.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn line(number: u32) -> String {
        json!({ "timestamp": "2026-11-29T07:08:30Z", "level": "INFO", "fields": { "message": number.to_string() } })
            .to_string()
            + "\n"
    }

    fn numbers(log: &mut Log) -> Vec<String> {
        let mut seen = Vec::new();
        log.read(|line| seen.push(line.record()["fields"]["message"].as_str().unwrap().to_owned())).unwrap();
        seen
    }

    #[test]
    fn a_log_is_read_as_it_grows_and_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Log::open(directory.path()).is_err());
        let (current, before) = (directory.path().join(CURRENT), directory.path().join(BEFORE));
        fs::write(&before, line(1)).unwrap();
        fs::write(&current, line(2) + "no line\n" + &line(3)[..10]).unwrap();
        let mut log = Log::open(directory.path()).unwrap();
        assert_eq!(numbers(&mut log), ["1", "2"]);
        assert_eq!(numbers(&mut log), Vec::<String>::new());
        let mut file = fs::OpenOptions::new().append(true).open(&current).unwrap();
        file.write_all(&line(3).as_bytes()[10..]).unwrap();
        assert_eq!(numbers(&mut log), ["3"]);
        file.write_all(line(4).as_bytes()).unwrap();
        fs::rename(&current, &before).unwrap();
        fs::write(&current, line(5)).unwrap();
        assert_eq!(numbers(&mut log), ["4", "5"]);
    }
}
