//! Every kind of reference, locally and over a server.

use cowherd_source::{FetchError, Range, Reference};

use crate::support::http::Server;
use crate::support::{Repository, mirrors, remote};

#[test]
fn every_reference_gives_the_revision_that_flux_writes() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let one = repository.commit("a.yaml", "a: 1");
    repository.git(&["tag", "v1.0.0"]);
    let two = repository.commit("a.yaml", "a: 2");
    repository.git(&["tag", "-a", "v1.1.0", "-m", "annotated"]);
    repository.git(&["tag", "v2.0.0-rc.1"]);
    repository.git(&["update-ref", "refs/pull/1/head", &one]);
    let three = repository.commit("a.yaml", "a: 3");
    repository.git(&["branch", "team/feature", &one]);
    repository.git(&["branch", "both", &three]);
    repository.git(&["tag", "both", &one]);
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());

    let range = |text: &str| Reference::SemVer(Range::parse(text).unwrap());
    let cases = [
        (Reference::Branch("main".into()), format!("main@sha1:{three}")),
        (Reference::Branch("team/feature".into()), format!("team/feature@sha1:{one}")),
        (Reference::Tag("v1.0.0".into()), format!("v1.0.0@sha1:{one}")),
        (Reference::Tag("v1.1.0".into()), format!("v1.1.0@sha1:{two}")),
        (range(">=1.0.0"), format!("v1.1.0@sha1:{two}")),
        (range("1.0.x"), format!("v1.0.0@sha1:{one}")),
        (range(">=1.0.0-0"), format!("v2.0.0-rc.1@sha1:{two}")),
        (Reference::commit(&two), format!("sha1:{two}")),
        (Reference::Commit { id: two.clone(), branch: Some("main".into()) }, format!("main@sha1:{two}")),
        (Reference::Name("refs/pull/1/head".into()), format!("refs/pull/1/head@sha1:{one}")),
        (Reference::Name("refs/heads/main".into()), format!("refs/heads/main@sha1:{three}")),
        (Reference::Name("refs/tags/v1.1.0".into()), format!("refs/tags/v1.1.0@sha1:{two}")),
        (Reference::Head, format!("main@sha1:{three}")),
        (Reference::Any("main".into()), format!("main@sha1:{three}")),
        (Reference::Any("team/feature".into()), format!("team/feature@sha1:{one}")),
        (Reference::Any("v1.1.0".into()), format!("v1.1.0@sha1:{two}")),
        (Reference::Any("both".into()), format!("both@sha1:{one}")),
        (Reference::Any("heads/both".into()), format!("refs/heads/both@sha1:{three}")),
        (Reference::Any("refs/pull/1/head".into()), format!("refs/pull/1/head@sha1:{one}")),
        (Reference::Any("pull/1/head".into()), format!("refs/pull/1/head@sha1:{one}")),
        (Reference::Any("HEAD".into()), format!("HEAD@sha1:{three}")),
        (Reference::Any(two.clone()), format!("sha1:{two}")),
    ];
    // `git fetch` decides what a name means.
    for (reference, revision) in &cases {
        if let Reference::Any(name) = reference {
            repository.git(&["fetch", "--quiet", ".", name]);
            let fetched = repository.git(&["rev-parse", "FETCH_HEAD^{commit}"]);
            assert!(revision.ends_with(&fetched), "{name} is {fetched} for git, and not {revision}");
        }
    }
    for url in [server.url("repo/.git"), repository.path.display().to_string()] {
        for (reference, revision) in &cases {
            let snapshot = mirrors.fetch(&remote(&url), reference).unwrap_or_else(|e| panic!("{reference}: {e}"));
            assert_eq!(snapshot.revision.to_string(), *revision, "{reference} of {url}");
            let tree = repository.git(&["rev-parse", &format!("{}^{{tree}}", snapshot.commit.id)]);
            assert_eq!(snapshot.tree.id().to_string(), tree);
        }
    }
}

#[test]
fn what_does_not_exist_is_named_together_with_the_url() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    repository.git(&["branch", "mainly"]);
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    for url in [server.url("repo/.git"), repository.path.display().to_string()] {
        for (reference, name) in [
            (Reference::default(), "branch \"master\""),
            (Reference::Branch("mai".into()), "branch \"mai\""),
            (Reference::Tag("main".into()), "tag \"main\""),
            (Reference::SemVer(Range::parse(">=1").unwrap()), "\">=1\""),
            (Reference::commit("0123456789012345678901234567890123456789"), "commit 0123"),
            (Reference::commit("abc"), "40 hexadecimal digits"),
            (Reference::Name("refs/pull/9/head".into()), "refs/pull/9/head"),
            (Reference::Any("mai".into()), "branch, tag or commit \"mai\""),
            (Reference::Any("0123456".into()), "all its 40 digits"),
            (Reference::Any("no..name ~at^all".into()), "no..name"),
        ] {
            let error = mirrors.fetch(&remote(&url), &reference).unwrap_err();
            assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.to_string().contains(&url), "{error}");
        }
    }
}

#[test]
fn a_detached_head_has_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let commit = repository.commit("a.yaml", "a: 1");
    repository.git(&["checkout", "--quiet", "--detach"]);
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    for url in [server.url("repo/.git"), repository.path.display().to_string()] {
        let snapshot = mirrors.fetch(&remote(&url), &Reference::Head).unwrap();
        assert_eq!(snapshot.revision.to_string(), format!("sha1:{commit}"));
    }
}

#[test]
fn an_empty_repository_has_nothing_to_give() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    for url in [server.url("repo/.git"), repository.path.display().to_string()] {
        for reference in [Reference::Head, Reference::Branch("main".into())] {
            let error = mirrors.fetch(&remote(&url), &reference).unwrap_err();
            assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
        }
    }
}
