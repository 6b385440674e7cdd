//! Lines of a log as Flux's controllers write them, which `flux logs` and Flux's dashboard of logs read: a JSON object each.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Level, Line};

/// Takes whole lines as tracing writes them, and writes them as Flux does.
pub struct Flux<W>(pub W);

impl<W: Write> Write for Flux<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line).ok().and_then(Line::read) {
            Some(read) => self.0.write_all(format!("{}\n", written(&read)).as_bytes())?,
            None => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line, with the kind, the namespace and the name of the object that it is about. What else is known of it keeps its names.
fn written(line: &Line) -> Value {
    let mut written: Map<String, Value> = line.fields().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            written.insert(name.to_owned(), value.into());
        }
    };
    put("level", level(line.level));
    put("ts", &line.at.to_string());
    put("msg", line.message());
    put("controllerKind", &line.kind);
    put("controller", &line.kind.to_lowercase());
    put("namespace", &line.namespace);
    put("name", &line.name);
    if !line.kind.is_empty() && !line.name.is_empty() {
        written.insert(line.kind.clone(), json!({ "name": line.name, "namespace": line.namespace }));
    }
    Value::Object(written)
}

/// Flux knows no warnings: what is no failure is information.
fn level(level: Level) -> &'static str {
    match level {
        Level::Error | Level::Warn => "error",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_flux(line: &str) -> String {
        let mut written = Vec::new();
        Flux(&mut written).write_all(line.as_bytes()).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_line_of_a_reconciliation_names_its_object_as_flux_does() {
        let line = json!({
            "timestamp": "2026-11-29T07:08:30.123456Z", "level": "WARN", "target": "cowherd_gitops",
            "fields": { "message": "it \"failed\"\nonce", "error": "no such file", "name": "forged", "changed": 2 },
            "spans": [{ "name": "reconcile", "controller": "kustomization", "object": "flux-system/app",
                "cause": "its interval is over" }],
        });
        let text = as_flux(&format!("{line}\n"));
        assert_eq!(text.lines().count(), 1, "{text}");
        let expected = json!({
            "level": "error", "ts": "2026-11-29T07:08:30.123456Z", "msg": "it \"failed\"\nonce",
            "controller": "kustomization", "controllerKind": "Kustomization",
            "Kustomization": { "name": "app", "namespace": "flux-system" }, "name": "app", "namespace": "flux-system",
            "error": "no such file", "changed": "2", "cause": "its interval is over",
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn a_line_of_no_object_names_none_and_what_is_no_line_stays() {
        let line = json!({ "timestamp": "2026-11-29T07:08:30Z", "level": "INFO", "fields": { "message": "begun" } });
        let expected = json!({ "level": "info", "ts": "2026-11-29T07:08:30Z", "msg": "begun" });
        assert_eq!(serde_json::from_str::<Value>(&as_flux(&line.to_string())).unwrap(), expected);
        assert_eq!(as_flux("cut off"), "cut off");
    }
}
