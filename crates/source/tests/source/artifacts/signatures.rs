//! What has to be signed is not taken unless one of the keys has signed it.

use cowherd_gitserver::artifact::{LAYER, Repository, descriptor, digest, packed};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::signature::{BUNDLE, Signer, put_bundle, signed, tag};
use cowherd_source::{ArtifactProblem, ArtifactSource, ArtifactStep, Artifacts, WebProblem};

use cowherd_source::sigstore::{PublicKeys, Trust};

use super::faults::{manifest, registry_of};
use super::{artifact, artifacts, fetch, source, text};

fn keys(signers: &[&Signer]) -> PublicKeys {
    let data = signers.iter().enumerate().map(|(at, signer)| (format!("{at}.pub"), signer.public_key().into_bytes()));
    PublicKeys::read(&data.collect()).unwrap()
}

fn signed_by(repository: &Repository<'_>, signers: &[&Signer]) -> ArtifactSource {
    ArtifactSource { trust: Some(Trust::Keys(keys(signers))), ..source(repository) }
}

fn unsigned(artifacts: &Artifacts, source: &ArtifactSource) -> String {
    let error = artifacts.fetch(source).unwrap_err();
    assert_eq!(error.step, ArtifactStep::Verify);
    assert!(matches!(error.problem, ArtifactProblem::Unsigned { .. }), "{error}");
    error.to_string()
}

#[test]
fn only_what_a_key_has_signed_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let (ada, eve) = (Signer::new(), Signer::new());
    let digest = artifact("1").push(&repository, "latest");
    let wanted = signed_by(&repository, &[&ada]);
    let error = unsigned(&artifacts, &wanted);
    let expected = format!("no matching signatures were found for '{}@{digest}'; sign it", repository.url());
    assert!(error.starts_with(&expected), "{error}");
    let layers = directory.path().join("artifacts/layers");
    assert_eq!(std::fs::read_dir(&layers).unwrap().count(), 0, "nothing of it was downloaded");

    eve.sign(&repository, &digest);
    unsigned(&artifacts, &wanted);
    ada.sign(&repository, &digest);
    assert_eq!(text(&fetch(&artifacts, &wanted), "a"), "1");
    assert!(fetch(&artifacts, &signed_by(&repository, &[&eve, &ada])).unchanged, "one of the keys is enough");
    unsigned(&artifacts, &signed_by(&repository, &[&eve]));

    // What was fetched and verified before says nothing of what comes next.
    let next = artifact("2").push(&repository, "latest");
    unsigned(&artifacts, &wanted);
    // A signature of another artifact, copied to where those of this one are.
    ada.sign_as(&repository, &next, &digest);
    unsigned(&artifacts, &wanted);
    ada.sign(&repository, &next);
    assert_eq!(text(&fetch(&artifacts, &wanted), "a"), "2");
}

#[test]
fn what_stands_where_signatures_should_is_no_signature() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let ada = Signer::new();
    let digest = artifact("1").push(&repository, "latest");
    artifact("no signature").push(&repository, &format!("{}.sig", digest.replace(':', "-")));
    let wanted = signed_by(&repository, &[&ada]);
    unsigned(&artifacts, &wanted);
    drop(registry);
    let error = artifacts.fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Unreachable { .. })), "{error}");
}

#[test]
fn what_stands_beside_a_good_signature_does_not_hide_it() {
    let directory = tempfile::tempdir().unwrap();
    let ada = Signer::new();
    let layer = packed(&[("a", "1")]);
    let signed_manifest = manifest(&descriptor(LAYER, &digest(&layer), layer.len()));
    let signed_digest = digest(signed_manifest.as_bytes());
    let (good, signature) = ada.signed_text(&Repository::new("example.org", "team/apps"), &signed_digest);
    let (absent, changed) = (digest(b"absent"), digest(b"changed"));
    let blobs: [(&str, &[u8]); 3] =
        [(&digest(&layer), &layer), (&digest(good.as_bytes()), good.as_bytes()), (&changed, b"changeD")];
    let server = registry_of(directory.path(), &signed_manifest, &blobs);
    let host = server.address.to_string();
    let wanted = signed_by(&Repository::new(&host, "team/apps"), &[&ada]);
    let manifests = directory.path().join("registry/v2/team/apps/manifests");
    let artifacts = artifacts(directory.path());
    for bad in [("md5:1", 1), (&absent, 1), (&absent, 1 << 20), (&changed, 7), (&changed, 1)] {
        let bad = signed(&descriptor("text", bad.0, bad.1), "c2lnbmVk");
        let good = signed(&descriptor("text", &digest(good.as_bytes()), good.len()), &signature);
        std::fs::write(manifests.join(tag(&signed_digest)), manifest(&bad)).unwrap();
        unsigned(&artifacts, &wanted);
        std::fs::write(manifests.join(tag(&signed_digest)), manifest(&format!("{bad}, {good}"))).unwrap();
        let fetched = artifacts.fetch(&wanted).unwrap_or_else(|error| panic!("{bad}: {error}"));
        assert_eq!(text(&fetched, "a"), "1");
    }
}

