//! Why templates do not become objects.

/// Why templates do not become objects. What is displayed may hold what the inputs hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A text is no template.
    #[error("failed to build {place}: failed to parse template: {message}")]
    Parse {
        /// Which template.
        place: String,
        /// What is wrong, in Go's words.
        message: String,
    },
    /// A template failed.
    #[error("failed to build {place}: failed to execute template: {message}")]
    Execute {
        /// Which template.
        place: String,
        /// What is wrong, in Go's words.
        message: String,
    },
    /// What a template wrote is no object.
    #[error("failed to build {place}: failed to read object: {message}")]
    Read {
        /// Which template.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// There is more of something than is borne.
    #[error("{what} are more than {most}, which is what a ResourceSet may have; split it")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much may be.
        most: usize,
    },
}
