//! YAML: what is read means the same when it is written and read again.

use cowherd_yaml::{
    Dialect, Document, Limits, parse_documents_as, parse_documents_with_texts, to_pretty_string, to_string,
    write_documents,
};
use serde_json::Value;

/// What YAML 1.1, and so go-yaml, takes for line breaks, and YAML 1.2 for letters. Texts are written for the former.
const OLD_BREAKS: [&str; 3] = ["\u{85}", "\u{2028}", "\u{2029}"];

/// A key that no text has.
const NOWHERE: &str = "\u{1}nowhere\u{1}";

/// Reads `data` in both dialects, writes what it says in every style, and reads that again.
pub fn check(data: &[u8]) {
    let limits = Limits::default();
    let _ = parse_documents_with_texts(data, &[&["metadata"], &["annotations"]], &limits);
    // Asked for texts, the reader takes the slow way; where there are none, that gives the same.
    let slowly = parse_documents_with_texts(data, &[&[NOWHERE]], &limits);
    assert_eq!(parse_documents_as(data, Dialect::Kustomize, &limits), slowly);
    for dialect in [Dialect::Kustomize, Dialect::Kubernetes] {
        let Ok(documents) = parse_documents_as(data, dialect, &limits) else { continue };
        let values: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
        for value in &values {
            assert_same(&to_string(value), std::slice::from_ref(value), dialect);
        }
        assert_same(&write_documents(&values), &values, dialect);
        if dialect == Dialect::Kustomize {
            values.iter().for_each(|value| assert_same(&to_pretty_string(value), std::slice::from_ref(value), dialect));
        }
    }
}

fn assert_same(text: &str, values: &[Value], dialect: Dialect) {
    let holds_old = |value: &Value| OLD_BREAKS.iter().any(|old| value.to_string().contains(old));
    if values.iter().any(holds_old) {
        return;
    }
    // What was written can be longer than what was read.
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let read = parse_documents_as(text.as_bytes(), dialect, &limits)
        .unwrap_or_else(|error| panic!("{error} in what was written of {values:?}:\n{text}"));
    let read: Vec<&Value> = read.iter().map(|Document { value, .. }| value).collect();
    assert_eq!(read, values.iter().collect::<Vec<_>>(), "{dialect:?}: {text}");
}
