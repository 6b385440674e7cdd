//! A review for people at a terminal.

use std::fmt::Write as _;

use crate::compare::{ClusterReview, Review, Status, UnitReview};

use super::Tally;
use super::lines::{self, Line, clean};

/// The review, with colours or without.
pub fn text(review: &Review, colours: bool) -> String {
    let mut out = String::new();
    for cluster in &review.clusters {
        let printer = Printer { colours };
        printer.cluster(&mut out, cluster);
    }
    out
}

struct Printer {
    colours: bool,
}

impl Printer {
    fn painted(&self, colour: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, out: &mut String, line: &str) {
        let _ = writeln!(out, "{line}");
    }

    fn cluster(&self, out: &mut String, cluster: &ClusterReview) {
        let tally = Tally::of_cluster(cluster);
        if tally.is_empty() && cluster.elsewhere.is_empty() {
            return;
        }
        self.line(
            out,
            &self.painted(
                1,
                &format!("{}: {tally}, {} unchanged", clean(&cluster.path), kustomizations(cluster.unchanged)),
            ),
        );
        for error in &cluster.errors {
            self.line(out, &format!("{} {}", self.painted(31, "✗"), clean(error)));
        }
        for unit in &cluster.units {
            self.unit(out, unit);
        }
        for (name, why) in &cluster.elsewhere {
            self.line(out, &format!("◎ {name} is not looked at: {}", clean(why)));
        }
    }

    fn unit(&self, out: &mut String, unit: &UnitReview) {
        let status = match unit.status {
            Status::Added => " (new)",
            Status::Removed => " (gone)",
            Status::Kept => "",
        };
        let mark = if unit.errors.is_empty() { self.painted(36, "►") } else { self.painted(31, "✗") };
        let head = format!("{}{status} {}: {}", unit.name, clean(&unit.path), Tally::of_unit(unit));
        self.line(out, &format!("{mark} {head}"));
        for error in &unit.errors {
            for line in error.lines() {
                self.line(out, &format!("  {} {}", self.painted(31, "✗"), clean(line)));
            }
        }
        for note in &unit.notes {
            self.line(out, &format!("  ◎ {}", clean(note)));
        }
        for change in &unit.changes {
            let colour = match change.kind.word() {
                "created" => 32,
                "deleted" => 31,
                _ => 33,
            };
            let what = clean(&change.object.id.to_string());
            self.line(out, &format!("  {what} {}", self.painted(colour, change.kind.word())));
            for line in lines::of(change) {
                self.line(out, &self.shown(&line));
            }
        }
    }

    fn shown(&self, line: &Line) -> String {
        match line {
            Line::Field(path) => format!("    {path}"),
            Line::Note(note) => format!("    ◎ {note}"),
            Line::Same(text) => format!("        {text}"),
            Line::Gone(text) => self.painted(31, &format!("      - {text}")),
            Line::New(text) => self.painted(32, &format!("      + {text}")),
        }
    }
}

fn kustomizations(count: usize) -> String {
    if count == 1 { "1 Kustomization".to_owned() } else { format!("{count} Kustomizations") }
}
