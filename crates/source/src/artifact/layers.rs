//! Layers that were unpacked, on disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant, SystemTime};

use cowherd_tree::ArchiveLimits;
use tempfile::{NamedTempFile, SpooledTempFile};

use super::layer::Layer;
use super::{ArtifactOptions, ArtifactProblem};
use crate::WebProblem;
use crate::objects::lock;
use crate::tenant::{Claim, Growing};

/// What a file that is being written begins with.
const PARTIAL: &str = ".partial-";

/// How old a file that is being written must be to be taken for one that a killed process left.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// A directory of layers. Those that somebody reads stay; of the others, the one that was not used for the longest goes first
/// where they take too much room.
pub(super) struct Layers {
    directory: PathBuf,
    max_bytes: u64,
    opened: Instant,
    settling: Duration,
    read: Mutex<HashMap<String, Weak<Layer>>>,
}

impl Layers {
    /// The layers in `directory`, which is made where it is missing.
    pub(super) fn open(directory: PathBuf, options: &ArtifactOptions) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let ArtifactOptions { max_layers: max_bytes, settling, .. } = *options;
        let layers = Self { directory, max_bytes, opened: Instant::now(), settling, read: Mutex::default() };
        for (path, metadata) in layers.files()? {
            if is_partial(&path) && age(&metadata) > ABANDONED {
                remove(&path)?;
            }
        }
        Ok(layers)
    }

    /// Where the layer of this name is, or is going to be.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The layer of this name, if it is here and whole.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Layer>> {
        if let Some(layer) = in_use(&lock(&self.read), name) {
            return Some(layer);
        }
        let path = self.directory.join(name);
        // A large one takes time, in which others get theirs.
        let layer = Arc::new(Layer::read(&path)?);
        let mut read = lock(&self.read);
        if let Some(layer) = in_use(&read, name) {
            return Some(layer);
        }
        // By its time it is known how long nobody used it.
        match File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now())) {
            // Its room was needed meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => tracing::debug!(path = %path.display(), %error, "the use of a layer was not noted"),
            Ok(()) => {}
        }
        read.retain(|_, layer| layer.strong_count() > 0);
        read.insert(name.to_owned(), Arc::downgrade(&layer));
        Some(layer)
    }

    /// A file for what is not whole yet. It goes when it is dropped.
    pub(super) fn partial(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(PARTIAL).tempfile_in(&self.directory)
    }

    /// A file without a name for what is written elsewhere later. It is in memory until it has more than so many bytes.
    pub(super) fn spool(&self, in_memory: usize) -> SpooledTempFile {
        tempfile::spooled_tempfile_in(in_memory, &self.directory)
    }

    /// Unpacks a layer, and keeps it.
    pub(super) fn put(
        &self,
        name: &str,
        packed: &File,
        limits: &ArchiveLimits,
        claim: Option<&Claim>,
    ) -> Result<Arc<Layer>, ArtifactProblem> {
        let storage = |error: io::Error| WebProblem::Storage(error.to_string());
        let path = self.directory.join(name);
        let mut to = self.partial().map_err(storage)?;
        let mut growing = Growing::new(to.as_file_mut(), claim);
        let mut buffered = io::BufWriter::with_capacity(64 * 1024, &mut growing);
        let packed = io::BufReader::with_capacity(64 * 1024, packed);
        let unpacked = Layer::unpack(packed, limits, &mut buffered, path.clone());
        drop(buffered);
        if let Some(refused) = growing.refused {
            return Err(refused.into());
        }
        let failed = growing.failed;
        // What could not be written says nothing of the layer.
        let (layer, length) = match (unpacked, failed) {
            (Err(_), Some(cause)) => return Err(WebProblem::Storage(cause).into()),
            (unpacked, _) => unpacked.map_err(Arc::new)?,
        };
        self.keep(name, to, layer, length).map_err(|error| storage(error).into())
    }

    /// Keeps a layer that was written to a file, of which it has the first `length` bytes.
    pub(super) fn keep(&self, name: &str, to: NamedTempFile, layer: Layer, length: u64) -> io::Result<Arc<Layer>> {
        // What has its name is whole, also where the power fails.
        to.as_file().set_len(length).and_then(|()| to.as_file().sync_all())?;
        let mut read = lock(&self.read);
        // Somebody else may have brought the same meanwhile, and read it.
        if let Some(layer) = in_use(&read, name) {
            return Ok(layer);
        }
        to.persist(self.path(name)).map_err(|error| error.error)?;
        let layer = Arc::new(layer);
        read.insert(name.to_owned(), Arc::downgrade(&layer));
        // Soon after a start it is not known yet what is read.
        let is_settled = self.opened.elapsed() >= self.settling;
        if let Some(error) = is_settled.then(|| self.make_room(&mut read).err()).flatten() {
            tracing::warn!(directory = %self.directory.display(), %error, "old layers were not removed");
        }
        Ok(layer)
    }

    /// Removes what nobody reads and was not used for the longest, as long as that takes too much room.
    fn make_room(&self, read: &mut HashMap<String, Weak<Layer>>) -> io::Result<()> {
        read.retain(|_, layer| layer.strong_count() > 0);
        let is_read =
            |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| read.contains_key(name));
        let mut files = self.files()?;
        files.retain(|(path, _)| !is_partial(path) && !is_read(path));
        files.sort_by_key(|(_, metadata)| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        let mut total: u64 = files.iter().map(|(_, metadata)| metadata.len()).sum();
        for (path, metadata) in files {
            if total <= self.max_bytes {
                break;
            }
            remove(&path)?;
            total = total.saturating_sub(metadata.len());
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            match entry.metadata() {
                // One that was being written, and is no more.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                metadata => files.push((entry.path(), metadata?)),
            }
        }
        Ok(files)
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The layer of this name that somebody reads, unless it is damaged.
fn in_use(read: &HashMap<String, Weak<Layer>>, name: &str) -> Option<Arc<Layer>> {
    read.get(name).and_then(Weak::upgrade).filter(|layer| !layer.is_damaged())
}

fn is_partial(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PARTIAL))
}

fn age(metadata: &fs::Metadata) -> Duration {
    metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_and_drop_meanwhile_keeps_nobody_from_making_room() {
        let directory = tempfile::tempdir().unwrap();
        let options = ArtifactOptions { max_layers: 0, ..ArtifactOptions::default() };
        let layers = Layers::open(directory.path().to_owned(), &options).unwrap();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..20 {
                            let written: Vec<_> = (0..50).map(|_| layers.partial().unwrap()).collect();
                            drop(written);
                        }
                    })
                })
                .collect();
            while !writers.iter().all(|writer| writer.is_finished()) {
                std::fs::write(directory.path().join("old"), "x").unwrap();
                layers.make_room(&mut HashMap::new()).unwrap();
                assert!(!directory.path().join("old").exists());
            }
        });
    }
}
