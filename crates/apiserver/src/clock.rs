//! The time as objects record it.

use jiff::Timestamp;

/// The time now, in RFC 3339, UTC, whole seconds.
pub fn now() -> String {
    text(Timestamp::now())
}

/// A time in RFC 3339, UTC, whole seconds.
pub fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time so many seconds from now.
pub fn after(seconds: i64) -> String {
    let time = Timestamp::now().checked_add(jiff::SignedDuration::from_secs(seconds));
    text(time.unwrap_or(Timestamp::MAX))
}
