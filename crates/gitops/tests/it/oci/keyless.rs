//! What was signed without a key of one's own: by a certificate, an entry of a log, and a root of trust from a Secret. The
//! signatures are those that cosign's own library verified (`crates/sigstore/tests/recorded`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cowherd_gitserver::artifact::{MANIFEST, Repository};
use cowherd_gitserver::registry::Access;
use cowherd_gitserver::signature::{put_bundle, put_layer};
use serde_json::{Value, json};

use super::{SOURCE, condition, follow, of, reconcile, says, world};
use crate::world::{FLUX, World};

/// What was recorded of cosign.
struct Recorded(Value);

impl Recorded {
    fn new() -> Self {
        Self(serde_json::from_str(include_str!("../../../../sigstore/tests/recorded/cosign.json")).unwrap())
    }

    /// Puts one of the two artifacts into a repository as the latest; its digest.
    fn push(&self, which: usize, to: &Repository<'_>) -> String {
        let artifact = &self.0["artifacts"][which];
        let bytes = |name: &str| STANDARD.decode(artifact[name].as_str().unwrap()).unwrap();
        to.blob(b"{}");
        to.blob(&bytes("layer"));
        to.manifest("latest", MANIFEST, &bytes("manifest"))
    }

    fn case(&self, name: &str) -> &Value {
        self.0["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
    }

    /// Puts a signature where those of a manifest are.
    fn sign(&self, name: &str, repository: &Repository<'_>, digest: &str) {
        let case = self.case(name);
        if let Value::Object(_) = &case["bundle"] {
            return put_bundle(repository, digest, case["bundle"].to_string().as_bytes());
        }
        let text = STANDARD.decode(case["text"].as_str().unwrap()).unwrap();
        let annotations: BTreeMap<String, String> = serde_json::from_value(case["annotations"].clone()).unwrap();
        put_layer(repository, digest, &text, &annotations);
    }

    /// The Secret with the root of trust.
    fn root(&self) -> Value {
        let root = self.0["roots"]["example"].to_string();
        json!({ "metadata": { "name": "root", "namespace": FLUX }, "stringData": { "trusted_root.json": root } })
    }
}

/// Who may sign, with that root.
fn verify(issuer: &str, subject: &str) -> Value {
    let identity = json!({ "issuer": issuer, "subject": subject });
    json!({ "provider": "cosign", "matchOIDCIdentity": [identity], "trustedRootSecretRef": { "name": "root" } })
}

const ISSUER: &str = r"^https://token\.actions\.githubusercontent\.com$";
const SUBJECT: &str = r"^https://github\.com/team/apps/";

/// What the ConfigMap in the artifacts says.
async fn message(world: &World) -> Option<String> {
    let object = world.get("v1", "ConfigMap", Some("apps"), "signed").await?;
    object["data"]["message"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_signed_without_a_key_is_taken_if_they_may() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let recorded = Recorded::new();
    let first = recorded.push(0, &repository);
    follow(&world, "fleet", &repository, json!({ "verify": verify(ISSUER, SUBJECT) })).await;
    let begin = "failed to verify the signature using provider 'cosign keyless': ";
    says(&world, "fleet", "False", "VerificationError", "there is no such Secret in the namespace").await;
    world.create("v1", "Secret", json!({ "metadata": { "name": "root", "namespace": FLUX } })).await;
    reconcile(&world, "fleet", "1").await;
    says(&world, "fleet", "False", "VerificationError", "it has no trusted_root.json").await;
    world.patch("v1", "Secret", FLUX, "root", recorded.root()).await;
    reconcile(&world, "fleet", "2").await;
    says(&world, "fleet", "False", "VerificationError", &format!("{begin}no matching signatures were found for")).await;

    recorded.sign("layer: good", &repository, &first);
    reconcile(&world, "fleet", "3").await;
    let status = says(&world, "fleet", "True", "Succeeded", &first).await;
    let verified = condition(&status, "SourceVerified");
    assert_eq!(verified["status"], "True");
    assert_eq!(verified["message"], format!("verified signature of revision latest@{first}"));
    world.add(of("fleet", "apps", "./", json!({}))).await;
    world.ready("apps", &format!("latest@{first}")).await;
    assert_eq!(message(&world).await.as_deref(), Some("good"));

    // The next one is not taken by the signature of the first, nor by a bundle about that.
    let second = recorded.push(1, &repository);
    recorded.sign("layer: good", &repository, &second);
    recorded.sign("bundle: good", &repository, &second);
    reconcile(&world, "fleet", "4").await;
    let status = says(&world, "fleet", "False", "VerificationError", "it is about another artifact").await;
    assert_eq!(condition(&status, "SourceVerified")["status"], "False");
    assert_eq!(status["artifact"]["revision"], format!("latest@{first}"));
    assert_eq!(message(&world).await.as_deref(), Some("good"));
    // One beside the bad ones is enough, here a bundle.
    recorded.sign("bundle: good, of the other artifact", &repository, &second);
    reconcile(&world, "fleet", "5").await;
    world.ready("apps", &format!("latest@{second}")).await;
    assert_eq!(message(&world).await.as_deref(), Some("another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_signed_is_not_taken() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let recorded = Recorded::new();
    world.create("v1", "Secret", recorded.root()).await;
    let digest = recorded.push(0, &repository);
    recorded.sign("layer: good", &repository, &digest);
    follow(&world, "fleet", &repository, json!({ "verify": verify(ISSUER, SUBJECT) })).await;
    says(&world, "fleet", "True", "Succeeded", &digest).await;

    let set = async |verify: Value| {
        let spec = json!({ "spec": { "verify": verify } });
        world.patch(SOURCE, "OCIRepository", FLUX, "fleet", spec).await;
    };
    set(verify(ISSUER, "^https://github.com/other/")).await;
    says(&world, "fleet", "False", "VerificationError", "whom matchOIDCIdentity does not include").await;
    set(verify("(", "x")).await;
    let wrong = "spec.verify.matchOIDCIdentity[0].issuer is no regular expression";
    says(&world, "fleet", "False", "VerificationError", wrong).await;
    // The public Sigstore knows nothing of that log.
    set(json!({ "trustedRootSecretRef": null, "matchOIDCIdentity": [{ "issuer": ".*", "subject": ".*" }] })).await;
    says(&world, "fleet", "False", "VerificationError", "which the trusted root does not have").await;
    set(verify(ISSUER, SUBJECT)).await;
    says(&world, "fleet", "True", "Succeeded", &digest).await;
    for (signature, words) in [
        ("layer: no entry", "Rekor is not asked for one"),
        ("layer: an entry of Rekor v2", "neither is supported yet"),
        ("layer: logged after the certificate", "but the log had the signature at"),
    ] {
        recorded.sign(signature, &repository, &digest);
        reconcile(&world, "fleet", signature).await;
        says(&world, "fleet", "False", "VerificationError", words).await;
    }
}
