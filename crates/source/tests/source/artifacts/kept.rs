//! What is kept of artifacts: cost follows the change, and nothing damaged is read.

use std::path::Path;
use std::time::Duration;

use cowherd_gitserver::artifact::{Artifact, Repository};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::{
    ArtifactError, ArtifactOptions, ArtifactProblem, ArtifactSource, Artifacts, Digest, NoRoom, StorageLimits, Tenants,
};
use cowherd_tree::{ArchiveLimits, TreeError, TreePath};

use super::{artifact, artifacts, fetch, source, tagged, text};

/// The files of layers that are on disk.
fn layers(directory: &Path) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(directory.join("artifacts/layers")).unwrap();
    found.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn equal_files_have_equal_ids_in_every_artifact() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = artifacts(directory.path());
    let push = |web: &str| Artifact::of(&[("api/x", "1"), ("api/y", "1"), ("web/x", web)]).push(&repository, "latest");
    push("1");
    let first = fetch(&artifacts, &source(&repository));
    push("2");
    let second = fetch(&artifacts, &source(&repository));
    assert_ne!(first.digest, second.digest);
    let id = |fetched: &cowherd_source::Fetched, path: &str| {
        fetched.tree.entry(&TreePath::parse(path).unwrap()).unwrap().unwrap().id
    };
    assert_eq!(id(&first, "api"), id(&second, "api"));
    assert_eq!(id(&first, "api/x"), id(&first, "api/y"), "the same content");
    assert_ne!(id(&first, "web"), id(&second, "web"));
    assert_ne!(id(&first, "."), id(&second, "."));
    assert_eq!((text(&first, "web/x").as_str(), text(&second, "web/x").as_str()), ("1", "2"), "both stay readable");
    let names: Vec<_> = second.tree.read_dir(&TreePath::root()).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["api", "web"]);
}

#[test]
fn what_is_here_is_not_downloaded_again_nor_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let first = artifact("1").push(&repository, "latest");
    artifact("1").annotated("made", "again").push(&repository, "again");
    let kept = artifacts(directory.path());
    assert!(!fetch(&kept, &source(&repository)).unchanged);
    assert!(fetch(&kept, &source(&repository)).unchanged);
    assert!(fetch(&kept, &tagged(&repository, "again")).unchanged, "another manifest of the same layer");
    drop(kept);
    let kept = artifacts(directory.path());
    let held = kept.held(&source(&repository), first.parse().unwrap()).unwrap();
    assert_eq!((text(&held, "a").as_str(), held.annotations.len()), ("1", 0));
    assert!(fetch(&kept, &source(&repository)).unchanged);
    assert!(kept.held(&source(&repository), format!("sha256:{}", "0".repeat(64)).parse().unwrap()).is_none());
}

/// The layer `latest` as it is found after a restart, without asking the registry.
fn held_after_a_restart(directory: &Path, repository: &Repository<'_>) -> Option<cowherd_source::Fetched> {
    let digest = fetch(&artifacts(directory), &source(repository)).digest;
    artifacts(directory).held(&source(repository), digest)
}

#[test]
fn equal_large_files_are_kept_once_and_found_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let large = "x".repeat(1 << 20);
    Artifact::of(&[("one", large.clone()), ("two", large.clone())]).push(&repository, "latest");
    let held = held_after_a_restart(directory.path(), &repository).unwrap();
    assert_eq!((text(&held, "one"), text(&held, "two")), (large.clone(), large));
    let [file] = layers(directory.path()).try_into().unwrap();
    assert!(std::fs::metadata(file).unwrap().len() < (1 << 20) + 1000, "one of them is there");
}

