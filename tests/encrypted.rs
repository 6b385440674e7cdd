//! What sops encrypted in the repository (`tests/sealed`) is decrypted in the cluster, and shown nowhere else.

use std::path::{Path, PathBuf};

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// What was encrypted, and some of it in base64.
const HIDDEN: [&str; 8] = [
    "c0rrect-h0rse",
    "stap1e-battery",
    "stap1e-c0nfig",
    "stap1e-bytes",
    "stap1e-patch",
    "stap1e-comp0nent",
    "YzBycmVjdC1ob3JzZQ==",
    "c3RhcDFlLWNvbXAwbmVudA==",
];

/// A private key of age for which nothing is encrypted.
const OF_OTHERS: &str = "AGE-SECRET-KEY-1RHZF4GKUDD4AND894C9A9AHN03TYVQXW4GTCAUV8X80S79PDGWFS2A9DDG";

fn sealed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sealed")
}

/// A repository with what is encrypted, whose Kustomization says `more`.
fn repository(directory: &Path, more: &str) -> Repository {
    let repository = Repository::new(directory.join("fleet"));
    repository.kustomization("app", "./app", more).copy(&sealed().join("app"), "app");
    repository.commit("begin");
    repository
}

fn keeps_quiet(place: &str, text: &str) {
    for value in HIDDEN {
        assert!(!text.contains(value), "{place} shows {value}: {text}");
    }
}

fn keeps_quiet_everywhere(running: &Running) {
    let kinds = "kustomizations,gitrepositories,events";
    keeps_quiet("kubectl get", &running.kubectl_ok(["get", kinds, "-A", "-o", "yaml", "--show-managed-fields"]));
    for arguments in [
        &["get", "-A", "-o", "json"][..],
        &["events", "-A"],
        &["tree", "flux-system"],
        &["logs", "-A"],
        &["diff"],
        &["diff", "app"],
    ] {
        let output = running.cowherd(arguments);
        keeps_quiet("cowherd", &String::from_utf8_lossy(&output.stdout));
        keeps_quiet("cowherd", &String::from_utf8_lossy(&output.stderr));
    }
    keeps_quiet("the terminal", &running.said());
}

/// The value of a key of a Secret.
fn value(running: &Running, secret: &str, key: &str) -> Vec<u8> {
    let found = running.get(&format!("secret {secret} -n default"));
    let text = found["data"][key].as_str().unwrap_or_default().to_owned();
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap()
}

fn all_is_there(running: &Running) {
    assert_eq!(value(running, "sealed", "token"), b"c0rrect-h0rse");
    assert_eq!(value(running, "sealed", "port"), b"5432");
    assert_eq!(value(running, "variables", "PASSWORD"), b"stap1e-battery");
    assert_eq!(
        String::from_utf8(value(running, "files", "settings.yaml")).unwrap(),
        "server:\n    # behind the proxy\n    host: db\n    password: stap1e-c0nfig\n"
    );
    assert_eq!(value(running, "files", "raw"), b"\0\x01binary\xff stap1e-bytes\n");
    assert_eq!(value(running, "component", "TOKEN"), b"stap1e-comp0nent");
    let patched = running.get("configmap patched -n default");
    assert_eq!((&patched["data"]["extra"], &patched["data"]["other"]), (&"stap1e-patch".into(), &"plain".into()));
    assert!(running.get("secret sealed -n default")["sops"].is_null() && patched["sops"].is_null());
}

#[test]
fn what_is_encrypted_is_decrypted_by_the_key_that_up_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(directory.path(), "decryption: {provider: sops}");
    let key = sealed().join("age.agekey");
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--sops-age-key-file"]).arg(&key);
    let running = Running::spawn(command, &directory.path().join("data"));
    running.wait_for_ready("app", "True", repository.git(["rev-parse", "HEAD"]).trim());
    all_is_there(&running);
    keeps_quiet_everywhere(&running);

    // Another start has the key from the cluster, and renders anew what is kept nowhere.
    let data_dir = running.data_dir.clone();
    drop(running.stop_and_listen());
    for file in std::fs::read_dir(data_dir.join("renders")).into_iter().flatten() {
        let path = file.unwrap().path();
        let packed = std::fs::read(&path).unwrap();
        let mut text = String::new();
        let unpacked = std::io::Read::read_to_string(&mut flate2::read::DeflateDecoder::new(&packed[32..]), &mut text);
        unpacked.unwrap();
        keeps_quiet(&path.display().to_string(), &text);
    }
    repository.config_map("app/red.yaml", "red", "1");
    let kustomization = std::fs::read_to_string(sealed().join("app/kustomization.yaml")).unwrap();
    repository.write("app/kustomization.yaml", &kustomization.replace("[secret.yaml,", "[secret.yaml, red.yaml,"));
    let commit = repository.commit("add another");
    let running = Running::start(directory.path(), ["up"]);
    running.wait_for_ready("app", "True", &commit);
    all_is_there(&running);
    keeps_quiet_everywhere(&running);
}

