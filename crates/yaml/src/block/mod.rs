//! Reads the YAML that most manifests are made of, many times faster than a parser for all of YAML does.
//!
//! That is mappings and lists in block style, plain and quoted scalars, literal blocks, comments, and short lists in
//! brackets. Whatever else there is (anchors, tags, folded blocks, odd indentation, every error) makes the reader give
//! up, and the whole text goes to the parser: what is read here means the same there.

mod lines;
mod scalar;

use serde_json::{Map, Value};

use self::lines::{Line, Lines};
use crate::read::Document;
use crate::reader::key_name;
use crate::resolve::{self, Dialect};
use crate::{Limits, Weight};

/// The deepest that collections are read here, whatever the limits say: the reader calls itself.
const MAX_DEPTH: usize = 100;

/// The documents of `text` without empty ones; `None` where the reader gives up. Scalars of the mapping at the path
/// `texts`, if it is not empty, are texts as they were written.
pub(crate) fn read(text: &str, dialect: Dialect, texts: &[&[&str]], limits: &Limits) -> Option<Vec<Document>> {
    let texts = Texts(Some(texts).filter(|path| !path.is_empty()));
    let mut reader = Reader::new(text, dialect, limits)?;
    let mut documents = Vec::new();
    let (mut markers, mut last) = (0, (0, 1));
    loop {
        if reader.lines.current.is_marker {
            markers += 1;
            reader.lines.advance()?;
        } else if reader.lines.current.indent >= 0 {
            let line = reader.lines.number(last);
            last = (reader.lines.current.start, line);
            let value = reader.node(0, texts)?;
            documents.push(Document { value, line });
            if reader.lines.current.indent >= 0 {
                return None;
            }
        } else {
            break;
        }
    }
    // Every marker begins a document, and one may begin without.
    (markers < limits.documents).then_some(documents)
}

/// The first document of `text`, `None` inside if it is empty; `None` where the reader gives up.
pub(crate) fn read_first(text: &str, dialect: Dialect, limits: &Limits) -> Option<Option<Document>> {
    let mut reader = Reader::new(text, dialect, limits)?;
    if reader.lines.current.is_marker {
        reader.lines.advance()?;
    }
    if reader.lines.current.indent < 0 {
        return Some(None);
    }
    let line = reader.lines.number((0, 1));
    let value = reader.node(0, Texts::NONE)?;
    (reader.lines.current.indent < 0).then_some(Some(Document { value, line }))
}

/// The rest of a path to the mapping whose scalars are texts, from where it was followed to; nothing off the path.
#[derive(Clone, Copy)]
struct Texts<'p>(Option<&'p [&'p [&'p str]]>);

impl Texts<'_> {
    const NONE: Self = Self(None);

    /// Whether this is the mapping.
    fn are_here(self) -> bool {
        self.0.is_some_and(<[_]>::is_empty)
    }

    fn below(self, key: &str) -> Self {
        let followed = self.0.and_then(<[_]>::split_first).filter(|(names, _)| names.contains(&key));
        Self(followed.map(|(_, rest)| rest))
    }
}

