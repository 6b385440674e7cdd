//! Writes values as `kubectl` and `kustomize` print them.

use serde_json::{Map, Value};

use crate::scalar::{self, Style, is_break, is_printable};
use crate::{key_order, number};

/// Lines are folded at the first space behind this column.
const WIDTH: usize = 80;

/// `value` as a YAML document, byte for byte as sigs.k8s.io/yaml writes it: keys sorted, lists not indented, only
/// what needs quotes quoted.
pub fn to_string(value: &Value) -> String {
    let mut writer = Writer::default();
    writer.document(value);
    writer.out
}

/// `values` as documents separated by `---`, as `kubectl kustomize` prints them.
pub fn write_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let mut writer = Writer::default();
    for value in values {
        if !writer.out.is_empty() {
            writer.push("---");
            writer.newline();
        }
        writer.document(value);
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Characters written on the current line.
    column: usize,
}

impl Writer {
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

    fn document(&mut self, value: &Value) {
        match value {
            Value::Object(map) if !map.is_empty() => self.mapping(map, 0),
            Value::Array(items) if !items.is_empty() => self.sequence(items, 0),
            _ => {
                self.scalar(value, 0);
                self.newline();
            }
        }
    }

    /// The entries of a mapping whose keys stand at `indent`; the first may follow an indicator on its line.
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize) {
        let mut entries: Vec<(&str, &Value)> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
        key_order::sort(&mut entries);
        for (key, value) in entries {
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
                self.item(value, indent);
            }
        }
    }

    /// What follows the colon of a key at `indent`.
    fn value(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.newline();
                self.mapping(map, indent + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                self.newline();
                self.sequence(items, indent);
            }
            _ => self.inline(value, indent),
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.pad(indent);
            self.push("-");
            self.item(item, indent);
        }
    }

    /// What follows an indicator at `indent`: collections start on its line.
    fn item(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.push(" ");
                self.mapping(map, indent + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                self.push(" ");
                self.sequence(items, indent + 2);
            }
            _ => self.inline(value, indent),
        }
    }

    fn inline(&mut self, value: &Value, indent: usize) {
        self.push(" ");
        self.scalar(value, indent + 2);
        self.newline();
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.push("null"),
            Value::Bool(true) => self.push("true"),
            Value::Bool(false) => self.push("false"),
            Value::Number(value) => self.push(&number::print(value)),
            Value::String(text) => self.text(text, indent.max(2), false),
            Value::Array(_) => self.push("[]"),
            Value::Object(_) => self.push("{}"),
        }
    }

    /// A text whose further lines stand at `indent`.
    fn text(&mut self, text: &str, indent: usize, simple_key: bool) {
        match scalar::style(text, simple_key) {
            Style::Plain if simple_key || self.column + text.len() <= WIDTH => self.push(text),
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
            if c == ' ' && !after_space && self.column > WIDTH && characters.peek() != Some(&' ') {
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
            let may_fold = folds && !after_space && self.column > WIDTH;
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
            let may_fold = folds && !after_space && self.column > WIDTH;
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
