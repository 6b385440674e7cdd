//! Where in a repository objects are written.

use cowherd_apply::ObjectId;
use cowherd_tree::{Reads, Tree};
use cowherd_yaml::{Dialect, Limits, Step, line_of, parse_documents_as};
use serde_json::Value;

/// The largest file that is searched, and how many are.
const LARGEST: usize = 1 << 20;
const FILES: usize = 2_000;
/// For how many objects is looked.
const OBJECTS: usize = 500;

/// Where an object is written, as far as that is known.
#[derive(Clone, Default)]
struct Place {
    /// The file and the line.
    found: Option<String>,
    /// Whether it is called there as it is in the end.
    has_its_name: bool,
}

/// For each of the objects, of the first five hundred at least, the file and the line with its kind, among the files that their
/// render read; `None` where it is written nowhere as it is, like an object that a chart makes. Each file is read once.
pub(super) fn find(tree: &dyn Tree, reads: &Reads, ids: &[ObjectId]) -> Vec<Option<String>> {
    let mut places = vec![Place::default(); ids.len()];
    let files = reads.entries().map(|(path, _)| path).filter(|path| is_yaml(path.as_str()));
    for path in files.take(FILES) {
        let Ok(content) = tree.read(path) else { continue };
        if content.len() <= LARGEST {
            look(&content, path.as_str(), ids, &mut places);
        }
    }
    places.into_iter().map(|place| place.found).collect()
}

/// By what places are ordered: file and line. Nowhere comes last.
pub(super) fn in_order(place: &Option<String>) -> (bool, &str, usize) {
    let Some(place) = place else { return (true, "", 0) };
    let (file, line) = place.rsplit_once(':').unwrap_or((place, ""));
    (false, file, line.parse().unwrap_or_default())
}

/// Looks for objects in a file.
fn look(content: &[u8], path: &str, ids: &[ObjectId], places: &mut [Place]) {
    let unplaced = || ids.iter().zip(&*places).take(OBJECTS).filter(|(_, place)| !place.has_its_name);
    let names = |word: &str| content.windows(word.len().max(1)).any(|part| part == word.as_bytes());
    if !unplaced().any(|(id, _)| names(&id.kind)) {
        return;
    }
    // As kustomize reads it: an object may be called `n`.
    let documents = parse_documents_as(content, Dialect::Kustomize, &Limits::default())
        .or_else(|_| parse_documents_as(content, Dialect::Kubernetes, &Limits::default()));
    for document in documents.unwrap_or_default() {
        for (way, object) in objects(&document.value) {
            for (id, place) in ids.iter().zip(places.iter_mut()).take(OBJECTS) {
                let named = describes(object, id);
                if place.has_its_name || named == Named::Otherwise || (named == Named::Alike && place.found.is_some()) {
                    continue;
                }
                let line = line_of(content, document.line, &way).unwrap_or(document.line);
                *place = Place { found: Some(format!("{path}:{line}")), has_its_name: named == Named::Exactly };
            }
        }
    }
}

fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// The objects in a document, with the way to the kind of each: it, or what a list has.
fn objects(document: &Value) -> Vec<(Vec<Step>, &Value)> {
    let kind = Step::Key("kind".to_owned());
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    let items = document["items"].as_array().filter(|_| is_list).into_iter().flatten().enumerate();
    let items = items.map(|(at, item)| (vec![Step::Key("items".to_owned()), Step::Item(at), kind.clone()], item));
    [(vec![kind.clone()], document)].into_iter().chain(items).collect()
}

/// Whether something is called as an object is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Exactly,
    /// It may have been given a prefix or a suffix since, or have come from a variable.
    Alike,
    Otherwise,
}

fn describes(object: &Value, id: &ObjectId) -> Named {
    let group = object["apiVersion"].as_str().map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let is_alike = !name.is_empty() && (id.name.contains(name) || name.contains("${"));
    if object["kind"] != *id.kind || group != Some(&*id.group) || !is_alike {
        return Named::Otherwise;
    }
    let namespace = metadata["namespace"].as_str();
    let is_exact = name == id.name && namespace.is_none_or(|namespace| namespace == id.namespace);
    if is_exact { Named::Exactly } else { Named::Alike }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_line(text: &str, kind: &str, name: &str) -> Option<usize> {
        let id = ObjectId { group: "example.com".into(), kind: kind.into(), name: name.into(), ..ObjectId::default() };
        let mut places = [Place::default()];
        look(text.as_bytes(), "f", &[id], &mut places);
        places[0].found.as_ref()?.strip_prefix("f:")?.parse().ok()
    }

    #[test]
    fn places_are_in_the_order_of_files_and_lines() {
        let mut places =
            [None, Some("b.yaml:2"), Some("a.yaml:11"), Some("a.yaml:2")].map(|place| place.map(str::to_owned));
        places.sort_by(|one, other| in_order(one).cmp(&in_order(other)));
        let found: Vec<&str> = places.iter().flatten().map(String::as_str).collect();
        assert_eq!((found, &places[3]), (vec!["a.yaml:2", "a.yaml:11", "b.yaml:2"], &None));
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

    #[test]
    fn of_several_the_one_with_the_very_name_counts() {
        let gadget =
            |name: &str| format!("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {{name: {name}}}\n---\n");
        let text = format!("{}{}{}", gadget("web"), gadget("\"${name}\""), gadget("web-api"));
        assert_eq!(find_line(&text, "Gadget", "web-api"), Some(10));
        assert_eq!(find_line(&text, "Gadget", "web"), Some(2));
        assert_eq!(find_line(&text, "Gadget", "my-web"), Some(2));
        assert_eq!(find_line(&gadget("n"), "Gadget", "n"), Some(2));
    }
}
