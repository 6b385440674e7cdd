//! The cases, which are data: `tests/releases/*.yaml` says what is played, `$NS` is the namespace of the case in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// What is played.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(skip)]
    pub name: String,
    /// The files of the chart `web` by its versions, beside its `Chart.yaml`.
    #[serde(default)]
    pub charts: BTreeMap<String, BTreeMap<String, String>>,
    /// Further namespaces: what stands behind `$NS-` in their names.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Further objects that are looked at, as `Kind/name`.
    #[serde(default)]
    pub also: Vec<String>,
    pub steps: Vec<Step>,
    /// Why the causes of failures are put in other words than the real controller's, where they are.
    #[serde(default)]
    pub causes: Option<String>,
    /// What differs from the real controller and may, by the reason. A path fits all that begin with it; `*` is any one part.
    #[serde(default)]
    pub differs: BTreeMap<String, Vec<String>>,
}

/// What is done, or looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// The repository has these versions of the chart from now on, and is asked for them.
    Sell(Vec<String>),
    /// These objects are made.
    Make(Vec<Value>),
    /// The HelmRelease `web` of the chart is made, with this beside it in its spec.
    Release(Value),
    /// The spec of the HelmRelease `web` is changed.
    Change(Value),
    /// An object, as `Kind/name`, is changed by hand.
    Patch(BTreeMap<String, Value>),
    /// An object, as `Kind/name`, is deleted.
    Delete(String),
    /// The HelmRelease `web` is asked to be reconciled, with these requests beside it.
    Ask(Vec<String>),
    /// A record of Helm is written: that of a revision, as it is in another one, with changes.
    Record(Rewritten),
    /// What has become of it all.
    Look,
}

/// A record that somebody else writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewritten {
    /// The revision that is taken.
    pub from: i64,
    /// The revision that is written.
    pub to: i64,
    /// What is another in it.
    pub with: Value,
}

/// All cases, by their names.
pub fn all() -> Vec<Case> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/releases");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(read).collect()
}

fn read(file: &PathBuf) -> Case {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(file).unwrap().replace("$NS", &namespace(&name));
    let document = cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default());
    let value = document.unwrap_or_else(|error| panic!("{name}: {error}")).remove(0).value;
    let case: Case = serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"));
    Case { name, ..case }
}

/// The namespace in which a case is played.
pub fn namespace(case: &str) -> String {
    format!("release-{case}")
}
