//! All changes of a file at once: each is code of its own, beside what it replaces, and one of them is chosen when a program
//! runs. What would take a build each takes one.

use std::collections::HashMap;

use anyhow::{Context, Result};
use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::change::{Change, Genre};

/// What tells, in the crate that is changed, whether a change is the chosen one.
pub const MODULE: &str = include_str!("chosen.rs");

/// A text with changes in it.
pub struct Changed {
    pub text: String,
    /// The changes whose code stands in a line, from 1.
    pub lines: HashMap<usize, Vec<usize>>,
    /// Those that have no place.
    pub left: Vec<usize>,
}

/// Where text is put in.
struct Insertion {
    at: usize,
    /// What is opened first is closed last.
    order: (u8, isize),
    text: String,
    changes: Vec<usize>,
}

/// The text with those changes, which are numbered.
pub fn write(text: &str, changes: &[(usize, &Change)]) -> Result<Changed> {
    let mut places = Places::default();
    places.visit_file(&syn::parse_file(text).context("cannot parse it")?);
    let offsets = Offsets::of(text);
    let (mut wraps, mut insertions, mut left) = (HashMap::<_, Vec<_>>::new(), Vec::new(), Vec::new());
    for &(id, change) in changes {
        let replacement = change.replacement.as_str();
        let found = match change.genre {
            // Of two values of one unnamed type one is enough.
            Genre::Body if change.returns.contains("impl ") => None,
            Genre::Body => {
                let at = offsets.of_place(change.start);
                let text = format!("if {} {{ return {replacement}; }}", condition(id));
                insertions.extend(at.map(|at| Insertion { at, order: (1, isize::MIN), text, changes: vec![id] }));
                at.map(drop)
            }
            Genre::Binary => places.binary.get(&change.start).and_then(|[left, right]| {
                let (left, right) = (offsets.of_span(*left)?, offsets.of_span(*right)?);
                let alternative = format!("{} {replacement} {}", &text[left.0..left.1], &text[right.0..right.1]);
                wraps.entry((left.0, right.1)).or_default().push((id, alternative));
                Some(())
            }),
            Genre::Unary => places.unary.get(&change.start).and_then(|[whole, operand]| {
                let (whole, operand) = (offsets.of_span(*whole)?, offsets.of_span(*operand)?);
                wraps.entry(whole).or_default().push((id, text[operand.0..operand.1].to_owned()));
                Some(())
            }),
            Genre::Guard => places.guards.get(&change.start).and_then(|guard| {
                wraps.entry(offsets.of_span(*guard)?).or_default().push((id, replacement.to_owned()));
                Some(())
            }),
            Genre::Arm => places.arms.get(&change.start).and_then(|(pattern, guard)| {
                match guard {
                    Some(guard) => {
                        wraps.entry(offsets.of_span(*guard)?).or_default().push((id, "false".to_owned()));
                    }
                    None => {
                        let text = format!("if !{}", condition(id));
                        let at = offsets.of_span(*pattern)?.1;
                        insertions.push(Insertion { at, order: (0, isize::MIN), text, changes: vec![id] });
                    }
                }
                Some(())
            }),
            Genre::Other => None,
        };
        if found.is_none() {
            left.push(id);
        }
    }
    for ((start, end), alternatives) in wraps {
        let changes: Vec<usize> = alternatives.iter().map(|(id, _)| *id).collect();
        let length = isize::try_from(end - start)?;
        let choice: Vec<String> =
            alternatives.iter().map(|(id, text)| format!("if {} {{ {text} }} else", condition(*id))).collect();
        let text = format!("({} {{", choice.join("\n"));
        insertions.push(Insertion { at: start, order: (2, -length), text, changes: changes.clone() });
        insertions.push(Insertion { at: end, order: (0, length), text: "})".to_owned(), changes });
    }
    insertions.sort_by_key(|insertion| (insertion.at, insertion.order));
    Ok(put_in(text, &insertions, left))
}

fn condition(id: usize) -> String {
    format!("crate::chosen_change::is({id})")
}

/// Each insertion has lines of its own: what a compiler says of a line, it says of those changes.
fn put_in(text: &str, insertions: &[Insertion], left: Vec<usize>) -> Changed {
    let mut changed = Changed { text: String::new(), lines: HashMap::new(), left };
    let mut done = 0;
    for insertion in insertions {
        changed.text += &text[done..insertion.at];
        done = insertion.at;
        changed.text.push('\n');
        let first = changed.text.lines().count() + 1;
        for line in first..first + insertion.text.lines().count() {
            changed.lines.entry(line).or_default().extend(&insertion.changes);
        }
        changed.text += &insertion.text;
        changed.text.push('\n');
    }
    changed.text += &text[done..];
    changed
}

