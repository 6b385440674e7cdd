//! What stands in quotes.

/// The text that is meant by what stands in quotes.
pub(crate) fn text(inner: &str, is_raw: bool) -> Result<String, String> {
    let mut text = String::with_capacity(inner.len());
    for piece in read(inner, is_raw)? {
        text.push(match piece {
            Piece::Char(c) => c,
            Piece::Code(code) | Piece::Byte(code) => char::from_u32(code).ok_or("invalid unicode code point")?,
        });
    }
    Ok(text)
}

/// The bytes that are meant by what stands in quotes.
pub(crate) fn bytes(inner: &str, is_raw: bool) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(inner.len());
    for piece in read(inner, is_raw)? {
        match piece {
            Piece::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(byte) => bytes.push(byte as u8),
            Piece::Code(_) => return Err("unicode code points cannot be in bytes".into()),
        }
    }
    Ok(bytes)
}

enum Piece {
    Char(char),
    /// `\u`
    Code(u32),
    /// `\x` or octal: a byte of bytes, and a code point of a text.
    Byte(u32),
}

fn read(inner: &str, is_raw: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::with_capacity(inner.len());
    let normalized = inner.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = normalized.as_str();
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if c != '\\' || is_raw {
            pieces.push(Piece::Char(c));
            continue;
        }
        let escaped = rest.chars().next().unwrap_or_default();
        rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
        let piece = match escaped {
            'a' => Piece::Char('\u{7}'),
            'b' => Piece::Char('\u{8}'),
            'f' => Piece::Char('\u{c}'),
            'n' => Piece::Char('\n'),
            'r' => Piece::Char('\r'),
            't' => Piece::Char('\t'),
            'v' => Piece::Char('\u{b}'),
            '\\' | '\'' | '"' | '`' | '?' => Piece::Char(escaped),
            'x' | 'X' => Piece::Byte(digits(&mut rest, 2, 16)?),
            'u' => Piece::Code(digits(&mut rest, 4, 16)?),
            'U' => Piece::Code(digits(&mut rest, 8, 16)?),
            '0'..='3' => Piece::Byte(escaped.to_digit(8).unwrap_or_default() * 64 + digits(&mut rest, 2, 8)?),
            other => return Err(format!("syntax error: '\\{other}' is no escape")),
        };
        pieces.push(piece);
    }
    Ok(pieces)
}

fn digits(rest: &mut &str, count: usize, radix: u32) -> Result<u32, String> {
    let is_digit = |text: &&str| text.chars().all(|c| c.is_digit(radix));
    let text = rest.get(..count).filter(is_digit).ok_or("syntax error: an escape lacks digits")?;
    *rest = rest.get(count..).unwrap_or_default();
    u32::from_str_radix(text, radix).map_err(|_| "syntax error: an escape is no number".to_owned())
}
