//! Fields without a value: `field:` and nothing behind it.
//!
//! They are null as `field: null` is, but a strategic merge patch that goes over an object takes them away and leaves
//! the others. They are rare, so the text is looked at again only where there may be some.

use std::collections::BTreeMap;

use cowherd_yaml::{Limits, parse_documents_with_texts};
use serde_json::{Map, Value};

/// How often the text of one file is read again.
const MAX_READS: usize = 32;

/// Whether `text` may have fields without a value: a line ends with a colon, and the next one is not further in.
pub(crate) fn may_be_in(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let mut open: Option<usize> = None;
    for line in lines {
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        // The items of a list may stand where its name does.
        let is_item = line.trim_ascii_start().starts_with(b"-") && !line.starts_with(b"---");
        if open.is_some_and(|open| indent < open || (indent == open && !is_item)) {
            return true;
        }
        open = line.trim_ascii_end().ends_with(b":").then_some(indent);
    }
    open.is_some()
}

/// Reads the same file again and again, within bounds.
pub(crate) struct Blanks<'a> {
    text: &'a [u8],
    limits: &'a Limits,
    reads: usize,
}

impl<'a> Blanks<'a> {
    pub(crate) fn new(text: &'a [u8], limits: &'a Limits) -> Self {
        Self { text, limits, reads: 0 }
    }

    /// The fields without a value of the object that begins at `line`, as RFC 6901 writes the way to them. Those in
    /// lists are not looked for.
    pub(crate) fn of(&mut self, value: &Value, line: usize) -> Vec<String> {
        let mut nulls: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        if let Value::Object(map) = value {
            collect(map, &mut Vec::new(), &mut nulls);
        }
        let mut blanks = Vec::new();
        for (parent, names) in nulls {
            if parent.is_empty() {
                let is_blank = |name: &&str| self.stands_alone(name, line);
                blanks.extend(names.into_iter().filter(is_blank).map(|name| format!("/{}", escaped(name))));
                continue;
            }
            self.reads += 1;
            if self.reads > MAX_READS {
                break;
            }
            let path: Vec<&[&str]> = parent.iter().map(std::slice::from_ref).collect();
            let documents = parse_documents_with_texts(self.text, &path, self.limits).unwrap_or_default();
            let document = documents.into_iter().find(|document| document.line == line);
            let pointer: String = parent.iter().map(|name| format!("/{}", escaped(name))).collect();
            let mapping = document.as_ref().and_then(|document| document.value.pointer(&pointer));
            let is_blank = |name: &&str| mapping.and_then(|mapping| mapping.get(name)).is_some_and(|text| text == "");
            blanks.extend(names.into_iter().filter(is_blank).map(|name| format!("{pointer}/{}", escaped(name))));
        }
        blanks
    }

    /// Whether the document that begins at `line` has the outermost field `name` alone on a line.
    fn stands_alone(&self, name: &str, line: usize) -> bool {
        let lines = self.text.split(|byte| *byte == b'\n').skip(line.saturating_sub(1));
        let document = lines.take_while(|line| !line.starts_with(b"---"));
        document.into_iter().any(|line| line.trim_ascii_end().strip_suffix(b":") == Some(name.as_bytes()))
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn collect<'v>(map: &'v Map<String, Value>, path: &mut Vec<&'v str>, nulls: &mut BTreeMap<Vec<&'v str>, Vec<&'v str>>) {
    for (name, value) in map {
        match value {
            Value::Null => nulls.entry(path.clone()).or_default().push(name),
            Value::Object(map) => {
                path.push(name);
                collect(map, path, nulls);
                path.pop();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_nothing_behind_it_is_blank() {
        let text = b"a:\n  b:\n  c: null\n  d: ~\n  e: {f: }\nlist: [{x: }]\nz:\n";
        assert!(may_be_in(text));
        let value = cowherd_yaml::parse_documents(text, &Limits::default()).unwrap().remove(0);
        let found = Blanks::new(text, &Limits::default()).of(&value.value, value.line);
        assert_eq!(found, ["/z", "/a/b", "/a/e/f"]);
        for text in ["a:\n  b: null\n", "c:\n- d\n---\nx: y\n"] {
            assert!(!may_be_in(text.as_bytes()), "{text}");
        }
    }
}
