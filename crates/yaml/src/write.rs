//! Writes values as `kubectl` and `kustomize` print them.

use serde_json::Value;

use crate::next_line::fold_next_lines;
use crate::node::{Node, Shape};
use crate::scalar::{self, Style, is_break, is_printable};
use crate::{key_order, number};

/// Lines are folded at the first space behind this column.
const WIDTH: usize = 80;

/// `value` as a YAML document, byte for byte as sigs.k8s.io/yaml writes it: keys sorted, lists not indented, only
/// what needs quotes quoted.
pub fn to_string(value: impl Node) -> String {
    let mut writer = Writer::new(false);
    writer.document(value);
    writer.out
}

/// `value` as a YAML document as go-yaml v3 writes it with an indent of 2: as [`to_string`], but with lists indented
/// and without folding long lines.
pub fn to_pretty_string(value: impl Node) -> String {
    let mut writer = Writer::new(true);
    writer.document(value);
    writer.out
}

/// `value` as [`to_string`] writes it, but with keys in the order of their bytes.
pub fn to_bytewise_string(value: impl Node) -> String {
    let mut writer = Writer { is_bytewise: true, ..Writer::new(false) };
    writer.document(value);
    writer.out
}

/// `values` as documents separated by `---`, as `kubectl kustomize` prints them.
pub fn write_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let mut writer = Writer::new(false);
    for value in values {
        if !writer.out.is_empty() {
            writer.push("---");
            writer.newline();
        }
        writer.document(value);
    }
    writer.out
}

struct Writer {
    out: String,
    /// Characters written on the current line.
    column: usize,
    /// Whether it is the style of go-yaml v3.
    is_pretty: bool,
    /// Whether keys are in the order of their bytes, instead of that of people.
    is_bytewise: bool,
    /// The column behind which lines are folded.
    width: usize,
}

