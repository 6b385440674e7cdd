//! How much a single call may make, and how deep it may go.

use cowherd_template::{Fault, MAX_DEPTH};

/// The most bytes that a function may make of what is given.
pub(in crate::functions) const MAX_TEXT: usize = 16 << 20;

/// The most items that a function may put into a list.
pub(in crate::functions) const MAX_ITEMS: usize = 1_000_000;

/// How many steps of an execution functions take that work for long, so that as many as the limit allows take a few
/// seconds, whichever they are: for a step a processor has some fifty nanoseconds.
pub(in crate::functions) mod price {
    /// An RSA key of 4096 bits: more than a second.
    pub(crate) const LARGE_KEY: u64 = 20_000_000;
    /// An RSA key of 2048 bits, as certificates have it.
    pub(crate) const KEY: u64 = 2_500_000;
    /// A password hashed by scrypt.
    pub(crate) const SCRYPT: u64 = 3_000_000;
    /// A password hashed by bcrypt.
    pub(crate) const BCRYPT: u64 = 1_500_000;
    /// Any other key, one that is read, and a signature: milliseconds.
    pub(crate) const SMALL: u64 = 100_000;
}

/// What it takes to go one level deeper, and how much more stack there is when it is short.
const RED_ZONE: usize = 128 * 1024;
const STACK: usize = 1024 * 1024;

/// Refuses a text of that many bytes, if it is too long.
pub(in crate::functions) fn check_text(length: usize) -> Result<(), Fault> {
    if length > MAX_TEXT {
        return Err(Fault::Message(format!("the text would be longer than {MAX_TEXT} bytes, which is the limit")));
    }
    Ok(())
}

/// Refuses a list of that many items, if it is too long.
pub(in crate::functions) fn check_items(count: usize) -> Result<(), Fault> {
    if count > MAX_ITEMS {
        return Err(Fault::Message(format!("the list would have more than {MAX_ITEMS} items, which is the limit")));
    }
    Ok(())
}

/// Values hold each other too deep, or themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is nested more than {MAX_DEPTH} levels deep, or holds itself")]
pub(in crate::functions) struct TooDeep;

impl From<TooDeep> for Fault {
    fn from(error: TooDeep) -> Self {
        Self::Message(error.to_string())
    }
}

