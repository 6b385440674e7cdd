//! What must hold when it is quiet.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::history::{APPS, History};

/// Compares the cluster with what Git says; the first difference, in words.
pub(super) fn check(history: &History) -> Result<(), String> {
    let (objects, kustomizations) = (history.cluster.all("ConfigMap"), history.cluster.all("Kustomization"));
    let at_work = history.at_work();
    for app in &at_work {
        says_that_it_is_ready(history, *app, &kustomizations)?;
    }
    let wanted = wanted(history, &at_work);
    for (name, (app, value)) in &wanted {
        let Some(found) = objects.get(*name) else { return Err(format!("{name} of app-{app} is not there")) };
        let (label, key) = (&found["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], &found["data"]["key"]);
        if *key != **value || *label != format!("app-{app}") {
            return Err(format!("{name} is {key} of {label}; it should be {value} of app-{app}"));
        }
    }
    // What is not at work, but is there, keeps what it has, also what it was given, and others keep for it what they had.
    let is_there = |app: &usize| kustomizations.contains_key(&format!("app-{app}"));
    let resting: BTreeSet<String> = (0..APPS)
        .filter(|app| !at_work.contains(app))
        .flat_map(|app| {
            inventory(&kustomizations, app).into_iter().chain(marked(&objects, app).filter(move |_| is_there(&app)))
        })
        .chain(described_by_resting(history))
        .collect();
    for name in objects.keys().filter(|name| !wanted.contains_key(*name)) {
        if !resting.contains(name) {
            return Err(format!("{name} is there, but nobody describes it: {}", objects[name]["metadata"]["labels"]));
        }
    }
    let gone = (0..APPS)
        .filter(|app| !history.apps[*app].exists)
        .filter(|app| inventory(&kustomizations, *app).is_disjoint(&described_by_resting(history)))
        .find(|app| kustomizations.contains_key(&format!("app-{app}")));
    gone.map_or(Ok(()), |app| Err(format!("app-{app} was deleted, and is there")))
}

/// The objects that should be there, with whose they are and their values: of several that describe one the root has it, or
/// else the oldest.
fn wanted<'a>(history: &'a History, at_work: &BTreeSet<usize>) -> BTreeMap<&'a String, (usize, &'a String)> {
    let mut wanted = BTreeMap::new();
    for app in history.root.iter().chain(&history.by_age()).filter(|app| at_work.contains(app)) {
        for (name, value) in &history.files[app] {
            wanted.entry(name).or_insert((*app, value));
        }
    }
    wanted
}

fn says_that_it_is_ready(
    history: &History,
    app: usize,
    kustomizations: &BTreeMap<String, Value>,
) -> Result<(), String> {
    let Some(found) = kustomizations.get(&format!("app-{app}")) else { return Err(format!("app-{app} is not there")) };
    let status = &found["status"];
    let described: BTreeSet<String> = history.files[&app].keys().cloned().collect();
    let inventory = inventory(kustomizations, app);
    let kept: BTreeSet<String> = inventory.difference(&described).cloned().collect();
    if !kept.is_empty() {
        let condition = |type_: &str| {
            let all = status["conditions"].as_array().into_iter().flatten();
            all.clone().find(|condition| condition["type"] == type_).cloned().unwrap_or_default()
        };
        let (ready, waits) = (condition("Ready"), condition("PruneProtected"));
        let is_said = ready["status"] == "True" && waits["status"] == "True" && waits["reason"] == "MayHaveMoved";
        if !is_said || !kept.is_subset(&described_by_resting(history)) {
            return Err(format!("app-{app} keeps {kept:?}, and says {ready} {waits}"));
        }
    }
    let ready = status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == "Ready");
    if ready.is_none_or(|ready| ready["status"] != "True") {
        return Err(format!("app-{app} is not ready: {:?}", ready.map(ToString::to_string)));
    }
    let expected = [
        ("/status/lastAppliedRevision", Value::from(history.revision())),
        ("/status/observedGeneration", found["metadata"]["generation"].clone()),
        ("/status/lastHandledReconcileAt", Value::from(history.apps[app].requests.to_string())),
    ];
    for (pointer, expected) in expected {
        let said = found.pointer(pointer).cloned().unwrap_or_default();
        if said != expected {
            return Err(format!("app-{app} says {pointer} {said}, which is {expected}"));
        }
    }
    if &inventory - &kept == described {
        Ok(())
    } else {
        Err(format!("app-{app} has the inventory {inventory:?}, and describes {described:?}"))
    }
}

/// What those describe in Git that are suspended.
fn described_by_resting(history: &History) -> BTreeSet<String> {
    let rests = |app: &usize| history.apps[*app].exists && history.apps[*app].suspended;
    (0..APPS).filter(rests).flat_map(|app| history.files[&app].keys().cloned()).collect()
}

/// The objects whose labels say that they are this one's.
fn marked(objects: &BTreeMap<String, Value>, app: usize) -> impl Iterator<Item = String> {
    let is_its =
        move |object: &Value| object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == *format!("app-{app}");
    objects.iter().filter(move |(_, object)| is_its(object)).map(|(name, _)| name.clone())
}

fn inventory(kustomizations: &BTreeMap<String, Value>, app: usize) -> BTreeSet<String> {
    let entries = kustomizations
        .get(&format!("app-{app}"))
        .and_then(|found| found.pointer("/status/inventory/entries")?.as_array());
    let id = |entry: &Value| Some(entry["id"].as_str()?.split('_').nth(1)?.to_owned());
    entries.into_iter().flatten().filter_map(id).collect()
}
