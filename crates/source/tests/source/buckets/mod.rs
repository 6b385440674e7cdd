//! Buckets of object storage.

mod access;
mod faults;
mod hostile;

use std::path::Path;
use std::time::Duration;

use cowherd_gitserver::storage::Storage;
use cowherd_source::{Access, ArtifactOptions, Artifacts, BucketPlace, BucketSource, FetchedBucket};
use cowherd_tree::{EntryKind, Tree, TreePath};

const BUCKET: &str = "apps";

fn artifacts(directory: &Path) -> Artifacts {
    Artifacts::open(directory.join("artifacts")).unwrap()
}

/// The bucket of a server, on the word of the person who runs the test.
fn source(storage: &Storage) -> BucketSource {
    let place = BucketPlace::parse(&storage.endpoint(), BUCKET, storage.certificate.is_none()).unwrap();
    let timeout = Duration::from_secs(20);
    BucketSource { access: Access::own(), timeout, ..BucketSource::new(place, "team/apps") }
}

fn fetch(artifacts: &Artifacts, source: &BucketSource) -> FetchedBucket {
    artifacts.bucket(source).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said of a bucket that cannot be fetched.
fn refused(artifacts: &Artifacts, source: &BucketSource) -> String {
    let error = artifacts.bucket(source).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("5ecret"), "{error:?}");
    error.to_string()
}

fn text(fetched: &FetchedBucket, path: &str) -> String {
    String::from_utf8(fetched.tree.read(&TreePath::parse(path).unwrap()).unwrap().to_vec()).unwrap()
}

/// The paths of all files.
fn files(tree: &dyn Tree) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), vec![TreePath::root()]);
    while let Some(directory) = rest.pop() {
        for (name, entry) in tree.list(&directory).unwrap() {
            let path = directory.join(&name).unwrap();
            match entry.kind {
                EntryKind::Directory => rest.push(path),
                _ => found.push(path.as_str().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn only_objects_that_changed_are_fetched_again_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    for (key, content) in [("a.yaml", "1"), ("b/c.yaml", "2"), ("b/d.yaml", "2"), ("b/", "")] {
        storage.put(key, content);
    }
    let wanted = source(&storage);
    let kept = artifacts(directory.path());
    let first = fetch(&kept, &wanted);
    assert_eq!(storage.asked(), [".sourceignore", "a.yaml", "b/c.yaml", "b/d.yaml"]);
    assert_eq!((first.objects, first.unchanged), (3, false));
    assert_eq!(files(first.tree.as_ref()), ["a.yaml", "b/c.yaml", "b/d.yaml"]);
    assert_eq!((text(&first, "a.yaml"), text(&first, "b/d.yaml")), ("1".into(), "2".into()));

    let again = fetch(&kept, &wanted);
    assert!(again.unchanged && again.revision == first.revision && again.objects == 3);
    assert_eq!(storage.asked(), [".sourceignore"]);

    storage.put("b/c.yaml", "3");
    let second = fetch(&kept, &wanted);
    assert_eq!(storage.asked(), [".sourceignore", "b/c.yaml"]);
    assert_ne!(second.revision, first.revision);
    assert_eq!((text(&second, "b/c.yaml"), text(&first, "b/c.yaml")), ("3".into(), "2".into()));
    let id = |fetched: &FetchedBucket, path: &str| {
        fetched.tree.entry(&TreePath::parse(path).unwrap()).unwrap().unwrap().id.to_string()
    };
    assert_eq!(id(&first, "a.yaml"), id(&second, "a.yaml"));
    assert_ne!(id(&first, "b"), id(&second, "b"));

    drop((kept, first, again, second));
    let kept = artifacts(directory.path());
    storage.remove("b/d.yaml");
    storage.put("e.yaml", "4");
    let third = fetch(&kept, &wanted);
    assert_eq!(storage.asked(), [".sourceignore", "e.yaml"]);
    assert_eq!(files(third.tree.as_ref()), ["a.yaml", "b/c.yaml", "e.yaml"]);
    assert_eq!((text(&third, "a.yaml"), text(&third, "b/c.yaml")), ("1".into(), "3".into()));
    let revision = third.revision;
    drop((kept, third));
    let held = artifacts(directory.path()).held_bucket(&wanted, revision).unwrap();
    assert_eq!(text(&held, "e.yaml"), "4");
    assert_eq!(storage.asked(), [""; 0], "nobody is asked for what is here");
    let other = BucketSource { scope: "other/apps".into(), ..wanted };
    assert!(artifacts(directory.path()).held_bucket(&other, revision).is_none(), "it is for one who named it");
}

#[test]
fn what_is_damaged_here_is_fetched_again() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.put("a.yaml", "one");
    storage.put("b.yaml", "two");
    let wanted = source(&storage);
    fetch(&artifacts(directory.path()), &wanted);
    storage.asked();
    for layer in std::fs::read_dir(directory.path().join("artifacts/layers")).unwrap() {
        let path = layer.unwrap().path();
        let mut content = std::fs::read(&path).unwrap();
        content[..3].copy_from_slice(b"???");
        std::fs::write(path, content).unwrap();
    }
    storage.put("c.yaml", "three");
    let fetched = fetch(&artifacts(directory.path()), &wanted);
    assert_eq!(["a", "b", "c"].map(|name| text(&fetched, &format!("{name}.yaml"))), ["one", "two", "three"]);
    assert!(storage.asked().len() >= 3);
}

#[test]
fn pages_and_odd_keys_are_read_whether_they_are_escaped_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    let keys = ["a b+c.yaml", "a&b<c>.yaml", "x/~-_.!*'().yaml", "x/ä/ö%2F.yaml", "y/日本/1.yaml", "z/?#.yaml"];
    for key in keys {
        storage.put(key, key);
    }
    let mut revisions = Vec::new();
    for (page, escapes) in [(1000, true), (2, true), (1, false)] {
        storage.behave(|behaviour| (behaviour.page, behaviour.escapes) = (page, escapes));
        let wanted = BucketSource { scope: format!("{page} {escapes}"), ..source(&storage) };
        let fetched = fetch(&artifacts(directory.path()), &wanted);
        assert_eq!(files(fetched.tree.as_ref()), keys);
        keys.iter().for_each(|key| assert_eq!(text(&fetched, key), *key));
        revisions.push(fetched.revision);
    }
    assert!(revisions.iter().all(|revision| *revision == revisions[0]));
}

#[test]
fn a_prefix_is_what_the_server_looks_for_and_patterns_leave_out() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    for key in ["apps/a.yaml", "apps/a.md", "apps/b.txt", "apps/b/.sourceignore", "infra/a.yaml"] {
        storage.put(key, key);
    }
    let kept = artifacts(directory.path());
    let of = |source: BucketSource| files(fetch(&kept, &source).tree.as_ref());
    let prefix = || BucketSource { prefix: "apps/".into(), ..source(&storage) };
    assert_eq!(of(prefix()), ["apps/a.md", "apps/a.yaml", "apps/b.txt", "apps/b/.sourceignore"]);
    storage.put(".sourceignore", "# comment\n*.md\n*.txt\n");
    assert_eq!(of(prefix()), [".sourceignore", "apps/a.yaml", "apps/b/.sourceignore"]);
    let given = |ignore: &str| BucketSource { ignore: Some(ignore.to_owned()), ..source(&storage) };
    storage.asked();
    assert_eq!(of(given("!*.md\n/apps/b/")), [".sourceignore", "apps/a.md", "apps/a.yaml", "infra/a.yaml"]);
    assert!(!storage.asked().contains(&"apps/b.txt".to_owned()), "what is left out is not fetched");
    // No pattern counts that nobody wrote.
    storage.put("logo.png", "x");
    assert!(of(source(&storage)).contains(&"logo.png".to_owned()));
    storage.put(".sourceignore", vec![b'\n'; 300 << 10]);
    let error = refused(&kept, &source(&storage));
    assert!(
        error.starts_with("failed to get Etag for '.sourceignore' object: ") && error.contains("more than"),
        "{error}"
    );
}

