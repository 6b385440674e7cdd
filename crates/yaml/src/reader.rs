//! Makes documents of the events of a YAML parser.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use granit_parser::{Event, Marker, ScalarStyle, Span, StructureStyle, Tag};
use serde_json::{Map, Value};

use crate::older::TabbedLines;
use crate::read::Document;
use crate::resolve::{self, Dialect, Plain};
use crate::{Limits, Problem, Weight, YamlError, number};

/// The namespace of YAML's own tags.
const YAML: &str = "tag:yaml.org,2002:";

pub(crate) fn at(marker: Marker, problem: Problem) -> YamlError {
    YamlError { line: marker.line(), column: marker.col() + 1, problem }
}

/// A finished value with what is needed to bound its copies.
#[derive(Clone)]
struct Node {
    value: Value,
    /// A scalar that an anchor names, as it was written.
    text: Option<String>,
    /// Nodes plus bytes of text.
    weight: usize,
    /// Collections inside each other; 0 for a scalar.
    depth: usize,
}

impl Node {
    fn scalar(value: Value, written: Option<&str>, length: usize) -> Self {
        Self { value, text: written.map(str::to_owned), weight: 1 + length, depth: 0 }
    }
}

/// A key of a mapping.
enum Key {
    Name(String),
    /// The plain key `<<`.
    Merge,
    /// The key `<<` as a text: kustomize takes merge keys away by their name.
    Nothing,
}

