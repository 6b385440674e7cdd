//! Nothing is applied that nobody signed who may.

use cowherd_gitserver::signing::{Gpg, SshKey};
use serde_json::{Value, json};

use super::{SOURCE, condition, event, reconcile, says};
use crate::world::{FLUX, World, config_map, kustomization};

const JANE: &str = "jane@example.com";
const EVE: &str = "eve@example.com";

/// A cluster, and who signs the commits of its repository.
struct Stage {
    world: World,
    gpg: Gpg,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let gpg = Gpg::new(directory.path().join("gpg"));
        for user in [JANE, EVE] {
            gpg.make_key(user, "ed25519", "cert,sign", "none", &[]);
        }
        let world = World::new().await;
        world.repository.git(&["config", "gpg.program", gpg.program().to_str().unwrap()]);
        Self { world, gpg, _directory: directory }
    }

    async fn follow(&self, spec: Value) {
        let url = format!("file://{}", self.world.repository.path().display());
        let mut full = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({ "metadata": { "name": FLUX, "namespace": FLUX }, "spec": full });
        self.world.create(SOURCE, "GitRepository", object).await;
    }

    async fn keys(&self, keys: &[(&str, String)]) {
        let data: serde_json::Map<_, _> = keys.iter().map(|(name, key)| ((*name).to_owned(), json!(key))).collect();
        if self.world.get("v1", "Secret", Some(FLUX), "signers").await.is_some() {
            let old = json!({ "data": null, "stringData": data });
            self.world.patch("v1", "Secret", FLUX, "signers", old).await;
        } else {
            let object = json!({ "metadata": { "name": "signers", "namespace": FLUX }, "stringData": data });
            self.world.create("v1", "Secret", object).await;
        }
    }

    /// Commits this value, signed by somebody; the revision.
    fn commit(&self, value: &str, signer: Option<&str>) -> String {
        let repository = &self.world.repository;
        repository.write("app/a.yaml", &config_map("apps", "a", value));
        repository.git(&["add", "--all"]);
        let sign = signer.map(|signer| format!("-S{signer}")).unwrap_or("--no-gpg-sign".to_owned());
        repository.git(&["commit", "--quiet", "--allow-empty", "-m", "a change", &sign]);
        repository.revision()
    }
}

