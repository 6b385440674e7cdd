//! Durations as Flux's resources write them: `1h30m`, `500ms`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Duration(#[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))] String);

impl Default for Duration {
    /// No time at all.
    fn default() -> Self {
        Self("0s".to_owned())
    }
}

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError(String);

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a duration; write it like 30s, 10m or 1h30m", self.0)
    }
}

impl std::error::Error for DurationError {}

impl Duration {
    /// The duration that `text` is, whether it is well formed or not.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The length of time that the text means.
    pub fn parse(&self) -> Result<std::time::Duration, DurationError> {
        let nanoseconds = cowherd_duration::parse(&self.0).ok().and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
        nanoseconds.map(std::time::Duration::from_nanos).ok_or_else(|| DurationError(self.0.clone()))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let millis = |text: &str| Duration::new(text).parse().map(|duration| duration.as_millis()).ok();
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("1.5s"), Some(1_500));
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis("0"), Some(0));
        for wrong in ["", "10", "m", "1d", "-1s", "1..2s", "99999999999999999999999h"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
