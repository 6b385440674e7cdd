//! The directory that a program keeps its state in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// What lies in a data directory before anything else: by it one is told from a directory of other things.
const MARK: &str = ".gitignore";

/// Makes the data directory, for its owner alone, and hides it from the repository that it may stand in. One that others
/// could read until now is closed to them.
pub fn prepare(data_dir: &Path) -> Result<()> {
    let cannot = || format!("cannot use the data directory {}", data_dir.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).with_context(cannot)?;
    let mark = data_dir.join(MARK);
    let is_empty = fs::read_dir(data_dir).with_context(cannot)?.next().is_none();
    if is_empty {
        fs::write(&mark, "*\n").with_context(cannot)?;
    }
    // A directory of other things stays as its owner has it; what is secret there has modes of its own.
    let is_ours = fs::read_to_string(&mark).is_ok_and(|text| text == "*\n");
    let mode = fs::metadata(data_dir).with_context(cannot)?.permissions().mode();
    if is_ours && mode & 0o077 != 0 {
        fs::set_permissions(data_dir, Permissions::from_mode(0o700)).with_context(cannot)?;
    }
    Ok(())
}

/// Refuses a file of state in which nothing is left: it would begin anew as if nothing had ever been.
pub fn refuse_emptied(state: &Path) -> Result<()> {
    if fs::metadata(state).is_ok_and(|about| about.len() == 0) {
        bail!(
            "{} is empty, so the state that it held is lost; put a copy of it back, or remove the file to begin anew",
            state.display()
        );
    }
    Ok(())
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
            prepare(&path).unwrap();
            assert_eq!(mode(&path), if name == "theirs" { 0o755 } else { 0o700 }, "{name}");
        }
        let new = directory.path().join("new/one");
        prepare(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn state_that_was_emptied_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state.redb");
        assert!(refuse_emptied(&state).is_ok());
        fs::write(&state, "").unwrap();
        assert!(refuse_emptied(&state).unwrap_err().to_string().contains("remove the file to begin anew"));
    }
}
