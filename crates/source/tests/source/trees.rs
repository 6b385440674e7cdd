//! A tree lists what `git ls-tree` lists.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use cowherd_source::{GitTree, Reference, local};
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use proptest::prelude::*;

use crate::support::Repository;
use crate::support::repository::git;

/// Every path with its kind, id and size.
fn walk(tree: &GitTree) -> BTreeMap<String, (String, String, Option<u64>)> {
    fn visit(tree: &GitTree, at: &TreePath, found: &mut BTreeMap<String, (String, String, Option<u64>)>) {
        let mut previous = None;
        for (name, entry) in tree.list(at).unwrap() {
            assert!(previous.as_ref().is_none_or(|previous| *previous < name), "sorted bytewise");
            let child = at.join(&name).unwrap();
            assert_eq!(tree.entry(&child).unwrap(), Some(entry.clone()));
            let (kind, size) = match entry.kind {
                EntryKind::File { size } => ("file", Some(size)),
                EntryKind::Directory => ("directory", None),
                EntryKind::Symlink => ("link", None),
                EntryKind::Other => ("other", None),
            };
            found.insert(child.as_str().to_owned(), (kind.to_owned(), entry.id.to_string(), size));
            if entry.kind == EntryKind::Directory {
                visit(tree, &child, found);
            }
            previous = Some(name);
        }
    }
    let mut found = BTreeMap::new();
    visit(tree, &TreePath::root(), &mut found);
    found
}

/// The same from `git ls-tree`.
fn ls_tree(repository: &Repository) -> BTreeMap<String, (String, String, Option<u64>)> {
    let listed = repository.git(&["ls-tree", "-r", "-t", "-l", "-z", "HEAD"]);
    let lines = listed.split('\0').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (attributes, path) = line.split_once('\t').unwrap();
            let attributes: Vec<&str> = attributes.split_whitespace().collect();
            let kind = match attributes[0] {
                "040000" => "directory",
                "120000" => "link",
                "160000" => "other",
                _ => "file",
            };
            let size = (kind == "file").then(|| attributes[3].parse().unwrap());
            (path.to_owned(), (kind.to_owned(), attributes[2].to_owned(), size))
        })
        .collect()
}

fn tree(repository: &Repository) -> std::sync::Arc<GitTree> {
    local::Repository::open(&repository.path).unwrap().snapshot(&Reference::Head).unwrap().tree
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn listings_and_ids_are_those_of_git(
        files in proptest::collection::btree_map("[ab.-]{1,2}(/[ab.é-]{1,3}){0,3}", "[a-z\n]{0,40}", 0..25),
        pack in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path());
        for (path, content) in &files {
            let path = repository.path.join(path);
            // Names that stand for directories, and paths below what is a file already, are left out.
            if fs::create_dir_all(path.parent().unwrap()).is_ok() {
                let _ = fs::write(path, content);
            }
        }
        repository.commit_all("files");
        if pack {
            repository.git(&["gc", "--quiet"]);
        }
        prop_assert_eq!(walk(&tree(&repository)), ls_tree(&repository));
    }
}

#[test]
fn links_submodules_and_programs_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path());
    fs::create_dir(repository.path.join("base")).unwrap();
    fs::write(repository.path.join("base/a.yaml"), "a: 1").unwrap();
    symlink("base", repository.path.join("prod")).unwrap();
    symlink("../../etc/passwd", repository.path.join("base/escape")).unwrap();
    symlink("loop", repository.path.join("loop")).unwrap();
    repository.git(&["add", "--all"]);
    let gitlink = format!("160000,{},vendored", "1".repeat(40));
    repository.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
    repository.git(&["commit", "--quiet", "-m", "all kinds"]);
    let tree = tree(&repository);
    assert_eq!(walk(&tree), ls_tree(&repository));
    let path = |text| TreePath::parse(text).unwrap();
    assert_eq!(tree.read(&path("prod/a.yaml")).unwrap(), "a: 1");
    assert!(matches!(tree.read(&path("base/escape")), Err(TreeError::Outside { .. })));
    assert!(matches!(tree.read(&path("loop")), Err(TreeError::TooManyLinks(_))));
    assert!(matches!(tree.read(&path("vendored")), Err(TreeError::NotAFile(_))));
    assert!(matches!(tree.list(&path("base/a.yaml")), Err(TreeError::NotADirectory(_))));
    assert!(matches!(tree.read_file(&path("base")), Err(TreeError::NotAFile(_))));
    assert!(tree.entry(&path("base/a.yaml/b")).unwrap().is_none());
}

