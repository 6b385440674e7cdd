//! Which objects are taken, and the revision that follows from that.

use std::collections::BTreeMap;

use super::error::BucketProblem;
use crate::Digest;
use crate::digest::Hasher;

/// The most objects that are taken.
const MAX_OBJECTS: usize = 50_000;

/// The most bytes that the keys of the objects may have together, with what tells of their contents.
const MAX_NAMES: usize = 16 << 20;

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// What tells its content from others, as the server has it.
    pub(crate) etag: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// The objects that are taken, by their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    objects: BTreeMap<String, Listed>,
    names: usize,
}

impl Index {
    /// Takes an object, or notes that it has another content.
    ///
    /// # Errors
    /// When there are more than are taken.
    pub(crate) fn add(&mut self, key: String, listed: Listed) -> Result<(), BucketProblem> {
        self.names += key.len() + listed.etag.len();
        self.objects.insert(key, listed);
        if self.objects.len() > MAX_OBJECTS || self.names > MAX_NAMES {
            let what = format!("it has more than {MAX_OBJECTS} objects, or keys of more than {} MiB", MAX_NAMES >> 20);
            return Err(BucketProblem::TooMany(what));
        }
        Ok(())
    }

    /// Does not take an object after all.
    pub(crate) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The keys with what is known of the objects, in the order of the keys' bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Listed)> {
        self.objects.iter().map(|(key, listed)| (key.as_str(), listed))
    }

    /// The revision, as source-controller has it: the digest of a line for each object, in the order of the keys' bytes.
    pub(crate) fn revision(&self) -> Digest {
        let mut digest = Hasher::default();
        for (key, Listed { etag, .. }) in &self.objects {
            for part in [key, " ", etag, "\n"] {
                digest.update(part.as_bytes());
            }
        }
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(etag: &str) -> Listed {
        Listed { etag: etag.to_owned(), size: 0 }
    }

    #[test]
    fn there_are_no_more_objects_than_a_walk_takes() {
        let mut index = Index::default();
        for key in 0..MAX_OBJECTS {
            index.add(key.to_string(), listed("e")).unwrap();
        }
        assert!(matches!(index.add("more".into(), listed("e")), Err(BucketProblem::TooMany(_))));
        let mut index = Index::default();
        let long = "x".repeat(MAX_NAMES / 4);
        for key in 0..3 {
            index.add(format!("{key}{long}"), listed("e")).unwrap();
        }
        assert!(matches!(index.add("3".into(), listed(&long)), Err(BucketProblem::TooMany(_))));
    }
}
