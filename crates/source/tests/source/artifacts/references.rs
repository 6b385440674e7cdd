//! Which artifact is meant, and which layer of it.

use cowherd_gitserver::artifact::{Artifact, LAYER, Repository, descriptor, packed};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::{ArtifactProblem, ArtifactReference, ArtifactSource, ArtifactStep, Range, WebProblem};

use super::{artifact, artifacts, fetch, source, tagged, text};

pub(super) fn semver(repository: &Repository<'_>, range: &str, filter: Option<&str>) -> ArtifactSource {
    let filter = filter.map(|filter| filter.parse().unwrap());
    ArtifactSource { reference: ArtifactReference::SemVer(Range::parse(range).unwrap(), filter), ..source(repository) }
}

#[test]
fn a_tag_a_range_or_a_digest_names_an_artifact() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let mut digests = std::collections::HashMap::new();
    for tag in ["latest", "1.0.0", "v1.1.0", "1.2.0-rc.1", "1.3.0-alpha", "2.0.0_b", "main"] {
        digests.insert(tag, artifact(tag).annotated("says", tag).push(&repository, tag));
    }
    let latest = fetch(&artifacts, &source(&repository));
    assert_eq!(latest.revision(), format!("latest@{}", digests["latest"]));
    assert_eq!((text(&latest, "a").as_str(), latest.annotations["says"].as_str()), ("latest", "latest"));
    for (wanted, found) in [
        (tagged(&repository, "main"), "main"),
        (semver(&repository, ">=1.0.0", None), "v1.1.0"),
        (semver(&repository, "1.0.x", None), "1.0.0"),
        (semver(&repository, ">=1.0.0-0", None), "1.3.0-alpha"),
        (semver(&repository, ">=1.0.0-0", Some(".*-rc.*")), "1.2.0-rc.1"),
    ] {
        let fetched = fetch(&artifacts, &wanted);
        assert_eq!(fetched.revision(), format!("{found}@{}", digests[found]), "{:?}", wanted.reference);
        assert_eq!(text(&fetched, "a"), found);
    }
    let by_digest = ArtifactReference::Digest(digests["1.0.0"].parse().unwrap());
    let fetched = fetch(&artifacts, &ArtifactSource { reference: by_digest, ..source(&repository) });
    assert_eq!((fetched.revision(), text(&fetched, "a")), (digests["1.0.0"].clone(), "1.0.0".to_owned()));
    assert!(fetched.unchanged, "it came under its tag before");

    // In the tags of charts `_` stands for `+`.
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    Artifact::default().layer(chart, packed(&[("c", "chart")])).push(&repository, "3.0.0_b.1");
    let mut wanted = semver(&repository, ">=3.0.0", None);
    assert!(artifacts.fetch(&wanted).is_err());
    wanted.media_type = Some(chart.to_owned());
    assert!(fetch(&artifacts, &wanted).revision().starts_with("3.0.0_b.1@sha256:"));
}

#[test]
fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    artifact("1").push(&repository, "1.0.0");
    let error = artifacts.fetch(&source(&repository)).unwrap_err();
    assert_eq!(error.step, ArtifactStep::Digest);
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::NotFound { .. })), "{error}");
    let error = artifacts.fetch(&semver(&repository, ">=2", None)).unwrap_err();
    assert_eq!(error.step, ArtifactStep::Tag);
    assert_eq!(error.to_string(), "no match found for semver: >=2; there are 1.0.0");
    let error = artifacts.fetch(&semver(&repository, ">=1", Some("rc"))).unwrap_err();
    assert_eq!(error.to_string(), "no match found for semver: >=1; there are no tags to choose from");
    let elsewhere = Repository::new(&registry.host, "team/nothing");
    assert_eq!(artifacts.fetch(&semver(&elsewhere, "*", None)).unwrap_err().step, ArtifactStep::Tag);
}

