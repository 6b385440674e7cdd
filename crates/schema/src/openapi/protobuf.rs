//! Writes protobuf messages field by field.

/// A message in the writing.
#[derive(Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub fn text(&mut self, field: u32, text: &str) {
        self.raw(field, text.as_bytes());
    }

    pub fn flag(&mut self, field: u32, flag: bool) {
        self.tag(field, 0);
        self.bytes.push(u8::from(flag));
    }

    pub fn integer(&mut self, field: u32, integer: i64) {
        self.tag(field, 0);
        // Negative numbers are their two's complement.
        self.varint(integer.cast_unsigned());
    }

    pub fn double(&mut self, field: u32, number: f64) {
        self.tag(field, 1);
        self.bytes.extend(number.to_le_bytes());
    }

    /// A message within.
    pub fn message(&mut self, field: u32, message: &Message) {
        self.raw(field, &message.bytes);
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// What was written so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn raw(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            // Seven bits at a time, the lowest first.
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_specification_shows() {
        let mut inner = Message::default();
        inner.integer(1, 150);
        let mut message = Message::default();
        message.text(2, "testing");
        message.message(3, &inner);
        message.flag(4, true);
        message.double(5, 1.0);
        let expected =
            [&[0x12, 0x07][..], b"testing", &[0x1a, 0x03, 0x08, 0x96, 0x01, 0x20, 0x01, 0x29], &1.0_f64.to_le_bytes()];
        assert_eq!(message.finish(), expected.concat());
    }
}
