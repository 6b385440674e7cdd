//! The files that were read for a Kustomization, and what their documents describe.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use cowherd_apply::ObjectId;
use cowherd_tree::TreePath;
use cowherd_yaml::{Dialect, Document, Limits, line_of, parse_documents_as};
use serde_json::Value;

use crate::fields::{steps, texts};

/// How many lines are named on which a variable stands.
const LINES: usize = 100;

/// A file that was read.
pub(super) struct File {
    content: Bytes,
    /// Where its lines begin.
    lines: Vec<usize>,
    /// What is in it, if it is YAML.
    pub(super) documents: Vec<Document>,
}

impl File {
    pub(super) fn new(content: Bytes, is_yaml: bool) -> Self {
        // As kustomize reads it: an object may be called `n`.
        let read = || {
            parse_documents_as(&content, Dialect::Kustomize, &Limits::default())
                .or_else(|_| parse_documents_as(&content, Dialect::Kubernetes, &Limits::default()))
        };
        let documents = if is_yaml { read().unwrap_or_default() } else { Vec::new() };
        let ends = content.iter().zip(1..).filter(|(byte, _)| **byte == b'\n').map(|(_, end)| end);
        let lines = [0].into_iter().chain(ends).collect();
        Self { content, lines, documents }
    }

    /// The line of a field of the document that begins on a line, or of what is deepest on the way to it.
    pub(super) fn line(&self, document: usize, field: &str) -> usize {
        // Nothing above the document is read again.
        let begin = self.lines.get(document.saturating_sub(1)).copied().unwrap_or_default();
        let text = self.content.get(begin..).unwrap_or_default();
        line_of(text, 1, &steps(field)).map_or(document, |line| document + line - 1)
    }

    /// The lines on which a variable stands. A comment names none.
    pub(super) fn lines_with(&self, name: &str) -> Vec<usize> {
        if self.documents.is_empty() {
            return self.lines_from(1, name).take(LINES).collect();
        }
        let lines = self.documents.iter().flat_map(|document| self.lines_within(document, "", name));
        lines.take(LINES).collect()
    }

    /// The same of a document, as far as it is about `within`.
    fn lines_within(&self, document: &Document, within: &str, name: &str) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        texts(&document.value, &mut |field, text| {
            let count = text.lines().filter(|line| names_variable(line, name)).count();
            if count > 0 && lines.len() < LINES && is_within(field, within) {
                lines.extend(self.lines_from(self.line(document.line, field), name).take(count));
            }
        });
        lines
    }

    /// The lines with a variable, from one on.
    fn lines_from<'a>(&'a self, begin: usize, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let at = self.lines.get(begin.saturating_sub(1)).copied().unwrap_or_default();
        let all = self.content.get(at..).unwrap_or_default().split(|byte| *byte == b'\n').zip(begin..);
        all.filter(|(line, _)| names_variable(&String::from_utf8_lossy(line), name)).map(|(_, number)| number)
    }
}

