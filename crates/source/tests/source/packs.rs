//! Packs that are few bytes and mean many.

use std::time::{Duration, Instant};

use cowherd_gitserver::http::{Behaviour, Server};
use cowherd_gitserver::pack::{Pack, copies};
use cowherd_gitserver::{Repository, repository};
use cowherd_source::{
    Access, Excess, FetchError, MirrorOptions, Mirrors, NoRoom, Reference, Remote, RepositoryUrl, StorageLimits,
    Tenants,
};
use cowherd_tree::{Tree as _, TreePath};

use crate::support::mirrors;

/// How large an object may be in these tests; all other limits follow from it.
const OBJECT: usize = 64 * 1024;
const BASE: usize = 1024;

struct World {
    directory: tempfile::TempDir,
    repository: Repository,
    server: Server,
    mirrors: Mirrors,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("repositories/fleet"));
        let server = Server::start(&directory.path().join("repositories"));
        let mirrors = mirrors(directory.path());
        Self { directory, repository, server, mirrors }
    }

    fn remote(&self) -> Remote {
        let url = RepositoryUrl::parse(&self.server.url("fleet/.git")).unwrap();
        let mut remote = Remote::new(url).with_access(Access::own());
        remote.max_unpacked = OBJECT;
        remote
    }

    fn fetch(&self) -> Result<cowherd_source::Snapshot, FetchError> {
        self.mirrors.fetch(&self.remote(), &Reference::Branch("main".into()))
    }

    /// How many times objects were asked for since the last call.
    fn downloads(&self) -> usize {
        self.server.seen().iter().filter(|seen| seen.fetches()).count()
    }
}

fn assert_excess(fetched: Result<cowherd_source::Snapshot, FetchError>, expected: Excess) {
    match fetched.unwrap_err() {
        FetchError::TooMuch { excess, .. } => assert_eq!(excess, expected),
        other => panic!("{other}"),
    }
}

/// So many objects of `OBJECT` bytes less some, all of them made of one kilobyte.
fn siblings(count: usize) -> Pack {
    let mut pack = Pack::default();
    let base = pack.whole(&[b'#'; BASE]);
    for number in 0..count {
        pack.delta(base, &copies(BASE, BASE, OBJECT / BASE - 1, number.to_string().as_bytes()));
    }
    pack
}

/// A chain of so many objects of almost `OBJECT` bytes; of each, `teeth` more small ones are made.
fn comb(length: usize, teeth: usize) -> Pack {
    let mut pack = Pack::default();
    let times = OBJECT / BASE - 1;
    let base = pack.whole(&[b'#'; BASE]);
    let mut link = pack.delta(base, &copies(BASE, BASE, times, b""));
    let mut size = times * BASE;
    for number in 0..length {
        for tooth in 0..teeth {
            pack.delta(link, &copies(size, 16, 1, format!("{number}.{tooth}").as_bytes()));
        }
        let end = format!("link {number}");
        link = pack.delta(link, &copies(size, BASE, times, end.as_bytes()));
        size = times * BASE + end.len();
    }
    pack
}

#[test]
fn what_many_deltas_of_one_object_make_in_all_is_bounded() {
    let world = World::new();
    siblings(50).commit_to(&world.repository, "app");
    let snapshot = world.fetch().unwrap();
    let last = snapshot.tree.read_file(&TreePath::parse("app/50.yaml").unwrap()).unwrap();
    assert!(last.len() == 63 * 1024 + 2 && last.ends_with(b"#49"));
    let many = World::new();
    siblings(70).commit_to(&many.repository, "app");
    assert_excess(many.fetch(), Excess::Made);
}

#[test]
fn what_has_to_be_held_at_once_is_bounded_and_a_long_chain_need_not_be_held() {
    let world = World::new();
    comb(6, 0).commit_to(&world.repository, "app");
    let snapshot = world.fetch().unwrap();
    let last = snapshot.tree.read_file(&TreePath::parse("app/7.yaml").unwrap()).unwrap();
    assert!(last.ends_with(b"#link 5"));
    let held = World::new();
    comb(4, 1).commit_to(&held.repository, "app");
    assert_excess(held.fetch(), Excess::Held);
    let long = World::new();
    comb(9, 0).commit_to(&long.repository, "app");
    assert_excess(long.fetch(), Excess::Lineage);
}

