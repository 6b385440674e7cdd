//! What is asked of a generator costs what it changes, and has bounds, whoever asks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use cowherd_assemble::{
    Assembled, Effort, ExpandError, Extents, Limits, Rule, Source, Strategy, Template, assemble, expand,
};
use cowherd_tree::{Differences, Entry, MemoryTree, Tree, TreeError, TreePath};

const NEVER: &dyn Fn() -> bool = &|| false;

fn rule(from: &str, to: &str) -> Rule {
    Rule { from: from.to_owned(), to: to.to_owned(), ..Rule::default() }
}

fn source(tree: impl Tree + 'static) -> [Source; 1] {
    [Source { alias: "repo".to_owned(), tree: Arc::new(tree) }]
}

fn made(rules: &[Rule], sources: &[Source]) -> Result<Assembled, String> {
    assemble(rules, sources, &Effort::new(Limits::default(), NEVER)).map_err(|error| error.to_string())
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

/// A tree that counts what is asked of it.
struct Counting {
    tree: MemoryTree,
    read: Arc<AtomicUsize>,
    listed: Arc<AtomicUsize>,
}

impl Tree for Counting {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.tree.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.tree.list(path)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.tree.read_link(path)
    }
}

#[test]
fn nothing_is_read_of_what_is_taken_whole_and_little_is_listed() {
    let files = (0..1000).map(|at| (format!("infra/{}/{at}.yaml", at % 50), format!("{at}")));
    let (read, listed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tree = Counting { tree: MemoryTree::new(files).unwrap(), read: read.clone(), listed: listed.clone() };
    let rules = [rule("@repo/infra/**", "@artifact/"), rule("@repo/infra/7/7.yaml", "@artifact/7/new.yaml")];
    let made = made(&rules, &source(tree)).unwrap();
    assert_eq!((read.load(Ordering::Relaxed), listed.load(Ordering::Relaxed)), (0, 3), "the way to what is laid over");
    assert_eq!(made.read(&path("7/new.yaml")).unwrap(), "7");
    assert_eq!(made.read(&path("8/58.yaml")).unwrap(), "58");
}

#[test]
fn an_artifact_is_another_one_only_where_what_it_takes_is() {
    let before = MemoryTree::new([("infra/a", "1"), ("apps/a/x", "1"), ("apps/b/y", "1"), ("Apps/z", "1")]).unwrap();
    let mut after = before.clone();
    after.insert("apps/a/x", "2").unwrap();
    let rules = [
        vec![rule("@repo/infra/**", "@artifact/")],
        vec![rule("@repo/apps", "@artifact/"), rule("@repo/infra", "@artifact/apps/")],
        vec![Rule { exclude: vec!["a/**".to_owned()], ..rule("@repo/apps/**", "@artifact/") }],
        vec![rule("@repo/Apps/**", "@artifact/")],
    ];
    let ids = |tree: &MemoryTree| rules.each_ref().map(|rules| made(rules, &source(tree.clone())).unwrap().id());
    let (old, new) = (ids(&before), ids(&after));
    let same: Vec<bool> = old.iter().zip(&new).map(|(old, new)| old == new).collect();
    assert_eq!(same, [true, false, true, true]);
    let [old, new] = [before, after].map(|tree| made(&rules[1], &source(tree)).unwrap());
    let differences = Differences::between(&old, &new).unwrap();
    assert_eq!(differences.paths().map(TreePath::as_str).collect::<Vec<_>>(), ["apps/a/x"]);
}

#[test]
fn what_is_taken_a_thousand_times_is_counted_as_often() {
    let files = (0..1000).map(|at| (format!("many/{at}"), ""));
    let sources = source(MemoryTree::new(files).unwrap());
    let times = |count: usize| -> Vec<Rule> {
        (0..count).map(|at| rule("@repo/many/**", &format!("@artifact/{at}/"))).collect()
    };
    let check = |count| {
        let effort = Effort::new(Limits::default(), NEVER);
        let made = assemble(&times(count), &sources, &effort).unwrap();
        Extents::default().check(&made, &effort).map_err(|error| error.to_string())
    };
    assert_eq!(check(100), Ok(()));
    let said = check(1000).unwrap_err();
    assert!(said.contains("more than 500000 files and directories in one artifact"), "{said}");
}

#[test]
fn rules_that_take_too_much_are_broken_off_soon() {
    let files = (0..3000).map(|at| (format!("many/{at}"), ""));
    let sources = source(MemoryTree::new(files).unwrap());
    let exclude: Vec<String> = (0..5).map(|at| format!("**/{}{at}x", "?*".repeat(20))).collect();
    let rules: Vec<Rule> = (0..1000)
        .map(|at| Rule { exclude: exclude.clone(), ..rule("@repo/many/**", &format!("@artifact/{at}/")) })
        .collect();
    let begun = Instant::now();
    let few = Limits { steps: 300_000, ..Limits::default() };
    let said = assemble(&rules, &sources, &Effort::new(few, NEVER)).err().unwrap().to_string();
    assert!(said.contains("the rules of the generator take more than 300000 comparisons"), "{said}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    let stopped = assemble(&rules, &sources, &Effort::new(Limits::default(), &|| true)).err().unwrap().to_string();
    assert!(stopped.ends_with("it was broken off, since nobody waits for it any more"), "{stopped}");
}

#[test]
fn an_archive_is_unpacked_only_as_far_as_there_is_room() {
    let mut packed = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(2 << 20);
    packed.append_data(&mut header, "zeros", std::io::repeat(0).take_all(2 << 20)).unwrap();
    let mut packed = packed.into_inner().unwrap().finish().unwrap();
    packed.flush().unwrap();
    let sources = source(MemoryTree::new([("bomb.tgz", packed)]).unwrap());
    let extract = |to: &str| Rule { strategy: Strategy::Extract, ..rule("@repo/bomb.tgz", to) };
    let extracted = |made: u64| {
        let limits = Limits { made, ..Limits::default() };
        assemble(&[extract("@artifact/a/"), extract("@artifact/b/")], &sources, &Effort::new(limits, NEVER))
    };
    assert!(extracted(4 << 20).is_ok());
    let said = extracted(3 << 20).err().unwrap().to_string();
    assert!(said.contains("which is more than is unpacked"), "{said}");
}

/// So many bytes of a reader, as `take` gives them, for a builder that takes it by value.
trait TakeAll {
    fn take_all(self, bytes: u64) -> std::io::Take<Self>
    where
        Self: Sized;
}

impl TakeAll for std::io::Repeat {
    fn take_all(self, bytes: u64) -> std::io::Take<Self> {
        std::io::Read::take(self, bytes)
    }
}

#[test]
fn no_path_leads_out_or_without_an_end() {
    let mut tree = MemoryTree::new([("a/x", "1")]).unwrap();
    tree.link("a/up", "..").unwrap();
    tree.link("out", "../../etc").unwrap();
    let sources = source(tree);
    for (from, to) in [
        ("@repo/a/x", "@artifact/../x"),
        ("@repo/../a", "@artifact/"),
        ("@repo//a", "@artifact/"),
        ("@repo/out/passwd", "@artifact/"),
        ("@repo/a/x", "@artifact//etc/x"),
    ] {
        assert!(made(&[rule(from, to)], &sources).is_err(), "{from} {to}");
    }
    let deep = format!("@artifact/{}x", "d/".repeat(100));
    assert!(made(&[rule("@repo/a/x", &deep)], &sources).err().unwrap().contains("more than 64 directories"));
    // A link to what is above is not walked into, whatever takes it.
    for from in ["@repo/**", "@repo/a/up", "@repo/*", "@repo/a/up/a/up/a/**"] {
        let effort = Effort::new(Limits::default(), NEVER);
        let made = match assemble(&[rule(from, "@artifact/")], &sources, &effort) {
            Ok(made) => made,
            Err(error) => {
                assert!(error.to_string().contains("outside of the repository"), "{from}: {error}");
                continue;
            }
        };
        Extents::default().check(&made, &effort).unwrap();
    }
}

#[test]
fn a_pattern_of_directories_makes_so_many_artifacts_and_no_more() {
    let files = (0..6000).map(|at| (format!("apps/{at}/x"), ""));
    let sources = source(MemoryTree::new(files).unwrap());
    let template = Template { name: "{app}".to_owned(), rules: vec![rule("@repo/apps/{app}/**", "@artifact/")] };
    let made = expand("@repo/apps/{app}", &[template], &sources, &Effort::new(Limits::default(), NEVER));
    let Err(ExpandError::Final(said)) = made else { panic!("{made:?}") };
    assert!(said.ends_with("it makes more than 5000 artifacts; use several generators"), "{said}");
}
