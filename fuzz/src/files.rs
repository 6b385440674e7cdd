//! Several files in one text, so that a fuzzer can change them all.

use cowherd_tree::MemoryTree;

/// The most files that a text may hold.
const MAX_FILES: usize = 32;

/// The files of `data`. Each begins with a line `-- PATH --`; what comes before the first such line is the file `first`.
/// Paths that leave the tree are left out.
pub fn tree(data: &[u8], first: &str) -> MemoryTree {
    let mut tree = MemoryTree::default();
    let mut path = first;
    let mut content = Vec::new();
    let mut count = 0;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        match header(line) {
            Some(next) if count < MAX_FILES => {
                add(&mut tree, path, &mut content);
                path = next;
                count += 1;
            }
            _ => content.extend_from_slice(line),
        }
    }
    add(&mut tree, path, &mut content);
    tree
}

fn add(tree: &mut MemoryTree, path: &str, content: &mut Vec<u8>) {
    let content = std::mem::take(content);
    // A file cannot be a directory, too.
    let is_below_file = path.match_indices('/').any(|(at, _)| tree.paths().any(|other| other.as_str() == &path[..at]));
    let is_directory = tree.paths().any(|other| other.as_str().starts_with(&format!("{path}/")));
    if !is_below_file && !is_directory {
        let _ = tree.insert(path, content);
    }
}

fn header(line: &[u8]) -> Option<&str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    std::str::from_utf8(line.strip_prefix(b"-- ")?.strip_suffix(b" --")?).ok()
}
