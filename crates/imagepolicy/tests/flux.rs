//! What Flux's own packages say, as it was recorded: docs/testing.md says how.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use cowherd_imagepolicy::{
    Automation, Changes, Filter, ImageRef, InvalidPolicy, MessageError, Order, Policy, Setters, is_marked, message,
};
use cowherd_yaml::{Dialect, parse_documents_as};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Recorded {
    choices: Vec<Choice>,
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
struct Choice {
    policy: Value,
    filter: Option<TagFilter>,
    tags: Vec<String>,
    #[serde(default)]
    latest: String,
    #[serde(default)]
    invalid: bool,
    error: Option<String>,
}

#[derive(Deserialize)]
struct TagFilter {
    pattern: String,
    extract: String,
}

#[derive(Deserialize)]
struct Setting {
    name: String,
    latest: BTreeMap<String, Image>,
    files: BTreeMap<String, String>,
    #[serde(default)]
    written: BTreeMap<String, String>,
    changes: Option<Vec<Changed>>,
    message: Option<String>,
    #[serde(default)]
    template: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    name: String,
    tag: String,
    #[serde(default)]
    digest: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "PascalCase")]
struct Changed {
    file: String,
    #[serde(rename = "APIVersion")]
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    old: String,
    new: String,
    setter: String,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("recorded/flux.json")).unwrap()
}

fn policy(choice: &Value) -> Result<Policy, InvalidPolicy> {
    let order = |value: &Value| Order::parse(value["order"].as_str().unwrap_or_default());
    match (choice.get("semver"), choice.get("alphabetical"), choice.get("numerical")) {
        (Some(semver), _, _) => Policy::semver(semver["range"].as_str().unwrap()),
        (_, Some(alphabetical), _) => order(alphabetical).map(Policy::Alphabetical),
        (_, _, Some(numerical)) => order(numerical).map(Policy::Numerical),
        _ => Err(InvalidPolicy::Nothing),
    }
}

/// Patterns of which Rust's `regex` and Go's disagree whether they are some: names of groups beyond ASCII are none in Go, and a name
/// may stand twice there.
const OTHER_PATTERNS: [&str; 2] = ["^(?P<é>m).*", "(?P<n>[0-9]+)-(?P<n>x)"];

fn is_other(choice: &Choice) -> bool {
    choice.filter.as_ref().is_some_and(|filter| OTHER_PATTERNS.contains(&filter.pattern.as_str()))
}

#[test]
fn the_latest_tag_is_the_one_that_flux_chooses() {
    let mut compared = 0;
    for choice in recorded().choices.iter().filter(|choice| !is_other(choice)) {
        let asked = format!("{} {:?}", choice.policy, choice.filter.as_ref().map(|f| (&f.pattern, &f.extract)));
        let filter = choice.filter.as_ref().map(|filter| Filter::new(&filter.pattern, &filter.extract)).transpose();
        let ready = policy(&choice.policy).and_then(|policy| Ok((policy, filter?)));
        let Ok((policy, filter)) = ready else {
            assert!(choice.invalid, "{asked}: {:?}, with Flux {:?}", ready.unwrap_err(), choice.latest);
            continue;
        };
        assert!(!choice.invalid, "{asked}: {:?}", choice.error);
        let latest = policy.latest(filter.as_ref(), choice.tags.iter().map(String::as_str), || true);
        match (&latest, &choice.error) {
            (Ok(latest), None) => assert_eq!(*latest, choice.latest, "{asked} of {:?}", choice.tags),
            (Err(error), Some(said)) => {
                // Of several tags that are no numbers Flux names any.
                let begins = said.split('\'').next().unwrap();
                assert!(error.to_string().starts_with(begins), "{asked}: {error}, with Flux: {said}");
            }
            _ => panic!("{asked} of {:?}: {latest:?}, with Flux: {:?} {:?}", choice.tags, choice.latest, choice.error),
        }
        compared += 1;
    }
    assert!(compared > 250, "{compared}");
}

/// Where what we do is another thing than what Flux does, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("block literal", "a block of lines stays as it is, and its marker is told of"),
    ("block folded", "a block of lines stays as it is, and its marker is told of"),
    ("tagged int", "Flux takes the tag away; what is said to be a number stays one"),
    ("root list", "Flux sets annotations on what it reads, which a list has no place for; a marker is a marker"),
    ("root scalar", "as a list"),
    ("duplicate keys", "Flux finds a field by its name, and only the first"),
    ("list kind", "Flux tells of a change that it does not write"),
    ("broken second doc", "Flux is right to leave all of the file"),
    ("null word", "Flux writes !!null before the value"),
    ("tilde", "Flux writes !!null before the value"),
];

