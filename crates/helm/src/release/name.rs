//! Names of releases.

/// The most characters that a name may have.
const MAX_LENGTH: usize = 53;

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("release name check failed: release name \"\": no name provided")]
    Missing,
    /// It is too long, or not in lower case, or has characters that names in Kubernetes do not have.
    #[error(
        "release name check failed: release name {0:?}: invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    Invalid(String),
}

/// Whether a release can be called `name`.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Missing);
    }
    let is_label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= MAX_LENGTH && name.split('.').all(is_label) {
        return Ok(());
    }
    Err(NameError::Invalid(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kubernetes() {
        for name in ["a", "a-b", "a.b-1", "0", &"a".repeat(53)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", "a_b", "a.-b", ".a", &"a".repeat(54)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
