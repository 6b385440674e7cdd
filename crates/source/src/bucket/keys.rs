//! Where the objects of a bucket stand in a tree.

use std::collections::BTreeMap;

use cowherd_tree::{PathError, TreePath};

use super::error::BucketProblem;
use super::index::{Index, Listed};
use crate::ignore::IGNORE_FILE;

/// The most bytes that a key has, as S3 has it.
const MAX_KEY: usize = 1024;

/// Whether an object is taken that has this key: none that stands for a directory, and not the patterns themselves.
pub(crate) fn is_taken(key: &str) -> bool {
    !key.ends_with('/') && key != IGNORE_FILE
}

/// The objects by the path at which each stands.
///
/// # Errors
/// When one cannot stand anywhere, or where another one is.
pub(crate) fn places(index: &Index) -> Result<BTreeMap<TreePath, (&str, &Listed)>, BucketProblem> {
    let mut places: BTreeMap<TreePath, (&str, &Listed)> = BTreeMap::new();
    for (key, listed) in index.iter() {
        let path = path(key).map_err(|cause| BucketProblem::Key { key: shown(key), cause })?;
        if let Some((other, _)) = places.insert(path, (key, listed)) {
            return Err(both(other, key));
        }
    }
    for (path, (key, _)) in &places {
        let mut above = path.parent();
        while !above.is_root() {
            if let Some((other, _)) = places.get(&above) {
                return Err(both(other, key));
            }
            above = above.parent();
        }
    }
    Ok(places)
}

/// The path that a key means: slashes at its beginning, or one behind the other, mean nothing more than one.
fn path(key: &str) -> Result<TreePath, &'static str> {
    if key.len() > MAX_KEY {
        return Err("it is longer than the key of an object can be");
    }
    if key.split('/').any(|part| part == "..") {
        return Err("it leads out of where it stands");
    }
    let path = TreePath::parse(key).map_err(|error| match error {
        PathError::Nul(_) => "it holds a NUL byte",
        _ => "it is no path",
    })?;
    if path.is_root() { Err("it names no file") } else { Ok(path) }
}

fn both(one: &str, other: &str) -> BucketProblem {
    BucketProblem::Both { one: shown(one), other: shown(other) }
}

/// A key as a message has it.
pub(crate) fn shown(key: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = key.chars().take(SHOWN).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    cowherd_text::harmless(&shown).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(keys: &[&str]) -> Result<Vec<String>, String> {
        let mut index = Index::default();
        for key in keys {
            index.add((*key).to_owned(), Listed { etag: "e".into(), size: 0 }).unwrap();
        }
        let places = places(&index).map_err(|problem| problem.to_string())?;
        Ok(places.keys().map(|path| path.as_str().to_owned()).collect())
    }

    #[test]
    fn keys_are_paths_whose_slashes_mean_directories() {
        assert_eq!(
            placed(&["b.yaml", "/a//./x.yaml", "a/y\u{1}.yaml"]).unwrap(),
            ["a/x.yaml", "a/y\u{1}.yaml", "b.yaml"]
        );
        let taken = |key| is_taken(key);
        assert!(taken("a/.sourceignore") && !taken(".sourceignore") && !taken("a/"));
    }

    #[test]
    fn what_cannot_stand_in_a_tree_is_refused_by_name_with_what_to_do() {
        let long = "x".repeat(2000);
        for (key, cause) in [
            ("../etc/passwd", "it leads out"),
            ("a/../b", "it leads out"),
            ("..", "it leads out"),
            (".", "it names no file"),
            ("", "it names no file"),
            ("a\0b", "NUL"),
            (&long, "longer"),
        ] {
            let error = placed(&[key]).unwrap_err();
            assert!(error.contains(cause) && error.contains("spec.ignore"), "{error}");
        }
        assert!(placed(&["a\n\u{1b}[2J/../x"]).unwrap_err().contains("'a\\n\\u{1b}[2J/../x'"));
        for keys in [&["a", "a/b"][..], &["a/b/c/d", "a/b"], &["a/b", "a//b"], &["x", "/x"]] {
            let error = placed(keys).unwrap_err();
            assert!(
                error.contains("one of them") && keys.iter().all(|key| error.contains(&format!("'{key}'"))),
                "{error}"
            );
        }
    }
}
