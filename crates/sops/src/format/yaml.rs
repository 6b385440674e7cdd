//! YAML, in its order and with its comments.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_yaml::{Dialect, Plain};
use granit_parser::{Event, Parser, Placement, ScalarStyle, Span, StrInput, Tag};

use super::MAX_DEPTH;
use crate::tree::{Comment, Entry, Item, Map, Value};

/// The namespace of YAML's own tags.
const TAGS: &str = "tag:yaml.org,2002:";
/// The most documents in a file.
const MAX_DOCUMENTS: usize = 10_000;

/// The documents in `data`. What is wrong is told without quoting anything.
pub(super) fn read(data: &[u8]) -> Result<Vec<Map>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut reader = Reader::default();
    for event in Parser::<StrInput>::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            format!("line {}, column {} is no YAML", marker.line(), marker.col() + 1)
        })?;
        reader.event(event, span).map_err(|problem| format!("line {}: {problem}", span.start.line()))?;
    }
    Ok(reader.documents)
}

#[derive(Default)]
struct Reader {
    documents: Vec<Map>,
    open: Vec<Open>,
    /// Comments whose place is not known yet, with their columns.
    waiting: Vec<(usize, Comment)>,
}

/// A collection that is being read.
struct Open {
    column: usize,
    content: Content,
}

enum Content {
    /// The top of a document, in which one mapping may stand.
    Document(Map),
    List(Vec<Item>),
    Map {
        map: Map,
        keys: HashSet<String>,
        key: Option<String>,
    },
}

type Step = Result<(), &'static str>;

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Step {
        match event {
            Event::DocumentStart(..) => {
                if self.documents.len() >= MAX_DOCUMENTS {
                    return Err("there are too many documents");
                }
                self.open.push(Open { column: 0, content: Content::Document(Map::new()) });
                Ok(())
            }
            Event::DocumentEnd => self.end_document(),
            Event::Comment(text, placement) => {
                self.comment(text.into_owned(), placement == Placement::Right, span.start.col());
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 {
                    return Err("anchors are not read here; sops writes what they stand for");
                }
                let is_empty = span.is_empty();
                self.scalar(&text, style, tag.as_deref(), is_empty)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, span, Content::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, span, Content::Map { map: Map::new(), keys: HashSet::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_) => Err("aliases are not read here; sops writes what they stand for"),
            _ => Ok(()),
        }
    }

    fn comment(&mut self, text: String, is_inline: bool, column: usize) {
        let comment = Comment { text, is_inline };
        // Behind a value it stands before the value's key in the tree.
        if is_inline && self.waiting.is_empty() {
            match self.open.last_mut().map(|open| &mut open.content) {
                // Behind a key whose value begins on the next line.
                Some(Content::Map { map, key: Some(_), .. }) => {
                    return map.push(Entry::Comment(Comment { is_inline: false, ..comment }));
                }
                Some(Content::Map { map, key: None, .. }) if !map.is_empty() => {
                    return map.insert(map.len() - 1, Entry::Comment(comment));
                }
                Some(Content::List(items)) if !items.is_empty() => {
                    return items.insert(items.len() - 1, Item::Comment(comment));
                }
                _ => {}
            }
        }
        self.waiting.push((column, Comment { is_inline: false, ..comment }));
    }

    /// Puts the comments that wait at the end of the innermost collection: those from `column` on.
    fn place(&mut self, column: usize) {
        let Self { open, waiting, .. } = self;
        let Some(open) = open.last_mut() else { return };
        let count = waiting.iter().take_while(|(at, _)| *at >= column).count();
        for (_, comment) in waiting.drain(..count) {
            match &mut open.content {
                Content::Document(map) | Content::Map { map, .. } => map.push(Entry::Comment(comment)),
                Content::List(items) => items.push(Item::Comment(comment)),
            }
        }
    }

    fn takes_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, is_empty: bool) -> Step {
        if self.takes_key() {
            self.place(0);
            return self.key(text, style);
        }
        let value = if is_empty { Value::Null } else { meaning(text, style, tag)? };
        self.finish(value)
    }

    fn key(&mut self, text: &str, style: ScalarStyle) -> Step {
        let is_text = style != ScalarStyle::Plain || cowherd_yaml::resolve(text, Dialect::Kustomize) == Plain::Text;
        if !is_text {
            return Err("a key is no text");
        }
        let Some(Open { content: Content::Map { keys, key, .. }, .. }) = self.open.last_mut() else { return Ok(()) };
        if !keys.insert(text.to_owned()) {
            return Err("a key is there twice");
        }
        *key = Some(text.to_owned());
        Ok(())
    }

    fn begin(&mut self, anchor: usize, span: Span, content: Content) -> Step {
        if self.takes_key() {
            return Err("a key is no text");
        }
        if anchor != 0 {
            return Err("anchors are not read here; sops writes what they stand for");
        }
        if self.open.len() > MAX_DEPTH {
            return Err("it is too deep");
        }
        if matches!(self.open.last(), Some(Open { content: Content::List(_), .. })) {
            self.place(0);
        }
        self.open.push(Open { column: span.start.col(), content });
        Ok(())
    }

    fn end(&mut self) -> Step {
        let column = self.open.last().map_or(0, |open| open.column);
        self.place(column.max(1));
        match self.open.pop().map(|open| open.content) {
            Some(Content::List(items)) => self.finish(Value::List(items)),
            Some(Content::Map { map, .. }) => self.finish(Value::Map(map)),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, value: Value) -> Step {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::Map { map, key, .. }) => map.extend(key.take().map(|key| Entry::Pair(key, value))),
            Some(Content::List(items)) => {
                let before = std::mem::take(&mut self.waiting);
                if !matches!(value, Value::List(_) | Value::Map(_)) {
                    items.extend(before.into_iter().map(|(_, comment)| Item::Comment(comment)));
                } else {
                    self.waiting = before;
                }
                items.push(Item::Value(value));
            }
            Some(Content::Document(map)) => match value {
                Value::Map(entries) => map.extend(entries),
                Value::Null => {}
                _ => return Err("a document is no mapping"),
            },
            None => {}
        }
        Ok(())
    }

    fn end_document(&mut self) -> Step {
        self.place(0);
        if let Some(Open { content: Content::Document(map), .. }) = self.open.pop() {
            self.documents.push(map);
        }
        Ok(())
    }
}

/// What a scalar means.
fn meaning(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, &'static str> {
    let tag = tag.map(|tag| tag.suffix_in_namespace(TAGS).unwrap_or_default());
    match tag.as_deref() {
        Some("binary") => {
            let digits: String = text.split_whitespace().collect();
            return BASE64_STANDARD.decode(digits).map(Value::of_bytes).map_err(|_| "!!binary is no base64");
        }
        Some("int" | "bool" | "null" | "float" | "timestamp") => {}
        None if style == ScalarStyle::Plain => {}
        _ => return Ok(Value::Text(text.to_owned())),
    }
    Ok(match cowherd_yaml::resolve(text, Dialect::Kustomize) {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(value),
        Plain::Integer(number) => Value::Int(number.as_i64().ok_or("a whole number has more than 64 bits")?),
        Plain::Float(value) => Value::Float(value),
        Plain::NotJson => return Err("a number is infinite, or none"),
        Plain::Timestamp(time) => Value::Time(time),
        Plain::Text => Value::Text(text.to_owned()),
    })
}