#[test]
fn a_bundle_counts_as_well_where_the_registry_keeps_no_list_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let (ada, eve) = (Signer::new(), Signer::new());
    let digest = artifact("1").push(&repository, "latest");
    let wanted = signed_by(&repository, &[&ada]);
    put_bundle(&repository, &digest, eve.bundle(&digest).as_bytes());
    assert!(unsigned(&artifacts, &wanted).ends_with(": it is by none of the keys"));
    put_bundle(&repository, &digest, ada.bundle(&"0".repeat(64)).as_bytes());
    assert!(unsigned(&artifacts, &wanted).ends_with(": it is about another artifact"));
    put_bundle(&repository, &digest, b"{}");
    assert!(unsigned(&artifacts, &wanted).contains("it is no bundle in JSON"));
    put_bundle(&repository, &digest, ada.bundle(&digest).as_bytes());
    assert_eq!(text(&fetch(&artifacts, &wanted), "a"), "1");
}

#[test]
fn a_bundle_is_found_among_others_that_refer_to_the_artifact() {
    let directory = tempfile::tempdir().unwrap();
    let ada = Signer::new();
    let layer = packed(&[("a", "1")]);
    let signed_manifest = manifest(&descriptor(LAYER, &digest(&layer), layer.len()));
    let signed_digest = digest(signed_manifest.as_bytes());
    let good = ada.bundle(&signed_digest);
    let blobs: [(&str, &[u8]); 2] = [(&digest(&layer), &layer), (&digest(good.as_bytes()), good.as_bytes())];
    let server = registry_of(directory.path(), &signed_manifest, &blobs);
    let host = server.address.to_string();
    let wanted = signed_by(&Repository::new(&host, "team/apps"), &[&ada]);
    let base = directory.path().join("registry/v2/team/apps");
    let put = |content: &str| {
        let digest = digest(content.as_bytes());
        std::fs::write(base.join("manifests").join(&digest), content).unwrap();
        descriptor("application/vnd.oci.image.manifest.v1+json", &digest, content.len())
    };
    let typed = |descriptor: &str, kind: &str| {
        format!("{}, \"artifactType\": {kind:?}}}", descriptor.strip_suffix('}').unwrap())
    };
    let bundle = put(&manifest(&descriptor(BUNDLE, &digest(good.as_bytes()), good.len())));
    let others = [
        typed(&bundle, "application/spdx+json"),
        descriptor("x", "md5:1", 1),
        descriptor("x", &digest(b"absent"), 1),
        put("no manifest"),
        put(&manifest(&descriptor("text/plain", &digest(b"absent"), 1))),
        put(&manifest(&descriptor(BUNDLE, &digest(b"absent"), 1))),
        put(&manifest(&descriptor(BUNDLE, &digest(good.as_bytes()), 1 << 40))),
    ];
    std::fs::create_dir(base.join("referrers")).unwrap();
    let list = |manifests: &str| {
        let list = format!("{{\"schemaVersion\": 2, \"manifests\": [{manifests}]}}");
        std::fs::write(base.join("referrers").join(&signed_digest), list).unwrap();
    };
    let artifacts = artifacts(directory.path());
    list(&others.join(", "));
    assert!(unsigned(&artifacts, &wanted).ends_with("; sign it with `cosign sign`"));
    for good in [bundle.clone(), typed(&bundle, BUNDLE)] {
        list(&format!("{}, {good}", others.join(", ")));
        assert_eq!(text(&fetch(&artifacts, &wanted), "a"), "1");
    }
}
