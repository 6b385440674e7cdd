//! Which values in a file have a marker beside them.

use std::ops::Range;

use granit_parser::{Event, Parser, Placement, ScalarStyle, Span, StrInput, StructureStyle, Tag};

use super::written::written;
use super::{Setters, Unreadable};
use crate::{Change, ObjectId};

/// How many comments may stand below each other: the parser holds them all.
const MAX_COMMENTS: usize = 100_000;

/// What was found in a file.
pub(super) struct Found {
    pub(super) edits: Vec<Edit>,
    /// The lines of markers beside which there is no value.
    pub(super) idle: Vec<usize>,
}

/// A value that a marker is about.
pub(super) struct Edit {
    /// Where it stands, in bytes.
    pub(super) span: Range<usize>,
    /// What is to stand there.
    pub(super) written: String,
    pub(super) object: ObjectId,
    pub(super) change: Change,
}

/// Looks for values with markers.
pub(super) fn scan(text: &str, setters: &Setters) -> Result<Found, Unreadable> {
    let options = granit_parser::options! {
        emit_comments: true,
        max_buffered_comment_events: MAX_COMMENTS,
    };
    let mut scan = Scan::new(setters);
    for event in Parser::<StrInput>::new_from_str_with_options(text, options) {
        let (event, span) =
            event.map_err(|error| Unreadable::Yaml { line: error.marker().line(), cause: error.info() })?;
        scan.event(&event, span);
    }
    Ok(Found { edits: scan.edits, idle: scan.idle })
}

/// A collection that is being read.
enum Open {
    Sequence {
        is_block: bool,
    },
    /// The key whose value comes next.
    Mapping {
        key: Option<String>,
    },
}

/// A value that was read last.
struct Value {
    text: String,
    style: ScalarStyle,
    span: Range<usize>,
    /// The line on which it ends.
    line: usize,
}

/// A marker on a line of its own.
struct Above {
    line: usize,
    /// The marker and what it sets; none of another comment.
    marker: Option<(String, String)>,
}

struct Scan<'s> {
    setters: &'s Setters,
    open: Vec<Open>,
    /// What the document says of which object it is, as far as that was read.
    object: ObjectId,
    /// The value that was read last, with nothing behind it yet.
    last: Option<Value>,
    /// The comments above what comes next: of those without a marker two, which is as many as make a difference.
    above: Vec<Above>,
    edits: Vec<Edit>,
    /// The first of the edits of this document.
    first: usize,
    idle: Vec<usize>,
}

impl<'s> Scan<'s> {
    fn new(setters: &'s Setters) -> Self {
        Self {
            setters,
            open: Vec::new(),
            object: ObjectId::default(),
            last: None,
            above: Vec::new(),
            edits: Vec::new(),
            first: 0,
            idle: Vec::new(),
        }
    }

    fn event(&mut self, event: &Event<'_>, span: Span) {
        if let Event::Comment(text, placement) = event {
            self.comment(text, *placement, span.start.line());
            return;
        }
        let above = std::mem::take(&mut self.above);
        self.last = None;
        match event {
            Event::Scalar(text, ..) if self.is_key(text) => {}
            Event::Scalar(text, style, _, tag) => {
                // What is said to be a number stays one.
                let is_typed = tag.as_ref().is_some_and(|tag| is_typed(tag));
                self.value(text, if is_typed { ScalarStyle::Literal } else { *style }, span, above);
                return;
            }
            Event::SequenceStart(style, ..) => {
                self.open.push(Open::Sequence { is_block: *style == StructureStyle::Block });
                // A comment above a list is above its first item.
                self.above = above;
                return;
            }
            Event::MappingStart(..) => {
                // A collection may be a key; what is in it are values all the same.
                self.open.push(Open::Mapping { key: None });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.next();
            }
            Event::Alias(_) => {
                self.next();
            }
            Event::DocumentEnd => self.end_document(),
            _ => {}
        }
        self.note_idle(above);
    }

    /// Takes a text for the key of what comes next; whether it is one.
    fn is_key(&mut self, text: &str) -> bool {
        match self.open.last_mut() {
            Some(Open::Mapping { key: key @ None }) => {
                *key = Some(text.to_owned());
                true
            }
            _ => false,
        }
    }

