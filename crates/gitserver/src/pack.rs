//! Packs written by hand, as git would never write them: few bytes that mean many.

use std::io::Write;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Repository;
use crate::repository::git;

/// A pack in the writing.
#[derive(Default)]
pub struct Pack {
    objects: u32,
    bytes: Vec<u8>,
    places: Vec<usize>,
}

/// What stands before the objects of a pack.
const HEAD: usize = 12;

/// By what an object that is there is named by one that is made of it.
enum Base<'a> {
    None,
    At(usize),
    Id(&'a [u8]),
}

impl Pack {
    /// A blob; where it lies.
    pub fn whole(&mut self, content: &[u8]) -> usize {
        self.object(3, content, &Base::None)
    }

    /// An object made of that which lies there; where it lies.
    pub fn delta(&mut self, base: usize, delta: &[u8]) -> usize {
        self.object(6, delta, &Base::At(base))
    }

    /// An object made of that with this id, which may be anywhere; where it lies.
    pub fn delta_of(&mut self, id: &[u8; 20], delta: &[u8]) -> usize {
        self.object(7, delta, &Base::Id(id))
    }

    fn object(&mut self, kind: u8, content: &[u8], base: &Base<'_>) -> usize {
        let at = HEAD + self.bytes.len();
        let (mut size, first) = (content.len() >> 4, kind << 4 | (content.len() & 15) as u8);
        self.bytes.push(if size > 0 { first | 0x80 } else { first });
        while size > 0 {
            self.bytes.push((size & 0x7f) as u8 | if size > 0x7f { 0x80 } else { 0 });
            size >>= 7;
        }
        match base {
            Base::None => {}
            Base::Id(id) => self.bytes.extend(*id),
            Base::At(base) => {
                let mut distance = at - base;
                let mut bytes = vec![(distance & 0x7f) as u8];
                while distance > 0x7f {
                    distance = (distance >> 7) - 1;
                    bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
                }
                self.bytes.extend(bytes);
            }
        }
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        packer.write_all(content).unwrap();
        self.bytes.extend(packer.finish().unwrap());
        self.objects += 1;
        self.places.push(at);
        at
    }

    /// The pack as a file.
    pub fn finish(&self) -> Vec<u8> {
        let mut pack = [&b"PACK"[..], &2_u32.to_be_bytes(), &self.objects.to_be_bytes(), &self.bytes].concat();
        let sum = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pack);
        pack.extend(sum.as_ref());
        pack
    }

    /// Gives the objects, all of them blobs, to a repository, as the files of one commit on `main` beside those that are there:
    /// `FIRST/0.yaml`, `FIRST/1.yaml` and so on, in the order in which they were added. git makes each of them once, to know its name.
    pub fn commit_to(&self, repository: &Repository, first: &str) {
        let pack = feed(repository, &["index-pack", "--stdin"], &self.finish());
        let pack = pack.trim_start_matches("pack").trim();
        let index = std::fs::read(repository.path.join(format!(".git/objects/pack/pack-{pack}.idx"))).unwrap();
        let listed = feed(repository, &["show-index"], &index);
        let mut ids: Vec<(usize, &str)> = listed.lines().map(parse).collect();
        ids.sort_unstable();
        assert_eq!(ids.iter().map(|(at, _)| *at).collect::<Vec<_>>(), self.places, "two of them are the same");
        let names = ids.iter().enumerate();
        let files: String = names.map(|(number, (_, id))| format!("100644 {id} 0\t{first}/{number}.yaml\n")).collect();
        feed(repository, &["update-index", "--add", "--index-info"], files.as_bytes());
        let tree = repository.git(&["write-tree"]);
        let commit = repository.git(&["commit-tree", &tree, "-m", first]);
        repository.git(&["update-ref", "refs/heads/main", &commit]);
    }
}

/// Where an object lies, and its name, of a line of `git show-index`.
fn parse(line: &str) -> (usize, &str) {
    let mut words = line.split(' ');
    (words.next().unwrap().parse().unwrap(), words.next().unwrap())
}

/// A delta that copies the first `length` bytes of a base so many times, and ends with `end`.
pub fn copies(base: usize, length: usize, times: usize, end: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [base, length * times + end.len()] {
        while size > 0x7f {
            delta.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    for _ in 0..times {
        // From the beginning; three bytes of length.
        let [low, middle, high, ..] = length.to_le_bytes();
        delta.extend([0xf0, low, middle, high]);
    }
    for part in end.chunks(0x7f) {
        delta.push(part.len() as u8);
        delta.extend(part);
    }
    delta
}

/// Runs `git` with an input, and gives what it prints.
pub fn feed(repository: &Repository, arguments: &[&str], input: &[u8]) -> String {
    let mut command = git(&repository.path);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?} ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