/// Where in a file what can be changed is, by line and column of that which is replaced.
#[derive(Default)]
struct Places {
    /// Operator to operands.
    binary: HashMap<(usize, usize), [Span; 2]>,
    /// Operator to the whole and the operand.
    unary: HashMap<(usize, usize), [Span; 2]>,
    guards: HashMap<(usize, usize), Span>,
    /// An arm to its pattern and its guard.
    arms: HashMap<(usize, usize), (Span, Option<Span>)>,
}

fn place(LineColumn { line, column }: LineColumn) -> (usize, usize) {
    (line, column + 1)
}

/// What is part of a chain with `let` in it stands only where it stands.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if !has_let(&binary.left) && !has_let(&binary.right) {
            self.binary.insert(place(binary.op.span().start()), [binary.left.span(), binary.right.span()]);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        self.unary.insert(place(unary.op.span().start()), [unary.span(), unary.expr.span()]);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| guard);
        if guard.is_none_or(|guard| !has_let(guard)) {
            let guard = guard.map(|guard| guard.span());
            self.guards.extend(guard.map(|guard| (place(guard.start()), guard)));
            self.arms.insert(place(arm.span().start()), (arm.pat.span(), guard));
        }
        visit::visit_arm(self, arm);
    }
}

/// Where the lines of a text begin.
struct Offsets<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Offsets<'a> {
    fn of(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    fn of_place(&self, (line, column): (usize, usize)) -> Option<usize> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let skipped: usize = self.text[start..].chars().take(column.checked_sub(1)?).map(char::len_utf8).sum();
        Some(start + skipped)
    }

    fn of_span(&self, span: Span) -> Option<(usize, usize)> {
        Some((self.of_place(place(span.start()))?, self.of_place(place(span.end()))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::of;
    use super::*;

    fn written(text: &str, changes: &[Change]) -> String {
        let numbered: Vec<_> = changes.iter().enumerate().collect();
        let changed = write(text, &numbered).unwrap();
        assert_eq!(changed.left, Vec::<usize>::new());
        syn::parse_file(&changed.text).unwrap();
        changed.text.split_whitespace().collect::<Vec<_>>().join(" ").replace("crate::chosen_change::is", "is")
    }

    #[test]
    fn a_body_is_left_before_it_begins() {
        let text = "fn a() -> bool {\n    b()\n}";
        let changes = [of(Genre::Body, (2, 5), "true"), of(Genre::Body, (2, 5), "false")];
        assert_eq!(
            written(text, &changes),
            "fn a() -> bool { if is(0) { return true; } if is(1) { return false; } b() }"
        );
    }

    #[test]
    fn operators_are_chosen_wherever_they_are_in_each_other() {
        let text = "fn a() -> bool { b && !c == d }";
        let changes =
            [of(Genre::Binary, (1, 20), "||"), of(Genre::Unary, (1, 23), ""), of(Genre::Binary, (1, 26), "!=")];
        assert_eq!(
            written(text, &changes),
            "fn a() -> bool { (if is(0) { b || !c == d } else { b && (if is(2) { !c != d } else { \
             (if is(1) { c } else { !c }) == d }) }) }"
        );
    }

    #[test]
    fn an_arm_is_not_taken_and_a_guard_is_anything() {
        let text = "fn a() { match b { 1 => c(), d if e => f(), _ => {} } }";
        let changes = [
            of(Genre::Arm, (1, 20), ""),
            of(Genre::Arm, (1, 30), ""),
            of(Genre::Guard, (1, 35), "true"),
            of(Genre::Guard, (1, 35), "false"),
        ];
        assert_eq!(
            written(text, &changes),
            "fn a() { match b { 1 if !is(0) => c(), d if (if is(1) { false } else if is(2) { true } else \
             if is(3) { false } else { e }) => f(), _ => {} } }"
        );
    }

    #[test]
    fn a_guard_with_let_stays_and_so_does_its_arm() {
        let text = "fn a() { match b { c if let Some(d) = e && f => g(), _ => {} } }";
        let changes = [of(Genre::Guard, (1, 25), "true"), of(Genre::Arm, (1, 20), "")];
        let numbered: Vec<_> = changes.iter().enumerate().collect();
        let changed = write(text, &numbered).unwrap();
        assert_eq!((changed.left, changed.text.as_str()), (vec![0, 1], text));
    }

    #[test]
    fn lines_are_those_of_their_changes_and_a_chain_with_let_stays() {
        let text = "fn a() {\n    if let Some(b) = c && b > 1 {}\n}";
        let changes = [of(Genre::Binary, (2, 24), "||"), of(Genre::Binary, (2, 29), "<")];
        let numbered: Vec<_> = changes.iter().enumerate().collect();
        let changed = write(text, &numbered).unwrap();
        assert_eq!(changed.left, [0]);
        let line = 1 + changed.text.lines().position(|line| line.contains("is(1)")).unwrap();
        assert_eq!(changed.lines[&line], [1]);
    }
}
