use std::fs;

use cowherd_gitserver::pack::{Pack, copies};

use super::*;
use crate::connect::{Attempt, Depth};
use crate::objects::Objects;
use crate::{FetchError, Remote, RepositoryUrl};

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
