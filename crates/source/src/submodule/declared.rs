//! What a commit declares of its submodules.

use std::collections::BTreeMap;

use cowherd_tree::TreePath;
use gix::config::File;
use gix::config::file::Metadata;

/// The file in which they are declared.
pub(super) const FILE: &str = ".gitmodules";
/// The most bytes of it that are read.
pub(super) const MAX_SIZE: u64 = 256 * 1024;

/// A submodule as it is declared.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) path: TreePath,
    pub(super) url: String,
}

/// Reads the file. Nothing else that it says is looked at: it could name programs, and other branches.
pub(super) fn read(text: &[u8]) -> Result<Vec<Declared>, String> {
    let file = File::from_bytes_no_includes(text, Metadata::api(), Default::default())
        .map_err(|_| "it cannot be read".to_owned())?;
    let mut all: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    for section in file.sections_by_name("submodule").into_iter().flatten() {
        let Some(name) = section.header().subsection_name() else { continue };
        let of_name = all.entry(name.to_string()).or_default();
        let value = |key: &str| section.value(key).map(|value| value.to_string());
        of_name.0 = value("path").or(of_name.0.take());
        of_name.1 = value("url").or(of_name.1.take());
    }
    let whole = all.into_iter().filter_map(|(name, (path, url))| Some((name, path?, url?)));
    let read = whole.map(|(name, path, url)| match TreePath::root().join(&path) {
        Ok(path) if !path.is_root() => Ok(Declared { path, url }),
        _ => Err(format!("the path of the submodule {:?} is none", name.chars().take(80).collect::<String>())),
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submodule_is_a_path_and_a_url_and_nothing_else() {
        let text = "[submodule \"b\"]\n\tpath = lib/b\n\turl = ../b.git\n\tupdate = !rm -rf /\n[submodule \"half\"]\n\tpath = half\n\
                    [core]\n\tsshCommand = x\n[submodule \"a\"]\n\tpath = \"a\"\n\turl = https://x/a\n[submodule \"b\"]\n\turl = ../c.git\n";
        let read = read(text.as_bytes()).unwrap();
        let read: Vec<_> = read.iter().map(|one| (one.path.as_str(), one.url.as_str())).collect();
        assert_eq!(read, [("a", "https://x/a"), ("lib/b", "../c.git")]);
    }

    #[test]
    fn what_is_no_path_in_the_repository_is_refused() {
        for path in ["../x", "/etc", "", "a/../.."] {
            let text = format!("[submodule \"s\"]\npath = {path:?}\nurl = ../b\n");
            assert!(read(text.as_bytes()).unwrap_err().contains("\"s\" is none"), "{path}");
        }
        assert!(read(b"[submodule \"s\"\n").is_err());
    }
}
