//! The armor of age: base64 between two lines.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";

/// The file in the armor.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let body = body.ok_or("it is no armored file of age")?;
    let digits: String = body.lines().map(str::trim_end).collect();
    BASE64_STANDARD.decode(digits).map_err(|_| "the armor of age holds no base64")
}