impl Writer {
    fn new(is_pretty: bool) -> Self {
        Self {
            out: String::new(),
            column: 0,
            is_pretty,
            is_bytewise: false,
            width: if is_pretty { usize::MAX } else { WIDTH },
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn push_char(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn pad(&mut self, indent: usize) {
        while self.column < indent {
            self.push_char(' ');
        }
    }

    fn document(&mut self, value: impl Node) {
        match value.shape() {
            Shape::Map(entries) if !entries.is_empty() => self.mapping(entries, 0),
            Shape::List(items) if items.len() > 0 => self.sequence(items, 0),
            shape => {
                self.scalar(shape, 0);
                self.newline();
            }
        }
    }

    /// The entries of a mapping whose keys stand at `indent`; the first may follow an indicator on its line.
    fn mapping<N: Node>(&mut self, mut entries: Vec<(N::Text, N)>, indent: usize) {
        if self.is_bytewise {
            entries.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        } else {
            key_order::sort(&mut entries);
        }
        for (key, value) in entries {
            let key = key.as_ref();
            self.pad(indent);
            if scalar::is_simple_key(key) {
                self.text(key, indent + 2, true);
                self.push(":");
                self.value(value, indent);
            } else {
                self.push("? ");
                self.text(key, indent + 2, false);
                self.newline();
                self.pad(indent);
                self.push(":");
                self.item(value.shape(), indent);
            }
        }
    }

    /// What follows the colon of a key at `indent`.
    fn value<N: Node>(&mut self, value: N, indent: usize) {
        match value.shape() {
            Shape::Map(entries) if !entries.is_empty() => {
                self.newline();
                self.mapping(entries, indent + 2);
            }
            Shape::List(items) if items.len() > 0 => {
                self.newline();
                self.sequence(items, if self.is_pretty { indent + 2 } else { indent });
            }
            shape => self.inline(shape, indent),
        }
    }

    fn sequence(&mut self, items: impl Iterator<Item = impl Node>, indent: usize) {
        for item in items {
            self.pad(indent);
            self.push("-");
            self.item(item.shape(), indent);
        }
    }

    /// What follows an indicator at `indent`: collections start on its line.
    fn item<N: Node>(&mut self, shape: Shape<N>, indent: usize) {
        match shape {
            Shape::Map(entries) if !entries.is_empty() => {
                self.push(" ");
                self.mapping(entries, indent + 2);
            }
            Shape::List(items) if items.len() > 0 => {
                self.push(" ");
                self.sequence(items, indent + 2);
            }
            shape => self.inline(shape, indent),
        }
    }

    fn inline<N: Node>(&mut self, shape: Shape<N>, indent: usize) {
        self.push(" ");
        self.scalar(shape, indent + 2);
        self.newline();
    }

    fn scalar<N: Node>(&mut self, shape: Shape<N>, indent: usize) {
        match shape {
            Shape::Null => self.push("null"),
            Shape::Bool(true) => self.push("true"),
            Shape::Bool(false) => self.push("false"),
            Shape::Number(value) => self.push(&number::print(&value)),
            Shape::Plain(text) => self.push(&text),
            Shape::Text(text) if self.is_pretty => self.text(text.as_ref(), indent.max(2), false),
            Shape::Text(text) => self.text(&fold_next_lines(text.as_ref()), indent.max(2), false),
            Shape::List(_) => self.push("[]"),
            Shape::Map(_) => self.push("{}"),
        }
    }

    /// A text whose further lines stand at `indent`.
    fn text(&mut self, text: &str, indent: usize, simple_key: bool) {
        match scalar::style(text, simple_key, self.is_pretty) {
            Style::Plain if simple_key || self.column.saturating_add(text.len()) <= self.width => self.push(text),
            Style::Plain => self.plain(text, indent),
            Style::Single => self.single_quoted(text, indent, !simple_key),
            Style::Double => self.double_quoted(text, indent, !simple_key),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn fold(&mut self, indent: usize) {
        self.newline();
        self.pad(indent);
    }

    fn plain(&mut self, text: &str, indent: usize) {
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            if c == ' ' && !after_space && self.column > self.width && characters.peek() != Some(&' ') {
                self.fold(indent);
            } else {
                self.push_char(c);
            }
            after_space = c == ' ';
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize, folds: bool) {
        self.push("'");
        let (mut after_space, mut after_break) = (false, false);
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            if is_break(c) {
                self.out.push(c);
                self.column = 0;
                after_break = true;
                continue;
            }
            if std::mem::take(&mut after_break) {
                self.pad(indent);
            }
            let next = characters.peek().map(|(_, next)| *next);
            let may_fold = folds && !after_space && self.column > self.width;
            if c == ' ' && may_fold && at > 0 && next.is_some_and(|next| next != ' ') {
                self.fold(indent);
            } else {
                if c == '\'' {
                    self.push_char('\'');
                }
                self.push_char(c);
            }
            after_space = c == ' ';
        }
        self.push("'");
    }

    fn double_quoted(&mut self, text: &str, indent: usize, folds: bool) {
        self.push("\"");
        // Behind a byte order mark everything is escaped.
        let marked = text.starts_with('\u{feff}');
        let mut after_space = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let may_fold = folds && !after_space && self.column > self.width;
            if marked || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
            } else if c == ' ' && may_fold && at > 0 && next.is_some() {
                self.fold(indent);
                if next == Some(' ') {
                    self.push_char('\\');
                }
            } else {
                self.push_char(c);
            }
            after_space = c == ' ';
        }
        self.push("\"");
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => "",
        };
        match u32::from(c) {
            _ if !short.is_empty() => self.push(short),
            code @ 0..=0xff => self.push(&format!("\\x{code:02X}")),
            code @ 0x100..=0xffff => self.push(&format!("\\u{code:04X}")),
            code => self.push(&format!("\\U{code:08X}")),
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.push("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.push("2");
        }
        let mut backwards = text.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => self.push("-"),
            (true, before) if before.is_none_or(is_break) => self.push("+"),
            _ => {}
        }
        self.newline();
        let mut at_start = true;
        for c in text.chars() {
            if is_break(c) {
                self.out.push(c);
                self.column = 0;
                at_start = true;
            } else {
                if std::mem::take(&mut at_start) {
                    self.pad(indent);
                }
                self.push_char(c);
            }
        }
        // Whoever called ends the line; a block that ends with a break has done so already.
        if self.out.ends_with('\n') {
            self.out.pop();
        }
    }
}