/// Goes one level deeper into a value, with stack enough for it. `depth` counts the levels.
pub(in crate::functions) fn deeper<T, E: From<TooDeep>>(
    depth: usize,
    step: impl FnOnce(usize) -> Result<T, E>,
) -> Result<T, E> {
    if depth >= MAX_DEPTH {
        return Err(TooDeep.into());
    }
    stacker::maybe_grow(RED_ZONE, STACK, || step(depth + 1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use cowherd_template::{Execution, Functions, Limits, Templates, Value};
    use jiff::Timestamp;

    use super::price;
    use crate::functions::{Context, functions};

    fn execute(text: &str) -> Result<(), String> {
        execute_within(2_500_000, text)
    }

    fn execute_within(steps: u64, text: &str) -> Result<(), String> {
        let functions = Functions::new(functions());
        let mut templates = Templates::new("t");
        templates.add("t", text, &functions).expect("a template");
        let context = &mut Context::seeded(Timestamp::UNIX_EPOCH, b"seed");
        let mut execution = Execution::new(&functions, Arc::new(templates), context);
        execution.limits(Limits { steps, ..Limits::default() });
        execution.execute("t", &Value::Nil).map(drop).map_err(|error| error.to_string())
    }

    fn assert_too_much(text: &str) {
        let error = execute(text).expect_err("too much");
        assert!(error.contains("more than 2500000 steps"), "{error}");
    }

    #[test]
    fn compiling_takes_steps_and_using_again_does_not() {
        assert_eq!(execute("{{ range 1000 }}{{ regexFind \"a+\" \"aa\" }}{{ end }}"), Ok(()));
        assert_too_much("{{ range $i := 1000 }}{{ regexFind (printf \"a{%d}\" $i) \"aa\" }}{{ end }}");
    }

    #[test]
    fn keys_and_passwords_take_steps() {
        assert_eq!(execute("{{ range 20 }}{{ genPrivateKey \"ecdsa\" | len }}{{ end }}"), Ok(()));
        for (count, call) in [
            (30, "genPrivateKey \"ecdsa\""),
            (30, "genPrivateKey \"ed25519\""),
            (30, "genPrivateKey \"dsa\""),
            (1, "genPrivateKey \"rsa\""),
            (1, "genCA \"a\" 1"),
            (1, "genSelfSignedCert \"a\" nil nil 1"),
            (15, "genCAWithKey \"a\" 1 $key"),
            (2, "bcrypt \"a\""),
            (2, "htpasswd \"a\" \"b\""),
            (1, "derivePassword 1 \"long\" \"a\" \"b\" \"c\""),
        ] {
            let key = "{{ $key := genPrivateKey \"ed25519\" }}";
            assert_too_much(&format!("{key}{{{{ range {count} }}}}{{{{ $x := {call} }}}}{{{{ end }}}}"));
        }
    }

    /// An RSA key in PEM with a modulus of so many bytes. It is none, but that is found out late.
    fn rsa(length: usize) -> String {
        let value = |tag: u8, bytes: &[u8]| {
            let length = bytes.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let length = &length[zeros.min(length.len() - 1)..];
            match length {
                [short @ 0..0x80] => [&[tag, *short], bytes].concat(),
                long => [&[tag, 0x80 | long.len() as u8], long, bytes].concat(),
            }
        };
        let number = |length: usize| value(2, &[&[0x7f], vec![0xff; length - 1].as_slice()].concat());
        let half = length / 2;
        let lengths = [length, 3, length, half, half, half, half, half];
        let numbers: Vec<u8> = lengths.into_iter().flat_map(number).collect();
        let key = value(0x30, &[value(2, &[0]), numbers].concat());
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", STANDARD.encode(key))
    }

    #[test]
    fn a_key_that_is_given_has_8192_bits_at_the_most_and_takes_steps_by_its_length() {
        let with = |length: usize| format!("{{{{ genCAWithKey \"a\" 1 {:?} }}}}", rsa(length));
        for length in [1026, 8192] {
            let error = execute_within(Limits::default().steps, &with(length)).expect_err("too long");
            assert!(error.contains("more than 8192 bits, which is the limit"), "{error}");
        }
        assert_too_much(&with(1024));
        let error = execute(&with(256)).expect_err("no key");
        assert!(error.contains("parsing RSA private key from PEM") && !error.contains("8192"), "{error}");
    }

    /// What charts make at the most: a few authorities with what they sign, a password for each of many users.
    #[test]
    fn what_charts_make_is_within_the_limit() {
        let limit = Limits::default().steps;
        let most = [30 * (price::KEY + 2 * price::SMALL), 60 * price::BCRYPT, 30 * price::SCRYPT, 4 * price::LARGE_KEY];
        assert!(most.into_iter().all(|steps| steps < limit), "{most:?}");
    }

    #[test]
    fn maps_that_share_maps_are_not_walked_for_ever() {
        let shared = "{{ $x := dict \"v\" 1 }}{{ $y := dict \"v\" 1 }}{{ range 100 }}\
            {{ $x = dict \"a\" $x \"b\" $x }}{{ $y = dict \"a\" $y \"b\" $y }}{{ end }}";
        for call in [
            "deepEqual $x $y",
            "uniq (list $x $y)",
            "has $x (list $y)",
            "without (list $x) $y",
            "merge $x $y",
            "mergeOverwrite $x $y",
        ] {
            assert_too_much(&format!("{shared}{{{{ $z := {call} }}}}"));
        }
        assert!(execute(&format!("{shared}{{{{ deepCopy $x }}}}")).is_err());
    }

    #[test]
    fn copies_take_steps() {
        let long = "{{ $x := until 100000 }}";
        assert_too_much(&format!("{long}{{{{ range 100 }}}}{{{{ $y := deepCopy $x }}}}{{{{ end }}}}"));
        let large = "{{ $x := dict }}{{ range $i := 10000 }}{{ $_ := set $x (toString $i) $i }}{{ end }}";
        assert_too_much(&format!("{large}{{{{ range 1000 }}}}{{{{ $y := omit $x \"1\" }}}}{{{{ end }}}}"));
    }
}