fn setters(setting: &Setting) -> Setters {
    let policies = setting.latest.iter().map(|(key, image)| {
        let (namespace, name) = key.split_once(':').unwrap();
        let image = ImageRef { name: image.name.clone(), tag: image.tag.clone(), digest: image.digest.clone() };
        (namespace.to_owned(), name.to_owned(), image)
    });
    Setters::new(policies).unwrap()
}

/// What setters make of the files, and what they changed.
fn updated(setting: &Setting) -> (BTreeMap<String, String>, Changes, Vec<Changed>) {
    let (setters, mut written) = (setters(setting), BTreeMap::new());
    let (mut changes, mut listed) = (Changes::default(), Vec::new());
    for (file, text) in &setting.files {
        let is_yaml = file.ends_with(".yaml") || file.ends_with(".yml") || file.ends_with("Kustomization");
        if !is_yaml || !is_marked(text.as_bytes()) {
            continue;
        }
        let Ok(updated) = setters.update(text.as_bytes()) else { continue };
        written.extend(updated.text.map(|text| (file.clone(), text)));
        listed.extend(updated.changes.iter().map(|(object, change)| Changed {
            file: file.clone(),
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            old: change.old.clone(),
            new: change.new.clone(),
            setter: change.setter.clone(),
        }));
        changes.add(file, updated.changes);
    }
    listed.sort();
    (written, changes, listed)
}

/// The values of a text, all of them as texts: of what Flux tags with `!!int` and the like only the text counts.
fn values(text: &str) -> Vec<Value> {
    let plain = ["!!int ", "!!float ", "!!bool ", "!!merge ", "!foo "]
        .iter()
        .fold(text.to_owned(), |text, tag| text.replace(tag, ""));
    let documents = parse_documents_as(plain.as_bytes(), Dialect::Kubernetes, &Default::default()).unwrap();
    documents.into_iter().map(|document| document.value).filter(|value| !value.is_null()).collect()
}

/// Whether two texts differ in nothing but one run of bytes for each change, so that nothing else was touched.
fn touches_values_alone(before: &str, after: &str, changes: &[Changed]) -> bool {
    let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    let differing = |(a, b): &(&String, &String)| a != b;
    before.len() == after.len() && before.iter().zip(&after).filter(differing).count() <= changes.len()
}

#[test]
fn markers_change_what_flux_changes_and_no_other_byte() {
    let mut different = BTreeSet::new();
    for setting in recorded().settings {
        let (written, _, listed) = updated(&setting);
        if DIFFERENT.iter().any(|(name, _)| *name == setting.name) {
            let is_same = written == setting.written;
            assert!(!is_same || setting.name == "broken second doc", "{} is no longer different", setting.name);
            different.insert(setting.name.clone());
            continue;
        }
        let mut by_flux = setting.changes.clone().unwrap_or_default();
        by_flux.sort();
        assert_eq!(listed, by_flux, "{}", setting.name);
        let files = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(files(&written), files(&setting.written), "{}", setting.name);
        for (file, text) in &written {
            let is_empty_digest = setting.name.contains(":digest") && listed.iter().all(|change| change.new.is_empty());
            if !is_empty_digest {
                assert_eq!(values(text), values(&setting.written[file]), "{}: {text}", setting.name);
            }
            let of_file: Vec<_> = updated(&setting).2.into_iter().filter(|change| change.file == *file).collect();
            let is_on_lines = setting.name.starts_with("multi line");
            let before = &setting.files[file];
            assert!(is_on_lines || touches_values_alone(before, text, &of_file), "{}: {text}", setting.name);
        }
    }
    let known: BTreeSet<String> = DIFFERENT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(different, known);
}

#[test]
fn messages_are_those_of_flux() {
    let values = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let automation = Automation { namespace: "flux-system".to_owned(), name: "auto".to_owned() };
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.split(['\n', ';', ' ', '[']).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let mut compared = 0;
    for setting in recorded().settings.iter().filter(|setting| !setting.template.is_empty()) {
        let (_, changes, _) = updated(setting);
        let ours = message(&setting.template, &automation, &changes, &values);
        match (&ours, &setting.message, &setting.error) {
            // The order of objects and changes is that of a map of Go, which is random.
            (Ok(ours), Some(flux), _) => assert_eq!(sorted(ours), sorted(flux), "{}", setting.template),
            (Err(MessageError::RemovedField { .. }), None, Some(error)) => {
                assert!(error.contains("can't evaluate field Updated") || error.contains("ImageResult"), "{error}");
            }
            (Err(MessageError::Parse(_)), None, Some(error)) => assert!(error.starts_with("parse: "), "{error}"),
            (Err(MessageError::Execute(_)), None, Some(error)) => assert!(error.starts_with("execute: "), "{error}"),
            _ => panic!("{}: {ours:?}, with Flux: {:?} {:?}", setting.template, setting.message, setting.error),
        }
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}