fn verify(mode: &str) -> Value {
    json!({ "verify": { "mode": mode, "secretRef": { "name": "signers" } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_who_may_leaves_the_last_good_revision_and_is_said() {
    let mut stage = Stage::new().await;
    let (jane, eve) = (stage.gpg.public_key(JANE), stage.gpg.public_key(EVE));
    stage.keys(&[("jane.asc", jane.clone())]).await;
    let good = stage.commit("1", Some(JANE));
    stage.follow(verify("head")).await;
    stage.world.add(kustomization("app", "./app", json!({}))).await;
    stage.world.ready("app", &good).await;
    let status = says(&stage.world, FLUX, "True", "Succeeded", "stored artifact for revision").await;
    let verified = condition(&status, "SourceVerified");
    let (commit, key) = (good.split_once(':').unwrap().1, &stage.gpg.fingerprints(JANE)[0][24..]);
    assert_eq!(verified["message"], format!("verified signature of\n\t- commit '{commit}' with key '{key}'"));
    assert_eq!((&verified["status"], &verified["reason"]), (&json!("True"), &json!("Succeeded")));
    assert_eq!(status["sourceVerificationMode"], "HEAD");

    for (value, signer, why) in
        [("2", None, "it is not signed"), ("3", Some(EVE), "which is not among those that may sign")]
    {
        let bad = stage.commit(value, signer);
        let commit = bad.split_once(':').unwrap().1;
        let begin = format!("signature verification of commit '{commit}' failed: ");
        let status = says(&stage.world, FLUX, "False", "InvalidCommitSignature", &begin).await;
        let verified = condition(&status, "SourceVerified");
        assert_eq!((&verified["status"], &verified["reason"]), (&json!("False"), &json!("InvalidCommitSignature")));
        assert!(verified["message"].as_str().unwrap().contains(why), "{verified}");
        assert_eq!(status["artifact"]["revision"], good);
        assert!(condition(&status, "FetchFailed").is_null() && condition(&status, "Stalled").is_null(), "{status}");
        let told = event(&stage.world, FLUX, "InvalidCommitSignature", &begin).await;
        assert_eq!(told["type"], "Warning");
        assert_eq!(stage.world.value("apps", "a").await.as_deref(), Some("1"));
    }

    // Nor is it served after a start, where what is kept is what was good.
    stage.world.kill_agents().await;
    stage.world.start_agents();
    stage.world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    stage
        .world
        .until("what was good is applied again", async || {
            let value = stage.world.value("apps", "a").await;
            if value.as_deref() == Some("1") { Ok(()) } else { Err(format!("{value:?}")) }
        })
        .await;
    says(&stage.world, FLUX, "False", "InvalidCommitSignature", "which is not among those that may sign").await;

    let better = stage.commit("4", Some(JANE));
    stage.world.ready("app", &better).await;
    assert_eq!(stage.world.value("apps", "a").await.as_deref(), Some("4"));

    // Who may sign is asked each time.
    stage.keys(&[("eve.asc", eve)]).await;
    reconcile(&stage.world, FLUX, "1").await;
    let status = says(&stage.world, FLUX, "False", "InvalidCommitSignature", "which is not among those").await;
    assert_eq!(status["artifact"]["revision"], better);
    stage.keys(&[("jane.asc", jane)]).await;
    reconcile(&stage.world, FLUX, "2").await;
    says(&stage.world, FLUX, "True", "Succeeded", &better).await;

    // Whoever asks for no signature any more is told of none.
    let spec = json!({ "spec": { "verify": null } });
    stage.world.patch(SOURCE, "GitRepository", FLUX, FLUX, spec).await;
    stage
        .world
        .until("nothing is said of signatures", async || {
            let object = stage.world.get(SOURCE, "GitRepository", Some(FLUX), FLUX).await.unwrap();
            let status = &object["status"];
            let is_gone = condition(status, "SourceVerified").is_null() && status["sourceVerificationMode"].is_null();
            let is_seen = status["observedGeneration"] == object["metadata"]["generation"];
            if is_gone && is_seen { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_verified_and_the_commit_that_it_names_where_both_are_asked_for() {
    let stage = Stage::new().await;
    let ssh = SshKey::new(stage._directory.path().join("jane"), "ed25519", "");
    stage.keys(&[("jane.asc", stage.gpg.public_key(JANE)), ("jane.sshpub", ssh.public_key())]).await;
    let commit = stage.commit("1", Some(JANE)).split_once(':').unwrap().1.to_owned();
    let path = ssh.path.to_str().unwrap();
    let signed = ["-c", "gpg.format=ssh", "-c", &format!("user.signingkey={path}"), "tag", "-s", "-m", "one", "v1.0.0"];
    stage.world.repository.git(&signed);
    let tag = stage.world.repository.git(&["rev-parse", "refs/tags/v1.0.0"]);
    let mut spec = verify("TagAndHEAD");
    spec["ref"] = json!({ "semver": "1.x" });
    stage.follow(spec).await;
    let status = says(&stage.world, FLUX, "True", "Succeeded", &format!("'v1.0.0@sha1:{commit}'")).await;
    let (by_ssh, by_gpg) = (ssh.fingerprint(), stage.gpg.fingerprints(JANE)[0][24..].to_owned());
    let expected = format!(
        "verified signature of\n\t- tag 'v1.0.0@{tag}' with key '{by_ssh}'\n\t- commit '{commit}' with key '{by_gpg}'"
    );
    assert_eq!(condition(&status, "SourceVerified")["message"], expected);
    assert_eq!(status["sourceVerificationMode"], "TagAndHEAD");

    // A lightweight tag has nothing that could be signed.
    stage.commit("2", Some(JANE));
    stage.world.repository.git(&["tag", "v1.1.0"]);
    reconcile(&stage.world, FLUX, "1").await;
    let unsigned = "cannot verify signature of tag 'v1.1.0' since it is not signed";
    let status = says(&stage.world, FLUX, "False", "InvalidGitObject", unsigned).await;
    assert_eq!(condition(&status, "SourceVerified")["reason"], "InvalidGitObject");
    assert_eq!(status["artifact"]["revision"], format!("v1.0.0@sha1:{commit}"));

    // A signed tag of a commit that nobody signed.
    stage.commit("3", None);
    stage.world.repository.git(&["tag", "-u", JANE, "-m", "two", "v1.2.0"]);
    reconcile(&stage.world, FLUX, "2").await;
    says(&stage.world, FLUX, "False", "InvalidCommitSignature", "it is not signed").await;
    let both = json!({ "spec": { "verify": { "mode": "Tag" } } });
    stage.world.patch(SOURCE, "GitRepository", FLUX, FLUX, both).await;
    let status = says(&stage.world, FLUX, "True", "Succeeded", "'v1.2.0@sha1:").await;
    assert_eq!(status["sourceVerificationMode"], "Tag");
    // An old tag under a new name.
    stage.world.repository.git(&["update-ref", "refs/tags/v1.3.0", "refs/tags/v1.0.0"]);
    reconcile(&stage.world, FLUX, "3").await;
    says(&stage.world, FLUX, "False", "InvalidTagSignature", "the tag that was signed is called \"v1.0.0\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_verified_as_it_is_asked_for_is_said() {
    let stage = Stage::new().await;
    stage.commit("1", Some(JANE));
    stage.follow(verify("HEAD")).await;
    let missing = "public keys secret error: failed to get the Secret 'signers' of spec.verify.secretRef";
    let status = says(&stage.world, FLUX, "False", "VerificationError", missing).await;
    assert_eq!(condition(&status, "SourceVerified")["status"], "False");
    assert!(status["artifact"].is_null(), "{status}");
    let tag = json!({ "spec": { "verify": { "mode": "Tag" } } });
    stage.world.patch(SOURCE, "GitRepository", FLUX, FLUX, tag).await;
    let begin = "cannot verify tag object's signature if a tag reference is not specified";
    let status = says(&stage.world, FLUX, "False", "InvalidVerificationMode", begin).await;
    assert_eq!(condition(&status, "Stalled")["status"], "True");
}