#[test]
fn a_file_that_ends_like_a_kept_layer_is_not_taken_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    for form in [1, 2] {
        let mut forged = format!("forged {form}{}", "x".repeat(64 << 10)).into_bytes();
        let digest = Digest::of(b"forged").hex();
        let index =
            format!("{{\"form\": {form}, \"files\": [[\"a\", \"{digest}\", 6]], \"contents\": [[\"{digest}\", 0]]}}");
        // Where the index begins if a second copy stands behind the first.
        let length = forged.len() + index.len() + 8 + 32;
        let begin = (length + forged.len()) as u64;
        forged.extend(index.as_bytes());
        forged.extend(begin.to_be_bytes());
        let bytes = |hex: &str| (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let seal: Vec<u8> = bytes(&Digest::of(index.as_bytes()).hex());
        forged.extend(seal);
        Artifact::of(&[("one", forged.clone()), ("two", forged)]).push(&repository, "latest");
        let held = held_after_a_restart(directory.path(), &repository).unwrap();
        let names: Vec<_> = held.tree.read_dir(&TreePath::root()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["one", "two"], "form {form}");
    }
}

#[test]
fn what_was_damaged_is_fetched_anew_and_never_read() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    artifact("content").push(&repository, "latest");
    fetch(&artifacts(directory.path()), &source(&repository));
    let [file] = layers(directory.path()).try_into().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let damage = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for bytes in [Vec::new(), whole[..whole.len() - 1].to_vec(), damage(whole.len() - 1), damage(whole.len() - 50)] {
        std::fs::write(&file, bytes).unwrap();
        let fetched = fetch(&artifacts(directory.path()), &source(&repository));
        assert_eq!((fetched.unchanged, text(&fetched, "a").as_str()), (false, "content"));
    }
    let held = fetch(&artifacts(directory.path()), &source(&repository));
    std::fs::write(&file, damage(0)).unwrap();
    let read = held.tree.read(&TreePath::parse("a").unwrap());
    assert!(matches!(read, Err(TreeError::Storage { .. })), "{read:?}");
    assert!(!file.exists(), "it is not found again after a start");
    let artifacts = artifacts(directory.path());
    assert!(artifacts.held(&source(&repository), held.digest).is_none());
    let fetched = fetch(&artifacts, &source(&repository));
    assert_eq!((fetched.unchanged, text(&fetched, "a").as_str()), (false, "content"));
    // Whoever reads a damaged one gets the next one too, in the same process.
    std::fs::write(&file, damage(0)).unwrap();
    assert!(fetched.tree.read(&TreePath::parse("a").unwrap()).is_err());
    let anew = fetch(&artifacts, &source(&repository));
    assert_eq!((anew.unchanged, text(&anew, "a").as_str()), (false, "content"));
    assert_eq!(text(&fetched, "a"), "content");
}

#[test]
fn layers_that_nobody_reads_go_when_they_take_too_much_room() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let options = ArtifactOptions { max_layers: 1000, settling: Duration::ZERO, ..ArtifactOptions::default() };
    let artifacts = Artifacts::open_with(directory.path().join("artifacts"), options).unwrap();
    let mut read = Vec::new();
    for round in 0..4 {
        artifact(&format!("{round}{}", "x".repeat(600))).push(&repository, "latest");
        read.push(fetch(&artifacts, &source(&repository)));
    }
    assert_eq!(layers(directory.path()).len(), 4, "all are read");
    assert!(read.iter().enumerate().all(|(round, fetched)| text(fetched, "a").starts_with(&round.to_string())));
    read.clear();
    artifact("last").push(&repository, "latest");
    let last = fetch(&artifacts, &source(&repository));
    assert!(layers(directory.path()).len() <= 2, "{:?}", layers(directory.path()));
    assert_eq!(text(&last, "a"), "last");
}

