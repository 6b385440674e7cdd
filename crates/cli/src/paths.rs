//! Paths on this machine as people write them.

use std::ffi::OsStr;
use std::path::Path;

use cowherd_text::near;

/// What somebody may have meant who mistyped the last part of a path, of what may be meant: `; did you mean apps?`
pub fn meant(path: &Path, may_be: impl Fn(&Path) -> bool) -> String {
    let (Some(name), Some(above)) = (path.file_name().and_then(OsStr::to_str), path.parent()) else {
        return String::new();
    };
    let directory = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let names: Vec<String> = entries
        .filter(|entry| may_be(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let near = near::names(name, names.iter().map(String::as_str));
    let near: Vec<String> = near.into_iter().map(|name| above.join(name).display().to_string()).collect();
    near::said(&near.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether more than `most` files and directories are below a directory, as far as they can be read.
pub fn has_more_than(directory: &Path, most: usize) -> bool {
    let mut left = vec![directory.to_owned()];
    let mut count = 0;
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            count += 1;
            if count > most {
                return true;
            }
            // A link is not followed.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_of_what_may_be_meant() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("apps")).unwrap();
        std::fs::write(directory.path().join("app.tgz"), "").unwrap();
        let path = directory.path().join("aps");
        let apps = format!("; did you mean {}?", directory.path().join("apps").display());
        assert_eq!(meant(&path, Path::is_dir), apps);
        assert_eq!(meant(&path, Path::is_file), "");
        assert_eq!(meant(Path::new("/"), Path::is_dir), "");
    }

    #[test]
    fn files_are_counted_as_far_as_they_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        std::fs::write(directory.path().join("a/b"), "").unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("a/self")).unwrap();
        assert!(has_more_than(directory.path(), 2) && !has_more_than(directory.path(), 3));
    }
}
