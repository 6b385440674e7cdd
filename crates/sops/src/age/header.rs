//! The header of a file of age: for each recipient a stanza with the file's key.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

const VERSION: &str = "age-encryption.org/v1";
/// The width of the lines of a stanza's body.
const WIDTH: usize = 64;

/// A file of age, taken apart.
pub(super) struct Header<'f> {
    pub(super) stanzas: Vec<Stanza>,
    /// What the code covers.
    pub(super) signed: &'f [u8],
    pub(super) mac: Vec<u8>,
    /// What follows the header.
    pub(super) payload: &'f [u8],
}

/// The file's key, for one recipient.
pub(super) struct Stanza {
    /// The kind of recipient, and what else belongs to it.
    pub(super) words: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl<'f> Header<'f> {
    pub(super) fn parse(file: &'f [u8]) -> Result<Self, &'static str> {
        const MISFIT: &str = "its header is none of age";
        let mut lines = Lines { file, at: 0 };
        if lines.next()? != VERSION {
            return Err("it is of a version of age that is not known");
        }
        let mut stanzas = Vec::new();
        loop {
            let begin = lines.at;
            let line = lines.next()?;
            if let Some(mac) = line.strip_prefix("--- ") {
                let mac = BASE64_STANDARD_NO_PAD.decode(mac).map_err(|_| MISFIT)?;
                let (signed, payload) = (&file[..begin + 3], &file[lines.at..]);
                return Ok(Self { stanzas, signed, mac, payload });
            }
            let words = line.strip_prefix("-> ").ok_or(MISFIT)?;
            let words = words.split(' ').map(str::to_owned).collect();
            stanzas.push(Stanza { words, body: lines.body()? });
        }
    }
}

struct Lines<'f> {
    file: &'f [u8],
    at: usize,
}

impl<'f> Lines<'f> {
    fn next(&mut self) -> Result<&'f str, &'static str> {
        let rest = &self.file[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or("its header ends early")?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| "its header is no text")
    }

    /// The lines of a body; the last one is shorter than the others.
    fn body(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut digits = String::new();
        loop {
            let line = self.next()?;
            digits.push_str(line);
            if line.len() < WIDTH {
                return BASE64_STANDARD_NO_PAD.decode(digits).map_err(|_| "a stanza of its header holds no base64");
            }
        }
    }
}