#[test]
fn objects_are_kept_as_they_were_sent_and_what_nobody_reads_is_not_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.put("packed.yaml", *b"not really packed");
    storage.put("large.bin", vec![7; (16 << 20) + 1]);
    storage.put("empty.yaml", "");
    storage.behave(|behaviour| behaviour.headers = vec![("Content-Encoding".into(), "gzip".into())]);
    let fetched = fetch(&artifacts(directory.path()), &source(&storage));
    assert_eq!(
        (text(&fetched, "packed.yaml"), text(&fetched, "empty.yaml")),
        ("not really packed".into(), String::new())
    );
    assert_eq!(storage.asked(), [".sourceignore", "empty.yaml", "packed.yaml"]);
    let large = TreePath::parse("large.bin").unwrap();
    let entry = fetched.tree.entry(&large).unwrap().unwrap();
    assert_eq!(entry.kind, EntryKind::File { size: (16 << 20) + 1 });
    assert!(fetched.tree.read(&large).unwrap_err().to_string().contains("at most"));
    storage.put("large.bin", vec![8; (16 << 20) + 1]);
    let other = fetch(&artifacts(directory.path()), &source(&storage)).tree.entry(&large).unwrap().unwrap();
    assert_ne!(entry.id, other.id);
}

/// Artifacts of which little is fetched.
fn small(directory: &Path, unpacked: u64) -> Artifacts {
    let mut options = ArtifactOptions::default();
    options.archive.unpacked = unpacked;
    Artifacts::open_with(directory.join("artifacts"), options).unwrap()
}