#[test]
fn nobody_loses_after_a_start_what_they_read_before() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let open = |settling| {
        let options = ArtifactOptions { max_layers: 0, settling, ..ArtifactOptions::default() };
        Artifacts::open_with(directory.path().join("artifacts"), options).unwrap()
    };
    let [before, other] = ["before", "other"].map(|name| artifact(name).push(&repository, name).parse().unwrap());
    fetch(&open(Duration::MAX), &tagged(&repository, "before"));
    // Another source of the same program is the first to ask.
    let started = open(Duration::MAX);
    let read = fetch(&started, &tagged(&repository, "other"));
    assert!(started.held(&source(&repository), before).is_some());
    drop(read);
    let settled = open(Duration::ZERO);
    fetch(&settled, &tagged(&repository, "before"));
    artifact("next").push(&repository, "next");
    fetch(&settled, &tagged(&repository, "next"));
    assert!(settled.held(&source(&repository), other).is_none(), "nobody came back for it");
}

#[test]
fn what_a_namespace_keeps_of_layers_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let artifacts = Artifacts::open(directory.path().join("artifacts")).unwrap();
    let noise = |seed: u32| -> String {
        (0..10_000_u32).map(|n| format!("{:x}", (n ^ seed).wrapping_mul(2_654_435_761))).collect()
    };
    for tag in ["1", "2", "3"] {
        artifact(&noise(tag.parse().unwrap())).push(&repository, tag);
    }
    // Each takes some 80 KiB, and 45 more while it is downloaded.
    let limits = StorageLimits { total: 270 << 10, per_namespace: 230 << 10 };
    let tenants = Tenants::default().with_storage(limits);
    let fetch = |tag: &str, namespace: &str| {
        let tenant = Some(tenants.tenant(namespace, namespace));
        artifacts.fetch(&ArtifactSource { tenant, ..tagged(&repository, tag) })
    };
    let first = fetch("1", "team").unwrap();
    let second = fetch("2", "team").unwrap();
    let error = fetch("3", "team").map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::NoRoom(NoRoom::OfNamespace { .. })), "{error}");
    assert!(error.to_string().contains("--max-storage-per-namespace"), "{error}");
    let error = fetch("3", "other").map(drop).unwrap_err();
    assert!(matches!(error.problem, ArtifactProblem::NoRoom(NoRoom::InAll { .. })), "{error}");
    assert_eq!(layers(directory.path()).len(), 2, "nothing stays of what there was no room for");
    drop(second);
    assert_eq!(text(&fetch("3", "team").unwrap(), "a"), noise(3));
    assert_eq!(text(&first, "a"), noise(1));
}

#[test]
fn a_layer_that_is_refused_is_downloaded_once_until_somebody_asks() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let limits = ArchiveLimits { unpacked: 1000, ..ArtifactOptions::default().archive };
    let options = ArtifactOptions { archive: limits, ..ArtifactOptions::default() };
    let artifacts = Artifacts::open_with(directory.path().join("artifacts"), options).unwrap();
    artifact(&"x".repeat(5000)).push(&repository, "latest");
    let fetch =
        |is_requested| artifacts.fetch(&ArtifactSource { is_requested, ..source(&repository) }).map(drop).unwrap_err();
    let is_refused = |error: &ArtifactError| {
        matches!(error.problem, ArtifactProblem::Archive(_)) && error.to_string().contains("cowherd reconcile")
    };
    let error = fetch(false);
    assert!(is_refused(&error), "{error}");
    // From now on it cannot be had any more.
    remove_layers(&directory.path().join("registry/data"));
    let error = fetch(false);
    assert!(is_refused(&error), "{error}");
    let error = fetch(true);
    assert!(!is_refused(&error), "{error}");
    // What is pushed next is another one.
    artifact("small").push(&repository, "latest");
    assert_eq!(text(&artifacts.fetch(&source(&repository)).unwrap(), "a"), "small");
}

/// Removes all layers that a registry keeps in a directory: what is packed by gzip.
fn remove_layers(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            remove_layers(&entry);
        } else if std::fs::read(&entry).unwrap().starts_with(&[0x1f, 0x8b]) {
            std::fs::remove_file(entry).unwrap();
        }
    }
}