/// Whether a text has an expression with a variable.
fn names_variable(text: &str, name: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let is_escaped = text[..at].ends_with('$');
        let rest = text[at + 2..].trim_start_matches('#').strip_prefix(name);
        !is_escaped && rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Whether a field is another one, or below it.
fn is_within(field: &str, other: &str) -> bool {
    let rest = field.strip_prefix(other);
    other.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What may describe an object: a document, or an item of one that is a list.
#[derive(Clone)]
pub(super) struct Spot {
    file: Arc<File>,
    /// The file.
    pub(super) path: TreePath,
    /// Which of the documents of the file.
    document: usize,
    /// Which item of that.
    item: Option<usize>,
}

impl Spot {
    /// The line of a field, or of what is deepest on the way to it.
    pub(super) fn line(&self, field: &str) -> Option<usize> {
        let document = self.file.documents.get(self.document)?;
        Some(self.file.line(document.line, &format!("{}.{field}", self.within())))
    }

    /// The lines on which a variable stands.
    pub(super) fn lines_with(&self, name: &str) -> Vec<usize> {
        let document = self.file.documents.get(self.document);
        let lines = document.map(|document| self.file.lines_within(document, &self.within(), name));
        lines.unwrap_or_default().into_iter().take(LINES).collect()
    }

    fn within(&self) -> String {
        self.item.map_or_else(String::new, |item| format!("items[{item}]"))
    }

    fn object(&self) -> &Value {
        let document = self.file.documents.get(self.document).map_or(&Value::Null, |document| &document.value);
        self.item.map_or(document, |item| &document["items"][item])
    }
}

/// A group and a kind.
type Kind = (String, String);

/// What was read for a Kustomization, by what it describes.
#[derive(Default)]
pub(super) struct Documents {
    kinds: HashMap<Kind, Vec<Spot>>,
    /// Those of each kind by the names in them.
    names: HashMap<(Kind, String), Vec<Spot>>,
}

impl Documents {
    pub(super) fn of(files: impl Iterator<Item = (TreePath, Arc<File>)>) -> Self {
        let mut all = Self::default();
        for (path, file) in files {
            for (at, document) in file.documents.iter().enumerate() {
                let spot = Spot { file: file.clone(), path: path.clone(), document: at, item: None };
                let is_list = document.value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
                let items = document.value["items"].as_array().filter(|_| is_list).map_or(0, Vec::len);
                (0..items).for_each(|item| all.take(Spot { item: Some(item), ..spot.clone() }));
                all.take(spot);
            }
        }
        all
    }

    fn take(&mut self, spot: Spot) {
        let object = spot.object();
        let Some(version) = object["apiVersion"].as_str() else { return };
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let kind = (group.to_owned(), object["kind"].as_str().unwrap_or_default().to_owned());
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.names.entry((kind.clone(), name)).or_default().push(spot.clone());
        self.kinds.entry(kind).or_default().push(spot);
    }

    /// What describes an object best.
    pub(super) fn best(&self, id: &ObjectId) -> Option<&Spot> {
        let kind = (id.group.clone(), id.kind.clone());
        // Whatever has the very name fits better than anything else.
        let named = self.names.get(&(kind.clone(), id.name.clone()));
        let mut best: Option<(usize, &Spot)> = None;
        for spot in named.or_else(|| self.kinds.get(&kind)).into_iter().flatten() {
            let fit = fit(spot.object(), id);
            if fit > best.map_or(0, |(fit, _)| fit) {
                best = Some((fit, spot));
            }
        }
        best.map(|(_, spot)| spot)
    }

    /// All that may describe an object or patch it, what fits best first.
    pub(super) fn all(&self, id: &ObjectId) -> Vec<&Spot> {
        let alike = self.kinds.get(&(id.group.clone(), id.kind.clone())).into_iter().flatten();
        let mut fitting: Vec<(usize, &Spot)> = alike.map(|spot| (fit(spot.object(), id), spot)).collect();
        fitting.retain(|(fit, _)| *fit > 0);
        // Of several that fit alike the first stays first.
        fitting.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
        fitting.into_iter().map(|(_, spot)| spot).collect()
    }
}

/// How well an object of the kind of another one fits it: not at all, or the better the more of its name is there. Kustomizations
/// add to names, and move objects to other namespaces.
fn fit(object: &Value, id: &ObjectId) -> usize {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        return 0;
    }
    if name.contains("${") {
        // A variable may have made any name of it.
        return 1;
    }
    if !id.name.contains(name) {
        return 0;
    }
    let size = object.as_object().map_or(0, |map| map.len()).min(9);
    let namespace = object["metadata"]["namespace"].as_str().is_some_and(|namespace| namespace == id.namespace);
    2 + size + 10 * name.len() + 10_000 * usize::from(name == id.name) + 5_000 * usize::from(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new(Bytes::from(text.to_owned()), true)
    }

    #[test]
    fn a_variable_is_found_on_each_of_its_lines_and_in_no_comment() {
        let text = "# ${x}\na: ${x} # ${x}\nb:\n  - one\n  - |\n    two\n    ${x:-d}\n    ${xy}\n    ${#x}\n\"${x}\": \
                    $${x}\n---\nc: ${x}\n";
        assert_eq!(file(text).lines_with("x"), [2, 7, 9, 10, 12]);
        assert_eq!(file(text).lines_with("nothing"), [0; 0]);
        let words = File::new(Bytes::from_static(b"A=1\nB=${x}\n"), false);
        assert_eq!(words.lines_with("x"), [2]);
    }

    #[test]
    fn fields_have_their_lines_in_whichever_document_they_are() {
        let text = "a: {b: 1}\n---\n# two\nc:\n  d: 1\n--- {e: 1}\n";
        let file = file(text);
        let lines: Vec<usize> = file.documents.iter().map(|document| document.line).collect();
        assert_eq!(lines, [1, 4, 6]);
        assert_eq!((file.line(1, "a.b"), file.line(4, "c.d"), file.line(4, "c.x"), file.line(6, "e")), (1, 5, 4, 6));
    }

    #[test]
    fn the_best_document_has_the_very_name_and_namespace() {
        let map = |name: &str, namespace: &str| {
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n---\n")
        };
        let text = [map("web", "a"), map("web", "b"), map("n", "b"), map("\"${name}\"", "b")].concat();
        let path = TreePath::parse("a.yaml").unwrap();
        let documents = Documents::of([(path, Arc::new(file(&text)))].into_iter());
        let line = |name: &str| {
            let id =
                ObjectId { kind: "ConfigMap".into(), name: name.into(), namespace: "b".into(), ..Default::default() };
            documents.best(&id).and_then(|spot| spot.line("metadata"))
        };
        assert_eq!((line("web"), line("my-web"), line("n"), line("other")), (Some(7), Some(7), Some(11), Some(15)));
    }

    #[test]
    fn items_of_a_list_have_their_own_lines() {
        let item = |name: &str| {
            format!("- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: {name}}}\n  data: {{a: \"${{x}}\"}}\n")
        };
        let text = ["apiVersion: v1\nkind: List\nitems:\n", &item("a"), &item("b")].concat();
        let path = TreePath::parse("a.yaml").unwrap();
        let documents = Documents::of([(path, Arc::new(file(&text)))].into_iter());
        let id = ObjectId { kind: "ConfigMap".into(), name: "b".into(), ..Default::default() };
        let spot = documents.best(&id).unwrap();
        assert_eq!((spot.line("data.a"), spot.lines_with("x")), (Some(11), vec![11]));
    }
}
