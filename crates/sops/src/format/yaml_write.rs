//! YAML as sops writes it: as go-yaml v3 does with an indent of 4.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::number;
use crate::tree::{Comment, Entry, Item, Map, Value};

const INDENT: usize = 4;

pub(super) fn write(documents: &[Map]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        if document.iter().any(|entry| matches!(entry, Entry::Pair(..))) {
            map(document, 0, &mut out);
        } else {
            let comments = document.iter().filter_map(|entry| match entry {
                Entry::Comment(comment) => Some(comment),
                Entry::Pair(..) => None,
            });
            comments.for_each(|comment| line_of(comment, 0, &mut out));
            out.push_str("{}\n");
        }
    }
    Ok(out.into_bytes())
}

/// Where what is inside of something at `indent` stands: at the next multiple.
fn inside(indent: usize) -> usize {
    INDENT * ((indent + INDENT) / INDENT)
}

fn line_of(comment: &Comment, indent: usize, out: &mut String) {
    pad(indent, out);
    out.push_str(&format!("#{}\n", comment.text));
}

fn pad(indent: usize, out: &mut String) {
    // What follows an indicator is on its line already.
    let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    out.extend(std::iter::repeat_n(' ', indent.saturating_sub(column)));
}

/// The comments before something, and those behind it on its line.
#[derive(Default)]
struct Comments<'c> {
    above: Vec<&'c Comment>,
    behind: Vec<&'c Comment>,
}

impl<'c> Comments<'c> {
    fn add(&mut self, comment: &'c Comment) {
        if comment.is_inline { self.behind.push(comment) } else { self.above.push(comment) }
    }

    fn write_above(&mut self, indent: usize, out: &mut String) {
        for comment in self.above.drain(..) {
            line_of(comment, indent, out);
        }
    }

    /// Behind a scalar, before its line ends.
    fn write_behind(&mut self, out: &mut String) {
        for (index, comment) in self.behind.drain(..).enumerate() {
            out.push_str(if index == 0 { " " } else { "\n" });
            out.push_str(&format!("#{}", comment.text));
        }
    }
}

fn map(entries: &[Entry], indent: usize, out: &mut String) {
    let mut comments = Comments::default();
    for entry in entries {
        match entry {
            Entry::Comment(comment) => comments.add(comment),
            Entry::Pair(key, value) => {
                comments.write_above(indent, out);
                pad(indent, out);
                let key = scalar(&Value::Text(key.clone()), inside(indent));
                if key.starts_with('|') {
                    out.push_str(&format!("? {key}"));
                    end_line(out);
                    pad(indent, out);
                } else {
                    out.push_str(&key);
                }
                out.push(':');
                after(value, ("\n", inside(indent)), &mut comments, out);
            }
        }
    }
    left(comments, indent, out);
}

fn list(items: &[Item], indent: usize, out: &mut String) {
    let mut comments = Comments::default();
    for item in items {
        match item {
            Item::Comment(comment) => comments.add(comment),
            Item::Value(value) => {
                leading(value).for_each(|comment| comments.add(comment));
                comments.write_above(indent, out);
                pad(indent, out);
                out.push('-');
                after(value, (" ", indent + 2), &mut comments, out);
            }
        }
    }
    left(comments, indent, out);
}

/// The comments with which an item of a list begins: they stand above its sign.
fn leading(value: &Value) -> impl Iterator<Item = &Comment> {
    let entries = match value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map_while(|entry| match entry {
        Entry::Comment(comment) if !comment.is_inline => Some(comment),
        _ => None,
    })
}

/// What stands behind a colon, or behind the sign of an item: what is inside of it begins so, and stands at this column.
fn after(value: &Value, (begins, inner): (&str, usize), comments: &mut Comments<'_>, out: &mut String) {
    match value {
        Value::Map(entries) if entries.iter().any(|entry| matches!(entry, Entry::Pair(..))) => {
            out.push_str(begins);
            let above = if begins == " " { leading(value).count() } else { 0 };
            map(&entries[above..], inner, out);
        }
        Value::List(items) if items.iter().any(|item| matches!(item, Item::Value(_))) => {
            out.push_str(begins);
            list(items, inner, out);
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(value, inner));
            comments.write_behind(out);
            end_line(out);
        }
    }
}

fn end_line(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Comments behind the last entry.
fn left(comments: Comments<'_>, indent: usize, out: &mut String) {
    for comment in comments.above.into_iter().chain(comments.behind) {
        line_of(comment, indent, out);
    }
}

/// A scalar whose further lines stand at `indent`.
fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => number::shortest(*value),
        Value::Time(time) => time.clone(),
        Value::Bytes(bytes) => format!("!!binary {}", BASE64_STANDARD.encode(bytes)),
        Value::Map(_) => "{}".to_owned(),
        Value::List(_) => "[]".to_owned(),
        Value::Text(text) => text_at(text, indent),
    }
}

fn text_at(text: &str, indent: usize) -> String {
    let written = cowherd_yaml::to_pretty_string(&serde_json::Value::from(text));
    if !written.starts_with('|') {
        return written.strip_suffix('\n').unwrap_or(&written).to_owned();
    }
    let (head, lines) = written.split_once('\n').unwrap_or((&written, ""));
    let head = head.replace('2', &INDENT.to_string());
    let mut out = head;
    for line in lines.split('\n').map(|line| line.strip_prefix("  ").unwrap_or(line)) {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
    out
}
