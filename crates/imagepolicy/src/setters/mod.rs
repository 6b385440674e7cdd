//! Values in files that follow policies, since a comment beside them says so.
//!
//! Flux has kyaml write a file anew of which a value changes: comments between documents, blank lines, line breaks and indentation
//! may come out differently. Here the bytes of the value are replaced, and no others.

mod scan;
mod written;

use std::collections::BTreeMap;

use crate::{Change, ImageRef, InvalidRef, ObjectId};

/// What a file has that has markers in it.
const MARKER: &str = "$imagepolicy";

/// The most bytes that a file with markers may have.
const MAX_FILE: usize = 16 << 20;

/// What values become, by the markers that name them.
#[derive(Clone, Debug, Default)]
pub struct Setters(BTreeMap<String, String>);

/// What a file becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// The file, where it is another one than before.
    pub text: Option<String>,
    /// What was changed of which object, in the order in which it stands there.
    pub changes: Vec<(ObjectId, Change)>,
    /// The lines with markers of known policies beside which there is no value that can be changed: a value has to be on the line.
    pub idle: Vec<usize>,
}

/// Why nothing is changed in a file that has markers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no YAML.
    #[error("line {line}: {cause}")]
    Yaml {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        cause: String,
    },
    /// It is no text.
    #[error("it is no UTF-8")]
    Text,
    /// It is too large.
    #[error("it has more than {MAX_FILE} bytes")]
    TooLarge,
}

impl Setters {
    /// What the images of policies set: `NAMESPACE:NAME` the image, and `:tag`, `:name` and `:digest` behind it a part.
    ///
    /// # Errors
    /// When an image is none.
    pub fn new(policies: impl IntoIterator<Item = (String, String, ImageRef)>) -> Result<Self, InvalidRef> {
        let mut setters = BTreeMap::new();
        for (namespace, name, image) in policies {
            image.check()?;
            let policy = format!("{namespace}:{name}");
            setters.insert(format!("{policy}:tag"), image.tag.clone());
            setters.insert(format!("{policy}:name"), image.name.clone());
            setters.insert(format!("{policy}:digest"), image.digest.clone());
            setters.insert(policy, image.to_string());
        }
        Ok(Self(setters))
    }

    /// What the file becomes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn update(&self, file: &[u8]) -> Result<Updated, Unreadable> {
        if file.len() > MAX_FILE {
            return Err(Unreadable::TooLarge);
        }
        let text = std::str::from_utf8(file).map_err(|_| Unreadable::Text)?;
        let scan::Found { mut edits, idle } = scan::scan(text, self)?;
        // What is replaced stands in the order of the file, each piece once.
        edits.sort_by_key(|edit| edit.span.start);
        edits.dedup_by_key(|edit| edit.span.start);
        edits.retain(|edit| edit.change.old != edit.change.new);
        let mut output = String::with_capacity(text.len());
        let mut at = 0;
        for edit in &edits {
            output.push_str(text.get(at..edit.span.start).unwrap_or_default());
            output.push_str(&edit.written);
            at = edit.span.end;
        }
        output.push_str(text.get(at..).unwrap_or_default());
        let changes: Vec<_> = edits.into_iter().map(|edit| (edit.object, edit.change)).collect();
        Ok(Updated { text: (!changes.is_empty()).then_some(output), changes, idle })
    }

    /// The marker of a comment that names a policy known here, and what it sets.
    fn of_comment(&self, comment: &str) -> Option<(&str, &str)> {
        let comment = comment.trim_start_matches('#');
        if !comment.contains(MARKER) {
            return None;
        }
        let named: BTreeMap<String, String> = serde_json::from_str(comment).ok()?;
        let (setter, value) = self.0.get_key_value(named.get(MARKER)?)?;
        Some((setter, value))
    }
}

/// Whether a file may have markers in it.
pub fn is_marked(file: &[u8]) -> bool {
    memchr::memmem::find(file, b"\"$imagepolicy\"").is_some()
}
