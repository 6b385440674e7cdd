//! Names of images, as manifests write them.

use std::fmt;

use crate::Auth;
use crate::registry::{DOCKER_HUB, Logins, Name};

/// The name of an image without a tag: `ghcr.io/org/app`, `alpine`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    pub(super) name: Name,
}

/// Why a text is no name of an image, in Flux's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// It has a scheme.
    #[error("image '{image}' should not include URL scheme; remove '{scheme}://'")]
    Scheme {
        /// What was written.
        image: String,
        /// The scheme.
        scheme: String,
    },
    /// It has a tag or a digest.
    #[error("image '{image}' should not include a tag; remove ':{tag}'")]
    Tag {
        /// What was written.
        image: String,
        /// The tag.
        tag: String,
    },
    /// It is no name.
    #[error(
        "could not parse reference: {image}; write HOST/PATH of small letters, digits and single . _ - between them"
    )]
    Invalid {
        /// What was written.
        image: String,
    },
}

impl ImageName {
    /// Reads a name. As Docker has it, what stands before the first slash is a registry only if it has a dot or a port.
    ///
    /// # Errors
    /// When it is none, or has more than the name of an image has.
    pub fn parse(image: &str) -> Result<Self, ImageNameError> {
        let image = image.trim();
        let shown = || image.chars().take(256).collect::<String>();
        if let Some((scheme, _)) = image.split_once("://") {
            return Err(ImageNameError::Scheme { image: shown(), scheme: scheme.chars().take(32).collect() });
        }
        let (first, path) = image.split_once('/').unwrap_or(("", image));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        let rest = if is_host { path } else { image };
        if let Some((_, tag)) = rest.split_once(':') {
            return Err(ImageNameError::Tag { image: shown(), tag: tag.chars().take(128).collect() });
        }
        let name = Name::of_repository(&format!("oci://{image}"));
        name.map(|name| Self { name }).map_err(|_| ImageNameError::Invalid { image: shown() })
    }

    /// The registry that it is on, with its port if one is given.
    pub fn host(&self) -> &str {
        &self.name.host
    }

    /// Who we are to it.
    pub fn login(&self, logins: &Logins) -> Auth {
        logins.find(&self.name.host, &self.name.repository)
    }
}

impl fmt::Display for ImageName {
    /// The whole name, with what was left out of it: `index.docker.io/library/alpine`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.name.host == DOCKER_HUB { "index.docker.io" } else { &self.name.host };
        write!(f, "{host}/{}", self.name.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_whole() {
        for (image, whole) in [
            ("alpine", "index.docker.io/library/alpine"),
            ("org/app", "index.docker.io/org/app"),
            ("docker.io/org/app", "index.docker.io/org/app"),
            ("ghcr.io/org/app", "ghcr.io/org/app"),
            ("localhost:5000/app", "localhost:5000/app"),
        ] {
            assert_eq!(ImageName::parse(image).unwrap().to_string(), whole);
        }
        for (image, said) in [
            ("https://ghcr.io/a/b", "should not include URL scheme; remove 'https://'"),
            ("ghcr.io/a/b:v1", "should not include a tag; remove ':v1'"),
            ("alpine:3", "should not include a tag; remove ':3'"),
            ("ghcr.io/A b", "could not parse reference"),
            ("", "could not parse reference"),
        ] {
            let error = ImageName::parse(image).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
