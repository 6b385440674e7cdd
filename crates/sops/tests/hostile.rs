//! Whatever a document holds, it is decrypted or refused, without a panic and without a value in the error.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "of the documents only the keys are used")]
mod documents;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_sops::{Format, KeyError, Keys, MAX_SIZE, SopsError, decrypt};
use documents::{KEYS, OPEN_PGP};
use proptest::prelude::*;
use serde_json::{Value, json};

fn keys() -> Keys {
    let mut keys = Keys::default();
    KEYS.iter().for_each(|(_, private)| keys.add_age(private).unwrap());
    OPEN_PGP.iter().for_each(|(_, private)| keys.add_open_pgp(private.as_bytes()).unwrap());
    keys
}

static ALL: LazyLock<Keys> = LazyLock::new(keys);
static RECORDED: LazyLock<Vec<(Format, String)>> = LazyLock::new(recorded);

/// What sops encrypted, with its format.
fn recorded() -> Vec<(Format, String)> {
    let lines = include_str!("recorded/sops.jsonl").lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of = |line: Value| {
        let format = match line["from"].as_str().unwrap() {
            "yaml" => Format::Yaml,
            "json" => Format::Json,
            "dotenv" => Format::Dotenv,
            "ini" => Format::Ini,
            _ => Format::Binary,
        };
        (format, line["encrypted"].as_str().unwrap().to_owned())
    };
    lines.map(of).collect()
}

fn refused(format: Format, data: &[u8]) -> SopsError {
    decrypt(data, format, format, &keys()).unwrap_err()
}

/// A document for these recipients.
fn sealed(age: Value) -> Vec<u8> {
    let mac = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";
    let metadata = json!({ "age": age, "mac": mac, "lastmodified": "2026-01-01T00:00:00Z", "version": "3.13.2" });
    json!({ "a": mac, "sops": metadata }).to_string().into_bytes()
}

fn armored(file: &[u8]) -> String {
    let begin = "-----BEGIN AGE ENCRYPTED FILE-----";
    format!("{begin}\n{}\n-----END AGE ENCRYPTED FILE-----\n", BASE64_STANDARD.encode(file))
}

#[test]
fn what_is_too_large_too_deep_or_there_twice_is_refused() {
    let large = vec![b' '; MAX_SIZE + 1];
    assert!(matches!(refused(Format::Yaml, &large), SopsError::TooLarge { .. }));
    for depth in [130, 100_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        for format in [Format::Json, Format::Yaml] {
            let text = format!("{{\"a\": {open}{close}}}");
            assert!(matches!(refused(format, text.as_bytes()), SopsError::Unreadable { .. }), "{format} {depth}");
        }
        let flat = format!("A=b\nsops_x{}=1\n", "__map_a".repeat(depth));
        assert!(matches!(refused(Format::Dotenv, flat.as_bytes()), SopsError::Metadata(_)));
    }
    for text in ["a: 1\na: 2\nsops: {mac: x}\n", "a: &x 1\nb: *x\nsops: {}\n", "- a\n", "a: [\n", "? {a: b}\n: c\n"] {
        assert!(matches!(refused(Format::Yaml, text.as_bytes()), SopsError::Unreadable { .. }), "{text}");
    }
    let twice = br#"{"sops": {"mac": ""}, "a": 1, "sops": {"mac": ""}}"#;
    assert!(matches!(refused(Format::Json, twice), SopsError::Metadata(_)));
    for (format, text) in
        [(Format::Yaml, "a: 1\n"), (Format::Json, "{}"), (Format::Dotenv, "A=1\n"), (Format::Ini, "[a]\nb = c\n")]
    {
        assert!(matches!(refused(format, text.as_bytes()), SopsError::NotEncrypted), "{format}");
    }
    let list = "A=b\nsops_age__list_4000000000__map_enc=x\n";
    assert!(matches!(refused(Format::Dotenv, list.as_bytes()), SopsError::Metadata(_)));
}

