//! Formats of `printf`: whatever they say, something is printed within bounds.

use cowherd_template::format::{self, MAX_SIZE};
use cowherd_template::{Map, Text, Value};

/// How much of `data` says what is printed; the rest says how.
const OPERANDS: usize = 9;

/// Prints values that the first bytes of `data` choose with the rest of it as their format.
pub fn check(data: &[u8]) {
    let Some((chosen, text)) = data.split_at_checked(OPERANDS) else { return };
    let operands = operands(chosen);
    // A few directives can ask for more than is read in the time of many runs.
    if digits_in_row(text) > 5 {
        return;
    }
    for operand in &operands {
        let printed = format::sprintf(&Text::from("%v"), std::slice::from_ref(operand));
        let plain = format::sprint(std::slice::from_ref(operand));
        assert_eq!(printed, plain);
    }
    if let Ok(printed) = format::sprintf(&Text::from_bytes(text.to_vec()), &operands) {
        assert!(printed.len() <= MAX_SIZE);
    }
}

fn operands(chosen: &[u8]) -> Vec<Value> {
    let [first, bits @ ..] = chosen else { return Vec::new() };
    let bits = bits.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    let text = Text::from_bytes(bits.to_be_bytes().to_vec());
    let map: Map = [("a".into(), Value::Int(bits as i64)), ("b".into(), Value::Nil)].into_iter().collect();
    let mut operands = vec![
        Value::Int(bits as i64),
        Value::Float(f64::from_bits(bits)),
        Value::String(text.clone()),
        Value::list([Value::Nil, Value::Bool(true), Value::String(text), Value::Float(bits as f64)]),
        Value::Map(map),
        Value::Byte(bits as u8),
        Value::Uint64(bits),
        Value::Bytes(bits.to_be_bytes().into()),
    ];
    let count = operands.len();
    operands.rotate_left(usize::from(*first) % count);
    operands.truncate(usize::from(*first) / count % (count + 1));
    operands
}

fn digits_in_row(text: &[u8]) -> usize {
    text.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or_default()
}
