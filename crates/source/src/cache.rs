//! What was downloaded, on disk.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::SpooledTempFile;

use crate::Digest;
use crate::content::{Content, SMALL};

/// What a file that is being written begins with.
const PARTIAL: &str = ".partial-";

/// How old a file that is being written must be to be taken for one that a killed process left.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// How long the first line of a file may be.
const MAX_LINE: u64 = 16 * 1024;

/// How often the use of a file is noted.
const USE_NOTED: Duration = Duration::from_secs(60);

/// A directory of files that were downloaded, bounded in size: the one that was not used for the longest goes first.
///
/// Files appear whole or not at all, and several processes may share the directory. Each file says the digest of its
/// content: a damaged one is as good as none.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    max_bytes: u64,
}

/// A file of the cache: a line that whoever put it wrote, and the content.
pub(crate) struct Cached {
    pub(crate) note: String,
    pub(crate) content: Content,
}

impl Cache {
    /// The cache in `directory`, which is made where it is missing.
    pub(crate) fn open(directory: PathBuf, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let cache = Self { directory, max_bytes };
        for (path, metadata) in cache.files()? {
            if is_partial(&path) && age(&metadata) > ABANDONED {
                fs::remove_file(path)?;
            }
        }
        Ok(cache)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file `name`, if it is here and whole.
    pub(crate) fn get(&self, name: &str) -> Option<Cached> {
        let path = self.directory.join(name);
        let file = File::open(&path).ok()?;
        let Some(cached) = whole(file) else {
            tracing::warn!(path = %path.display(), "a file of the cache is damaged; it is fetched anew");
            let _ = fs::remove_file(&path);
            return None;
        };
        note_use(&path);
        Some(cached)
    }

    /// A file without a name for what comes: nothing is left of it when it is dropped, or the process is killed. It is in memory
    /// as long as it is small.
    pub(crate) fn spool(&self) -> SpooledTempFile {
        tempfile::spooled_tempfile_in(SMALL as usize, &self.directory)
    }

    /// Puts a file in place of whatever is there. `note` is one line.
    pub(crate) fn put(&self, name: &str, note: &str, content: &[u8]) -> io::Result<()> {
        self.write(name, note, (Digest::of(content), content.len() as u64), content)
    }

    /// The same with content that may be large.
    pub(crate) fn keep(&self, name: &str, note: &str, content: &mut Content) -> io::Result<()> {
        let described = (content.digest()?, content.size());
        self.write(name, note, described, content.reader()?)
    }

    fn write(&self, name: &str, note: &str, (digest, size): (Digest, u64), mut content: impl Read) -> io::Result<()> {
        let size = size.saturating_add(note.len() as u64);
        if size > self.max_bytes {
            return Ok(());
        }
        self.make_room(size)?;
        let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.directory)?;
        let note = note.replace(['\n', '\r'], " ");
        writeln!(file, "{digest} {note}")?;
        io::copy(&mut content, &mut file)?;
        file.persist(self.directory.join(name)).map_err(|error| error.error)?;
        Ok(())
    }

    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut files = self.files()?;
        let mut total: u64 = files.iter().map(|(_, metadata)| metadata.len()).sum();
        files.retain(|(path, _)| !is_partial(path));
        files.sort_by_key(|(_, metadata)| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        for (path, metadata) in files {
            if total.saturating_add(size) <= self.max_bytes {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total = total.saturating_sub(metadata.len()),
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            // Another process may have removed it.
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                files.push((entry.path(), metadata));
            }
        }
        Ok(files)
    }
}

fn is_partial(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PARTIAL))
}

fn age(metadata: &fs::Metadata) -> Duration {
    metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}

fn note_use(path: &Path) {
    let noted = File::options().append(true).open(path).and_then(|file| {
        if age(&file.metadata()?) > USE_NOTED { file.set_modified(SystemTime::now()) } else { Ok(()) }
    });
    if let Err(error) = noted {
        tracing::debug!(path = %path.display(), %error, "the use of a cached file was not noted");
    }
}

