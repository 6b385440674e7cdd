//! Makes the artifacts of a generator of what its sources have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_assemble::{
    AssembleError, Assembled, Effort, ExpandError, Expanded, Extents, Limits, Rule, Source, assemble, expand,
};
use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreePath};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::sources::Content;
use super::spec::{Output, Wanted};
use crate::source::{Artifact, Origin, helm_chart};

/// An artifact that was made.
pub(super) struct Made {
    pub(super) name: String,
    /// Labels that the pattern of directories gives it.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) artifact: Arc<Artifact>,
}

/// What came of a generator.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) made: Vec<Made>,
    /// The first of what could not be made, if anything.
    pub(super) failed: Option<Error>,
}

/// An artifact as it is to be made.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
    pub(super) labels: BTreeMap<String, String>,
    /// Which of the outputs it is.
    pub(super) output: usize,
}

/// Makes all artifacts. One that cannot be made keeps no other from being made. Blocks the thread.
pub(super) fn make(
    wanted: &Wanted,
    contents: &[Content],
    extents: &mut Extents,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, Error> {
    let effort = Effort::new(Limits::default(), stop);
    let sources = contents.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    let mut outcome = Outcome::default();
    for task in tasks(wanted, &sources, &effort)? {
        let assembled = assemble(&task.rules, &sources, &effort).and_then(|assembled| {
            let whole = |cause| AssembleError { from: "@*".to_owned(), to: "@artifact/".to_owned(), cause };
            extents.check(&assembled, &effort).map_err(whole)?;
            Ok(assembled)
        });
        match assembled {
            Ok(assembled) => {
                let output = &wanted.outputs[task.output];
                let artifact = Arc::new(artifact(assembled, output, &task.rules, contents));
                outcome.made.push(Made { name: task.name, labels: task.labels, artifact });
            }
            Err(error) => {
                let cause = format!("failed to apply copy operations: {error}");
                outcome.failed.get_or_insert(Error::Build { name: task.name, cause });
            }
        }
    }
    Ok(outcome)
}

/// The artifacts that are to be made.
pub(super) fn tasks(wanted: &Wanted, sources: &[Source], effort: &Effort<'_>) -> Result<Vec<Task>, Error> {
    let Some(pattern) = &wanted.path_pattern else {
        let task = |(output, one): (usize, &Output)| {
            let (name, rules) = (one.template.name.clone(), one.template.rules.clone());
            Task { name, rules, labels: BTreeMap::new(), output }
        };
        return Ok(wanted.outputs.iter().enumerate().map(task).collect());
    };
    let templates: Vec<_> = wanted.outputs.iter().map(|output| output.template.clone()).collect();
    let expanded = expand(pattern, &templates, sources, effort)
        .map_err(|error| Error::Expand { is_final: matches!(error, ExpandError::Final(_)), text: error.to_string() })?;
    let task = |Expanded { template, name, rules, labels }| Task { name, rules, labels, output: template };
    Ok(expanded.into_iter().map(task).collect())
}

/// A source as rules see it. A chart stands below its name, as it does where it is packed.
pub(super) fn source(content: &Content) -> Result<Source, Error> {
    let (alias, tree) = (content.alias.clone(), content.artifact.tree.clone());
    if content.source.kind != helm_chart::KIND {
        return Ok(Source { alias, tree });
    }
    let name = chart_name(tree.as_ref())
        .ok_or_else(|| Error::Sources(format!("the Chart.yaml of source '{}' names no chart", content.source)))?;
    let rule = Rule { from: "@chart/**".to_owned(), to: format!("@artifact/{name}/"), ..Rule::default() };
    let packed = [Source { alias: "chart".to_owned(), tree }];
    let nested = assemble(&[rule], &packed, &Effort::new(Limits::default(), &|| false));
    let nested = nested.map_err(|error| Error::Sources(format!("source '{}': {error}", content.source)))?;
    Ok(Source { alias, tree: Arc::new(nested) })
}

fn chart_name(tree: &dyn Tree) -> Option<String> {
    let text = tree.read(&TreePath::parse("Chart.yaml").ok()?).ok()?;
    let documents = cowherd_yaml::parse_documents(&text, &cowherd_helm::chart::Limits::default().yaml).ok()?;
    let chart = documents.into_iter().next()?.value;
    let name = chart.get("name").and_then(Value::as_str)?;
    (!name.is_empty() && !name.contains('/') && name != "." && name != "..").then(|| name.to_owned())
}

/// An artifact of what was put together.
fn artifact(assembled: Assembled, output: &Output, rules: &[Rule], contents: &[Content]) -> Artifact {
    let named = |alias: &Option<String>| {
        let alias = alias.as_ref()?;
        contents.iter().find(|content| content.alias == *alias).map(|content| content.artifact.as_ref())
    };
    let digest = digest(&assembled);
    let revision = named(&output.revision).map_or_else(|| format!("latest@{digest}"), |one| one.revision.clone());
    let of = named(&output.origin_revision);
    let origin_revision = of.map(|one| one.origin_revision().unwrap_or(&one.revision).to_owned());
    let aliases: BTreeSet<&str> = rules.iter().filter_map(Rule::alias).collect();
    let used: Vec<&Artifact> = contents
        .iter()
        .filter(|content| aliases.contains(content.alias.as_str()))
        .map(|content| content.artifact.as_ref())
        .collect();
    let author = of.or(match used.as_slice() {
        [only] => Some(*only),
        _ => None,
    });
    let all: Arc<dyn Tree> = Arc::new(assembled);
    Artifact {
        revision,
        digest,
        authorship: author.and_then(|author| author.authorship.clone()),
        origin: origin_revision.map(|revision| Origin { source: None, revision: Some(revision) }),
        tree: Arc::new(Ignore::defaults(all.clone())),
        all,
        ignore: None,
        // What is the person's own stays it as long as nothing of others is in it.
        is_root: !used.is_empty() && used.iter().all(|one| one.is_root),
        ..Artifact::nothing()
    }
}

/// The identity of all that is in an artifact.
fn digest(assembled: &Assembled) -> String {
    let mut digest = Sha256::new();
    digest.update(b"artifact\n");
    digest.update(assembled.id().as_bytes());
    digest.finalize().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
