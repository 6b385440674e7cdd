//! What the `sops` program encrypted is decrypted to what it decrypts it to, byte for byte.
//!
//! `COWHERD_SOPS=/path/to/sops cargo test -p cowherd-sops --test recorded -- --ignored` asks it anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_sops::{Format, Keys, SopsError, decrypt};
use serde::{Deserialize, Serialize};

use documents::{Case, KEYS, OPEN_PGP};

/// What sops made of a case.
#[derive(Serialize, Deserialize)]
struct Recorded {
    name: String,
    from: String,
    to: String,
    encrypted: String,
    /// In base64; nothing where sops refuses it.
    decrypted: Option<String>,
    /// Whether sops takes it for what it encrypted itself. It does not where there are comments in a list.
    is_intact: bool,
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/sops.jsonl")
}

fn recorded() -> Vec<Recorded> {
    let text = fs::read_to_string(file()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn format(name: &str) -> Format {
    match name {
        "binary" => Format::Binary,
        "dotenv" => Format::Dotenv,
        "ini" => Format::Ini,
        "json" => Format::Json,
        "yaml" => Format::Yaml,
        _ => panic!("{name} is no format"),
    }
}

fn keys() -> Keys {
    let mut keys = Keys::default();
    for (_, private) in KEYS {
        keys.add_age(private).unwrap();
    }
    for (_, private) in OPEN_PGP {
        keys.add_open_pgp(private.as_bytes()).unwrap();
    }
    keys
}

#[test]
fn what_sops_encrypted_is_decrypted_as_sops_does() {
    let (keys, mut wrong) = (keys(), Vec::new());
    let all = recorded();
    assert!(all.len() > 100, "{}", all.len());
    for Recorded { name, from, to, encrypted, decrypted, is_intact } in all {
        let found = decrypt(encrypted.as_bytes(), format(&from), format(&to), &keys);
        match (found, decrypted.map(|text| BASE64_STANDARD.decode(text).unwrap())) {
            (Ok(found), Some(expected)) if found.bytes == expected && found.is_intact == is_intact => {}
            (Err(_), None) => {}
            (Ok(found), expected) => wrong.push(format!(
                "{name} ({from} to {to}), intact {}:\n{}\n--- sops:\n{}",
                found.is_intact,
                String::from_utf8_lossy(&found.bytes),
                expected.map_or_else(|| "refuses it".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned()),
            )),
            (Err(error), Some(_)) => wrong.push(format!("{name} ({from} to {to}): {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn without_the_right_key_nothing_is_decrypted() {
    let mut others = Keys::default();
    others.add_age("AGE-SECRET-KEY-1S93AL2ZKKY9CUYXWPHFA0P9DNW29SVNS84PA2J2PLRMY6JEUZEWSJSTGHF").unwrap();
    for Recorded { name, from, to, encrypted, .. } in recorded() {
        for keys in [&Keys::default(), &others] {
            let error = decrypt(encrypted.as_bytes(), format(&from), format(&to), keys).unwrap_err();
            assert!(matches!(error, SopsError::NoKey(_) | SopsError::NotEncrypted), "{name}: {error}");
        }
    }
}

/// A change of any value, key or order is noticed by the value or by the code of the whole.
#[test]
fn what_was_changed_since_is_told() {
    let keys = keys();
    let original = recorded().into_iter().find(|recorded| recorded.name == "types" && recorded.from == "json").unwrap();
    let text = original.encrypted;
    assert!(decrypt(text.as_bytes(), Format::Json, Format::Json, &keys).unwrap().is_intact);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let is_sealed = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.starts_with("ENC["));
    let values: BTreeMap<&str, &str> = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| is_sealed(value))
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
        .collect();
    assert!(values.len() > 5, "{values:?}");
    for (key, value) in &values {
        // One value in the place of another is refused: each is bound to its key.
        let moved = values.iter().find(|(other, _)| other != &key).unwrap().1;
        let swapped = text.replacen(value, moved, 1);
        let error = decrypt(swapped.as_bytes(), Format::Json, Format::Json, &keys).unwrap_err();
        assert!(matches!(&error, SopsError::Value { path, .. } if path == key), "{key}: {error}");
        // Without it the whole is not what it was.
        let less: String = text.lines().filter(|line| !line.contains(value)).collect();
        assert!(!decrypt(less.as_bytes(), Format::Json, Format::Json, &keys).unwrap().is_intact, "{key}");
    }
    let mac = document["sops"]["mac"].as_str().unwrap();
    let modified = document["sops"]["lastmodified"].as_str().unwrap();
    for (said, forged) in [(mac, values["text"]), (modified, "2020-01-01T00:00:00Z")] {
        let forged = text.replacen(said, forged, 1);
        assert!(!decrypt(forged.as_bytes(), Format::Json, Format::Json, &keys).unwrap().is_intact, "{forged}");
    }
}

#[test]
#[ignore = "asks the program that COWHERD_SOPS names"]
fn record() {
    let program = std::env::var("COWHERD_SOPS").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sops = |arguments: &[&str], input: &[u8], keys: &str| {
        let mut child = Command::new(&program)
            .args(arguments)
            .env_clear()
            .env("HOME", directory.path())
            .env("GNUPGHOME", directory.path())
            .env("PATH", std::env::var("PATH").unwrap())
            .env("SOPS_AGE_KEY", keys)
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        output.status.success().then_some(output.stdout).ok_or(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (_, private) in OPEN_PGP {
        let file = directory.path().join("key.asc");
        fs::write(&file, private).unwrap();
        let mut gpg = Command::new("gpg");
        gpg.args(["--batch", "--quiet", "--import"]).arg(&file).env("GNUPGHOME", directory.path());
        assert!(gpg.status().unwrap().success());
    }
    let private: String = KEYS.iter().map(|(_, private)| format!("{private}\n")).collect();
    let mut lines = String::new();
    for Case { name, from, text, config, to } in documents::all() {
        let path = directory.path().join(".sops.yaml");
        let _ = fs::remove_file(&path);
        if let Some(config) = &config {
            fs::write(&path, config).unwrap();
        }
        let mut arguments = vec!["encrypt", "--input-type", from, "--output-type", from, "--filename-override", "x"];
        if config.is_none() {
            arguments.extend(["--age", KEYS[0].0]);
        }
        let encrypted = match sops(&arguments, &text, &private) {
            Ok(encrypted) => String::from_utf8(encrypted).unwrap(),
            Err(error) => {
                println!("{name} ({from}): not encrypted: {error}");
                continue;
            }
        };
        for to in to {
            let decrypt = |more: &[&str]| {
                let arguments = [&["decrypt", "--input-type", from, "--output-type", to], more].concat();
                sops(&arguments, encrypted.as_bytes(), &private)
            };
            let first = decrypt(&[]);
            let is_intact = first.is_ok();
            let decrypted = first.or_else(|_| decrypt(&["--ignore-mac"]));
            if let Err(error) = &decrypted {
                println!("{name} ({from} to {to}): {error}");
            }
            let recorded = Recorded {
                name: name.clone(),
                from: from.to_owned(),
                to: (*to).to_owned(),
                encrypted: encrypted.clone(),
                decrypted: decrypted.ok().map(|bytes| BASE64_STANDARD.encode(bytes)),
                is_intact,
            };
            lines += &(serde_json::to_string(&recorded).unwrap() + "\n");
        }
    }
    fs::create_dir_all(file().parent().unwrap()).unwrap();
    fs::write(file(), lines).unwrap();
}