/// The note and the content of a file, if it is whole.
fn whole(file: File) -> Option<Cached> {
    let mut line = Vec::new();
    BufReader::new(&file).take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
    let start = line.len() as u64;
    let size = file.metadata().ok()?.len().checked_sub(start)?;
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (digest, note) = line.split_once(' ')?;
    let expected: Digest = digest.parse().ok()?;
    let mut content = Content::in_file(file, start, size);
    (content.digest().ok()? == expected).then(|| Cached { note: note.to_owned(), content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(max_bytes: u64) -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path().join("charts"), max_bytes).unwrap();
        (directory, cache)
    }

    #[test]
    fn what_is_put_is_got_after_a_restart() {
        let (_directory, cache) = cache(1000);
        cache.put("a", "a note", b"content\n\xff").unwrap();
        let cache = Cache::open(cache.directory().to_owned(), 1000).unwrap();
        let mut got = cache.get("a").unwrap();
        assert_eq!((got.note.as_str(), got.content.bytes().unwrap().as_slice()), ("a note", &b"content\n\xff"[..]));
        assert!(cache.get("b").is_none());
    }

    #[test]
    fn what_came_is_in_memory_while_it_is_small_and_nothing_of_it_is_left() {
        let (_directory, cache) = cache(8 << 20);
        let files = || fs::read_dir(cache.directory()).unwrap().count();
        for (size, is_on_disk) in [(SMALL, false), (SMALL + 1, true)] {
            let came = vec![1; size as usize];
            let mut spool = cache.spool();
            spool.write_all(&came).unwrap();
            assert_eq!(spool.is_rolled(), is_on_disk);
            assert_eq!(files(), 0, "it has no name");
            let mut content = Content::spooled(spool, size, Digest::of(&came), None);
            cache.keep("a", "a note", &mut content).unwrap();
            let mut kept = cache.get("a").unwrap();
            assert_eq!((kept.content.size(), kept.content.digest().unwrap()), (size, Digest::of(&came)));
            assert!(kept.content.bytes().unwrap() == came && content.bytes().unwrap() == came);
            fs::remove_file(cache.directory().join("a")).unwrap();
            assert!(kept.content.bytes().unwrap() == came, "whoever has it reads it to its end");
        }
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let (_directory, cache) = cache(1000);
        let path = cache.directory().join("a");
        for damage in [&b""[..], b"no line", b"sha256:00 note\ncontent"] {
            fs::write(&path, damage).unwrap();
            assert!(cache.get("a").is_none(), "{damage:?}");
            assert!(!path.exists());
        }
        cache.put("a", "", b"content").unwrap();
        let mut file = fs::read(&path).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, file).unwrap();
        assert!(cache.get("a").is_none());
    }

    #[test]
    fn what_was_not_used_for_the_longest_goes_first() {
        let (_directory, cache) = cache(1000);
        let hours_ago = |name: &str, hours: u64| {
            let file = File::options().append(true).open(cache.directory().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        };
        for (name, hours) in [("old", 3), ("older", 4), ("new", 1)] {
            cache.put(name, "", &[0; 200]).unwrap();
            hours_ago(name, hours);
        }
        assert!(cache.get("older").is_some(), "its use is noted");
        cache.put("more", "", &[0; 200]).unwrap();
        let here: Vec<bool> = ["old", "older", "new", "more"].map(|name| cache.get(name).is_some()).into();
        assert_eq!(here, [false, true, true, true]);
        cache.put("large", "", &[0; 2000]).unwrap();
        assert!(cache.get("large").is_none(), "what does not fit is not kept");
        assert!(cache.get("new").is_some(), "and nothing goes for it");
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let (_directory, cache) = cache(1000);
        for (name, hours) in [(".partial-old", 2), (".partial-new", 0)] {
            let path = cache.directory().join(name);
            fs::write(&path, "").unwrap();
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        }
        let cache = Cache::open(cache.directory().to_owned(), 1000).unwrap();
        assert!(!cache.directory().join(".partial-old").exists());
        assert!(cache.directory().join(".partial-new").exists(), "somebody may be writing it");
    }
}
