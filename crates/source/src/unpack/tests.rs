use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use cowherd_gitserver::pack::{Pack, copies};

use super::*;
use crate::connect::{Attempt, Depth};
use crate::deadline::Deadline;
use crate::objects::Objects;
use crate::{Cancel, FetchError, Remote, RepositoryUrl, Tenants};

/// How large an object may be; all other limits follow from it.
const OBJECT: usize = 64 * 1024;
const BASE: usize = 1024;
/// How often an object of almost `OBJECT` bytes copies the base.
const TIMES: usize = OBJECT / BASE - 1;

/// Takes a pack apart; the objects that it holds, or what was wrong, and whether it had come whole.
fn take_apart(pack: &[u8]) -> std::result::Result<u32, (Option<FetchError>, bool)> {
    take_apart_within(pack, OBJECT)
}

fn take_apart_within(pack: &[u8], object: usize) -> std::result::Result<u32, (Option<FetchError>, bool)> {
    let directory = tempfile::tempdir().unwrap();
    for part in ["objects", "objects/pack"] {
        fs::create_dir(directory.path().join(part)).unwrap();
    }
    let objects = Objects::open(&directory.path().join("objects")).unwrap();
    let mut remote = Remote::new(RepositoryUrl::parse("https://example.com/fleet").unwrap());
    remote.max_unpacked = object;
    let attempt = Arc::new(Attempt::new(&remote));
    let effort = Arc::new(Effort::new(attempt.clone(), Depth::Files));
    let packs = directory.path().join("objects/pack");
    let bases = objects.bases().unwrap();
    let written = write(&mut &*pack, &packs, &AtomicBool::new(false), bases, None, &effort);
    let left = fs::read_dir(&packs).unwrap().count();
    match written {
        Ok(paths) => {
            assert_eq!((paths.len(), left), (2, 2));
            let bundle = pack::Bundle::at(&paths[1], Kind::Sha1).unwrap();
            bundle.index.verify_checksum(&mut Discard, &AtomicBool::new(false)).unwrap();
            Ok(bundle.index.num_objects())
        }
        Err(_) => {
            assert_eq!(left, 0, "nothing stays of what was refused");
            Err((attempt.failure(), attempt.is_whole()))
        }
    }
}

fn assert_excess(pack: &Pack, expected: Excess) {
    match take_apart(&pack.finish()).unwrap_err() {
        (Some(FetchError::TooMuch { excess, .. }), true) => assert_eq!(excess, expected),
        other => panic!("{other:?}"),
    }
}

/// The id of a blob.
fn id(content: &[u8]) -> [u8; 20] {
    let blob = [format!("blob {}\0", content.len()).as_bytes(), content].concat();
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &blob);
    digest.as_ref().try_into().unwrap()
}

/// A chain of large objects that name what they are made of by its id; of each, so many small ones are made. The base of all is last.
fn by_id(length: usize, teeth: usize) -> Pack {
    let mut pack = Pack::default();
    let base = vec![b'#'; BASE];
    let mut content = base.clone();
    for link in 0..length {
        let of = id(&content);
        for tooth in 0..teeth {
            pack.delta_of(&of, &copies(content.len(), 16, 1, format!("{link}.{tooth}").as_bytes()));
        }
        let end = format!("link {link}");
        pack.delta_of(&of, &copies(content.len(), BASE, TIMES, end.as_bytes()));
        content = [base.repeat(TIMES), end.into_bytes()].concat();
    }
    pack.whole(&base);
    pack
}

#[test]
fn what_names_its_base_by_an_id_is_held_as_what_names_it_by_its_place() {
    assert_eq!(take_apart(&by_id(7, 0).finish()).unwrap(), 8);
    assert_eq!(take_apart(&by_id(1, 20).finish()).unwrap(), 22, "of one kilobyte may be made what one likes");
    assert_excess(&by_id(4, 1), Excess::Held);
    assert_excess(&by_id(9, 0), Excess::Lineage);
}