#[test]
fn a_secret_with_the_key_is_asked_for_and_awaited() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(directory.path(), "");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_condition("kustomization app", "False", &["Secret/default/sealed is SOPS encrypted"]);

    repository.kustomization("app", "./app", "decryption: {provider: sops, secretRef: {name: sops-age}}");
    repository.commit("ask for decryption");
    let lacks =
        ["Secret 'flux-system/sops-age': not found", "kubectl create secret generic sops-age --namespace flux-system"];
    running.wait_for_condition("kustomization app", "False", &lacks);

    // The key of somebody else.
    let others = "AGE-SECRET-KEY-1RHZF4GKUDD4AND894C9A9AHN03TYVQXW4GTCAUV8X80S79PDGWFS2A9DDG";
    let literal = format!("--from-literal=age.agekey={others}");
    running.kubectl_ok(["create", "secret", "generic", "sops-age", "-n", "flux-system", &literal]);
    let closed =
        ["app/", "encrypted for age13679qryjnu6qgdvyctfuq3hmvh8hccgmwgkv6du8tu06fux4qftqqxk56d", "age1sqzc20kernxrl9y"];
    running.wait_for_condition("kustomization app", "False", &closed);
    let said = running.kubectl_ok(["get", "kustomizations,events", "-A", "-o", "yaml"]) + &running.said();
    assert!(!said.contains("AGE-SECRET-KEY"), "{said}");

    running.kubectl_ok(["delete", "secret", "sops-age", "-n", "flux-system"]);
    let file = format!("--from-file=age.agekey={}", sealed().join("age.agekey").display());
    running.kubectl_ok(["create", "secret", "generic", "sops-age", "-n", "flux-system", &file]);
    running.wait_for_condition("kustomization app", "True", &["Applied revision"]);
    all_is_there(&running);
    keeps_quiet_everywhere(&running);

    // What cannot be decrypted is not applied, and told without its value.
    let secret = std::fs::read_to_string(sealed().join("app/secret.yaml")).unwrap();
    repository.write("app/secret.yaml", &secret.replace("    token: ENC", "    other: ENC"));
    repository.commit("move a value");
    running.wait_for_condition("kustomization app", "False", &["Secret/default/sealed", "stringData.other"]);
    assert_eq!(value(&running, "sealed", "token"), b"c0rrect-h0rse");
    keeps_quiet_everywhere(&running);

    repository.write("app/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: sealed, namespace: default}\n");
    repository.commit("encrypt nothing");
    eventually("the value is gone", || {
        let data = running.get("secret sealed -n default")["data"].clone();
        if data["token"].is_null() { Ok(()) } else { Err("it is there".to_owned()) }
    });
}

#[test]
fn a_review_needs_no_key_and_shows_nothing_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(directory.path(), "decryption: {provider: sops, secretRef: {name: sops-age}}");
    let secret = std::fs::read_to_string(sealed().join("app/secret.yaml")).unwrap();
    repository.write("app/secret.yaml", &secret.replace("name: sealed", "name: renamed"));
    repository.git(["checkout", "--quiet", "-b", "next"]);
    repository.commit("rename");
    let key = sealed().join("age.agekey");
    let run = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = cowherd(&directory.path().join("fleet"));
        let output = command.args(arguments).env_remove("SOPS_AGE_KEY_FILE").envs(variable).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        keeps_quiet("cowherd", &text);
        (output.status.code(), text)
    };
    let private = std::fs::read_to_string(&key).unwrap();
    let private = private.lines().last().unwrap();
    for variable in [None, Some(("SOPS_AGE_KEY_FILE", key.to_str().unwrap())), Some(("SOPS_AGE_KEY", private))] {
        let (status, text) = run(&["check", ".", "--path", "cluster"], variable);
        assert_eq!(status, Some(0), "{variable:?}: {text}");
        let (status, text) = run(&["diff", "--base", "main", "--path", "cluster"], variable);
        assert_eq!(status, Some(1), "{variable:?}: {text}");
        assert!(text.contains("renamed"), "{text}");
    }
    let (status, text) = run(&["check", ".", "--path", "cluster"], Some(("SOPS_AGE_KEY", "AGE-SECRET-KEY-1X")));
    assert!(status == Some(2) && text.contains("SOPS_AGE_KEY holds no private keys of age"), "{text}");

    // A key that opens nothing is told, and shows nothing.
    let (status, text) = run(&["check", ".", "--path", "cluster", "-v"], Some(("SOPS_AGE_KEY", OF_OTHERS)));
    assert_eq!(status, Some(0), "{text}");
    let recipient = "age13679qryjnu6qgdvyctfuq3hmvh8hccgmwgkv6du8tu06fux4qftqqxk56d";
    let told = format!("Secret/default/renamed: it is encrypted with SOPS for {recipient}, and none of the keys");
    assert!(text.contains("app/secret.yaml:") && text.contains(&told), "{text}");
    assert!(
        text.contains("warning: Secret/default/variables: it is encrypted with SOPS, and none of the keys"),
        "{text}"
    );
    let strict = ["check", ".", "--path", "cluster", "--strict"];
    assert_eq!(run(&strict, Some(("SOPS_AGE_KEY", OF_OTHERS))).0, Some(1));
    let (_, text) = run(&strict, Some(("SOPS_AGE_KEY", private)));
    assert!(!text.contains("none of the keys"), "{text}");

    let settings = std::fs::read_to_string(sealed().join("app/settings.yaml")).unwrap();
    repository.write("app/settings.yaml", &settings.replace("    password: ENC", "    word: ENC"));
    let given = Some(("SOPS_AGE_KEY", private));
    let (status, text) = run(&["check", ".", "--path", "cluster"], given);
    assert!(status == Some(1) && text.contains("app/settings.yaml") && text.contains("server.word"), "{text}");
    repository.write("app/settings.yaml", &settings);

    // What was changed in an object is told alone: that the rest is still encrypted is no mistake of its own.
    repository.write("app/secret.yaml", &secret.replace("    token: ENC", "    word: ENC"));
    let (status, text) = run(&["check", ".", "--path", "cluster"], given);
    let findings: Vec<&str> = text.lines().filter(|line| line.contains("app/secret.yaml")).collect();
    assert!(status == Some(1) && findings.len() == 1 && findings[0].contains("decryption failed"), "{text}");
    assert!(!text.contains("unknown field"), "{text}");
}
