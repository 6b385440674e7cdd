//! Where in a repository an object is written.

use cowherd_apply::ObjectId;
use cowherd_tree::{Reads, Tree};

/// The largest file that is searched, and how many are.
const LARGEST: usize = 1 << 20;
const FILES: usize = 2_000;

/// The file and the line with the kind of the object, among the files that its render read; `None` where it is
/// written nowhere as it is, like an object that a chart makes.
pub(super) fn find(tree: &dyn Tree, reads: &Reads, id: &ObjectId) -> Option<String> {
    for (path, _) in reads.entries().filter(|(path, _)| is_yaml(&path.to_string())).take(FILES) {
        let Ok(content) = tree.read(path) else { continue };
        if content.len() > LARGEST {
            continue;
        }
        if let Some(line) = line(&String::from_utf8_lossy(&content), id) {
            return Some(format!("{path}:{line}"));
        }
    }
    None
}

fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// The line of `kind:` in the document that has the kind and the name. A name may have been given a prefix or a
/// suffix since.
fn line(text: &str, id: &ObjectId) -> Option<usize> {
    let mut kind = None;
    let mut is_named = false;
    for (number, line) in text.lines().chain(["---"]).enumerate() {
        if line.starts_with("---") {
            if let Some(kind) = kind.filter(|_| is_named) {
                return Some(kind);
            }
            (kind, is_named) = (None, false);
        } else if value(line, "kind").is_some_and(|value| value == id.kind) && !line.starts_with(' ') {
            kind = Some(number + 1);
        } else if let Some(name) = value(line, "name") {
            is_named |= !name.is_empty() && id.name.contains(name);
        }
    }
    None
}

/// The value of a key on a line of its own, or of `metadata: {name: x}`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let start = line.find(&format!("{key}:")).filter(|start| {
        line[..*start].chars().next_back().is_none_or(|before| matches!(before, ' ' | '{' | ',' | '"'))
    })?;
    let value = line[start + key.len() + 1..].split([',', '}', '#']).next().unwrap_or_default();
    Some(value.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId { kind: kind.into(), name: name.into(), ..ObjectId::default() }
    }

    #[test]
    fn the_line_of_the_kind_is_that_of_the_document_with_the_name() {
        let text = "apiVersion: v1\nkind: Gadget\nmetadata:\n  name: one\n---\n# two\napiVersion: v1\nkind: Gadget\n\
                    metadata: {name: two}\n";
        assert_eq!(line(text, &id("Gadget", "one")), Some(2));
        assert_eq!(line(text, &id("Gadget", "pre-two")), Some(8));
        assert_eq!(line(text, &id("Gadget", "three")), None);
        assert_eq!(line(text, &id("Widget", "one")), None);
        assert_eq!(line("ref:\n  kind: Gadget\n  name: one\n", &id("Gadget", "one")), None);
    }
}
