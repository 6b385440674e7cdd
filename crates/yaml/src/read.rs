//! Reads documents from the events of a YAML parser.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use crate::resolve::{self, Dialect, Plain};
use crate::{Limits, Problem, YamlError, block, number};

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What the document says.
    pub value: Value,
    /// The line on which its content starts, counted from 1.
    pub line: usize,
}

/// The documents of `text` as kustomize reads them; empty ones are left out.
pub fn parse_documents(text: &[u8], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    parse_documents_as(text, Dialect::Kustomize, limits)
}

/// As [`parse_documents`], but scalars of the mapping at `path` are texts as they were written, `1.10` and `null`
/// included: kustomize takes annotations so.
pub fn parse_documents_with_texts(text: &[u8], path: &[&str], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    read(text, Dialect::Kustomize, path, limits)
}

/// The documents of `text`, plain scalars read as `dialect` has it; empty ones are left out.
pub fn parse_documents_as(text: &[u8], dialect: Dialect, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    read(text, dialect, &[], limits)
}

fn read(text: &[u8], dialect: Dialect, texts: &[&str], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    let start = Marker::new(0, 1, 0);
    if text.len() > limits.bytes {
        return Err(at(start, Problem::TooLarge { size: text.len(), limit: limits.bytes }));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|error| encoding(text, error.valid_up_to()))?;
    block::read(text, dialect, texts, limits).map_or_else(|| parse_all(text, dialect, texts, limits), Ok)
}

/// As [`read`], with a parser for all of YAML.
pub(crate) fn parse_all(
    text: &str,
    dialect: Dialect,
    texts: &[&str],
    limits: &Limits,
) -> Result<Vec<Document>, YamlError> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reader = Reader {
        dialect,
        texts,
        limits,
        // The parser reads a line break behind the last line that libyaml does not.
        open_end: (!text.ends_with('\n')).then(|| text.chars().count()),
        expanded: 0,
        anchors: HashMap::new(),
        open: Vec::new(),
        root: None,
    };
    let mut documents = Vec::new();
    let mut count = 0;
    for event in Parser::<StrInput>::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(syntax)?;
        if matches!(event, Event::DocumentStart(..)) {
            count += 1;
            if count > limits.documents {
                return Err(at(span.start, Problem::TooManyDocuments { limit: limits.documents }));
            }
        }
        reader.event(event, span)?;
        if let Some(document) = reader.root.take() {
            reader.anchors.clear();
            if !document.value.is_null() {
                documents.push(document);
            }
        }
    }
    Ok(documents)
}

fn at(marker: Marker, problem: Problem) -> YamlError {
    YamlError { line: marker.line(), column: marker.col() + 1, problem }
}

fn syntax(error: ScanError) -> YamlError {
    at(*error.marker(), Problem::Syntax(error.info()))
}

fn encoding(text: &[u8], offset: usize) -> YamlError {
    let before = &text[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    YamlError { line, column, problem: Problem::Encoding }
}

/// A finished value with what is needed to bound its copies.
#[derive(Clone)]
struct Node {
    value: Value,
    /// Nodes plus bytes of text.
    weight: usize,
    /// Collections inside each other; 0 for a scalar.
    depth: usize,
}

/// A key of a mapping.
enum Key {
    Name(String),
    /// The plain key `<<`.
    Merge,
}

/// A collection that is being read.
struct Open {
    marker: Marker,
    anchor: usize,
    weight: usize,
    depth: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Value>),
    Mapping { map: Map<String, Value>, key: Option<Key>, merge: Option<Value> },
}

