//! Whomever a change concerns is told so.

use cowherd_tree::{Differences, MemoryTree, Reads, Recorder, Tree, TreePath};
use proptest::prelude::*;

/// Paths among which files and directories take each other's place.
const PATHS: [&str; 9] = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "e/g", "h/i/j", "h/k"];

fn tree() -> impl Strategy<Value = MemoryTree> {
    proptest::collection::vec(proptest::option::of(0..3u8), PATHS.len()).prop_map(|contents| {
        let mut tree = MemoryTree::default();
        for (path, content) in PATHS.iter().zip(contents) {
            let Some(content) = content else { continue };
            // A file where others need a directory would make the tree one that cannot be.
            let below = |other: &str| other.starts_with(&format!("{path}/"));
            let above = |other: &str| path.starts_with(&format!("{other}/"));
            let taken = PATHS.iter().any(|other| {
                let is_file = tree.entry(&TreePath::parse(other).expect("a path")).expect("an answer").is_some();
                is_file && (below(other) || above(other))
            });
            if !taken {
                tree.insert(path, vec![content]).expect("a path inside");
            }
        }
        tree
    })
}

/// Reads some of the paths, and lists some, whatever comes of it.
fn read(tree: &MemoryTree, wanted: &[(usize, bool)]) -> Reads {
    let recorder = Recorder::new(tree);
    for (at, lists) in wanted {
        let path = TreePath::parse(PATHS[*at]).expect("a path");
        if *lists {
            let _ = recorder.read_dir(&path);
        } else {
            let _ = recorder.read(&path);
        }
    }
    recorder.into_reads()
}

proptest! {
    #[test]
    fn whoever_would_read_something_else_is_concerned(
        old in tree(),
        new in tree(),
        readers in proptest::collection::vec(proptest::collection::vec((0..PATHS.len(), any::<bool>()), 0..4), 1..6),
    ) {
        let differences = Differences::between(&old, &new).expect("trees in memory answer");
        for wanted in &readers {
            let reads = read(&old, wanted);
            let unchanged = reads.unchanged_in(&new).expect("trees in memory answer");
            prop_assert!(unchanged || differences.concern(&reads), "{wanted:?} is not concerned");
        }
    }

    #[test]
    fn equal_trees_do_not_differ(tree in tree()) {
        prop_assert!(Differences::between(&tree, &tree).expect("an answer").paths().next().is_none());
    }
}
