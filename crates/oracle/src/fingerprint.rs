//! What an answer depends on: the program, its arguments, and the files that it reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// Directories that tools make in their home, which may be where the files are.
const OF_TOOLS: [&str; 3] = [".cache", ".config", ".local"];

/// The key under which the answer to a command is recorded.
pub fn of(command: &Command, reads: &[PathBuf]) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(command.get_program().as_encoded_bytes());
    let here = command.get_current_dir();
    for argument in command.get_args() {
        let path = here.unwrap_or(Path::new("")).join(argument);
        match (path.exists(), here) {
            (true, None) => add_files(&path, &mut add),
            (_, Some(here)) => {
                let text = argument.to_string_lossy().replace(&*here.to_string_lossy(), "{here}");
                add(text.as_bytes());
            }
            (false, None) => add(argument.as_encoded_bytes()),
        }
    }
    here.into_iter().chain(reads.iter().map(PathBuf::as_path)).for_each(|directory| add_files(directory, &mut add));
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// Names and contents of what is at `path` and below, in the order of the names.
fn add_files(path: &Path, add: &mut impl FnMut(&[u8])) {
    if let Ok(target) = fs::read_link(path) {
        add(target.as_os_str().as_encoded_bytes());
    } else if let Ok(content) = fs::read(path) {
        add(&content);
    } else if let Ok(entries) = fs::read_dir(path) {
        let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        entries.retain(|entry| !OF_TOOLS.iter().any(|name| entry.ends_with(name)));
        add(&(entries.len() as u64).to_be_bytes());
        for entry in entries {
            add(entry.file_name().unwrap_or_default().as_encoded_bytes());
            add_files(&entry, add);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(directory: &Path) -> String {
        let mut command = Command::new("helm");
        command.arg("template").arg(directory);
        of(&command, &[])
    }

    #[test]
    fn it_is_the_files_that_count_and_not_where_they_are() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for directory in [&one, &two] {
            fs::create_dir(directory.path().join("a")).unwrap();
            fs::write(directory.path().join("a/b"), "c").unwrap();
        }
        assert_eq!(key(one.path()), key(two.path()));
        fs::create_dir(two.path().join(".cache")).unwrap();
        assert_eq!(key(one.path()), key(two.path()));
        fs::write(two.path().join("a/b"), "d").unwrap();
        assert_ne!(key(one.path()), key(two.path()));
        fs::write(two.path().join("a/b"), "c").unwrap();
        fs::rename(two.path().join("a/b"), two.path().join("a/c")).unwrap();
        assert_ne!(key(one.path()), key(two.path()));
    }
}
