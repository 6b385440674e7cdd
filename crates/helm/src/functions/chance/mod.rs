//! Functions whose results are random.

pub(super) mod random;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, int, string};
use crate::functions::call::limits::check_text;
use random::Random;

const COUNT: &[Type] = &[Type::Int];

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("randAlphaNum", COUNT, |call, given| letters(call, given, |at| letter(ALPHANUMERIC, at), 62)),
        Function::new("randAlpha", COUNT, |call, given| letters(call, given, |at| letter(LETTERS, at), 52)),
        Function::new("randNumeric", COUNT, |call, given| letters(call, given, |at| letter(DIGITS, at), 10)),
        // From the space up to the tilde.
        Function::new("randAscii", COUNT, |call, given| letters(call, given, |at| at.wrapping_add(b' '), 95)),
        Function::new("randBytes", COUNT, rand_bytes),
        Function::new("randInt", &[Type::Int, Type::Int], rand_int),
        Function::new("shuffle", &[Type::String], shuffle),
        Function::new("uuidv4", &[], |call, _| Ok(Value::from(uuid(call.context().random())))),
    ]
    .into_iter()
}

fn letter(alphabet: &[u8], at: u8) -> u8 {
    alphabet.get(usize::from(at)).copied().unwrap_or_default()
}

/// As many letters as are wanted out of `size` different ones.
fn letters(call: &mut Call<'_, '_>, arguments: &[Value], letter: fn(u8) -> u8, size: u64) -> Outcome {
    let count = usize::try_from(int(arguments, 0)).unwrap_or(0);
    check_text(count)?;
    let random = call.context().random();
    let mut next = || char::from(letter(u8::try_from(random::below(random, size)).unwrap_or_default()));
    Ok(Value::from((0..count).map(|_| next()).collect::<String>()))
}

fn rand_bytes(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let count = usize::try_from(int(arguments, 0)).map_err(|_| "runtime error: makeslice: len out of range")?;
    check_text(count)?;
    let mut bytes = vec![0; count];
    call.context().random().fill(&mut bytes);
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn rand_int(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (least, end) = (int(arguments, 0), int(arguments, 1));
    match u64::try_from(end.wrapping_sub(least)) {
        Ok(bound) if bound > 0 => {
            let offset = random::below(call.context().random(), bound);
            Ok(Value::Int(least.wrapping_add_unsigned(offset)))
        }
        _ => Err("invalid argument to Intn".into()),
    }
}

fn shuffle(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut characters: Vec<char> = string(arguments, 0).chars().collect();
    let random = call.context().random();
    for end in (1..characters.len()).rev() {
        let other = random::below(random, u64::try_from(end).unwrap_or_default() + 1);
        characters.swap(end, usize::try_from(other).unwrap_or(end));
    }
    Ok(Value::from(characters.into_iter().collect::<String>()))
}

/// A version 4 UUID.
fn uuid(random: &mut dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
