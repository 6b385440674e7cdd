//! What a registry has, and the OCIRepositories of which it is known what Flux makes of them.

use cowherd_gitserver::artifact::{Artifact, LAYER, Repository, packed};
use serde_json::{Value, json};

/// An OCIRepository.
pub struct Case {
    pub name: &'static str,
    /// What its spec has beside the interval and the URL.
    pub spec: Value,
    /// Whether the message of its condition Ready is the same with both, word for word.
    pub has_same_words: bool,
}

/// Puts into the repository what the cases name; tags and digests.
pub fn push(repository: &Repository<'_>) -> Vec<(String, String)> {
    let file = |content: &'static str| Artifact::of(&[("a.yaml", content)]);
    let artifacts = [
        ("latest", file("latest")),
        ("1.0.0", file("1.0.0")),
        ("v1.1.0", file("v1.1.0")),
        ("1.2.0-rc.1", file("1.2.0-rc.1")),
        ("1.3.0-alpha.1", file("1.3.0-alpha.1")),
        ("2.0.0_b", file("2.0.0_b")),
        (
            "annotated",
            file("annotated")
                .annotated("org.opencontainers.image.created", "2026-01-01T00:00:00Z")
                .annotated("org.opencontainers.image.source", "https://example.org/fleet")
                .annotated("org.opencontainers.image.revision", "main@sha1:0123456789abcdef0123456789abcdef01234567"),
        ),
        (
            "layers",
            Artifact::default().layer("text/x", packed(&[("x", "x")])).layer(LAYER, packed(&[("a.yaml", "second")])),
        ),
        ("empty", Artifact::default()),
        ("no-archive", Artifact::default().layer(LAYER, *b"this is no archive")),
    ];
    artifacts.into_iter().map(|(tag, artifact)| (tag.to_owned(), artifact.push(repository, tag))).collect()
}

pub fn all() -> Vec<Case> {
    let good = |name, spec| Case { name, spec, has_same_words: true };
    let bad = |name, spec| Case { name, spec, has_same_words: false };
    vec![
        good("the-default", json!({})),
        good("a-tag", json!({ "ref": { "tag": "1.0.0" } })),
        good("a-digest", json!({ "ref": { "digest": "DIGEST(1.0.0)" } })),
        good("a-digest-before-all", json!({ "ref": { "digest": "DIGEST(1.0.0)", "semver": "*", "tag": "latest" } })),
        good("a-range", json!({ "ref": { "semver": ">=1.0.0" } })),
        good("a-range-before-a-tag", json!({ "ref": { "semver": "1.0.x", "tag": "latest" } })),
        good("a-range-with-pre-releases", json!({ "ref": { "semver": ">=1.0.0-0" } })),
        good("a-range-with-a-filter", json!({ "ref": { "semver": ">=1.0.0-0", "semverFilter": ".*-rc.*" } })),
        good("annotations", json!({ "ref": { "tag": "annotated" } })),
        good("the-first-layer", json!({ "ref": { "tag": "layers" } })),
        good("a-layer-by-type", json!({ "ref": { "tag": "layers" }, "layerSelector": { "mediaType": LAYER } })),
        good("a-copied-layer", json!({ "layerSelector": { "operation": "copy" } })),
        good("patterns", json!({ "ignore": "/b.yaml\n" })),
        good("insecure", json!({ "insecure": true })),
        bad("no-such-tag", json!({ "ref": { "tag": "missing" } })),
        bad("no-version-in-the-range", json!({ "ref": { "semver": ">=9" } })),
        bad("no-tag-through-the-filter", json!({ "ref": { "semver": "*", "semverFilter": "nothing" } })),
        bad("no-range", json!({ "ref": { "semver": "newest" } })),
        bad("no-filter", json!({ "ref": { "semver": "*", "semverFilter": "(" } })),
        bad("no-such-digest", json!({ "ref": { "digest": format!("sha256:{}", "0".repeat(64)) } })),
        bad("no-such-layer", json!({ "layerSelector": { "mediaType": "text/y" } })),
        bad("no-layers", json!({ "ref": { "tag": "empty" } })),
        bad("no-archive", json!({ "ref": { "tag": "no-archive" } })),
        bad("no-such-secret", json!({ "secretRef": { "name": "missing" } })),
        bad("no-such-account", json!({ "serviceAccountName": "missing" })),
        bad("no-such-certificates", json!({ "certSecretRef": { "name": "missing" } })),
        bad("no-such-proxy", json!({ "proxySecretRef": { "name": "missing" } })),
        bad("a-tag-in-the-url", json!({ "url": "URL:1.0.0" })),
    ]
}