#[test]
fn many_recipients_and_stanzas_are_tried_for_a_while_only() {
    let share = "A".repeat(43);
    let stanza = format!("-> X25519 {share}\n{share}\n");
    let many = format!("age-encryption.org/v1\n{}--- {share}\n", stanza.repeat(1500)).into_bytes();
    let recipient = json!({ "recipient": KEYS[0].0, "enc": armored(&many) });
    let error = refused(Format::Json, &sealed(vec![recipient; 12].into())).to_string();
    assert!(error.contains("too many recipients and keys"), "{error}");
    let none = json!({ "recipient": "x", "enc": "" });
    assert!(matches!(refused(Format::Json, &sealed(vec![none; 1001].into())), SopsError::Metadata(_)));
    // A passphrase costs whoever has one what the file says; here nobody has.
    let scrypt = format!("age-encryption.org/v1\n-> scrypt {share} 63\n{share}\n--- {share}\n").into_bytes();
    let error = refused(Format::Json, &sealed(json!([{ "recipient": "x", "enc": armored(&scrypt) }])));
    assert!(matches!(error, SopsError::NoKey(_)), "{error}");
    let huge = json!([{ "recipient": "x", "enc": armored(&[b'a'; 300_000]) }]);
    assert!(refused(Format::Json, &sealed(huge)).to_string().contains("too large"));
}

#[test]
fn what_a_recipient_is_called_is_told_harmlessly() {
    let recipient = format!("age1\u{1b}[31m\u{202e}{}", "x".repeat(1_000_000));
    let error = refused(
        Format::Json,
        &sealed(json!([{ "recipient": recipient, "enc": armored(b"age-encryption.org/v1\n--- A\n") }])),
    );
    let text = error.to_string();
    assert!(text.len() < 1000 && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn what_only_a_service_opens_is_told_with_what_to_do() {
    let document = json!({ "a": "x", "sops": { "kms": [{ "arn": "arn:aws:kms:eu:1:key/2", "enc": "x", "created_at": "" }],
        "mac": "x", "lastmodified": "" } });
    let error = refused(Format::Json, document.to_string().as_bytes()).to_string();
    assert!(error.contains("AWS KMS arn:aws:kms:eu:1:key/2") && error.contains("age"), "{error}");
}

#[test]
fn a_pattern_that_is_none_or_too_large_is_refused() {
    for pattern in ["(", "(a{1000}){1000}", "a{99999999}"] {
        let mut document: Value = serde_json::from_slice(&sealed(json!([{ "recipient": "x", "enc": "" }]))).unwrap();
        document["sops"]["encrypted_regex"] = pattern.into();
        let error = refused(Format::Json, document.to_string().as_bytes()).to_string();
        assert!(error.contains("encrypted_regex"), "{pattern}: {error}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_told_with_what_to_do() {
    let mut keys = Keys::default();
    for (text, words) in [
        ("# a comment\n\nage1abc", "line 3 is no private key of age: it is a public key"),
        ("AGE-SECRET-KEY-1", "has to begin with AGE-SECRET-KEY-1, and to be whole"),
        ("AGE-SECRET-KEY-PQ-1ABC", "hybrid"),
        ("AGE-PLUGIN-YUBIKEY-1ABC", "plugin"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "SSH"),
        ("-----BEGIN AGE ENCRYPTED FILE-----", "passphrase"),
        ("my secret", "has to begin with"),
    ] {
        let error = keys.add_age(text).unwrap_err();
        assert!(matches!(error, KeyError::Age { .. }) && error.to_string().contains(words), "{text}: {error}");
        assert!(!error.to_string().contains("my secret"));
    }
    for (text, words) in [
        (include_str!("documents/locked.asc"), "passphrase"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "public key"),
        ("nothing", "gpg --export-secret-keys --armor"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n", "ends early"),
    ] {
        let error = keys.add_open_pgp(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!(keys.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_change_of_a_document_panics_or_shows_what_it_held(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        change in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
    ) {
        let (format, text) = which.get(&RECORDED);
        let mut data = text.clone().into_bytes();
        let at = at.index(data.len());
        match change {
            Some(byte) => data[at] = byte,
            None => data.truncate(at),
        }
        if let Err(error) = decrypt(&data, *format, *format, &ALL) {
            let told = format!("{error} {error:?}");
            prop_assert!(!told.contains("correct horse"), "{}", told);
        }
    }

    #[test]
    fn no_key_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut keys = Keys::default();
        let _ = keys.add_age(&text);
        let block = format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----\n", BASE64_STANDARD.encode(bytes));
        let _ = keys.add_open_pgp(block.as_bytes());
    }
}