#[test]
fn a_large_file_is_refused_without_being_unpacked() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path());
    fs::write(repository.path.join("large"), vec![b'x'; 100 * 1024 * 1024]).unwrap();
    fs::write(repository.path.join("small"), "s").unwrap();
    repository.commit_all("large");
    let refused = || {
        let tree = tree(&repository);
        let path = TreePath::parse("large").unwrap();
        for result in [tree.read(&path), tree.read_file(&path)] {
            let error = result.unwrap_err();
            assert!(matches!(error, TreeError::TooLarge { size: 104_857_600, .. }), "{error}");
        }
        assert_eq!(tree.read(&TreePath::parse("small").unwrap()).unwrap(), "s");
    };
    refused();
    repository.git(&["gc", "--quiet"]);
    refused();
    // With only its first bytes left it could not be unpacked, and is known to be too large all the same.
    repository.git(&["repack", "-ad", "--quiet"]);
    for entry in fs::read_dir(repository.path.join(".git/objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let kept = repository.path.join("kept.pack");
            fs::rename(&path, &kept).unwrap();
            let unpacking = fs::File::open(&kept).unwrap();
            let unpacked = git(&repository.path).arg("unpack-objects").arg("-q").stdin(unpacking).status().unwrap();
            assert!(unpacked.success());
        }
    }
    let id = repository.git(&["rev-parse", "HEAD:large"]);
    let object = repository.path.join(".git/objects").join(&id[..2]).join(&id[2..]);
    let start = fs::read(&object).unwrap()[..4096].to_vec();
    fs::remove_file(&object).unwrap();
    fs::write(&object, start).unwrap();
    refused();
}

#[test]
fn a_tree_is_read_by_many_threads() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path());
    for number in 0..50 {
        fs::create_dir_all(repository.path.join(format!("d{number}"))).unwrap();
        fs::write(repository.path.join(format!("d{number}/a.yaml")), format!("a: {number}")).unwrap();
    }
    repository.commit_all("many");
    repository.git(&["gc", "--quiet"]);
    let tree = tree(&repository);
    let expected = ls_tree(&repository);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(walk(&tree), expected);
                }
            });
        }
    });
}

/// Writes an object of git's, whatever it says; its id.
fn write(repository: &Repository, kind: &str, content: &[u8]) -> String {
    let file = repository.path.join("content");
    fs::write(&file, content).unwrap();
    let id = repository.git(&["hash-object", "-w", "--literally", "-t", kind, "content"]);
    fs::remove_file(file).unwrap();
    id.trim().to_owned()
}

/// Commits a tree of so many levels, each with so many names for the one below.
fn nested(repository: &Repository, levels: usize, names: usize) {
    let mut inner = (write(repository, "blob", b"a: 1\n"), "100644");
    for _ in 0..levels {
        let id: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&inner.0[2 * at..2 * at + 2], 16).unwrap()).collect();
        let entry = |name| [format!("{} {name:03}\0", inner.1).into_bytes(), id.clone()].concat();
        inner = (write(repository, "tree", &(0..names).flat_map(entry).collect::<Vec<_>>()), "40000");
    }
    let commit = repository.git(&["commit-tree", &inner.0, "-m", "nested"]);
    repository.git(&["update-ref", "refs/heads/main", commit.trim()]);
}

#[test]
fn a_revision_with_more_files_than_anybody_walks_is_refused_though_it_is_small() {
    for (levels, names, allowed) in [(3, 50, true), (5, 14, false), (20, 10, false), (200, 1, true), (300, 1, false)] {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path());
        nested(&repository, levels, names);
        let opened = local::Repository::open(&repository.path).unwrap().snapshot(&Reference::Head);
        assert_eq!(opened.is_ok(), allowed, "{levels} levels of {names} names");
        if let Err(error) = opened {
            assert!(error.to_string().contains("more than 500000 files"), "{error}");
        }
    }
}
