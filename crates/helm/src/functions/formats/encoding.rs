//! Base64 and base32, with Go's words for what is none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{bytes, made};
use crate::functions::call::limits::check_text;

const ONE: &[Type] = &[Type::String];

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("b64enc", ONE, |_, given| {
            check_text(bytes(given, 0).len())?;
            Ok(Value::from(STANDARD.encode(bytes(given, 0))))
        }),
        Function::new("b64dec", ONE, |_, given| match base64(bytes(given, 0)) {
            Ok(decoded) => made(decoded),
            Err(error) => Ok(Value::from(error.to_string())),
        }),
        Function::new("b32enc", ONE, |_, given| {
            check_text(bytes(given, 0).len())?;
            Ok(Value::from(base32_encoded(bytes(given, 0))))
        }),
        Function::new("b32dec", ONE, |_, given| match base32(bytes(given, 0)) {
            Ok(decoded) => made(decoded),
            Err(error) => Ok(Value::from(error.to_string())),
        }),
    ]
    .into_iter()
}

/// Where a text is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal {encoding} data at input byte {at}")]
pub(in crate::functions) struct Corrupt {
    encoding: &'static str,
    at: usize,
}

/// What base64 means; line breaks in it do not count.
pub(in crate::functions) fn base64(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let corrupt = |at| Corrupt { encoding: "base64", at };
    let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
    let mut input = text.iter().copied().enumerate().filter(|(_, byte)| !is_break(*byte)).peekable();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    while input.peek().is_some() {
        let mut bits = 0_u32;
        let mut count = 0;
        while count < 4 {
            let Some((at, byte)) = input.next() else { return Err(corrupt(end_of_part(text, count))) };
            if let Some(value) = base64_value(byte) {
                bits = bits << 6 | value;
                count += 1;
                continue;
            }
            if byte != b'=' || count < 2 {
                return Err(corrupt(at));
            }
            if count == 2 {
                match input.next() {
                    None => return Err(corrupt(text.len())),
                    Some((_, b'=')) => {}
                    Some((next, _)) => return Err(corrupt(next - 1)),
                }
            }
            if let Some((next, _)) = input.next() {
                return Err(corrupt(next));
            }
            let [_, first, second, _] = (bits << (6 * (4 - count))).to_be_bytes();
            out.push(first);
            if count == 3 {
                out.push(second);
            }
            return Ok(out);
        }
        out.extend(bits.to_be_bytes().into_iter().skip(1));
    }
    Ok(out)
}

/// Where Go says that a text ended too early, inside a group of which so many characters were read.
fn end_of_part(text: &[u8], count: usize) -> usize {
    text.len() - count
}

fn base64_value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - group.len()));
        let letters = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let value = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or_default();
            out.push(if at < letters { char::from(BASE32.get(value).copied().unwrap_or_default()) } else { '=' });
        }
    }
    out
}

fn base32(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let corrupt = |at| Corrupt { encoding: "base32", at };
    let text: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut at = 0;
    while at < text.len() {
        let (mut bits, mut count) = (0_u64, 0);
        while count < 8 {
            let Some(byte) = text.get(at).copied() else { return Err(corrupt(text.len() - count)) };
            at += 1;
            if byte == b'=' && count >= 2 && text.len() - at < 8 {
                check_padding(&text, at, count).map_err(corrupt)?;
                let whole = bits << (5 * (8 - count));
                out.extend(whole.to_be_bytes().into_iter().skip(3).take(count * 5 / 8));
                return Ok(out);
            }
            let value = BASE32.iter().position(|letter| *letter == byte).ok_or(corrupt(at - 1))?;
            bits = bits << 5 | u64::try_from(value).unwrap_or_default();
            count += 1;
        }
        out.extend(bits.to_be_bytes().into_iter().skip(3));
    }
    Ok(out)
}

/// Checks what follows the first sign of padding, which stands before `at`, in a group of `count` letters.
fn check_padding(text: &[u8], at: usize, count: usize) -> Result<(), usize> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.len() + count < 7 {
        return Err(text.len());
    }
    if let Some(wrong) = rest.iter().take(7 - count).position(|byte| *byte != b'=') {
        return Err((at + wrong).saturating_sub(1));
    }
    if matches!(count, 1 | 3 | 6) { Err(at - 1) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar", "\u{fffd}\0x"] {
            assert_eq!(base64(STANDARD.encode(text).as_bytes()).unwrap(), text.as_bytes());
            assert_eq!(base32(base32_encoded(text.as_bytes()).as_bytes()).unwrap(), text.as_bytes());
        }
        assert_eq!(base32_encoded(b"foobar"), "MZXW6YTBOI======");
    }
}