#[test]
fn the_first_layer_is_taken_or_the_first_of_a_type() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let layers = [("text/x", "first"), (LAYER, "second"), (LAYER, "third")];
    let artifact = layers
        .iter()
        .fold(Artifact::default(), |artifact, (kind, content)| artifact.layer(kind, packed(&[("a", content)])));
    artifact.push(&repository, "latest");
    let of_type = |media_type: &str| ArtifactSource { media_type: Some(media_type.into()), ..source(&repository) };
    assert_eq!(text(&fetch(&artifacts, &source(&repository)), "a"), "first");
    assert_eq!(text(&fetch(&artifacts, &of_type(LAYER)), "a"), "second");
    let error = artifacts.fetch(&of_type("text/y")).unwrap_err();
    assert_eq!(error.step, ArtifactStep::Layer);
    let expected =
        format!("failed to find layer with media type 'text/y' in artifact; it has text/x, {LAYER}, {LAYER}");
    assert_eq!(error.to_string(), expected);
    Artifact::default().push(&repository, "empty");
    let error = artifacts.fetch(&tagged(&repository, "empty")).unwrap_err();
    assert!(error.to_string().starts_with("no layers found in artifact"), "{error}");
}

#[test]
fn of_an_index_the_image_for_linux_on_amd64_is_taken_and_the_revision_is_that_of_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let index = |platforms: &[&str]| {
        let images: Vec<String> = platforms
            .iter()
            .map(|platform| {
                let (os, architecture) = platform.split_once('/').unwrap();
                let tag = platform.replace('/', "-");
                let digest = artifact(platform).push(&repository, &tag);
                // The registry does not compare the size.
                let descriptor = descriptor(manifest, &digest, 500);
                let platform = format!(", \"platform\": {{\"os\": {os:?}, \"architecture\": {architecture:?}}}}}");
                descriptor.strip_suffix('}').unwrap().to_owned() + &platform
            })
            .collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index =
            format!("{{\"schemaVersion\": 2, \"mediaType\": {media_type:?}, \"manifests\": [{}]}}", images.join(", "));
        repository.manifest("latest", media_type, index.as_bytes())
    };
    let digest = index(&["linux/arm64", "linux/amd64"]);
    let fetched = fetch(&artifacts, &source(&repository));
    assert_eq!((fetched.revision(), text(&fetched, "a")), (format!("latest@{digest}"), "linux/amd64".to_owned()));
    let held = artifacts.held(&source(&repository), digest.parse().unwrap()).unwrap();
    assert_eq!(text(&held, "a"), "linux/amd64");
    index(&["linux/arm64", "windows/amd64"]);
    let error = artifacts.fetch(&source(&repository)).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::NoImage), "{error}");
}

#[test]
fn tags_are_listed_with_what_they_name() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let digests = ["1.0.0", "1.1.0", "main"].map(|tag| artifact(tag).push(&repository, tag));
    let highest = |mut tags: Vec<String>| {
        tags.sort_by(|one, other| other.cmp(one));
        tags
    };
    let listed = artifacts.tags(&source(&repository), |tag| tag != "main", highest).unwrap();
    let expected = [("1.1.0", &digests[1]), ("1.0.0", &digests[0])];
    assert_eq!(
        listed.into_iter().map(|(tag, digest)| (tag, digest.to_string())).collect::<Vec<_>>(),
        expected.map(|(tag, digest)| (tag.to_owned(), digest.clone()))
    );
    let one = |mut tags: Vec<String>| {
        tags.retain(|tag| tag == "main");
        tags
    };
    let listed = artifacts.tags(&source(&repository), |_| true, one).unwrap();
    assert_eq!((listed.len(), listed[0].1.to_string()), (1, digests[2].clone()));

    let empty = Repository::new(&registry.host, "team/nothing");
    let error = artifacts.tags(&source(&empty), |_| true, highest).unwrap_err();
    assert_eq!(error.step, ArtifactStep::Tag);
    let wrong = ArtifactSource { access: cowherd_source::Access::default(), ..source(&repository) };
    let error = artifacts.tags(&wrong, |_| true, highest).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Forbidden { .. })), "{error}");
}
