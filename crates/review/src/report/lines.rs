//! A change as lines: what goes, what comes, and what stands around it.

use cowherd_apply::FieldChange;
use cowherd_text::is_more_than_text;
use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use crate::compare::{Change, Kind};

/// How many unchanged lines of a text stand around those that change.
const CONTEXT: usize = 3;

/// A line of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The name of a field.
    Field(String),
    /// What stands around a change.
    Same(String),
    /// What goes.
    Gone(String),
    /// What comes.
    New(String),
    /// What follows from it.
    Note(String),
}

/// The lines of what becomes of an object.
pub(super) fn of(change: &Change) -> Vec<Line> {
    let notes = change.notes.iter().map(|note| Line::Note(clean(note)));
    let fields = match (&change.kind, whole(&change.fields)) {
        (Kind::Created, Some(object)) => {
            cowherd_yaml::to_string(&object).lines().map(|line| Line::New(clean(line))).collect()
        }
        _ => change.fields.iter().flat_map(of_field).collect::<Vec<_>>(),
    };
    notes.chain(fields).collect()
}

/// The object that is all in fields that are new, without what its name says already.
fn whole(fields: &[FieldChange]) -> Option<Value> {
    let mut object = Map::new();
    for field in fields {
        if field.before.is_some() || field.path.contains(['.', '[']) {
            return None;
        }
        if !matches!(field.path.as_str(), "apiVersion" | "kind") {
            object.insert(field.path.clone(), field.after.clone()?);
        }
    }
    Some(Value::Object(object))
}

fn of_field(field: &FieldChange) -> Vec<Line> {
    let mut lines = vec![Line::Field(clean(&field.path))];
    let yaml = |value: &Option<Value>| value.as_ref().map(cowherd_yaml::to_string).unwrap_or_default();
    match (&field.before, &field.after) {
        (Some(Value::String(before)), Some(Value::String(after))) if is_long(before) || is_long(after) => {
            lines.extend(between(before, after));
        }
        (before, after) => {
            lines.extend(yaml(before).lines().map(|line| Line::Gone(clean(line))));
            lines.extend(yaml(after).lines().map(|line| Line::New(clean(line))));
        }
    }
    lines
}

fn is_long(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

/// The lines in which two texts differ, with some of those around.
fn between(before: &str, after: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut config = TextDiff::configure();
    // A text may be megabytes of lines without anything in common.
    config.timeout(std::time::Duration::from_secs(2));
    let diff = config.diff_lines(before, after);
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(Line::Same("…".to_owned()));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let text = clean(change.value().trim_end_matches(['\n', '\r']));
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Same(text),
                ChangeTag::Delete => Line::Gone(text),
                ChangeTag::Insert => Line::New(text),
            });
        }
    }
    lines
}

/// A line as it may be shown: without what a terminal, or a reader, would take for more than text.
pub fn clean(text: &str) -> String {
    let is_hidden = |c: char| c == '\n' || is_more_than_text(c);
    text.chars().map(|c| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_texts_only_what_changes_is_told() {
        let text = |middle: &str| {
            let lines: Vec<String> =
                (0..40).map(|n| if n == 20 { middle.to_owned() } else { format!("l{n}") }).collect();
            Value::from(lines.join("\n"))
        };
        let field = FieldChange { path: "data.a".into(), before: Some(text("old")), after: Some(text("new")) };
        let lines = of_field(&field);
        assert_eq!(lines.len(), 1 + 3 + 2 + 3, "{lines:?}");
        assert!(lines.contains(&Line::Gone("old".into())) && lines.contains(&Line::New("new".into())));
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\td"), "a\u{fffd}[31mb\u{fffd}c\td");
    }
}