/// A collection that is being read.
struct Open {
    is_flow: bool,
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

/// The end of a text.
struct End {
    /// How many characters there are.
    index: usize,
    /// The number of the last line, counted from 1.
    line: usize,
    /// The last line has nothing but spaces.
    is_blank: bool,
}

impl End {
    fn of(text: &str) -> Self {
        Self {
            index: text.chars().count(),
            line: text.matches('\n').count() + 1,
            is_blank: text.rsplit('\n').next().is_some_and(is_blank),
        }
    }
}

pub(crate) struct Reader<'a> {
    dialect: Dialect,
    /// The path of the mapping whose scalars are texts; empty where there is none.
    texts: &'a [&'a [&'a str]],
    limits: &'a Limits,
    /// Where the text ends, if not with a line break.
    open_end: Option<End>,
    tabbed: &'a TabbedLines,
    /// What aliases and merge keys have added so far.
    expanded: usize,
    /// What all that is read may take yet.
    weight: Weight,
    anchors: HashMap<usize, Node>,
    open: Vec<Open>,
    root: Option<Document>,
}

impl<'a> Reader<'a> {
    /// Reads scalars as `dialect` has it, but those of the mapping at the path `texts` as texts.
    pub(crate) fn new(
        text: &str,
        dialect: Dialect,
        texts: &'a [&'a [&'a str]],
        limits: &'a Limits,
        tabbed: &'a TabbedLines,
    ) -> Self {
        Self {
            dialect,
            texts,
            limits,
            // The parser reads a line break behind the last line that libyaml does not.
            open_end: (!text.ends_with('\n')).then(|| End::of(text)),
            tabbed,
            expanded: 0,
            weight: Weight::new(limits.memory),
            anchors: HashMap::new(),
            open: Vec::new(),
            root: None,
        }
    }

    /// The document that was finished last.
    pub(crate) fn take_document(&mut self) -> Option<Document> {
        let document = self.root.take()?;
        self.anchors.clear();
        Some(document)
    }

    pub(crate) fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let marker = span.start;
        let begins = match event {
            Event::Scalar(..) => !span.is_empty(),
            Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..) => true,
            _ => false,
        };
        let in_flow = self.open.last().is_some_and(|open| open.is_flow);
        if begins && !in_flow && self.tabbed.begin_at(marker.line(), marker.col()) {
            return Err(at(marker, Problem::Tab));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.takes_key() {
                    if anchor != 0 {
                        let value = self.scalar(&text, style, tag.as_deref(), marker)?;
                        self.keep(anchor, Node::scalar(value, Some(&text), text.len()), marker)?;
                    }
                    return self.key(&text, style, tag.as_deref(), span);
                }
                let mut text = self.without_added_break(text, style, span);
                if style == ScalarStyle::Folded && self.dialect == Dialect::Kustomize {
                    text = Cow::Owned(refolded(&text));
                }
                // A value that was left out reads as `~`, but covers nothing.
                let written = if span.is_empty() { "" } else { &*text };
                let value = if anchor == 0 && self.is_text(tag.as_deref()) {
                    Value::from(written)
                } else {
                    self.scalar(&text, style, tag.as_deref(), marker)?
                };
                let named = (anchor != 0).then_some(written);
                let mut node = Node::scalar(value, named, text.len());
                if anchor != 0 {
                    // Elsewhere it may be what it means, whatever it is here.
                    self.keep(anchor, node.clone(), marker)?;
                    if self.is_text(tag.as_deref()) {
                        node.value = written.into();
                    }
                }
                self.finish(node, 0, marker)
            }
            Event::Alias(anchor) => self.alias(anchor, marker),
            Event::SequenceStart(style, anchor, _) => self.start(style, anchor, marker, Content::Sequence(Vec::new())),
            Event::MappingStart(style, anchor, _) => {
                self.start(style, anchor, marker, Content::Mapping { map: Map::new(), key: None, merge: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    /// Whether a scalar that comes now is a text whatever it looks like.
    fn is_text(&self, tag: Option<&Tag>) -> bool {
        let is_at = |(open, names): (&Open, &&[&str])| {
            let Content::Mapping { key: Some(Key::Name(key)), .. } = &open.content else { return false };
            names.contains(&key.as_str())
        };
        tag.is_none()
            && !self.texts.is_empty()
            && self.open.len() == self.texts.len() + 1
            && self.open.iter().zip(self.texts).all(is_at)
            && matches!(self.open.last(), Some(Open { content: Content::Mapping { .. }, .. }))
    }

    /// A block that is the last of a text without a final line break has none either, unless it ends before the last
    /// line.
    fn without_added_break<'t>(&self, text: Cow<'t, str>, style: ScalarStyle, span: Span) -> Cow<'t, str> {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let Some(end) = self.open_end.as_ref().filter(|end| is_block && span.end.index() >= end.index) else {
            return text;
        };
        let Some(shorter) = text.strip_suffix('\n') else { return text };
        // Where the content begins, or at the indicator if there is none.
        let breaks = end.line.saturating_sub(span.start.line());
        let content = text.trim_start_matches('\n');
        let is_added = match style {
            _ if content.is_empty() => text.len() >= breaks,
            ScalarStyle::Literal => content.matches('\n').count() > breaks,
            _ => !end.is_blank || shorter.rsplit('\n').next().is_some_and(is_blank),
        };
        if is_added { Cow::Owned(shorter.to_owned()) } else { text }
    }