#[test]
fn a_commit_that_is_refused_is_downloaded_once_until_the_branch_moves_or_somebody_asks() {
    let world = World::new();
    siblings(70).commit_to(&world.repository, "app");
    for _ in 0..5 {
        assert_excess(world.fetch(), Excess::Made);
    }
    assert_eq!(world.downloads(), 1);
    let requested = Remote { is_requested: true, ..world.remote() };
    assert_excess(world.mirrors.fetch(&requested, &Reference::Branch("main".into())), Excess::Made);
    assert_eq!(world.downloads(), 1, "a person asked");
    repository::run(&world.repository.path, &["rm", "-r", "--quiet", "--cached", "app"]);
    let tree = world.repository.git(&["write-tree"]);
    let commit = world.repository.git(&["commit-tree", &tree, "-m", "smaller"]);
    world.repository.git(&["update-ref", "refs/heads/main", &commit]);
    assert_eq!(world.fetch().unwrap().revision.commit().to_string(), commit);
    assert_eq!(world.downloads(), 1);
}

#[test]
fn an_answer_that_was_garbled_on_its_way_is_held_against_nobody_for_long() {
    let world = World::new();
    // Noise: its pack is as large as it is, so that most of the answer is what stands in it.
    let noise: String = (0..4000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
    world.repository.commit("app/noise", &noise);
    let mut failures = 0;
    // Some bytes make an object look large, some cut it, and some make no sense.
    for byte in (0..400).step_by(7) {
        let fresh = Mirrors::open(world.directory.path().join(format!("mirrors-{byte}"))).unwrap();
        world.server.behave(Behaviour { garble: Some(byte), ..Behaviour::default() });
        let branch = Reference::Branch("main".into());
        let garbled = fresh.fetch(&world.remote(), &branch);
        world.server.behave(Behaviour::default());
        if garbled.is_err() {
            failures += 1;
            let began = Instant::now();
            while let Err(error) = fresh.fetch(&world.remote(), &branch) {
                assert!(began.elapsed() < Duration::from_secs(60), "{byte}: {error}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn what_a_namespace_keeps_on_disk_is_bounded_and_what_nobody_needs_goes() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("repositories"));
    let noise = |seed: u32| -> String {
        (0..40_000_u32).map(|n| format!("{:x}", (n ^ seed).wrapping_mul(2_654_435_761))).collect()
    };
    for name in 0..4 {
        let repository = Repository::new(directory.path().join(format!("repositories/{name}")));
        repository.commit("noise", &noise(name));
    }
    let options = MirrorOptions { max_idle: 0, settling: Duration::ZERO, ..MirrorOptions::default() };
    let kept = directory.path().join("mirrors");
    let mirrors = Mirrors::open_with(&kept, options).unwrap();
    let here = || {
        let names = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap());
        let is_mirror = |path: &std::path::Path| path.is_dir() && std::fs::read_dir(path).unwrap().count() > 0;
        names.filter(|entry| is_mirror(&entry.path()) && entry.file_name() != "keys").count()
    };
    // Each of them takes some 200 KiB.
    let limits = StorageLimits { total: 700 << 10, per_namespace: 500 << 10 };
    let tenants = Tenants::default().with_storage(limits);
    let fetch = |name: u32, namespace: &str| {
        let url = RepositoryUrl::parse(&server.url(&format!("{name}/.git"))).unwrap();
        let tenant = Some(tenants.tenant(namespace, namespace));
        let remote = Remote { tenant, ..Remote::new(url).with_access(Access::own()) };
        mirrors.fetch(&remote, &Reference::Head)
    };
    let first = fetch(0, "team").unwrap();
    let second = fetch(1, "team").unwrap();
    let error = fetch(2, "team").unwrap_err();
    assert!(matches!(error, FetchError::NoRoom { cause: NoRoom::OfNamespace { .. }, .. }), "{error}");
    let said = error.to_string();
    for word in [&server.url("2/.git"), "the namespace team", "--max-storage-per-namespace"] {
        assert!(said.contains(word), "{said}");
    }
    // Others have theirs, and what two need is there once.
    let third = fetch(2, "other").unwrap();
    let shared = fetch(0, "other").unwrap();
    let error = fetch(3, "third").unwrap_err();
    assert!(matches!(error, FetchError::NoRoom { cause: NoRoom::InAll { .. }, .. }), "{error}");
    assert_eq!(here(), 3, "nothing stays of what there was no room for");
    // The person who runs the program keeps what they like.
    let own = Remote::new(RepositoryUrl::parse(&server.url("3/.git")).unwrap()).with_access(Access::own());
    let own = mirrors.fetch(&own, &Reference::Head).unwrap();
    assert_eq!(here(), 4);
    drop((first, second, third));
    let fourth = fetch(3, "team").unwrap();
    assert_eq!(fourth.revision, own.revision);
    assert_eq!(shared.tree.read_file(&TreePath::parse("noise").unwrap()).unwrap().len(), noise(0).len());
    // What is transferred next finds that nobody needs two of them.
    Repository { path: directory.path().join("repositories/3") }.commit("more", "1");
    fetch(3, "team").unwrap();
    assert_eq!(here(), 2);
}
