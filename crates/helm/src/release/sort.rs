//! Parts rendered files into hooks and manifests, in the order of their kinds.

use std::collections::BTreeMap;

use cowherd_yaml::{Problem, YamlError};

use super::hook::{Hook, HookEvent};
use super::kind_order::rank;
use super::manifest::{Head, Manifest};
use super::split::split_manifests;
use crate::go::DecodeError;

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
const OUTPUT_LOG_POLICY: &str = "helm.sh/hook-output-log-policy";

/// What rendered files hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The other manifests, by kind.
    pub manifests: Vec<Manifest>,
}

/// A rendered file is no YAML, or does not have the fields of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {source}")]
pub struct ManifestError {
    /// The template.
    pub path: String,
    /// What is wrong with what it renders to.
    pub source: DecodeError,
}

impl ManifestError {
    /// What a template writes is not UTF-8.
    pub(crate) fn no_text(path: String, content: &[u8]) -> Self {
        let valid = content.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
        let line = valid.matches('\n').count() + 1;
        let column = valid.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let problem = Problem::Syntax(
            "what is written here is not UTF-8: a text that was cut within a character, or a file in another encoding"
                .into(),
        );
        Self { path, source: YamlError { line, column, problem }.into() }
    }
}

/// Parts `files` (path and content) into hooks and manifests. Partials and files without text are left out, and so are
/// hooks of events that Helm does not know.
pub fn sort_manifests(
    files: &BTreeMap<String, String>,
    limits: &cowherd_yaml::Limits,
) -> Result<Sorted, ManifestError> {
    let mut sorted = Sorted::default();
    for (path, content) in files {
        let is_partial = path.rsplit('/').next().is_some_and(|base| base.starts_with('_'));
        if is_partial || content.trim().is_empty() {
            continue;
        }
        for document in split_manifests(content) {
            let head = Head::read(document, limits);
            sorted.add(path, document, head.map_err(|source| ManifestError { path: path.clone(), source })?);
        }
    }
    sorted.hooks.sort_by(|a, b| rank(&a.kind).cmp(&rank(&b.kind)));
    sorted.manifests.sort_by(|a, b| rank(&a.kind).cmp(&rank(&b.kind)));
    Ok(sorted)
}

impl Sorted {
    fn add(&mut self, path: &str, content: &str, head: Head) {
        let (path, content) = (path.to_owned(), content.to_owned());
        let Some(hook) = head.annotations.get(HOOK) else {
            self.manifests.push(Manifest { path, content, kind: head.kind });
            return;
        };
        let events: Option<Vec<HookEvent>> = words(hook).map(|event| HookEvent::parse(&event)).collect();
        let Some(events) = events else { return };
        let policies = |annotation| head.annotations.get(annotation).map(|text| words(text).collect());
        self.hooks.push(Hook {
            weight: head.annotations.get(WEIGHT).and_then(|weight| weight.parse().ok()).unwrap_or_default(),
            delete_policies: policies(DELETE_POLICY).unwrap_or_default(),
            output_log_policies: policies(OUTPUT_LOG_POLICY).unwrap_or_default(),
            name: head.name,
            kind: head.kind,
            path,
            content,
            events,
        });
    }
}

/// The words of `text` between commas, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|word| word.trim().to_lowercase())
}
