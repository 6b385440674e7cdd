//! Packets, which messages and keys are made of.

use std::borrow::Cow;

/// The most packets that are looked at: a key that many have signed has thousands.
const MAX_PACKETS: usize = 10_000;

/// A packet.
pub struct Packet<'b> {
    /// What it is.
    pub tag: u8,
    /// What is in it.
    pub body: Cow<'b, [u8]>,
}

/// The packets in `bytes`.
///
/// # Errors
/// When there are too many, or one ends early.
pub fn all(mut bytes: &[u8]) -> Result<Vec<Packet<'_>>, &'static str> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        if packets.len() >= MAX_PACKETS {
            return Err("it has too many packets");
        }
        let (packet, rest) = first(bytes).ok_or("a packet of it ends early")?;
        packets.push(packet);
        bytes = rest;
    }
    Ok(packets)
}

fn first(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    if head & 0x40 != 0 {
        let (body, rest) = new_body(rest)?;
        return Some((Packet { tag: head & 0x3f, body }, rest));
    }
    let tag = head >> 2 & 0x0f;
    let width = match head & 3 {
        3 => return Some((Packet { tag, body: rest.into() }, &[])),
        kind => 1 << kind,
    };
    let (length, rest) = rest.split_at_checked(width)?;
    let (body, rest) = rest.split_at_checked(number(length))?;
    Some((Packet { tag, body: body.into() }, rest))
}

/// The body of a packet of the newer form, which may come in parts.
fn new_body(mut bytes: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut parts: Vec<&[u8]> = Vec::new();
    loop {
        let (first, rest) = bytes.split_first()?;
        let (length, is_part, rest) = match first {
            0..=191 => (usize::from(*first), false, rest),
            192..=223 => {
                let (second, rest) = rest.split_first()?;
                (((usize::from(*first) - 192) << 8) + usize::from(*second) + 192, false, rest)
            }
            224..=254 => (1 << (first & 0x1f), true, rest),
            255 => {
                let (length, rest) = rest.split_at_checked(4)?;
                (number(length), false, rest)
            }
        };
        let (part, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        parts.push(part);
        if !is_part {
            let body = if let [whole] = parts.as_slice() { Cow::Borrowed(*whole) } else { parts.concat().into() };
            return Some((body, bytes));
        }
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// A body that is read from its beginning: what is left of it.
pub struct Body<'b>(pub &'b [u8]);

impl<'b> Body<'b> {
    /// So many bytes, if there are as many.
    pub fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    /// A number of any length, without zeros at its beginning.
    pub fn integer(&mut self) -> Option<&'b [u8]> {
        let bits = number(self.take(2)?);
        self.take(bits.div_ceil(8))
    }

    /// Bytes behind their length, which is one of them.
    pub fn counted(&mut self) -> Option<&'b [u8]> {
        let count = self.byte()?;
        self.take(usize::from(count))
    }
}