    fn takes_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn start(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        marker: Marker,
        content: Content,
    ) -> Result<(), YamlError> {
        if self.takes_key() {
            return Err(at(marker, Problem::ComplexKey));
        }
        if self.open.len() >= self.limits.depth {
            return Err(at(marker, Problem::TooDeep { limit: self.limits.depth }));
        }
        let is_flow = style == StructureStyle::Flow;
        self.open.push(Open { is_flow, marker, anchor, weight: 1, depth: 1, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { marker, anchor, weight, depth, content, .. }) = self.open.pop() else {
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
        self.finish(Node { value, text: None, weight, depth }, anchor, marker)
    }

    /// Puts a finished value in its place.
    fn finish(&mut self, node: Node, anchor: usize, marker: Marker) -> Result<(), YamlError> {
        if anchor != 0 {
            self.keep(anchor, node.clone(), marker)?;
        }
        let too_heavy = self.too_heavy(marker);
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(Document { value: node.value, line: marker.line() });
            return Ok(());
        };
        parent.weight += node.weight;
        parent.depth = parent.depth.max(node.depth + 1);
        match &mut parent.content {
            Content::Sequence(items) => {
                self.weight.item(items.len()).map_err(|_| too_heavy)?;
                items.push(node.value);
            }
            Content::Mapping { map, key, merge } => match key.take() {
                Some(Key::Name(name)) => {
                    self.weight.entry(map.len()).map_err(|_| too_heavy)?;
                    map.insert(name, node.value);
                }
                Some(Key::Merge) => *merge = Some(node.value),
                Some(Key::Nothing) | None => {}
            },
        }
        Ok(())
    }

    /// Keeps what an anchor stands for.
    fn keep(&mut self, anchor: usize, node: Node, marker: Marker) -> Result<(), YamlError> {
        self.spend(node.weight, marker)?;
        self.bear(&node.value, marker)?;
        self.anchors.insert(anchor, node);
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
        let mut node = self.anchors.get(&anchor).cloned().ok_or_else(|| at(marker, Problem::RecursiveAlias))?;
        self.bear(&node.value, marker)?;
        if self.takes_key() {
            let written = node.text.filter(|_| self.dialect == Dialect::Kustomize && !node.value.is_null());
            return match written.map_or(node.value, Value::String) {
                Value::String(name) => self.named(Key::Name(name), marker),
                Value::Number(number) => self.named(Key::Name(number.to_string()), marker),
                Value::Bool(value) => self.named(Key::Name(value.to_string()), marker),
                _ => Err(at(marker, Problem::ComplexKey)),
            };
        }
        if let Some(text) = node.text.take().filter(|_| self.is_text(None)) {
            node.value = text.into();
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

    /// Counts what a copy takes in memory.
    fn bear(&mut self, copied: &Value, marker: Marker) -> Result<(), YamlError> {
        self.weight.whole(copied, usize::MAX).map_err(|_| self.too_heavy(marker))
    }

    fn too_heavy(&self, marker: Marker) -> YamlError {
        at(marker, Problem::TooHeavy { limit: self.limits.memory })
    }

    fn key(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<(), YamlError> {
        let marker = span.start;
        let is_plain = style == ScalarStyle::Plain;
        let is_merge = match tag {
            Some(tag) => tag.suffix_in_namespace(YAML).as_deref() == Some("merge"),
            None => is_plain,
        };
        match text {
            "<<" if is_merge => return self.named(Key::Merge, marker),
            "<<" if self.dialect == Dialect::Kustomize => return self.named(Key::Nothing, marker),
            _ if !is_plain || text == "<<" => return self.named(Key::Name(text.to_owned()), marker),
            _ => {}
        }
        let name = key_name(text, self.dialect).filter(|_| !span.is_empty());
        self.named(Key::Name(name.ok_or_else(|| at(marker, Problem::NullKey))?), marker)
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
            Key::Nothing => None,
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
        let tag = tag.map(|tag| tag.suffix_in_namespace(YAML).unwrap_or_default());
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

/// The key that the plain scalar `text` is; none for null.
pub(crate) fn key_name(text: &str, dialect: Dialect) -> Option<String> {
    // sigs.k8s.io/yaml gives such keys the form that they have as values, kustomize the one they were written in.
    if dialect == Dialect::Kustomize {
        return Some(text.to_owned());
    }
    Some(match resolve::resolve(text, dialect) {
        Plain::Null => return None,
        Plain::Bool(value) => value.to_string(),
        Plain::Integer(number) => number.to_string(),
        Plain::Float(value) => match number::json(value) {
            Value::Number(number) => number::print(&number),
            _ => text.to_owned(),
        },
        _ => text.to_owned(),
    })
}

/// Whether a line has nothing but spaces, and some of them.
fn is_blank(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte == b' ')
}

/// What becomes of a folded text when kustomize writes it and reads it again, as it does with every object: a line break
/// before a line that begins with a space is doubled, unless the line before it begins with one too; so are breaks at the
/// end that are kept.
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
            let doubles = !at_start && !is_indented && characters.peek().map_or(breaks > 1, |next| *next == ' ');
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
    // Bits behind the last byte are not looked at, as in Go.
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ')).collect();
    GeneralPurpose::new(&STANDARD, CONFIG).decode(digits).ok()
}
