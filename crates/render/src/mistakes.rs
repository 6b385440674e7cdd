//! All that is wrong with the documents of a file, where a render tells the first.

use cowherd_yaml::{Document, Limits, parse_documents};

use crate::error::Cause;
use crate::manifest::{self, ManifestError};

/// How many are told of one file.
const MAX: usize = 100;

/// Why a document is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line in the file, counted from 1.
    pub line: usize,
    /// What is wrong, in the words of a render.
    pub text: String,
}

/// What keeps the documents of a file of manifests from being some, each of them: no YAML, or no object.
pub fn mistakes(text: &[u8], limits: &Limits) -> Vec<Mistake> {
    let first = match parse_documents(text, limits) {
        Ok(documents) => return documents.into_iter().filter_map(|one| of_document(one, 0)).take(MAX).collect(),
        Err(error) => mistake(ManifestError::Yaml(error), 0),
    };
    // Nothing is known of what follows a document that cannot be read, so each is read alone.
    let of_each = split(text).into_iter().flat_map(|(text, above)| match parse_documents(text, limits) {
        Ok(documents) => documents.into_iter().filter_map(|one| of_document(one, above)).collect(),
        Err(error) => vec![mistake(ManifestError::Yaml(error), above)],
    });
    let all: Vec<Mistake> = of_each.take(MAX).collect();
    // Of the limits some are about all documents together.
    if all.iter().any(|one| one.line == first.line) { all } else { vec![first] }
}

fn of_document(document: Document, above: usize) -> Option<Mistake> {
    manifest::objects(vec![document]).err().map(|error| mistake(error, above))
}

fn mistake(error: ManifestError, above: usize) -> Mistake {
    match error {
        ManifestError::Yaml(error) => Mistake { line: error.line + above, text: error.problem.to_string() },
        ManifestError::NotAnObject { line, detail } => {
            Mistake { line: line + above, text: Cause::NotAnObject(detail).to_string() }
        }
    }
}

/// The documents of a text, each with how many lines are above it. A line that begins with three dashes begins one, whatever
/// stands before: within a text of several lines it would have to be indented.
fn split(text: &[u8]) -> Vec<(&[u8], usize)> {
    let begins_one =
        |line: &[u8]| line.strip_prefix(b"---").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
    let (mut documents, mut begin, mut above, mut at) = (Vec::new(), 0, 0, 0);
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if begins_one(line) && at > begin {
            documents.push((&text[begin..at], above));
            (begin, above) = (at, number);
        }
        at += line.len();
    }
    documents.push((&text[begin..], above));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(usize, String)> {
        mistakes(text.as_bytes(), &Limits::default()).into_iter().map(|one| (one.line, one.text)).collect()
    }

    fn lines(text: &str) -> Vec<usize> {
        told(text).into_iter().map(|(line, _)| line).collect()
    }

    const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    #[test]
    fn every_document_that_is_none_is_told_with_its_line() {
        assert_eq!(lines(&format!("{GOOD}---\n{GOOD}")), [0; 0]);
        let no_objects = told(&format!("{GOOD}---\nkind: A\n---\n{GOOD}---\nmetadata: {{name: b}}\n"));
        assert_eq!(no_objects.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5, 11]);
        assert!(
            no_objects[0].1.contains("missing metadata.name in this A") && no_objects[1].1.contains("missing kind")
        );
        // YAML that cannot be read hides nothing of what is below it.
        assert_eq!(lines(&format!("{GOOD}---\na: [\n---\n{GOOD}---\nkind: A\n--- # more\nb: }}\n")).len(), 3);
        assert_eq!(lines("a: [\n---\nb: [\n").len(), 2);
        assert_eq!(lines("data: |\n  ---\n  text\n"), [1], "an indented line begins nothing");
    }

    #[test]
    fn what_is_too_much_as_a_whole_is_told_once() {
        let limits = Limits { bytes: 60, ..Limits::default() };
        assert_eq!(mistakes(format!("{GOOD}---\n{GOOD}").as_bytes(), &limits).len(), 1);
        let many = "kind: A\n---\n".repeat(1_000);
        assert_eq!(mistakes(many.as_bytes(), &Limits::default()).len(), MAX);
    }
}
