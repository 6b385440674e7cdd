//! Signatures of artifacts, as `cosign sign` puts them into a registry.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::artifact::{MANIFEST, Repository, descriptor};

/// The type of a bundle.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What stands before a point of the curve P-256 in a public key.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Somebody with a key.
pub struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    /// Somebody with a key that nobody had before.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self { key, random }
    }

    /// The public key in PEM format.
    pub fn public_key(&self) -> String {
        let key = STANDARD.encode([&P256[..], self.key.public_key().as_ref()].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n")
    }

    /// Puts a signature of the manifest with this digest beside it.
    pub fn sign(&self, repository: &Repository<'_>, digest: &str) {
        self.sign_as(repository, digest, digest);
    }

    /// Puts a signature of a text that names `named` where those of `digest` are.
    pub fn sign_as(&self, repository: &Repository<'_>, digest: &str, named: &str) {
        let (text, signature) = self.signed_text(repository, named);
        let layer = descriptor(
            "application/vnd.dev.cosign.simplesigning.v1+json",
            &repository.blob(text.as_bytes()),
            text.len(),
        );
        let layer = signed(&layer, &signature);
        let config = descriptor("application/vnd.oci.image.config.v1+json", &repository.blob(b"{}"), 2);
        let manifest = format!(
            "{{\"schemaVersion\": 2, \"mediaType\": {MANIFEST:?}, \"config\": {config}, \"layers\": [{layer}]}}"
        );
        repository.manifest(&tag(digest), MANIFEST, manifest.as_bytes());
    }

    /// A bundle in which a statement about the manifest with this digest is signed, as `cosign sign --key` makes it since version 3.
    pub fn bundle(&self, digest: &str) -> String {
        let kind = "application/vnd.in-toto+json";
        let statement = format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{{\"digest\":{{\"sha256\":{:?}}}}}],\
             \"predicateType\":\"https://sigstore.dev/cosign/sign/v1\",\"predicate\":{{}}}}",
            digest.trim_start_matches("sha256:")
        );
        let text = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let signature = STANDARD.encode(self.key.sign(&self.random, text.as_bytes()).unwrap());
        let statement = STANDARD.encode(statement);
        format!(
            "{{\"mediaType\":{BUNDLE:?},\"verificationMaterial\":{{\"publicKey\":{{\"hint\":\"\"}}}},\"dsseEnvelope\":\
             {{\"payload\":{statement:?},\"payloadType\":{kind:?},\"signatures\":[{{\"sig\":{signature:?}}}]}}}}"
        )
    }

    /// A text that names `named`, and its signature.
    pub fn signed_text(&self, repository: &Repository<'_>, named: &str) -> (String, String) {
        let text = format!(
            "{{\"critical\":{{\"identity\":{{\"docker-reference\":\"{}/{}\"}},\"image\":{{\"docker-manifest-digest\":\
             {named:?}}},\"type\":\"cosign container image signature\"}},\"optional\":null}}",
            repository.host, repository.path
        );
        let signature = STANDARD.encode(self.key.sign(&self.random, text.as_bytes()).unwrap());
        (text, signature)
    }
}

/// The tag under which the signatures of a manifest are.
pub fn tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

/// Puts a text that is signed by what its annotations say where the signatures of the manifest with this digest are.
pub fn put_layer(repository: &Repository<'_>, digest: &str, text: &[u8], annotations: &BTreeMap<String, String>) {
    let kind = "application/vnd.dev.cosign.simplesigning.v1+json";
    let layer = descriptor(kind, &repository.blob(text), text.len());
    let annotations: Vec<String> = annotations.iter().map(|(name, text)| format!("{name:?}: {text:?}")).collect();
    let layer = format!("{}, \"annotations\": {{{}}}}}", layer.strip_suffix('}').unwrap(), annotations.join(", "));
    let config = descriptor("application/vnd.oci.image.config.v1+json", &repository.blob(b"{}"), 2);
    let manifest =
        format!("{{\"schemaVersion\": 2, \"mediaType\": {MANIFEST:?}, \"config\": {config}, \"layers\": [{layer}]}}");
    repository.manifest(&tag(digest), MANIFEST, manifest.as_bytes());
}

/// Puts a bundle so that it refers to the manifest with this digest, where a registry keeps no list of what refers to what.
pub fn put_bundle(repository: &Repository<'_>, digest: &str, bundle: &[u8]) {
    let layer = descriptor(BUNDLE, &repository.blob(bundle), bundle.len());
    let config = descriptor("application/vnd.oci.empty.v1+json", &repository.blob(b"{}"), 2);
    let manifest = format!(
        "{{\"schemaVersion\": 2, \"mediaType\": {MANIFEST:?}, \"artifactType\": {BUNDLE:?}, \"config\": {config}, \"layers\": [{layer}]}}"
    );
    let referring = repository.manifest("bundle", MANIFEST, manifest.as_bytes());
    let referring = descriptor(MANIFEST, &referring, manifest.len());
    let list = format!(
        "{{\"schemaVersion\": 2, \"mediaType\": {INDEX:?}, \"manifests\": [{}, \"artifactType\": {BUNDLE:?}}}]}}",
        referring.strip_suffix('}').unwrap()
    );
    repository.manifest(&digest.replace(':', "-"), INDEX, list.as_bytes());
}

/// A layer with what is said to be the signature of its content.
pub fn signed(layer: &str, signature: &str) -> String {
    let annotations = format!(", \"annotations\": {{\"dev.cosignproject.cosign/signature\": {signature:?}}}}}");
    layer.strip_suffix('}').unwrap().to_owned() + &annotations
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}
