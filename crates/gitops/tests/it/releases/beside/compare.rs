//! What of two things that were seen differs, beside what is known to differ in every case.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::case::Case;

/// The reasons of events that tell programs of a revision, too; those of others tell ours of more than the real one does.
const OF_REVISIONS: &[&str] = &["Succeeded", "Failed", "DriftCorrected", "PendingRelease"];
/// Of what we tell by events, the real one tells some in its log alone.
const OURS_ALONE: &[&str] = &["NoServiceAccount:", "SourceNotReady:", "StateError:", "ArtifactFailed:"];
/// What follows on these words is the cause of a failure, which is put in words of its own by who applies.
const BEFORE_CAUSES: &[&str] = &["with chart web@", "' is not ready", "\" failed: ", "awaiting tests"];

/// What differs and is not explained, each with its path.
pub fn differences(case: &Case, ours: &Value, real: &Value) -> Vec<String> {
    let (ours, real) = (comparable(case, ours), comparable(case, real));
    let mut found = Vec::new();
    differ(&mut Vec::new(), &ours, &real, &mut found);
    let explained: Vec<Vec<&str>> = case.differs.values().flatten().map(|path| path.split(" > ").collect()).collect();
    let is_explained = |path: &[String]| {
        let fits = |explained: &Vec<&str>| {
            let same = |(one, part): (&&str, &String)| *one == "*" || *one == part || is_begun_by(part, one);
            explained.len() <= path.len() && explained.iter().zip(path).all(same)
        };
        explained.iter().any(fits)
    };
    let unexplained = found.into_iter().filter(|(path, _)| !is_explained(path));
    unexplained.map(|(path, what)| format!("{}: {what}", path.join(" > "))).collect()
}

/// Whether the pattern ends with `*`, and the part begins with what is before that.
fn is_begun_by(part: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|begin| part.starts_with(begin))
}

fn differ(path: &mut Vec<String>, ours: &Value, real: &Value, found: &mut Vec<(Vec<String>, String)>) {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                path.push(key.clone());
                differ(path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), found);
                path.pop();
            }
        }
        (Value::Array(a), Value::Array(b))
            if path.last().is_some_and(|last| last == "events" || last == "managers") =>
        {
            let (a, b): (BTreeSet<String>, BTreeSet<String>) = (texts(a), texts(b));
            let sided = a.difference(&b).map(|text| (text, "ours alone"));
            for (text, side) in sided.chain(b.difference(&a).map(|text| (text, "the real one alone"))) {
                found.push(([path.clone(), vec![text.clone()]].concat(), side.to_owned()));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                path.push(at.to_string());
                differ(path, a.get(at).unwrap_or(&Value::Null), b.get(at).unwrap_or(&Value::Null), found);
                path.pop();
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((path.clone(), format!("\n    ours {a}\n    real {b}"))),
    }
}

fn texts(items: &[Value]) -> BTreeSet<String> {
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What was seen without what is known to differ in every case, and is of no consequence.
fn comparable(case: &Case, seen: &Value) -> Value {
    let mut seen = seen.clone();
    let maps = |value: &mut Value, each: &mut dyn FnMut(&mut Map<String, Value>)| {
        value.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut).for_each(each);
    };
    // How source-controller writes its part is no matter of releases.
    maps(&mut seen["charts"], &mut |chart| drop(chart.remove("managers")));
    // Helm forgets when a record was made as soon as it changes it.
    maps(&mut seen["records"], &mut |record| {
        record.remove("created");
        if let Some(Value::String(manifest)) = record.get_mut("record").and_then(|record| record.get_mut("manifest")) {
            *manifest = manifest.replace("\n\n---", "\n---").trim_end().to_owned();
        }
    });
    maps(&mut seen["objects"], &mut |object| {
        // Controllers of a cluster write what is theirs.
        let managers = object.get_mut("managers").and_then(Value::as_array_mut);
        managers.into_iter().for_each(|all| all.retain(|one| !is_others(one)));
    });
    let managers = seen["release"]["managers"].as_array_mut();
    managers.into_iter().for_each(|all| all.retain(|one| !is_others(one)));
    if let Some(events) = seen["events"].as_array_mut() {
        *events = events.iter().filter_map(|event| comparable_event(event.as_str()?)).map(Value::from).collect();
    }
    comparable_release(&mut seen["release"]);
    if case.causes.is_some() {
        cut_causes(&mut seen);
    }
    seen
}

/// Whether a manager is neither the controller nor anybody whom the case names, but a part of the cluster, or who plays the case.
fn is_others(manager: &Value) -> bool {
    manager.as_str().is_some_and(|manager| manager.starts_with("kube-") || manager.starts_with("cowherd "))
}

fn comparable_event(event: &str) -> Option<String> {
    if OURS_ALONE.iter().any(|reason| event.contains(reason)) || event.contains("(combined from similar events)") {
        return None;
    }
    // Why something is done is told by ours alone.
    let (told, annotations) = event.split_once(" [").map_or((event, ""), |(told, rest)| (told, rest));
    let reason = told.split([' ', ':']).nth(1).unwrap_or_default();
    // Of what revision the values are is a line of its own.
    let told = if reason == "ValuesError" { told.lines().next().unwrap_or_default() } else { told };
    let tells_revision = OF_REVISIONS.iter().any(|end| reason.ends_with(end)) && reason != "DriftDetected";
    let kept = annotations.trim_end_matches(']').split("] [").filter(|one| !one.is_empty());
    let kept = kept.filter(|one| tells_revision && !one.starts_with("cowherd.dev/"));
    Some(kept.fold(told.to_owned(), |told, one| format!("{told} [{one}]")))
}

fn comparable_release(release: &mut Value) {
    let has_history = release["status"]["history"].is_array();
    let Some(status) = release.get_mut("status").and_then(Value::as_object_mut) else { return };
    // The real one forgets what made a revision as soon as there is a newer one.
    let history = status.get_mut("history").and_then(Value::as_array_mut);
    for snapshot in history.into_iter().flatten().skip(1).filter_map(Value::as_object_mut) {
        snapshot.remove("action");
    }
    let condition =
        |type_: &str, status: &Map<String, Value>| status["conditions"].get(type_).cloned().unwrap_or_default();
    // How often was tried what is tried for ever depends on the time.
    if condition("Ready", status)["status"] != "True" && condition("Stalled", status).is_null() {
        status.remove("failures");
    }
    // The real one says that it is at work on prerequisites while it waits for them; ours says why it waits.
    if let Some(Value::Object(reconciling)) = status["conditions"].get_mut("Reconciling") {
        reconciling.remove("reason");
        reconciling.remove("message");
    }
    if !has_history {
        // Ours says nothing of a chart, and holds nothing up, as long as it has done nothing.
        status.remove("helmChart");
        if let Some(release) = release.as_object_mut() {
            release.remove("finalizers");
            release.remove("managers");
        }
    }
}

/// Takes the causes of failures out of texts.
fn cut_causes(value: &mut Value) {
    match value {
        Value::String(text) => {
            for before in BEFORE_CAUSES {
                let Some(at) = text.find(before) else { continue };
                if let Some(colon) = text[at..].find(": ") {
                    text.truncate(at + colon + 1);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(cut_causes),
        Value::Object(map) => map.values_mut().for_each(cut_causes),
        _ => {}
    }
}
