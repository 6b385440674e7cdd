//! References to images.

use std::fmt;

/// The longest name of an image, in bytes.
const LONGEST_NAME: usize = 1024;

/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// An image as an ImagePolicy gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    /// The name, with or without its registry.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest; empty where it is not reflected.
    pub digest: String,
}

/// A reference that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encountered invalid image ref {0:?}; correct the image of the ImageRepository")]
pub struct InvalidRef(String);

impl ImageRef {
    /// Whether it is a reference, so that it can be written into files.
    ///
    /// # Errors
    /// When its name, its tag or its digest is none.
    pub fn check(&self) -> Result<(), InvalidRef> {
        match is_name(&self.name) && is_tag(&self.tag) && (self.digest.is_empty() || is_digest(&self.digest)) {
            true => Ok(()),
            false => Err(InvalidRef(self.to_string().chars().take(LONGEST_NAME).collect())),
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)?;
        if self.digest.is_empty() { Ok(()) } else { write!(f, "@{}", self.digest) }
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:[]".contains(&byte);
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
    is_plain && text.len() <= LONGEST_NAME && text.bytes().all(is_letter) && !text.ends_with([':', '/'])
}

fn is_tag(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_TAG).contains(&text.len()) && text.bytes().all(is_letter) && !text.starts_with(['.', '-'])
}

fn is_digest(text: &str) -> bool {
    let digits =
        text.split_once(':').filter(|(algorithm, _)| algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    digits.is_some_and(|(_, digits)| {
        (32..=128).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_write_something_else_than_a_reference_is_none() {
        let image = |name: &str, tag: &str, digest: &str| ImageRef {
            name: name.to_owned(),
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        };
        let digest = format!("sha256:{}", "a".repeat(64));
        for (name, tag, digest) in
            [("nginx", "1", ""), ("localhost:5000/a/b", "v1.0-x_y", &digest), ("[::1]:5000/a", "1", "")]
        {
            assert_eq!(image(name, tag, digest).check(), Ok(()), "{name}");
        }
        for (name, tag, digest) in [
            ("nginx\nkind: Secret", "1", ""),
            ("nginx", "1 # x", ""),
            ("nginx", "", ""),
            ("nginx", "1", "sha256:x"),
            ("", "1", ""),
            ("nginx: x", "1", ""),
            ("nginx", "-1", ""),
        ] {
            assert!(image(name, tag, digest).check().is_err(), "{name}:{tag}@{digest}");
        }
    }
}
