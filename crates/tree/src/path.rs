//! Paths inside a tree, which cannot leave it.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path from the root of a tree: components joined by `/`, never `.` or `..`, never absolute.
///
/// The root itself is the empty path, and is shown as `.`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(String);

/// Why a text is no path inside a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path climbs above the root.
    #[error("the path {0:?} leaves the repository")]
    Outside(String),
    /// The path starts at the root of a file system.
    #[error("the path {0:?} is absolute; paths are relative to the file that names them")]
    Absolute(String),
    /// A link on the way leads out of the tree.
    #[error("a link leads to {0:?}, which is outside of the repository; links are followed within it alone")]
    Link(String),
    /// The path holds a NUL byte.
    #[error("the path {0:?} holds a NUL byte")]
    Nul(String),
}

impl TreePath {
    /// The root of the tree.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path that `text` means at the root: `./a//b/../c` is `a/c`. A leading `/` is taken as the root, as
    /// Flux takes `spec.path`.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::root().join(text.trim_start_matches('/'))
    }

    /// The path that `text` means in the directory `self`.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        if text.contains('\0') {
            return Err(PathError::Nul(text.to_owned()));
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute(text.to_owned()));
        }
        let mut components: Vec<&str> = self.components().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    components.pop().ok_or_else(|| PathError::Outside(text.to_owned()))?;
                }
                name => components.push(name),
            }
        }
        Ok(Self(components.join("/")))
    }

    /// The directory that holds this path; of the root: the root.
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default())
    }

    /// The last component; of the root: the empty text.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The components from the root on; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this path is `directory` or lies below it.
    pub fn starts_with(&self, directory: &Self) -> bool {
        directory.is_root()
            || self.0 == directory.0
            || self.0.strip_prefix(&directory.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path as text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl Serialize for TreePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TreePath {
    /// Takes only what was serialized: two texts never mean one path.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let path = Self::root().join(&text).map_err(D::Error::custom)?;
        if path.0 == text { Ok(path) } else { Err(D::Error::custom(format!("the path {text:?} is not clean"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_and_stays_inside() {
        let parse = |text| TreePath::parse(text).map(|path| path.to_string());
        assert_eq!(parse("./a//b/../c/").unwrap(), "a/c");
        assert_eq!(parse("/clusters/prod").unwrap(), "clusters/prod");
        assert_eq!(parse(".").unwrap(), ".");
        assert_eq!(parse("a/../../etc"), Err(PathError::Outside("a/../../etc".into())));
        let apps = TreePath::parse("apps").unwrap();
        assert_eq!(apps.join("/etc/passwd"), Err(PathError::Absolute("/etc/passwd".into())));
        assert!(apps.join("base").unwrap().starts_with(&apps));
        assert!(!TreePath::parse("apps2").unwrap().starts_with(&apps));
    }
}
