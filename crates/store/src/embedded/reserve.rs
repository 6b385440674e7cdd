//! Room on the disk that is kept for when there is no more.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How much more than is kept must fit, so that not the first write already finds no room.
const MORE: u64 = 64 * 1024;
/// How much is written at once.
const PIECE: usize = 64 * 1024;
/// In how many bytes the system counts what a file takes.
const BLOCK: u64 = 512;

/// A file beside that of the store which takes room and holds nothing. Without it a disk that is full would stay so: what
/// makes room has to be written, too.
pub(crate) struct Reserve {
    path: PathBuf,
    size: u64,
    is_held: bool,
}

impl Reserve {
    /// The reserve of the store in the file at `path`, which has nothing yet. With no size it never has.
    pub(crate) fn of(path: &Path, size: u64) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".reserve");
        Self { path: name.into(), size, is_held: false }
    }

    /// Takes the room, where that is not done yet.
    ///
    /// # Errors
    /// When there is no more room than that, or the file cannot be written.
    pub(crate) fn take(&mut self) -> io::Result<()> {
        if self.is_held || self.size == 0 {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path)?;
        let begin = if self.has_room(&file)? { self.size } else { 0 };
        let end = self.size + MORE;
        let filled = allocate(&file, end).unwrap_or_else(|| fill(&mut file, begin, end));
        // What was taken in vain is given back, and what was taken to see whether there is more.
        let cut = file.set_len(if filled.is_ok() { self.size } else { begin });
        self.is_held = filled.is_ok() || begin > 0;
        filled.and(cut)
    }

    /// Gives the room back; whether there was any.
    pub(crate) fn give_back(&mut self) -> bool {
        let is_given =
            self.is_held && OpenOptions::new().write(true).open(&self.path).is_ok_and(|file| file.set_len(0).is_ok());
        self.is_held = false;
        is_given
    }

    /// Whether any room is kept at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.size > 0
    }

    /// Whether it was given back, and not taken again.
    pub(crate) fn is_lent(&self) -> bool {
        self.is_wanted() && !self.is_held
    }

    /// Has none from now on.
    pub(crate) fn renounce(&mut self) {
        self.size = 0;
    }

    /// Whether the file takes the room already: one of that length may be a hole.
    fn has_room(&self, file: &File) -> io::Result<bool> {
        let about = file.metadata()?;
        Ok(about.len() == self.size && taken(&about) >= self.size)
    }
}

/// How many bytes of the disk a file takes.
fn taken(about: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(about) * BLOCK;
    #[cfg(not(unix))]
    return about.len();
}

/// Has the system set so much room aside for a file, which takes no writing: what was written would have to be on the disk
/// before the store's first write is. Nothing where the system cannot, or does not although it says so.
#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64) -> Option<io::Result<()>> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::{Errno, retry_on_intr};

    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, size)) {
        Ok(()) => file.metadata().is_ok_and(|about| taken(&about) >= size).then_some(Ok(())),
        Err(full @ (Errno::NOSPC | Errno::DQUOT)) => Some(Err(full.into())),
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64) -> Option<io::Result<()>> {
    None
}

/// Fills a file, so that no system makes less of it than it is.
fn fill(file: &mut File, begin: u64, end: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(begin))?;
    let (mut left, mut word) = (end - begin, 0x9e37_79b9_7f4a_7c15_u64);
    let mut piece = vec![0; PIECE];
    while left > 0 {
        for bytes in piece.chunks_exact_mut(size_of::<u64>()) {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&piece[..length])?;
        left -= length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 200_000;

    fn length(reserve: &Reserve) -> u64 {
        std::fs::metadata(&reserve.path).map_or(0, |about| about.len())
    }

    #[test]
    fn what_is_kept_is_there_until_it_is_given_back_and_then_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::of(&dir.path().join("state"), SIZE);
        assert!(!reserve.give_back());
        for _ in 0..2 {
            reserve.take().unwrap();
            reserve.take().unwrap();
            assert_eq!(length(&reserve), SIZE);
            assert!(reserve.has_room(&File::open(&reserve.path).unwrap()).unwrap());
            assert!(reserve.give_back() && !reserve.give_back());
            assert_eq!(length(&reserve), 0);
        }
        reserve.take().unwrap();
        Reserve::of(&dir.path().join("state"), SIZE).take().unwrap();
        assert_eq!(length(&reserve), SIZE, "after a start");
    }

    #[test]
    fn a_hole_is_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::of(&dir.path().join("state"), SIZE);
        File::create(&reserve.path).unwrap().set_len(SIZE).unwrap();
        assert!(!reserve.has_room(&File::open(&reserve.path).unwrap()).unwrap());
        reserve.take().unwrap();
        assert!(reserve.has_room(&File::open(&reserve.path).unwrap()).unwrap());
    }

    #[test]
    fn who_wants_none_has_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::of(&dir.path().join("state"), 0);
        reserve.take().unwrap();
        assert!(!reserve.path.exists() && !reserve.give_back());
    }
}
