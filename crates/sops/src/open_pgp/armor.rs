//! The armor of OpenPGP: base64 between two lines, with headers before it and a checksum behind.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What is in the armor of this kind.
pub(super) fn decode(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
    let lines = body.lines().map(str::trim).skip(1);
    // Headers end with an empty line, and are there or not.
    let has_headers = lines.clone().take_while(|line| !line.is_empty()).all(|line| line.contains(": "));
    let lines = lines.skip_while(|line| has_headers && !line.is_empty());
    let digits: String = lines.take_while(|line| !line.starts_with('=')).collect();
    BASE64_STANDARD.decode(digits).ok()
}