    /// A value came to its end: a key is next.
    fn next(&mut self) {
        if let Some(Open::Mapping { key }) = self.open.last_mut() {
            *key = match key.take() {
                Some(_) => None,
                // What was read was a key itself.
                None => Some(String::new()),
            };
        }
    }

    fn value(&mut self, text: &str, style: ScalarStyle, span: Span, above: Vec<Above>) {
        self.note_identity(text);
        let is_item = matches!(self.open.last(), Some(Open::Sequence { is_block: true }));
        self.next();
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else { return };
        let value = Value { text: text.to_owned(), style, span: start..end, line: span.end.line() };
        let is_written = start < end;
        // Of an item the line above counts as well, where it is a single one.
        match above.as_slice() {
            [Above { marker: Some((setter, new)), line }] if is_item => {
                let (setter, new, line) = (setter.clone(), new.clone(), *line);
                if !self.edit(&value, &setter, &new) {
                    self.idle.push(line);
                }
            }
            _ => self.note_idle(above),
        }
        self.last = is_written.then_some(value);
    }

    fn comment(&mut self, text: &str, placement: Placement, line: usize) {
        let marker = self.setters.of_comment(text.trim_end_matches('\r'));
        let marker = marker.map(|(setter, value)| (setter.to_owned(), value.to_owned()));
        if placement != Placement::Right {
            if marker.is_some() || self.above.len() < 2 {
                self.above.push(Above { line, marker });
            }
            return;
        }
        let Some((setter, new)) = marker else { return };
        let beside = self.last.take().filter(|value| value.line == line);
        if !beside.is_some_and(|value| self.edit(&value, &setter, &new)) {
            self.idle.push(line);
        }
    }

    /// Notes that a value becomes another one; whether it can.
    fn edit(&mut self, value: &Value, setter: &str, new: &str) -> bool {
        let Some(written) = written(new, value.style) else { return false };
        let change = Change { old: value.text.clone(), new: new.to_owned(), setter: setter.to_owned() };
        self.edits.push(Edit { span: value.span.clone(), written, object: ObjectId::default(), change });
        true
    }

    /// Takes note of what tells the object from others.
    fn note_identity(&mut self, text: &str) {
        let key = |open: &'_ Open| match open {
            Open::Mapping { key } => key.clone().unwrap_or_default(),
            Open::Sequence { .. } => String::new(),
        };
        if self.open.len() > 2 {
            return;
        }
        let keys: Vec<String> = self.open.iter().map(key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let object = &mut self.object;
        let place = match keys.as_slice() {
            ["apiVersion"] => &mut object.api_version,
            ["kind"] => &mut object.kind,
            ["metadata", "name"] => &mut object.name,
            ["metadata", "namespace"] => &mut object.namespace,
            _ => return,
        };
        text.clone_into(place);
    }

    fn note_idle(&mut self, above: Vec<Above>) {
        self.idle.extend(above.into_iter().filter(|comment| comment.marker.is_some()).map(|comment| comment.line));
    }

    /// What was changed in the document was changed of the object that it is.
    fn end_document(&mut self) {
        let object = std::mem::take(&mut self.object);
        for edit in self.edits.iter_mut().skip(self.first) {
            edit.object = object.clone();
        }
        self.first = self.edits.len();
        self.open.clear();
    }
}

/// Whether a tag says that a value is something else than a text.
fn is_typed(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && !tag.is_yaml_core_schema_tag("str")
}

#[cfg(test)]
mod tests {
    use crate::ImageRef;

    use super::*;

    #[test]
    fn comments_without_end_are_not_held() {
        let image = ImageRef { name: "a".to_owned(), tag: "2".to_owned(), digest: String::new() };
        let setters = Setters::new([("n".to_owned(), "p".to_owned(), image)]).unwrap();
        let mut scan = Scan::new(&setters);
        (0..1000).for_each(|line| scan.comment(" text", Placement::Above, line));
        assert_eq!(scan.above.len(), 2);
        scan.comment(r#" {"$imagepolicy": "n:p"}"#, Placement::Above, 1000);
        assert_eq!(scan.above.len(), 3, "one among others is none for the item below");
    }
}
