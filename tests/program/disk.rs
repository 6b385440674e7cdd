//! A disk that really has no more room than a few megabytes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A file system in memory, mounted in a namespace of its own, so that nobody has to be root for it. It is there as long as
/// the value is, whoever is killed meanwhile.
pub struct Disk {
    /// Who keeps the namespace.
    keeper: Child,
    /// Where it is, for everybody.
    pub path: PathBuf,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

impl Disk {
    /// A disk of so many megabytes; nothing where the system lets nobody mount one, as in most containers.
    pub fn of(megabytes: u32, place: &Path) -> Option<Self> {
        let mount = format!("mount -t tmpfs -o size={megabytes}m none \"$0\" && echo mounted && exec sleep infinity");
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
            .arg(place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let path = format!("/proc/{}/root{}", keeper.id(), place.display()).into();
        let disk = Self { keeper, path };
        (said == "mounted\n").then_some(disk)
    }

    /// Takes room, as others do who write to it: so many megabytes, or as much as there is.
    pub fn take(&self, megabytes: u32) {
        let mut filler = std::fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        let whole = vec![1; 1024 * 1024];
        if (0..megabytes).all(|_| filler.write_all(&whole).is_ok()) {
            return;
        }
        // What is smaller may fit still.
        while filler.write_all(&[1]).is_ok() {}
    }

    /// Gives that back.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}
