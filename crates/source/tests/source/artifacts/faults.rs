//! Registries that lie, send too much or nothing, and archives that are not to be unpacked.

use std::path::Path;
use std::time::{Duration, Instant};

use cowherd_gitserver::artifact::{Artifact, LAYER, Repository, descriptor, digest, packed};
use cowherd_gitserver::files::{Behaviour, Server};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::{ArtifactOptions, ArtifactProblem, ArtifactSource, ArtifactStep, Artifacts, Auth, WebProblem};
use cowherd_tree::ArchiveError;

use super::{artifact, artifacts, fetch, source, text};

/// A registry made of files, in which manifest and layer need not be what they say.
pub(super) fn registry_of(directory: &Path, manifest: &str, blobs: &[(&str, &[u8])]) -> Server {
    let repository = directory.join("registry/v2/team/apps");
    std::fs::create_dir_all(repository.join("manifests")).unwrap();
    std::fs::create_dir_all(repository.join("blobs")).unwrap();
    std::fs::write(repository.join("manifests/latest"), manifest).unwrap();
    for (digest, content) in blobs {
        std::fs::write(repository.join("blobs").join(digest), content).unwrap();
    }
    Server::start(&directory.join("registry"))
}

pub(super) fn manifest(layers: &str) -> String {
    let config = descriptor("application/vnd.cncf.flux.config.v1+json", &digest(b"{}"), 2);
    format!("{{\"schemaVersion\": 2, \"config\": {config}, \"layers\": [{layers}]}}")
}

#[test]
fn what_is_not_what_was_announced_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let (honest, other) = (packed(&[("a", "honest")]), packed(&[("a", "other")]));
    let announced = manifest(&descriptor(LAYER, &digest(&honest), honest.len().max(other.len())));
    let server = registry_of(directory.path(), &announced, &[(&digest(&honest), &other)]);
    let host = server.address.to_string();
    let artifacts = artifacts(directory.path());
    let error = artifacts.fetch(&source(&Repository::new(&host, "team/apps"))).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Digest { .. })), "{error}");
    assert_eq!(std::fs::read_dir(directory.path().join("artifacts/layers")).unwrap().count(), 0);
    // The same for a manifest that is asked for by its digest.
    let wrong = format!("sha256:{}", "1".repeat(64));
    let manifests = directory.path().join("registry/v2/team/apps/manifests");
    std::fs::write(manifests.join(&wrong), &announced).unwrap();
    let reference = cowherd_source::ArtifactReference::Digest(wrong.parse().unwrap());
    let wanted = ArtifactSource { reference, ..source(&Repository::new(&host, "team/apps")) };
    let error = artifacts.fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Digest { .. })), "{error}");
}

#[test]
fn what_makes_no_sense_is_said_to_make_none() {
    let directory = tempfile::tempdir().unwrap();
    let server = registry_of(directory.path(), "", &[]);
    let host = server.address.to_string();
    let artifacts = artifacts(directory.path());
    let place = directory.path().join("registry/v2/team/apps/manifests/latest");
    for (manifest, step) in [
        ("<html>".to_owned(), ArtifactStep::Pull),
        ("[]".to_owned(), ArtifactStep::Pull),
        ("{\"manifests\": [{\"digest\": \"sha256:0\", \"size\": 1}]}".to_owned(), ArtifactStep::Pull),
        (manifest(&descriptor(LAYER, "md5:1", 1)), ArtifactStep::Layer),
        (manifest(&descriptor(LAYER, "sha256:../../../etc/passwd", 1)), ArtifactStep::Layer),
        (manifest(""), ArtifactStep::Layer),
    ] {
        std::fs::write(&place, &manifest).unwrap();
        let error = artifacts.fetch(&source(&Repository::new(&host, "team/apps"))).unwrap_err();
        assert_eq!(error.step, step, "{manifest}: {error}");
    }
}

