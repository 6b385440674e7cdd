//! A line of a log, for people.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Level;
use crate::target::Kind;
use crate::terminal::text::plain;

/// What of a span is no field to be shown: it stands before the message.
const NAMES: [&str; 3] = ["name", "controller", "object"];

/// A line of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The kind of the object that was reconciled, or the controller that did it; empty where it is about no object.
    pub kind: String,
    /// The namespace of the object; empty where it has none.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
    message: String,
    fields: Vec<(String, String)>,
    record: Value,
}

impl Line {
    /// Reads a line as it lies in the file. One that was cut off is none.
    pub fn read(text: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(text).ok()?;
        let at = record["timestamp"].as_str()?.parse().ok()?;
        let level = Level::read(record["level"].as_str()?)?;
        let mut own = record["fields"].as_object()?.clone();
        let message = own.remove("message").map(|message| text_of(&message)).unwrap_or_default();
        let mut spans = record["spans"].as_array().into_iter().flatten().filter_map(Value::as_object);
        let mut span = spans.rfind(|span| span.contains_key("object")).cloned().unwrap_or_default();
        // Outside of a reconciliation a line names the object itself.
        if span.is_empty() {
            span.extend(NAMES.iter().filter_map(|name| Some(((*name).to_owned(), own.remove(*name)?))));
        }
        let named = |name: &str| span.get(name).map(text_of).unwrap_or_default();
        let (controller, object) = (named("controller"), named("object"));
        let (namespace, name) = object.split_once('/').unwrap_or(("", &object));
        span.retain(|name, _| !NAMES.contains(&name.as_str()));
        let fields = fields(&own).chain(fields(&span)).collect();
        let (kind, namespace, name) = (kind(&controller), namespace.to_owned(), name.to_owned());
        Some(Self { at, level, kind, namespace, name, message, fields, record })
    }

    /// What happened, as it was written.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What else is known, by name, as it was written.
    pub fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        self.fields.iter().map(|(name, shown)| (&**name, serde_json::from_str(shown).unwrap_or_else(|_| shown.clone())))
    }

    /// As it lies in the file.
    pub fn record(&self) -> &Value {
        &self.record
    }

    /// The line, as Flux shows it: `2026-01-01T00:00:00.000Z info Kustomization/apps.flux-system - …`, with what else is
    /// known behind. Further lines of the message are indented.
    pub fn text(&self) -> String {
        let object = match (self.kind.as_str(), self.namespace.as_str(), self.name.as_str()) {
            (_, _, "") => String::new(),
            (kind, "", name) => format!(" {kind}/{name}"),
            (kind, namespace, name) => format!(" {kind}/{name}.{namespace}"),
        };
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        let message = self.message.replace('\n', "\n    ");
        let fields: String = self.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        plain(&format!("{at} {}{object} - {message}{fields}", self.level))
    }
}

/// The kind that a controller of the agents reconciles; others are known by their name.
fn kind(controller: &str) -> String {
    match Kind::of_word(controller) {
        Ok(Some(kind)) => kind.name().to_owned(),
        _ => controller.to_owned(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Names and values as they are shown: texts with spaces in quotes.
fn fields(of: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    let shown = of.iter().filter(|(_, value)| value.as_str() != Some(""));
    shown.map(|(name, value)| {
        let text = text_of(value);
        let is_word = !text.is_empty() && !text.contains(|char: char| char.is_whitespace() || char == '"');
        (name.clone(), if is_word { text } else { Value::from(text).to_string() })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_when_how_bad_of_what_and_why() {
        let record = json!({
            "timestamp": "2026-11-29T07:08:30.123456Z", "level": "INFO", "target": "cowherd_gitops",
            "fields": { "message": "Reconciliation finished in 131ms", "changed": 2, "done": "" },
            "spans": [{ "name": "reconcile", "controller": "kustomization", "object": "flux-system/app",
                "revision": "main@sha1:1", "cause": "its interval is over" }],
        });
        let line = Line::read(&record.to_string()).unwrap();
        assert_eq!(
            (line.kind.as_str(), line.namespace.as_str(), line.name.as_str()),
            ("Kustomization", "flux-system", "app")
        );
        assert_eq!(
            line.text(),
            "2026-11-29T07:08:30.123Z info Kustomization/app.flux-system - Reconciliation finished in 131ms changed=2 \
             cause=\"its interval is over\" revision=main@sha1:1"
        );
        assert_eq!(line.record(), &record);
        let mut other = record;
        other["fields"]["object"] = json!("ConfigMap/a/b");
        let line = Line::read(&other.to_string()).unwrap();
        assert!(line.name == "app" && line.text().contains(" object=ConfigMap/a/b "), "{}", line.text());
    }

    #[test]
    fn a_line_of_no_object_and_one_that_names_it_itself_are_read_too() {
        let line = |fields: Value| {
            let record = json!({ "timestamp": "2026-11-29T07:08:30Z", "level": "ERROR", "fields": fields });
            Line::read(&record.to_string()).unwrap().text()
        };
        assert_eq!(
            line(json!({ "message": "one\ntwo\u{1b}[2J" })),
            "2026-11-29T07:08:30.000Z error - one\n    two\u{fffd}[2J"
        );
        let drift = json!({ "message": "drift", "controller": "deployment", "object": "a/b" });
        assert_eq!(line(drift), "2026-11-29T07:08:30.000Z error deployment/b.a - drift");
    }

    #[test]
    fn what_was_cut_off_is_no_line() {
        for text in ["", "{\"timestamp\":\"2026", "{}", "[]", "null"] {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }
}