struct Reader<'t> {
    lines: Lines<'t>,
    dialect: Dialect,
    max_depth: usize,
    /// What all that is read may take yet.
    weight: Weight,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, dialect: Dialect, limits: &Limits) -> Option<Self> {
        let (max_depth, weight) = (limits.depth.min(MAX_DEPTH), Weight::new(limits.memory));
        Some(Self { lines: Lines::new(text)?, dialect, max_depth, weight })
    }

    /// The collection that begins on the current line; `depth` is how many there are around it.
    fn node(&mut self, depth: usize, texts: Texts<'_>) -> Option<Value> {
        if depth >= self.max_depth {
            return None;
        }
        if self.lines.current.is_item(self.lines.bytes) { self.list(depth + 1) } else { self.mapping(depth + 1, texts) }
    }

    fn mapping(&mut self, depth: usize, texts: Texts<'_>) -> Option<Value> {
        let indent = self.lines.current.indent;
        let mut map = Map::new();
        loop {
            let (key, end) = self.key(self.lines.current)?;
            let value = match self.entry(end, indent, depth, texts.are_here(), texts.below(&key))? {
                // What was left out is an empty text where texts are.
                None if texts.are_here() => Value::from(""),
                value => value.unwrap_or_default(),
            };
            self.weight.entry(map.len()).ok()?;
            if map.insert(key, value).is_some() && self.dialect == Dialect::Kustomize {
                return None;
            }
            let next = self.lines.current;
            if next.indent < indent {
                return Some(Value::Object(map));
            }
            if next.indent > indent {
                return None;
            }
        }
    }

    /// The key at the start of `line` and where the colon behind it ends; `None` where there is none.
    fn key(&self, line: Line) -> Option<(String, usize)> {
        let text = self.lines.bytes.get(line.start..line.end)?;
        let (name, length) = match text {
            [quote @ (b'"' | b'\''), rest @ ..] => {
                let length = rest.iter().position(|byte| byte == quote || *byte == b'\\')?;
                if rest.get(length) != Some(quote) {
                    return None;
                }
                let name = self.lines.text.get(line.start + 1..line.start + 1 + length)?;
                // What quotes make of a merge key is not the same to everybody.
                (Some(name).filter(|name| *name != "<<")?.to_owned(), length + 2)
            }
            [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'/' | b'.', ..] => {
                let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'-');
                let length = text.iter().take_while(is_name).count();
                let name = self.lines.text.get(line.start..line.start + length)?;
                (key_name(name, self.dialect)?, length)
            }
            _ => return None,
        };
        // A key that is longer is none to the parser.
        let is_key = length < 1000 && matches!(text.get(length..), Some([b':'] | [b':', b' ', ..]));
        is_key.then_some((name, line.start + length + 1))
    }

    /// The value of a key that stands on the current line up to `from`, in a mapping at `indent`; `None` inside where
    /// there is none.
    fn entry(
        &mut self,
        from: usize,
        indent: isize,
        depth: usize,
        is_text: bool,
        texts: Texts<'_>,
    ) -> Option<Option<Value>> {
        let from = self.lines.skip_spaces(from);
        if !self.lines.is_blank(from) {
            return self.scalar(from, indent, is_text).map(Some);
        }
        self.lines.advance()?;
        let next = self.lines.current;
        if next.indent > indent || (next.indent == indent && next.is_item(self.lines.bytes)) {
            return self.node(depth, texts).map(Some);
        }
        Some(None)
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let indent = self.lines.current.indent;
        let mut items = Vec::new();
        loop {
            self.weight.item(items.len()).ok()?;
            items.push(self.item(indent, depth)?);
            let next = self.lines.current;
            if next.indent == indent && next.is_item(self.lines.bytes) {
                continue;
            }
            // A mapping may go on where a list ends that stands no deeper than its key.
            return (next.indent <= indent).then_some(Value::Array(items));
        }
    }

    fn item(&mut self, indent: isize, depth: usize) -> Option<Value> {
        let line = self.lines.current;
        let from = self.lines.skip_spaces(line.start + 1);
        if self.lines.is_blank(from) {
            self.lines.advance()?;
            return if self.lines.current.indent > indent { self.node(depth, Texts::NONE) } else { Some(Value::Null) };
        }
        let inner = Line { start: from, indent: indent + isize::try_from(from - line.start).ok()?, ..line };
        if inner.is_item(self.lines.bytes) || self.key(inner).is_some() {
            self.lines.current = inner;
            return self.node(depth, Texts::NONE);
        }
        self.scalar(from, indent, false)
    }

    /// The scalar, or the list in brackets, at `from` of the current line, inside of a collection at `indent`.
    /// A plain one is a text whatever it looks like where `is_text` says so.
    fn scalar(&mut self, from: usize, indent: isize, is_text: bool) -> Option<Value> {
        let line = self.lines.current;
        match self.lines.bytes.get(from..line.end)? {
            [b'"', ..] => self.double_quoted(from, indent).map(Value::String),
            [b'\'', ..] => self.single_quoted(from, indent).map(Value::String),
            [b'|', ..] => self.literal(from, indent).map(Value::String),
            [b'[', ..] => self.brackets(from),
            [b'{', b'}', ..] => self.rest_is_blank(from + 2).then(|| Value::Object(Map::new())).and_then(|value| {
                self.lines.advance()?;
                Some(value)
            }),
            [b'-', b' ', ..] | [b'-'] => None,
            [b'!' | b'#' | b'%' | b'&' | b'*' | b',' | b':' | b'>' | b'?' | b'@' | b']' | b'`' | b'{' | b'}', ..] => {
                None
            }
            _ => {
                let text = self.plain(from, indent)?;
                if is_text { Some(Value::String(text.into_owned())) } else { self.resolve(&text) }
            }
        }
    }

    fn resolve(&self, text: &str) -> Option<Value> {
        resolve::resolve(text, self.dialect).into_value(text, self.dialect)
    }

    /// Whether nothing but a comment follows on the current line.
    fn rest_is_blank(&self, from: usize) -> bool {
        let spaces_end = self.lines.skip_spaces(from);
        spaces_end >= self.lines.current.end || (spaces_end > from && self.lines.is_blank(spaces_end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::read::parse_all;

    /// What the parser for all of YAML makes of `text`, where the reader does not give up.
    fn check(text: &str) -> bool {
        let limits = Limits::default();
        let mut read_here = false;
        for dialect in [Dialect::Kubernetes, Dialect::Kustomize] {
            for texts in [&[][..], &[&["a"][..]], &[&["b"], &["a"]], &[&["a", "b"]]] {
                let Some(documents) = read(text, dialect, texts, &limits) else { continue };
                let expected = parse_all(text, dialect, texts, &limits);
                assert_eq!(Ok(documents), expected, "{text:?} {texts:?}");
                read_here = true;
            }
        }
        read_here
    }

    #[test]
    fn manifests_are_read() {
        let texts = [
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web # a comment\n  labels: {}\ndata:\n  a: |\n    x\n\n     y\n  b: 'it''s'\n",
            "a:\n- b: 1\n  c: [x, \"y\", 'z', 1]\n-\n  d: true\n- - e\n  - f\n- |-\n  text\n-\ng: ~\n",
            "# comment\n---\na: 1\n\n---\n# nothing\n---\nb:\n  c:\n",
            "a: plain text\n  that goes on\n\n  and on\nb: 'quoted\n  too'\nc: \"and\n\n  so\n  on\"\n",
            "a: |\n  the end\n  has no break",
            "a: |+\n  kept\n\n\nb: |-\n  cut\n\n\nc: \"\\n\\t\\\"\\\\\"\n",
            "\"quoted key\": -1\n'other': http://example.com/#x\nyes: no\n1: 1.0\n",
            "a: é\nb: |\n\tc\n  d\n",
        ];
        for text in texts.iter().take(7) {
            assert!(check(text), "{text:?}");
        }
        check(texts[7]);
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        for text in [
            "a: &x 1",
            "a: *x",
            "a: !!str 1",
            "a: >\n  b\n",
            "a: {b: c}",
            "a: b: c",
            "a: 1\n b: 2",
            "a:\n\tb: 1",
            "? a",
            "a: [1, [2]]",
            "a: 'x' y",
            "- a\nb: 1",
            "a: \"\\u00e9\"",
            "text",
            "a: 1\n...\n",
            "%YAML 1.2\n---\na: 1\n",
            "a: .inf",
            "a: |2\n  b\n",
            "\u{feff}a: 1",
            "'a\\: b",
        ] {
            assert_eq!(read(text, Dialect::Kubernetes, &[], &Limits::default()), None, "{text:?}");
        }
        assert_eq!(read("a: 1\na: 2\n", Dialect::Kustomize, &[], &Limits::default()), None);
        let deep: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert_eq!(read(&deep, Dialect::Kubernetes, &[], &Limits::default()), None);
    }

    /// Lines of manifests in any order and at any indentation, and now and then something else.
    fn lines() -> impl Strategy<Value = String> {
        let content = prop_oneof![
            "[a-c]: ?[a-z1.~'\"]{0,3}",
            "- [a-c]: [xy]",
            "[a-c]:",
            "-",
            "- -? ?[xy]{0,2}",
            "[a-c]: [|>][+-]?",
            "- [|>][+-]?",
            "[a-c]: ['\"][x \\\\n']{0,3}",
            "[xy '\"#]{0,4}['\"]?",
            "[a-c]: [xy]( #| |# |: |:x)[xy]{0,2}",
            "[a-c]: \\[[xy, '1]{0,4}\\]",
            "[a-c]: \\{\\}",
            "# [xy]",
            "---",
            "",
            "[ -~é]{0,5}",
        ];
        let line = (0usize..5, content).prop_map(|(indent, content)| format!("{}{content}", " ".repeat(indent)));
        (prop::collection::vec(line, 0..9), "\n?").prop_map(|(lines, end)| lines.join("\n") + &end)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_read_here_means_the_same_to_the_parser(text in lines()) {
            check(&text);
        }

        #[test]
        fn any_characters_mean_the_same_to_the_parser(text in "[a-b:\\-|>'\"# \n\t\\[\\],{}&*!?%@`~.1é\u{a0}\u{2028}\u{85}\\\\]{0,14}") {
            check(&text);
        }
    }
}
