//! What is said of submodules, of which nothing is followed.

use cowherd_tree::{Tree, TreePath};

/// The file in which Git lists them.
const LIST: &str = ".gitmodules";

/// What is to be said where submodules are at or below the path that is followed, or it is in one.
pub fn doubt(tree: &dyn Tree, path: &str) -> Option<String> {
    let path = TreePath::parse(path).ok()?;
    let listed = tree.read(&TreePath::parse(LIST).ok()?).ok()?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let all = listed.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim_start().strip_prefix('='));
    let all = all.filter_map(|one| TreePath::parse(one.trim()).ok());
    let concerned: Vec<String> =
        all.filter(|one| one.starts_with(&path) || path.starts_with(one)).map(|one| one.to_string()).collect();
    let what = match concerned.len() {
        0 => return None,
        1 => "is a submodule",
        _ => "are submodules",
    };
    Some(format!("{} {what}, of which nothing is read: follow it by a GitRepository of its own", concerned.join(", ")))
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;

    use super::*;

    #[test]
    fn submodules_that_concern_the_path_are_told() {
        let list = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib\n[submodule \"b\"]\n\tpath=apps/b\n\turl = x\n";
        let tree = MemoryTree::new([(".gitmodules", list)]).unwrap();
        let told = |path: &str| doubt(&tree, path).unwrap_or_default();
        assert!(told("./").starts_with("lib, apps/b are submodules"));
        assert!(
            told("./apps").starts_with("apps/b is a submodule") && told("./lib/x").starts_with("lib is a submodule")
        );
        assert_eq!(told("./clusters"), "");
        assert_eq!(doubt(&MemoryTree::new([("a.yaml", "")]).unwrap(), "./"), None);
    }
}
