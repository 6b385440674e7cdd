//! Who may sign.

use std::sync::Arc;

use cowherd_pattern::{Limits, Regex};

/// The most bytes of memory that one expression may take.
const MAX_PATTERN: usize = 64 << 10;

/// The same of all together, of which the smallest takes a part: it bounds the time that they take, too.
const MAX_PATTERNS: usize = 1 << 20;
const SMALLEST: usize = 4 << 10;

/// The most identities that may sign.
const MAX_IDENTITIES: usize = 64;

/// Who signed something, by their certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Who vouched for them: the issuer of their token.
    pub issuer: String,
    /// Who they are: addresses, URIs and other names.
    pub subjects: Vec<String>,
}

/// Who may sign: whoever fits one of some pairs of expressions, or anybody where there are none.
#[derive(Clone, Debug, Default)]
pub struct Identities(Arc<Vec<Identity>>);

#[derive(Debug)]
struct Identity {
    issuer: Regex,
    subject: Regex,
}

/// Why nobody can be told by an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentitiesError {
    /// It is no expression.
    #[error("matchOIDCIdentity[{index}].{field} is no regular expression: {cause}")]
    Pattern {
        /// Which pair it is of, from 0.
        index: usize,
        /// Which of the two.
        field: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// All are more than anybody compiles.
    #[error("the expressions of matchOIDCIdentity have more than {} KiB when they are compiled; write simpler ones", MAX_PATTERNS >> 10)]
    TooLarge,
    /// There are more than anybody looks at.
    #[error("matchOIDCIdentity has more than {MAX_IDENTITIES} items")]
    TooMany,
}

impl Identities {
    /// Whoever one of the pairs of issuer and subject fits: expressions in Go's syntax that fit anywhere in a text.
    ///
    /// # Errors
    /// When one is no expression, or there are too many.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, IdentitiesError> {
        let (mut identities, mut left) = (Vec::new(), MAX_PATTERNS);
        for (index, (issuer, subject)) in pairs.into_iter().enumerate() {
            if index == MAX_IDENTITIES {
                return Err(IdentitiesError::TooMany);
            }
            let mut compile = |field, text| {
                let compiled = Regex::new(text, Limits { bytes: MAX_PATTERN });
                let compiled =
                    compiled.map_err(|error| IdentitiesError::Pattern { index, field, cause: error.to_string() })?;
                left = left.checked_sub(compiled.weight() * SMALLEST).ok_or(IdentitiesError::TooLarge)?;
                Ok(compiled)
            };
            identities.push(Identity { issuer: compile("issuer", issuer)?, subject: compile("subject", subject)? });
        }
        Ok(Self(Arc::new(identities)))
    }

    /// Whether anybody may sign.
    pub fn is_anybody(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody may.
    pub(crate) fn include(&self, signer: &Signer) -> bool {
        let fits = |identity: &Identity| {
            identity.issuer.is_match(&signer.issuer)
                && signer.subjects.iter().any(|subject| identity.subject.is_match(subject))
        };
        self.is_anybody() || self.0.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_has_to_fit_as_a_whole() {
        let signer = Signer { issuer: "https://a".to_owned(), subjects: vec!["x@a".to_owned(), "y@a".to_owned()] };
        let may = |pairs: &[(&str, &str)]| Identities::new(pairs.iter().copied()).unwrap().include(&signer);
        assert!(may(&[]));
        assert!(may(&[("^https://a$", "^y@")]));
        assert!(may(&[("b", "x"), ("a", "x")]));
        assert!(!may(&[("b", "x"), ("a", "z")]));
        assert!(!may(&[("^a", "x")]));
    }

    #[test]
    fn what_is_no_expression_is_named() {
        let error = |pairs: &[(&str, &str)]| Identities::new(pairs.iter().copied()).unwrap_err().to_string();
        assert!(
            error(&[("a", "a"), ("a", "(")]).starts_with("matchOIDCIdentity[1].subject is no regular expression: ")
        );
        assert!(error(&[(r"(\pL{100}){100}", "a")]).starts_with("matchOIDCIdentity[0].issuer is no "));
        assert_eq!(Identities::new(vec![("a", "a"); 65]).unwrap_err(), IdentitiesError::TooMany);
        assert!(Identities::new(vec![("^https://a$", "^a@b$"); 64]).is_ok());
        assert_eq!(Identities::new(vec![("a{1000}", "a{1000}"); 64]).unwrap_err(), IdentitiesError::TooLarge);
    }
}
