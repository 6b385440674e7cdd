//! Where in a text a value stands.

use granit_parser::{Event, Marker, Parser, StrInput};

use crate::encoding;

/// A step on the way into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, counted from 0.
    Item(usize),
}

/// The line, counted from 1, of the value at `path` in the document whose content begins on `line`; or of what is deepest on
/// the way there. `None` where no document begins there, or the text is no YAML.
pub fn line_of(text: &[u8], line: usize, path: &[Step]) -> Option<usize> {
    let text = &*encoding::decoded(text).ok()?;
    let mut walk = Walk { path, open: Vec::new(), found: None };
    let (mut is_inside, mut is_next) = (false, false);
    for event in Parser::<StrInput>::new_from_str_with_options(text, granit_parser::options! { emit_comments: false }) {
        let Ok((event, span)) = event else { break };
        match event {
            Event::DocumentStart(..) => is_next = true,
            Event::DocumentEnd if is_inside => break,
            _ => {
                is_inside |= is_next && begins(&event) && span.start.line() == line;
                is_next &= !begins(&event);
                if is_inside {
                    walk.event(&event, span.start);
                }
            }
        }
    }
    walk.found.map(|(_, line)| line)
}

fn begins(event: &Event<'_>) -> bool {
    matches!(event, Event::MappingStart(..) | Event::SequenceStart(..) | Event::Scalar(..))
}

/// A collection that is being read.
struct Open {
    /// How many steps lead to it; `None` where it is not on the way.
    steps: Option<usize>,
    /// The step to what comes next; `None` where that is a key.
    next: Option<Step>,
    /// Where the key stands.
    key_line: usize,
    is_list: bool,
}

struct Walk<'p> {
    path: &'p [Step],
    open: Vec<Open>,
    /// How many steps led to what was found, and its line.
    found: Option<(usize, usize)>,
}

impl Walk<'_> {
    fn event(&mut self, event: &Event<'_>, marker: Marker) {
        match event {
            Event::Scalar(text, ..) => match self.open.last_mut() {
                Some(open) if !open.is_list && open.next.is_none() => {
                    open.next = Some(Step::Key(text.to_string()));
                    open.key_line = marker.line();
                }
                _ => drop(self.value(marker)),
            },
            Event::Alias(_) => drop(self.value(marker)),
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let is_list = matches!(event, Event::SequenceStart(..));
                let steps = self.value(marker);
                let next = is_list.then_some(Step::Item(0));
                self.open.push(Open { steps, next, key_line: marker.line(), is_list });
            }
            Event::MappingEnd | Event::SequenceEnd => drop(self.open.pop()),
            _ => {}
        }
    }

    /// Takes note of a value that begins here; how many steps lead to it.
    fn value(&mut self, marker: Marker) -> Option<usize> {
        let Some(open) = self.open.last_mut() else {
            self.found = Some((0, marker.line()));
            return Some(0);
        };
        let step = open.next.take();
        if let (true, Some(Step::Item(index))) = (open.is_list, &step) {
            open.next = Some(Step::Item(index + 1));
        }
        let line = if open.is_list { marker.line() } else { open.key_line };
        let steps = open.steps.filter(|steps| self.path.get(*steps) == step.as_ref())? + 1;
        if self.found.is_none_or(|(deepest, _)| steps > deepest) {
            self.found = Some((steps, line));
        }
        Some(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# comment\na: 1\n---\nkind: Pod\nspec:\n  containers:\n  - name: one\n  - name: two\n    image: >\n      x\n  other: {x: 1}\n";

    fn line(path: &str) -> Option<usize> {
        let step = |part: &str| part.parse().map_or_else(|_| Step::Key(part.to_owned()), Step::Item);
        let path: Vec<Step> = path.split('/').map(step).collect();
        line_of(TEXT.as_bytes(), 4, &path)
    }

    #[test]
    fn a_value_is_found_by_its_path() {
        assert_eq!(line("kind"), Some(4));
        assert_eq!(line("spec/containers"), Some(6));
        assert_eq!(line("spec/containers/1"), Some(8));
        assert_eq!(line("spec/containers/1/image"), Some(9));
        assert_eq!(line("spec/other/x"), Some(11));
    }

    #[test]
    fn what_is_not_there_is_looked_for_as_far_as_the_way_goes() {
        assert_eq!(line("spec/containers/1/command"), Some(8));
        assert_eq!(line("spec/containers/7"), Some(6));
        assert_eq!(line("status"), Some(4));
        assert_eq!(line_of(TEXT.as_bytes(), 9, &[]), None);
        assert_eq!(line_of(b"a: [", 1, &[Step::Key("a".into())]), Some(1));
    }
}