struct Reader<'a> {
    dialect: Dialect,
    /// The path of the mapping whose scalars are texts; empty where there is none.
    texts: &'a [&'a str],
    limits: &'a Limits,
    /// Where the text ends, in characters, if not with a line break.
    open_end: Option<usize>,
    /// What aliases and merge keys have added so far.
    expanded: usize,
    anchors: HashMap<usize, Node>,
    open: Vec<Open>,
    root: Option<Document>,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let marker = span.start;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.takes_key() {
                    return self.key(&text, style, marker);
                }
                let mut text = self.without_added_break(text, style, span);
                if style == ScalarStyle::Folded && self.dialect == Dialect::Kustomize {
                    text = Cow::Owned(refolded(&text));
                }
                let value = if self.is_text(tag.as_deref()) {
                    // A value that was left out reads as `~`, but covers nothing.
                    Value::from(if span.is_empty() { "" } else { &*text })
                } else {
                    self.scalar(&text, style, tag.as_deref(), marker)?
                };
                self.finish(Node { value, weight: 1 + text.len(), depth: 0 }, anchor, marker)
            }
            Event::Alias(anchor) => self.alias(anchor, marker),
            Event::SequenceStart(_, anchor, _) => self.start(anchor, marker, Content::Sequence(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.start(anchor, marker, Content::Mapping { map: Map::new(), key: None, merge: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    /// Whether a scalar that comes now is a text whatever it looks like.
    fn is_text(&self, tag: Option<&Tag>) -> bool {
        let is_at = |(open, name): (&Open, &&str)| {
            let Content::Mapping { key: Some(Key::Name(key)), .. } = &open.content else { return false };
            key == name
        };
        tag.is_none()
            && !self.texts.is_empty()
            && self.open.len() == self.texts.len() + 1
            && self.open.iter().zip(self.texts).all(is_at)
            && matches!(self.open.last(), Some(Open { content: Content::Mapping { .. }, .. }))
    }

    /// A block that is the last of a text without a final line break has none either.
    fn without_added_break<'t>(&self, text: Cow<'t, str>, style: ScalarStyle, span: Span) -> Cow<'t, str> {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if is_block && self.open_end.is_some_and(|end| span.end.index() >= end) && text.ends_with('\n') {
            return Cow::Owned(text.trim_end_matches('\n').to_owned());
        }
        text
    }

    fn takes_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn start(&mut self, anchor: usize, marker: Marker, content: Content) -> Result<(), YamlError> {
        if self.takes_key() {
            return Err(at(marker, Problem::ComplexKey));
        }
        if self.open.len() >= self.limits.depth {
            return Err(at(marker, Problem::TooDeep { limit: self.limits.depth }));
        }
        self.open.push(Open { marker, anchor, weight: 1, depth: 1, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { marker, anchor, weight, depth, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::Sequence(items) => Value::Array(items),
            Content::Mapping { mut map, merge, .. } => {
                if let Some(merge) = merge {
                    merge_into(&mut map, merge).ok_or_else(|| at(marker, Problem::Merge))?;
                }
                Value::Object(map)
            }
        };
        self.finish(Node { value, weight, depth }, anchor, marker)
    }

    /// Puts a finished value in its place.
    fn finish(&mut self, node: Node, anchor: usize, marker: Marker) -> Result<(), YamlError> {
        if anchor != 0 {
            self.spend(node.weight, marker)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(Document { value: node.value, line: marker.line() });
            return Ok(());
        };
        parent.weight += node.weight;
        parent.depth = parent.depth.max(node.depth + 1);
        match &mut parent.content {
            Content::Sequence(items) => items.push(node.value),
            Content::Mapping { map, key, merge } => match key.take() {
                Some(Key::Name(name)) => {
                    map.insert(name, node.value);
                }
                Some(Key::Merge) => *merge = Some(node.value),
                None => {}
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, marker: Marker) -> Result<(), YamlError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(at(marker, Problem::RecursiveAlias));
        };
        if self.open.len() + node.depth > self.limits.depth {
            return Err(at(marker, Problem::TooDeep { limit: self.limits.depth }));
        }
        let weight = node.weight;
        self.spend(weight, marker)?;
        let node = self.anchors.get(&anchor).cloned().ok_or_else(|| at(marker, Problem::RecursiveAlias))?;
        if self.takes_key() {
            return match node.value {
                Value::String(name) => self.named(Key::Name(name), marker),
                Value::Number(number) => self.named(Key::Name(number.to_string()), marker),
                Value::Bool(value) => self.named(Key::Name(value.to_string()), marker),
                _ => Err(at(marker, Problem::ComplexKey)),
            };
        }
        self.finish(node, 0, marker)
    }

    /// Accounts for a copy before it is made.
    fn spend(&mut self, weight: usize, marker: Marker) -> Result<(), YamlError> {
        self.expanded = self.expanded.saturating_add(weight);
        if self.expanded > self.limits.expansion {
            return Err(at(marker, Problem::Expansion { limit: self.limits.expansion }));
        }
        Ok(())
    }

    fn key(&mut self, text: &str, style: ScalarStyle, marker: Marker) -> Result<(), YamlError> {
        if style != ScalarStyle::Plain {
            return self.named(Key::Name(text.to_owned()), marker);
        }
        if text == "<<" {
            return self.named(Key::Merge, marker);
        }
        self.named(Key::Name(key_name(text, self.dialect)), marker)
    }

    fn named(&mut self, name: Key, marker: Marker) -> Result<(), YamlError> {
        let dialect = self.dialect;
        let Some(Open { content: Content::Mapping { map, key, merge }, weight, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        let duplicate = match &name {
            Key::Name(name) => {
                *weight += 1 + name.len();
                // sigs.k8s.io/yaml takes the last of two.
                let strict = dialect == Dialect::Kustomize;
                (strict && map.contains_key(name)).then(|| name.clone())
            }
            Key::Merge => merge.is_some().then(|| "<<".to_owned()),
        };
        match duplicate {
            Some(key) => Err(at(marker, Problem::DuplicateKey { key })),
            None => {
                *key = Some(name);
                Ok(())
            }
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, marker: Marker) -> Result<Value, YamlError> {
        // A tag that is not YAML's own makes a text of the scalar.
        let tag = tag.map(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:").unwrap_or_default());
        let plain = |text: &str| {
            let resolved = resolve::resolve(text, self.dialect).into_value(text, self.dialect);
            resolved.ok_or_else(|| at(marker, Problem::NotJson))
        };
        let misfit = |tag: &str| at(marker, Problem::Tag { tag: tag.to_owned() });
        match tag.as_deref() {
            None if style == ScalarStyle::Plain => plain(text),
            Some(tag @ ("int" | "bool" | "null" | "float")) => {
                let value = plain(text)?;
                let fits = match tag {
                    "int" => value.is_i64() || value.is_u64(),
                    "bool" => value.is_boolean(),
                    "null" => value.is_null(),
                    _ => value.is_number(),
                };
                if fits { Ok(value) } else { Err(misfit(tag)) }
            }
            Some("timestamp") => plain(text),
            Some("binary") => {
                let bytes = decode_base64(text).ok_or_else(|| misfit("binary"))?;
                Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
            }
            _ => Ok(Value::String(text.to_owned())),
        }
    }
}

/// The key that the plain scalar `text` is.
pub(crate) fn key_name(text: &str, dialect: Dialect) -> String {
    // sigs.k8s.io/yaml gives such keys the form that they have as values, kustomize the one they were written in.
    if dialect == Dialect::Kustomize {
        return text.to_owned();
    }
    match resolve::resolve(text, dialect) {
        Plain::Bool(value) => value.to_string(),
        Plain::Integer(number) => number.to_string(),
        Plain::Float(value) => match number::json(value) {
            Value::Number(number) => number::print(&number),
            _ => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

/// What becomes of a folded text when kustomize writes it and reads it again, as it does with every object: a line break
/// before a line that begins with a space is doubled, unless the line before it begins with one too.
fn refolded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut at_start, mut is_indented) = (true, false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\n' {
            let mut breaks = 1;
            while characters.next_if_eq(&'\n').is_some() {
                breaks += 1;
            }
            let doubles = !at_start && !is_indented && characters.peek() == Some(&' ');
            out.extend(std::iter::repeat_n('\n', breaks + usize::from(doubles)));
            at_start = true;
        } else {
            if std::mem::take(&mut at_start) {
                is_indented = c == ' ';
            }
            out.push(c);
        }
    }
    out
}

/// Adds what `map` does not say itself from the merged mappings, the first of which wins; `None` where there is
/// something else to merge.
fn merge_into(map: &mut Map<String, Value>, merge: Value) -> Option<()> {
    let sources = match merge {
        Value::Array(sources) => sources,
        source => vec![source],
    };
    for source in sources {
        let Value::Object(source) = source else {
            return None;
        };
        for (key, value) in source {
            map.entry(key).or_insert(value);
        }
    }
    Some(())
}

/// The bytes of standard base64 with padding; line breaks are skipped.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = digits.get(..digits.len().checked_sub(padding)?).filter(|_| padding <= 2)?;
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for digit in digits {
        let sextet = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<Value> {
        let documents = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
        documents.into_iter().map(|document| document.value).collect()
    }

    fn fails(text: &str) -> YamlError {
        parse_documents(text.as_bytes(), &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_block_at_the_end_ends_as_the_text_does() {
        assert_eq!(read("a: |\n  b")[0], json!({"a": "b"}));
        assert_eq!(read("a: |\n  b\n")[0], json!({"a": "b\n"}));
        assert_eq!(read("a: >\n  b\n  é")[0], json!({"a": "b é"}));
        assert_eq!(read("- |+\n  b")[0], json!(["b"]));
        assert_eq!(read("a: |\n  b\nc: d")[0], json!({"a": "b\n", "c": "d"}));
        assert_eq!(read("a:\n- b: |\n    x\n    y")[0], json!({"a": [{"b": "x\ny"}]}));
    }

    #[test]
    fn folded_blocks_mean_what_kustomize_makes_of_them() {
        let text = ">-\n  first(c,\n    more\n      and more\n  )\n  end\n";
        assert_eq!(read(&format!("a: {text}"))[0], json!({"a": "first(c,\n\n  more\n    and more\n) end"}));
        let kubernetes = parse_documents_as(text.as_bytes(), Dialect::Kubernetes, &Limits::default()).unwrap();
        assert_eq!(kubernetes[0].value, json!("first(c,\n  more\n    and more\n) end"));
    }

    #[test]
    fn documents_keep_their_lines_and_empty_ones_are_left_out() {
        let text = "# only a comment\n---\n---\n# first\na: 1\n--- # second\nb: 2\n...\n---\n";
        let documents = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = documents.into_iter().map(|document| (document.line, document.value)).collect();
        assert_eq!(found, [(5, json!({"a": 1})), (7, json!({"b": 2}))]);
    }

    #[test]
    fn anchors_aliases_and_merge_keys_are_resolved() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: {<<: *b}\ne: [*a]\n";
        let c = json!({"x": 9, "y": 2, "z": 4});
        let value = &read(text)[0];
        assert_eq!(value["c"], c);
        assert_eq!(value["d"], json!({"y": 3, "z": 4}));
        assert_eq!(value["e"], json!([{"x": 1, "y": 2}]));
        assert_eq!(fails("a: 1\n<<: 2\n").problem, Problem::Merge);
        assert_eq!(fails("a: &a [*a]\n").problem, Problem::RecursiveAlias);
    }

    #[test]
    fn a_byte_order_mark_and_json_are_read() {
        assert_eq!(read("\u{feff}a: 1\n"), [json!({"a": 1})]);
        assert_eq!(read("{\n\t\"a\": [1, \"b\\n\", null, true, 1.5e3],\n\t\"b\": {}\n}\n")[0]["a"][4], json!(1500));
    }

    #[test]
    fn tags_are_heeded() {
        let text = "[!!str 1, !!int \"12\", !!binary aGVsbG8=, !!float 1, !foo 7, !!null '', !!str]";
        assert_eq!(read(text), [json!(["1", 12, "hello", 1, "7", null, ""])]);
        let error = fails("a: !!int x\n");
        assert_eq!(error.to_string(), "line 1, column 10: the value is not what its tag !!int says");
    }

    #[test]
    fn scalars_can_be_asked_for_as_texts() {
        let text =
            b"m:\n  a:\n    x: 1.10\n    y: null\n    z:\n    d: 2001-01-01\n    q: 'it'\n    l: [1]\n  b: {x: 1}\n";
        let read = parse_documents_with_texts(text, &["m", "a"], &Limits::default()).unwrap();
        let a = json!({"x": "1.10", "y": "null", "z": "", "d": "2001-01-01", "q": "it", "l": [1]});
        assert_eq!(read[0].value, json!({"m": {"a": a, "b": {"x": 1}}}));
    }

    #[test]
    fn errors_name_the_place() {
        let duplicate = fails("a: 1\nb:\n  c: 1\n  c: 2\n");
        assert_eq!((duplicate.line, duplicate.column), (4, 3));
        assert_eq!(duplicate.problem, Problem::DuplicateKey { key: "c".into() });
        let lenient = parse_documents_as(b"c: 1\nc: 2\n", Dialect::Kubernetes, &Limits::default()).unwrap();
        assert_eq!(lenient[0].value, json!({"c": 2}));
        assert_eq!(fails("a: 1\n b: 2\n").line, 2);
        assert_eq!(fails("a:\n\tb: 1\n").line, 2);
        assert_eq!(fails("a: .inf").problem, Problem::NotJson);
        assert_eq!(fails("[a]: 1\n").problem, Problem::ComplexKey);
        let latin = parse_documents(b"a: 1\nb: \xe9\n", &Limits::default()).unwrap_err();
        assert_eq!((latin.line, latin.column, latin.problem), (2, 4, Problem::Encoding));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert!(matches!(fails(&text).problem, Problem::Expansion { .. }));
        let chain: String = (1..400).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1)).collect();
        assert!(matches!(fails(&format!("a0: &a0 x\n{chain}")).problem, Problem::TooDeep { .. }));
    }

    #[test]
    fn depth_documents_and_size_are_bounded() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(matches!(fails(&deep).problem, Problem::TooDeep { .. }));
        let block: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(parse_documents(block.as_bytes(), &Limits::default()).is_err());
        let limits = Limits { bytes: 10, documents: 2, ..Limits::default() };
        let error = |text: &str| parse_documents(text.as_bytes(), &limits).unwrap_err().problem;
        assert!(matches!(error("a: 1234567890"), Problem::TooLarge { .. }));
        assert!(matches!(error("1\n---\n---\n"), Problem::TooManyDocuments { .. }));
    }
}
