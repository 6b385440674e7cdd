//! Where in a repository an object is written.

use cowherd_apply::ObjectId;
use cowherd_tree::{Reads, Tree};
use cowherd_yaml::{Dialect, Limits, Step, line_of, parse_documents_as};
use serde_json::Value;

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
        if let Some(line) = line(&content, id) {
            return Some(format!("{path}:{line}"));
        }
    }
    None
}

fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// The line of the kind of the document, or of the item of a list, that describes the object. A name may have been given a
/// prefix or a suffix since, or have come from a variable.
fn line(content: &[u8], id: &ObjectId) -> Option<usize> {
    let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).ok()?;
    documents.iter().find_map(|document| {
        let mut way = way_to(&document.value, id)?;
        way.push(Step::Key("kind".to_owned()));
        line_of(content, document.line, &way)
    })
}

/// The way to the object in a document that has it.
fn way_to(document: &Value, id: &ObjectId) -> Option<Vec<Step>> {
    if describes(document, id) {
        return Some(Vec::new());
    }
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    let items = document["items"].as_array().filter(|_| is_list)?;
    let place = items.iter().position(|item| describes(item, id))?;
    Some(vec![Step::Key("items".to_owned()), Step::Item(place)])
}

fn describes(object: &Value, id: &ObjectId) -> bool {
    let group = object["apiVersion"].as_str().map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let is_name = !name.is_empty() && (id.name.contains(name) || name.contains("${"));
    object["kind"] == *id.kind && group == Some(&*id.group) && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_line(text: &str, kind: &str, name: &str) -> Option<usize> {
        let id = ObjectId { group: "example.com".into(), kind: kind.into(), name: name.into(), ..ObjectId::default() };
        line(text.as_bytes(), &id)
    }

    #[test]
    fn the_line_of_the_kind_is_that_of_the_document_with_the_name() {
        let text = "apiVersion: example.com/v1\nkind: Gadget\nmetadata:\n  name: one\n---\n# two\n\
                    apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: two}\n";
        assert_eq!(find_line(text, "Gadget", "one"), Some(2));
        assert_eq!(find_line(text, "Gadget", "pre-two"), Some(8));
        assert_eq!(find_line(text, "Gadget", "three"), None);
        assert_eq!(find_line(text, "Widget", "one"), None);
        assert_eq!(find_line(&text.replace("example.com", "example.org"), "Gadget", "one"), None);
        assert_eq!(find_line(&text.replace("one", "${name}"), "Gadget", "x"), Some(2));
        assert_eq!(find_line("ref:\n  kind: Gadget\n  name: one\n", "Gadget", "one"), None);
    }

    #[test]
    fn a_kind_within_the_object_is_not_that_of_the_object_however_it_is_written() {
        for text in [
            "spec: {ref: {kind: Gadget, name: one}}\nmetadata: {name: one}\nkind: Gadget\napiVersion: example.com/v1\n",
            "{\"metadata\": {\"name\": \"one\"},\n\"apiVersion\": \"example.com/v1\",\n\"kind\": \"Gadget\"}\n",
            "spec:\n  ref: {kind: Gadget}\n\"kind\": Gadget\nmetadata:\n  name: one\napiVersion: example.com/v1\n",
            "- x\n---\napiVersion: v1\nkind: List\nitems:\n- kind: Gadget\n  apiVersion: v1\n",
        ] {
            let line = find_line(text, "Gadget", "one");
            assert_eq!(line, if text.starts_with("- x") { None } else { Some(3) }, "{text}");
        }
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n\
                    - apiVersion: example.com/v1\n  spec: {kind: Gadget}\n  metadata: {name: one}\n  kind: Gadget\n";
        assert_eq!(find_line(list, "Gadget", "one"), Some(8));
    }
}
