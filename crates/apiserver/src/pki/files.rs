//! Files that only their owner may read, written as a whole or not at all.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use super::PkiError;

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> PkiError {
    let path = path.to_owned();
    move |source| PkiError::File { path, source }
}

/// What to do about a file that cannot be read or written.
pub fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space on its disk or raise the quota",
        _ => "make the directory readable and writable for this user",
    }
}

/// Makes a directory that only its owner may look into.
pub fn make_directory(path: &Path) -> Result<(), PkiError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed(path))
}

/// Takes the rights to a file from everybody but its owner.
pub fn close_to_others(path: &Path) -> Result<(), PkiError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed(path))
}

/// The text of a file; `None` where there is none.
pub fn read(path: &Path) -> Result<Option<String>, PkiError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Writes a file that only its owner may read. Whoever reads it meanwhile sees the old text or the new one.
pub fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let written = (|| {
        // A draft that a killed process left behind may have any mode and owner.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_was_open_to_others_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let (inner, file) = (directory.path().join("a"), directory.path().join("f"));
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        make_directory(&inner).unwrap();
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        close_to_others(&file).unwrap();
        assert_eq!((mode(&inner), mode(&file)), (0o700, 0o600));
        make_directory(&directory.path().join("b/c")).unwrap();
        assert_eq!(mode(&directory.path().join("b/c")), 0o700);
    }

    #[test]
    fn a_full_disk_is_no_matter_of_rights() {
        let told = |error: std::io::Error| failed(Path::new("f"))(error).to_string();
        let full = OpenOptions::new().write(true).open("/dev/full").and_then(|mut file| file.write_all(b"text"));
        assert!(told(full.unwrap_err()).ends_with("; free space on its disk or raise the quota"));
        assert!(told(ErrorKind::PermissionDenied.into()).ends_with("readable and writable for this user"));
    }

    #[test]
    fn a_file_that_is_not_there_is_told_from_one_that_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, "text").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("text"));
        let error = read(directory.path()).unwrap_err();
        assert!(matches!(&error, PkiError::File { path, .. } if path == directory.path()), "{error}");
    }

    #[test]
    fn what_a_killed_process_left_behind_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let draft = directory.path().join(format!("f.{}.new", std::process::id()));
        fs::write(&draft, "half of").unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o666)).unwrap();
        let path = directory.path().join("f");
        write(&path, "text").unwrap();
        assert_eq!((read(&path).unwrap().as_deref(), mode(&path)), (Some("text"), 0o600));
        assert!(!draft.exists());
        // What is no file cannot be taken out of the way, and that is said.
        fs::create_dir(&draft).unwrap();
        assert!(write(&path, "other").is_err());
        assert_eq!(read(&path).unwrap().as_deref(), Some("text"));
    }
}
