//! Mirrors that nobody needs any more.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Inner;
use super::shared::Mirror;
use crate::objects::lock;

/// What the directory of a mirror is called that is being removed.
const REMOVED: &str = ".removed-";

/// How often it is looked what nobody needs.
const PAUSE: Duration = Duration::from_secs(60);

/// A mirror that nobody needs.
struct Idle {
    used: SystemTime,
    size: u64,
    what: What,
}

enum What {
    /// One that was asked for since the start.
    Known(Arc<Mirror>),
    /// One that was not.
    Unknown(PathBuf),
}

impl Inner {
    /// Removes what nobody needs and was not used for the longest, as long as that takes too much room.
    pub(super) fn make_room(&self) {
        // Soon after a start it is not known yet what is needed.
        if self.opened.elapsed() < self.options.settling {
            return;
        }
        let pause = PAUSE.min(self.options.settling);
        match &mut *lock(&self.looked) {
            Some(looked) if looked.elapsed() < pause => return,
            looked => *looked = Some(Instant::now()),
        }
        let mut idle = self.idle().unwrap_or_else(|error| {
            tracing::warn!(directory = %self.directory.display(), %error, "it cannot be seen what nobody needs any more");
            Vec::new()
        });
        idle.sort_by_key(|idle| idle.used);
        let mut total: u64 = idle.iter().map(|idle| idle.size).sum();
        for Idle { size, what, .. } in idle {
            if total <= self.options.max_idle {
                break;
            }
            let removed = match what {
                What::Known(mirror) => mirror.discard_idle(),
                What::Unknown(directory) => self.remove(&directory),
            };
            total -= if removed { size } else { 0 };
        }
    }

    fn idle(&self) -> io::Result<Vec<Idle>> {
        let known: HashMap<PathBuf, Arc<Mirror>> =
            lock(&self.mirrors).values().map(|mirror| (mirror.directory().to_owned(), mirror.clone())).collect();
        let mut idle = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if !is_mirror(&path) {
                continue;
            }
            match known.get(&path) {
                Some(mirror) => idle.extend(mirror.idle().map(|(used, size)| {
                    let what = What::Known(mirror.clone());
                    Idle { used, size, what }
                })),
                None => {
                    let used = fs::metadata(&path).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                    idle.push(Idle { used, size: size(&path)?, what: What::Unknown(path) });
                }
            }
        }
        Ok(idle)
    }

    /// Removes the directory of a mirror unless somebody has asked for it meanwhile.
    fn remove(&self, directory: &Path) -> bool {
        let Some(name) = directory.file_name().and_then(|name| name.to_str()) else { return false };
        let removed = directory.with_file_name(format!("{REMOVED}{name}"));
        {
            let mirrors = lock(&self.mirrors);
            let is_known = mirrors.values().any(|mirror| mirror.directory() == directory);
            if is_known || fs::rename(directory, &removed).is_err() {
                return false;
            }
        }
        fs::remove_dir_all(&removed)
            .inspect_err(|error| tracing::warn!(path = %removed.display(), %error, "an old copy was not removed"))
            .is_ok()
    }
}

/// Removes what a killed process was about to remove.
pub(super) fn remove_remains(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(REMOVED)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Whether the directory is that of a mirror: its name ends in a digest.
fn is_mirror(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digest = name.rsplit_once('-').map_or("", |(_, digest)| digest);
    path.is_dir() && !name.starts_with('.') && digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How many bytes the files below a directory have. What goes meanwhile has none.
fn size(directory: &Path) -> io::Result<u64> {
    let mut total: u64 = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(about) if about.is_dir() => directories.push(entry.path()),
                Ok(about) => total = total.saturating_add(about.len()),
                Err(_) => {}
            }
        }
    }
    Ok(total)
}