#[test]
fn more_than_is_accepted_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let options = |edit: fn(&mut ArtifactOptions)| {
        let mut options = ArtifactOptions::default();
        edit(&mut options);
        Artifacts::open_with(directory.path().join("kept"), options).unwrap()
    };
    Artifact::of(&[("a", vec![0; 1 << 20]), ("b", vec![1; 1 << 20])]).push(&repository, "latest");
    let error = options(|options| options.archive.packed = 100).fetch(&source(&repository)).map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::TooLarge { limit: 100, .. })), "{error}");
    let error =
        options(|options| options.archive.unpacked = 1 << 20).fetch(&source(&repository)).map(drop).unwrap_err();
    let is_unpacked = |problem: &ArtifactProblem| matches!(problem, ArtifactProblem::Archive(error) if matches!(**error, ArchiveError::Unpacked { .. }));
    assert!(is_unpacked(&error.problem), "{error}");
    let error = options(|options| options.archive.entries = 1).fetch(&source(&repository)).map(drop).unwrap_err();
    assert!(error.to_string().contains("more than 1 entries"), "{error}");
    assert_eq!(std::fs::read_dir(directory.path().join("kept/layers")).unwrap().count(), 0, "nothing is left of it");

    // A manifest that never ends, and a blob that is longer than it was said to be.
    let server = registry_of(directory.path(), &format!("{{\"x\": \"{}\"}}", "x".repeat(5 << 20)), &[]);
    let host = server.address.to_string();
    let error = options(|_| {}).fetch(&source(&Repository::new(&host, "team/apps"))).map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::TooLarge { .. })), "{error}");
    let layer = packed(&[("a", "1")]);
    let lies = manifest(&descriptor(LAYER, &digest(&layer), 10));
    let server = registry_of(directory.path(), &lies, &[(&digest(&layer), &layer)]);
    let host = server.address.to_string();
    let error = options(|_| {}).fetch(&source(&Repository::new(&host, "team/apps"))).map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::TooLarge { limit: 10, .. })), "{error}");
}

#[test]
fn a_file_that_nobody_could_read_does_not_keep_the_others_from_being_read() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    Artifact::of(&[("large.bin", vec![7; 17 << 20]), ("a", b"1".to_vec())]).push(&repository, "latest");
    let fetched = fetch(&artifacts(directory.path()), &source(&repository));
    assert_eq!(text(&fetched, "a"), "1");
    let read = fetched.tree.read(&cowherd_tree::TreePath::parse("large.bin").unwrap());
    assert!(matches!(read, Err(cowherd_tree::TreeError::TooLarge { .. })), "{read:?}");
    let held = std::fs::read_dir(directory.path().join("artifacts/layers")).unwrap().next().unwrap().unwrap();
    assert!(held.metadata().unwrap().len() < 1000, "its content is not kept");
}

#[test]
fn a_registry_that_stops_to_answer_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let server = registry_of(directory.path(), &manifest(""), &[]);
    server.behave(Behaviour { hang_after: Some(20), ..Behaviour::default() });
    let host = server.address.to_string();
    let wanted = ArtifactSource { timeout: Duration::from_millis(300), ..source(&Repository::new(&host, "team/apps")) };
    let begun = Instant::now();
    let error = artifacts(directory.path()).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::Web(WebProblem::Timeout(_))), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn no_error_holds_a_credential() {
    let directory = tempfile::tempdir().unwrap();
    let server = registry_of(directory.path(), &manifest(""), &[]);
    let host = server.address.to_string();
    let artifacts = artifacts(directory.path());
    let auths = [
        Auth { username: Some("jane".into()), password: Some("pass-5ecret".into()), ..Auth::default() },
        Auth { bearer_token: Some("token-5ecret".into()), ..Auth::default() },
    ];
    for behaviour in [
        Behaviour { authorization: Some("Bearer other".into()), ..Behaviour::default() },
        Behaviour { status: Some(403), ..Behaviour::default() },
        Behaviour { status: Some(429), ..Behaviour::default() },
        Behaviour { status: Some(500), ..Behaviour::default() },
        Behaviour { redirect: Some("http://127.0.0.1:1/?q=query-5ecret&p=".into()), ..Behaviour::default() },
        Behaviour { content: Some(b"{\"token\": \"token-5ecret".to_vec()), ..Behaviour::default() },
    ] {
        server.behave(behaviour);
        for auth in &auths {
            let wanted = ArtifactSource { auth: auth.clone(), ..source(&Repository::new(&host, "team/apps")) };
            let error = artifacts.fetch(&wanted).unwrap_err();
            assert!(!format!("{error} {error:?} {wanted:?}").contains("5ecret"), "{error}");
        }
    }
}

#[test]
fn two_that_fetch_the_same_at_once_have_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    artifact("1").push(&repository, "latest");
    let artifacts = artifacts(directory.path());
    std::thread::scope(|scope| {
        let fetched: Vec<_> = (0..8).map(|_| scope.spawn(|| fetch(&artifacts, &source(&repository)))).collect();
        assert!(fetched.into_iter().all(|fetched| text(&fetched.join().unwrap(), "a") == "1"));
    });
    assert_eq!(std::fs::read_dir(directory.path().join("artifacts/layers")).unwrap().count(), 1);
}
