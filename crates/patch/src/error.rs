//! Why a patch is refused.

/// Why a patch is refused. Worded as the Kubernetes API server words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch does not have the form that its kind of patch has.
    #[error("{0}")]
    Malformed(String),
    /// The patch has more operations than are allowed.
    #[error("The allowed maximum operations in a JSON patch is {allowed}, got {got}")]
    TooManyOperations {
        /// How many are allowed.
        allowed: usize,
        /// How many there are.
        got: usize,
    },
    /// The patch does not fit the object: a path that is not there, a test that fails, items without their key.
    #[error("{0}")]
    Unprocessable(String),
}

impl PatchError {
    /// The HTTP status that says so.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::TooManyOperations { .. } => 413,
            Self::Unprocessable(_) => 422,
        }
    }
}
