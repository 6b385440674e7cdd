//! What is decrypted, with which keys, and what is said where that cannot be.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_gitops::{DecryptionKeys, NamespacedName};
use serde_json::{Value, json};

use crate::world::{World, kustomization};

fn sealed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sealed")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(sealed().join(file)).unwrap()
}

/// The value of a key of a Secret in the namespace `apps`.
async fn value(world: &World, secret: &str, key: &str) -> Option<String> {
    let found = world.get("v1", "Secret", Some("apps"), secret).await?;
    let bytes = BASE64_STANDARD.decode(found["data"][key].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn decrypting(secret: Option<&str>) -> Value {
    let decryption = match secret {
        Some(name) => json!({ "provider": "sops", "secretRef": { "name": name } }),
        None => json!({ "provider": "sops" }),
    };
    json!({ "targetNamespace": "apps", "decryption": decryption })
}

async fn key(world: &World, name: &str, data: Value) {
    let secret = json!({ "metadata": { "name": name, "namespace": "flux-system" }, "stringData": data });
    world.create("v1", "Secret", secret).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_for_all_decrypts_where_none_is_named() {
    let mut world = World::new().await;
    world.kill_agents().await;
    let secret = Some(NamespacedName::new("flux-system", "for-all"));
    world.policy.decryption = DecryptionKeys { secret, ..DecryptionKeys::default() };
    world.start_agents();
    world.repository.copy(&sealed().join("app"), "app");
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    // Keys of OpenPGP and credentials are not for all, and not looked at.
    key(&world, "for-all", json!({ "a.agekey": read("age.agekey"), "b.asc": "x", "sops.vault-token": "x" })).await;
    world.add(kustomization("app", "./app", decrypting(None))).await;
    world.ready("app", &revision).await;
    assert_eq!(value(&world, "sealed", "token").await.as_deref(), Some("c0rrect-h0rse"));
    assert_eq!(value(&world, "component", "TOKEN").await.as_deref(), Some("stap1e-comp0nent"));
    let status = serde_json::to_string(&world.kustomization("app").await.unwrap()).unwrap();
    assert!(!status.contains("c0rrect-h0rse") && !status.contains("stap1e"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_secrets_that_are_encrypted_are_decrypted_unless_that_is_declined() {
    let world = World::new().await;
    let encoded = |file: &str| BASE64_STANDARD.encode(std::fs::read(sealed().join(file)).unwrap());
    let data = json!({ "app.env": encoded("app/app.env"), "settings.yaml": encoded("app/settings.yaml"),
        "raw": encoded("app/blob.bin"), "plain": BASE64_STANDARD.encode("as it is") });
    let secret = |name: &str, annotations: Value| {
        json!({ "apiVersion": "v1", "kind": "Secret", "data": data,
            "metadata": { "name": name, "annotations": annotations } })
        .to_string()
    };
    world.repository.write("app/a.yaml", &secret("opened", json!({})));
    let declined = json!({ "kustomize.toolkit.fluxcd.io/decrypt": "Disabled" });
    world.repository.write("app/b.yaml", &secret("closed", declined.clone()));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    key(&world, "sops-age", json!({ "age.agekey": read("age.agekey") })).await;
    world.add(kustomization("app", "./app", decrypting(Some("sops-age")))).await;
    world.ready("app", &revision).await;
    let variables = "# for the app\nUSER=battery\nPASSWORD=stap1e-battery\n";
    assert_eq!(value(&world, "opened", "app.env").await.as_deref(), Some(variables));
    let settings = "server:\n    # behind the proxy\n    host: db\n    password: stap1e-c0nfig\n";
    assert_eq!(value(&world, "opened", "settings.yaml").await.as_deref(), Some(settings));
    assert_eq!(value(&world, "opened", "plain").await.as_deref(), Some("as it is"));
    assert_eq!(value(&world, "closed", "app.env").await.as_deref(), Some(read("app/app.env").as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_be_used_are_told_with_their_field() {
    let world = World::new().await;
    world.repository.copy(&sealed().join("app"), "app");
    world.repository.commit("first");
    world.follow_repository().await;
    for (name, data, words) in [
        (
            "kms",
            json!({ "sops.aws-kms": "aws_secret_access_key: hunter2" }),
            "'sops.aws-kms' of sops decryption Secret 'flux-system/kms' is for AWS KMS",
        ),
        (
            "bad",
            json!({ "a.agekey": "hunter2hunter2" }),
            "failed to import 'a.agekey' data from sops decryption Secret 'flux-system/bad': line 1",
        ),
        ("pgp", json!({ "a.asc": "hunter2hunter2" }), "failed to import 'a.asc' data"),
        ("none", json!({ "other": "x" }), "encrypted for age1"),
    ] {
        key(&world, name, data).await;
        world.add(kustomization(name, "./app", decrypting(Some(name)))).await;
        let message = world.failed(name, "BuildFailed", words).await;
        assert!(!message.contains("hunter2"), "{message}");
    }
    world.add(kustomization("absent", "./app", decrypting(Some("absent")))).await;
    world.failed("absent", "BuildFailed", "kubectl create secret generic absent --namespace flux-system").await;
}
