//! Which lines of a log are wanted.

use std::fmt;

use clap::ValueEnum;
use jiff::Timestamp;

use super::Line;

/// How bad something is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// It failed
    Error,
    /// It will, if nobody does anything, or it could not be done as was meant
    #[value(alias = "warning")]
    Warn,
    /// It happened
    Info,
    /// What is of use to who looks for a mistake
    Debug,
    /// All the rest
    Trace,
}

impl Level {
    /// The level of a word, whatever its case.
    pub fn read(word: &str) -> Option<Self> {
        Self::from_str(word, true).ok()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

/// The objects that lines are to be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The kind, or the controller.
    pub kind: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The namespace; any where there is none.
    pub namespace: Option<String>,
}

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of what.
    pub subject: Subject,
    /// Of this level and worse.
    pub level: Option<Level>,
    /// Written since then.
    pub since: Option<Timestamp>,
}

impl Filter {
    /// Whether the line would be wanted if it did not matter where its object is.
    pub fn takes_anywhere(&self, line: &Line) -> bool {
        let subject = Subject { namespace: None, ..self.subject.clone() };
        Self { subject, ..self.clone() }.takes(line)
    }

    /// Whether the line is wanted. One that is about no object is, unless a kind or a name is asked for.
    pub fn takes(&self, line: &Line) -> bool {
        let is =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        let Subject { kind, name, namespace } = &self.subject;
        let is_about_none = line.name.is_empty();
        let is_there = line.namespace.is_empty() || is(namespace, &line.namespace);
        let is_subject = match kind.is_none() && name.is_none() {
            true => is_about_none || is_there,
            false => !is_about_none && is(kind, &line.kind) && is(name, &line.name) && is_there,
        };
        is_subject
            && self.level.is_none_or(|level| line.level <= level)
            && self.since.is_none_or(|since| line.at >= since)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(level: &str, controller: &str, object: &str) -> Line {
        let span = json!({ "controller": controller, "object": object });
        let spans = if object.is_empty() { json!([]) } else { json!([span]) };
        let record = json!({ "timestamp": "2026-11-29T07:08:30Z", "level": level, "fields": { "message": "m" }, "spans": spans });
        Line::read(&record.to_string()).unwrap()
    }

    fn of(kind: Option<&str>, name: Option<&str>, namespace: Option<&str>) -> Filter {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Filter {
            subject: Subject { kind: text(kind), name: text(name), namespace: text(namespace) },
            ..Filter::default()
        }
    }

    #[test]
    fn lines_are_chosen_by_their_object() {
        let app = line("INFO", "kustomization", "flux-system/app");
        let other = line("INFO", "kustomization", "team/app");
        let node = line("INFO", "node-controller", "one");
        let none = line("INFO", "", "");
        let taken = |filter: Filter| [&app, &other, &node, &none].map(|line| filter.takes(line));
        assert_eq!(taken(of(None, None, None)), [true; 4]);
        assert_eq!(taken(of(None, None, Some("flux-system"))), [true, false, true, true]);
        assert_eq!(taken(of(Some("kustomization"), None, None)), [true, true, false, false]);
        assert_eq!(taken(of(Some("Kustomization"), Some("app"), Some("team"))), [false, true, false, false]);
        assert_eq!(taken(of(None, Some("one"), Some("team"))), [false, false, true, false]);
        assert!(of(Some("kustomization"), None, Some("nowhere")).takes_anywhere(&app));
    }

    #[test]
    fn lines_are_chosen_by_level_and_time() {
        let filter = |level| Filter { level: Some(level), ..Filter::default() };
        let taken = |level| ["ERROR", "WARN", "INFO", "DEBUG"].map(|one| filter(level).takes(&line(one, "", "")));
        assert_eq!(taken(Level::Error), [true, false, false, false]);
        assert_eq!(taken(Level::Info), [true, true, true, false]);
        let since = |time: &str| Filter { since: Some(time.parse().unwrap()), ..Filter::default() };
        let info = line("INFO", "", "");
        assert!(since("2026-11-29T07:08:30Z").takes(&info) && !since("2026-11-29T07:08:31Z").takes(&info));
        assert_eq!(Level::read("Warning"), Some(Level::Warn));
    }
}
