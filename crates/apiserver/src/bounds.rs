//! How large a document may become that is read: a few bytes of text can stand for many times as many of memory.

use cowherd_yaml::{TooHeavy, Weight};
use serde_json::Value;

use crate::status::ApiError;

/// How many bytes of memory the lists and maps of a document may take, roughly. Objects that people write take five times
/// their text. kube-apiserver stores whatever fits into a request to etcd, which is 1.5 MiB: that is 224,000 maps of one
/// entry at the worst, `{"":1},`.
pub(crate) const WEIGHT: usize = 144 * 1024 * 1024;
/// How many lists and maps may stand inside each other. What is stored with its owners must be read again, by clients too.
pub(crate) const DEPTH: usize = 100;

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// It would take too much memory.
    #[error("Request entity too large: what it holds would take more than {} MiB of memory", WEIGHT / 1024 / 1024)]
    Weight,
    /// Its lists and maps stand too deep inside each other.
    #[error("the document is nested more than {DEPTH} levels deep")]
    Depth,
}

impl From<TooHeavy> for Exceeded {
    fn from(too_heavy: TooHeavy) -> Self {
        match too_heavy {
            TooHeavy::Weight => Self::Weight,
            TooHeavy::Depth => Self::Depth,
        }
    }
}

/// What a document may take.
pub(crate) fn weight() -> Weight {
    Weight::new(WEIGHT)
}

/// Refuses an object that would take too much whenever it is read again. It has `size` bytes as a text.
pub(crate) fn check_stored(object: &Value, size: usize) -> Result<(), Exceeded> {
    // So small a text stands for no more, however dense it is.
    const HARMLESS: usize = 256 * 1024;
    if size < HARMLESS { Ok(()) } else { Ok(weight().whole(object, usize::MAX)?) }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Weight => {
                Self::new(http::StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", exceeded.to_string())
            }
            Exceeded::Depth => Self::bad_request(exceeded.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value) -> Result<(), Exceeded> {
        Ok(weight().whole(value, DEPTH)?)
    }

    #[test]
    fn what_a_text_can_stand_for_has_a_limit() {
        assert_eq!(check(&json!({"data": {"text": "x".repeat(3_000_000)}})), Ok(()));
        assert_eq!(check(&Value::from(vec![json!({"containerPort": 1}); 60_000])), Ok(()));
        assert_eq!(check(&Value::from(vec![json!({"a": 1}); 400_000])), Err(Exceeded::Weight));
        assert_eq!(check(&Value::from(vec![json!(0); 1_500_000])), Ok(()));
    }

    #[test]
    fn lists_and_maps_stand_inside_each_other_to_a_limit() {
        let nested = |levels| {
            (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
        };
        assert_eq!(check(&nested(DEPTH)), Ok(()));
        assert_eq!(check(&nested(DEPTH + 1)), Err(Exceeded::Depth));
    }
}