#[test]
fn more_deltas_on_each_other_than_git_makes_are_refused() {
    let chain = |length: usize| {
        let mut pack = Pack::default();
        let mut link = pack.whole(b"0123456789abcdef");
        let mut size = 16;
        for number in 0..length {
            let end = number.to_string();
            link = pack.delta(link, &copies(size, 8, 1, end.as_bytes()));
            size = 8 + end.len();
        }
        pack
    };
    // What is known of so many objects takes more room than each of them.
    let within = |length| take_apart_within(&chain(length).finish(), 16 * OBJECT);
    assert_eq!(within(4095).unwrap(), 4096);
    let (failure, is_whole) = within(4200).unwrap_err();
    assert!(matches!(failure, Some(FetchError::TooMuch { excess: Excess::Deltas, .. })) && is_whole, "{failure:?}");
}

#[test]
fn an_object_is_refused_by_the_size_that_it_says_before_it_is_unpacked() {
    let mut pack = Pack::default();
    pack.whole(&vec![0; OBJECT + 1]);
    let (failure, is_whole) = take_apart(&pack.finish()).unwrap_err();
    assert!(matches!(failure, Some(FetchError::LargeObject { .. })) && is_whole, "{failure:?}");
    let mut garbled = pack.finish();
    let last = garbled.len() - 30;
    garbled[last] ^= 1;
    let (failure, is_whole) = take_apart(&garbled).unwrap_err();
    assert!(matches!(failure, Some(FetchError::LargeObject { .. })) && !is_whole, "{failure:?}");
}

#[test]
fn what_is_cut_or_garbled_anywhere_is_refused_and_leaves_nothing_behind() {
    let whole = by_id(3, 1).finish();
    for length in (0..whole.len()).step_by(3) {
        assert!(take_apart(&whole[..length]).is_err(), "{length}");
    }
    for at in 0..whole.len() {
        let mut garbled = whole.clone();
        garbled[at] ^= 0x15;
        let (failure, is_whole) = take_apart(&garbled).unwrap_err();
        assert!(!is_whole, "{at}: {failure:?}");
    }
}

/// A pack of which the rest comes when somebody lets it.
struct Slow {
    first: Vec<u8>,
    rest: Vec<u8>,
    told: mpsc::Sender<()>,
    let_on: mpsc::Receiver<()>,
}

impl io::Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.first.is_empty() && !self.rest.is_empty() {
            self.told.send(()).unwrap();
            let _ = self.let_on.recv();
            self.first = std::mem::take(&mut self.rest);
        }
        let read = (&*self.first).read(buffer)?;
        self.first.drain(..read);
        Ok(read)
    }
}

/// What `flate2` does not make smaller.
fn noise(size: u32) -> Vec<u8> {
    (0..size / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes()).collect()
}

#[test]
fn who_waits_for_a_slow_server_has_no_turn() {
    const LARGE: u32 = 8 << 20;
    let mut pack = Pack::default();
    pack.whole(&noise(LARGE));
    let pack = pack.finish();
    assert!(pack.len() > LARGE as usize / 2, "{}", pack.len());
    let (first, rest) = pack.split_at(pack.len() - 100_000);
    let tenants = Tenants::default();
    let (told, waits) = mpsc::channel();
    let fetches: Vec<_> = ["a", "b"]
        .map(|namespace| {
            let (let_on, may_go_on) = mpsc::channel();
            let slow = Slow { first: first.into(), rest: rest.into(), told: told.clone(), let_on: may_go_on };
            let tenant = tenants.tenant(namespace, namespace);
            let thread = std::thread::spawn(move || {
                let directory = tempfile::tempdir().unwrap();
                let objects = Objects::open(directory.path()).unwrap();
                let url = RepositoryUrl::parse("https://example.com/fleet").unwrap();
                let remote = Remote { tenant: Some(tenant), ..Remote::new(url) };
                let effort = Arc::new(Effort::new(Arc::new(Attempt::new(&remote)), Depth::Files));
                let mut from = io::BufReader::new(slow);
                let bases = objects.bases().unwrap();
                write(&mut from, directory.path(), &AtomicBool::new(false), bases, None, &effort).unwrap().len()
            });
            (let_on, thread)
        })
        .into();
    let patience = Duration::from_secs(60);
    fetches.iter().for_each(|_| waits.recv_timeout(patience).unwrap());
    for namespace in ["a", "b", "c"] {
        let turn = tenants.tenant(namespace, namespace).turn_of_packs(Deadline::after(patience), &Cancel::default());
        assert!(turn.is_some(), "{namespace} waits for the servers of others");
    }
    for (let_on, thread) in fetches {
        drop(let_on);
        assert_eq!(thread.join().unwrap(), 2, "it is taken apart once it is here");
    }
}
