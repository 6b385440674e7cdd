//! PEM: binary data as text between lines that say what it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::functions::formats::encoding;

/// How many characters a line has.
const LINE: usize = 64;

/// What stands between the lines.
pub(crate) struct Block<'t> {
    /// What it is.
    pub(crate) label: &'t str,
    /// The data.
    pub(crate) data: Vec<u8>,
}

/// Data as a block.
pub(crate) fn encode(label: &str, data: &[u8]) -> String {
    let encoded = STANDARD.encode(data);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(LINE) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The first block of a text.
pub(crate) fn decode(text: &str) -> Option<Block<'_>> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = text;
    loop {
        let start = rest.find(BEGIN)?;
        let at_line_start = start == 0 || rest.get(..start).is_some_and(|before| before.ends_with('\n'));
        rest = rest.get(start + BEGIN.len()..)?;
        if at_line_start && let Some(block) = block(rest) {
            return Some(block);
        }
    }
}

/// The block whose label a text starts with.
fn block(text: &str) -> Option<Block<'_>> {
    let (label, body) = text.split_once("-----")?;
    let (body, _) = body.split_once(&format!("-----END {label}-----"))?;
    // Lines with a colon are headers, which end with an empty line.
    let body = match body.contains(':') {
        true => body.split_once("\n\n").map_or("", |(_, body)| body),
        false => body,
    };
    let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let data = encoding::base64(&body).ok()?;
    (!label.contains('\n')).then_some(Block { label, data })
}
