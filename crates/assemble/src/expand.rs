//! `pathPattern`: an artifact for each directory that a pattern fits.

use std::collections::BTreeMap;

use cowherd_tree::{EntryKind, Tree, TreePath};
use regex::{Regex, RegexBuilder};

use crate::names::{label_key_problem, label_value_problem, object_name_problem};
use crate::{Cause, Effort, Rule, Source};

/// An artifact, in whose name and rules `{name}` may stand for what a pattern found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// An artifact that a directory stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// Which of the templates it is.
    pub template: usize,
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// What was found, by name, as labels have it.
    pub labels: BTreeMap<String, String>,
}

/// Why a pattern of directories makes no artifacts.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// Only a change of the generator, or of the names of directories, helps.
    #[error("{0}")]
    Final(String),
    /// A source cannot be read, or it takes too much.
    #[error("failed to walk source directory: {0}")]
    Walk(#[from] Cause),
}

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 1024;

/// The artifacts of the directories that `pattern` fits: `@alias/apps/{app}`. Blocks the thread.
///
/// # Errors
/// When the pattern is none, or what it finds is none of names; when two directories would have the same artifact.
pub fn expand(
    pattern: &str,
    templates: &[Template],
    sources: &[Source],
    effort: &Effort<'_>,
) -> Result<Vec<Expanded>, ExpandError> {
    let of_pattern = |problem: String| ExpandError::Final(format!("pathPattern \"{pattern}\": {problem}"));
    let invalid = || ExpandError::Final(format!("invalid pathPattern format: {pattern}"));
    let (alias, path) = pattern.strip_prefix('@').and_then(|rest| rest.split_once('/')).ok_or_else(invalid)?;
    if pattern.len() > MAX_PATTERN {
        return Err(of_pattern(format!("it has more than {MAX_PATTERN} bytes")));
    }
    let source = sources.iter().find(|source| source.alias == alias);
    let source = source.ok_or_else(|| of_pattern(format!("source alias {alias} not found in local sources")))?;
    let parts = read_pattern(path).map_err(of_pattern)?;
    let mut finding = Finding { tree: source.tree.as_ref(), parts: &parts, effort, found: Vec::new() };
    finding.descend(&TreePath::root(), &mut Vec::new())?;
    let mut expanded: Vec<Expanded> = Vec::new();
    let mut taken: BTreeMap<String, TreePath> = BTreeMap::new();
    for Found { directory, captures } in finding.found {
        let lower = |(name, value): &(String, String)| (name.clone(), value.to_lowercase());
        let labels: BTreeMap<String, String> = captures.iter().map(lower).collect();
        let captures: BTreeMap<String, String> = captures.into_iter().collect();
        for (name, value) in &labels {
            if let Some(problem) = label_value_problem(value) {
                let what = format!("captured value \"{value}\" for variable \"{name}\"");
                return Err(of_pattern(format!("{what} is not a valid Kubernetes label value: {problem}")));
            }
        }
        for (index, template) in templates.iter().enumerate() {
            let failed = |problem: String| {
                of_pattern(format!("failed to render artifact {} for match {directory}: {problem}", template.name))
            };
            let name = filled(&template.name, &labels).map_err(failed)?;
            let rules = template.rules.iter().map(|rule| filled_rule(rule, &captures)).collect::<Result<_, _>>();
            let rules = rules.map_err(failed)?;
            if let Some(problem) = object_name_problem(&name) {
                let what = format!("rendered artifact name \"{name}\"");
                return Err(of_pattern(format!("{what} is not a valid Kubernetes object name: {problem}")));
            }
            if let Some(other) = taken.insert(name.clone(), directory.clone()) {
                let both = format!("directories \"{other}\" and \"{directory}\"");
                return Err(of_pattern(format!("{both} both resolve to artifact name \"{name}\"")));
            }
            if expanded.len() >= effort.artifacts() {
                let limit = effort.artifacts();
                return Err(of_pattern(format!("it makes more than {limit} artifacts; use several generators")));
            }
            expanded.push(Expanded { template: index, name, rules, labels: labels.clone() });
        }
    }
    Ok(expanded)
}

/// A part of the pattern, between two slashes.
struct Part {
    matcher: Regex,
    /// What it finds, in order.
    names: Vec<String>,
}

/// The parts of a pattern.
fn read_pattern(path: &str) -> Result<Vec<Part>, String> {
    let mut seen = Vec::new();
    let mut parts = Vec::new();
    let mut begin = 0;
    for text in path.split('/') {
        let (mut written, mut names, mut rest) = (String::new(), Vec::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(at);
            written.push_str(&regex::escape(before));
            let offset = begin + text.len() - behind.len();
            let Some(inside) = behind.strip_prefix('{') else {
                return Err(format!("invalid capture ending at offset {offset}: missing opening brace"));
            };
            let Some((name, behind)) = inside.split_once('}') else {
                return Err(format!("invalid capture starting at offset {offset}: missing closing brace"));
            };
            check_capture(name)?;
            if let Some(problem) = label_key_problem(name) {
                return Err(format!("capture variable \"{name}\" is not a valid Kubernetes label key: {problem}"));
            }
            if seen.iter().any(|one| one == name) {
                return Err(format!("duplicate capture variable \"{name}\""));
            }
            seen.push(name.to_owned());
            names.push(name.to_owned());
            written.push_str("([^/]+)");
            rest = behind;
        }
        written.push_str(&regex::escape(rest));
        let matcher = RegexBuilder::new(&format!("^(?s:{written})$")).size_limit(1 << 20).build();
        let matcher = matcher.map_err(|error| format!("failed to compile path pattern: {error}"))?;
        parts.push(Part { matcher, names });
        begin += text.len() + 1;
    }
    Ok(parts)
}

fn check_capture(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("empty capture variable".to_owned());
    }
    let begins = name.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
    if begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(());
    }
    Err(format!("capture variable \"{name}\" must be a valid capture name matching [A-Za-z_][A-Za-z0-9_]*"))
}

/// A directory that a pattern fits, and what it found in its path.
struct Found {
    directory: TreePath,
    captures: Vec<(String, String)>,
}

struct Finding<'a> {
    tree: &'a dyn Tree,
    parts: &'a [Part],
    effort: &'a Effort<'a>,
    found: Vec<Found>,
}

impl Finding<'_> {
    /// Looks for directories in `directory`, which as many parts fit as its path has.
    fn descend(&mut self, directory: &TreePath, captures: &mut Vec<(String, String)>) -> Result<(), Cause> {
        let Some((part, is_last)) = self
            .parts
            .get(directory.components().count())
            .map(|part| (part, directory.components().count() + 1 == self.parts.len()))
        else {
            return Ok(());
        };
        let listed = self.tree.list(directory)?;
        self.effort.step(listed.len() as u64)?;
        for (name, entry) in listed {
            let Some(fits) = part.matcher.captures(&name).filter(|_| entry.kind == EntryKind::Directory) else {
                continue;
            };
            let groups = fits.iter().skip(1).map(|group| group.map_or_else(String::new, |one| one.as_str().to_owned()));
            let before = captures.len();
            captures.extend(part.names.iter().cloned().zip(groups));
            let below = directory.join(&name)?;
            if is_last {
                self.effort.hold(1)?;
                self.found.push(Found { directory: below, captures: captures.clone() });
            } else {
                self.descend(&below, captures)?;
            }
            captures.truncate(before);
        }
        Ok(())
    }
}

fn filled_rule(rule: &Rule, captures: &BTreeMap<String, String>) -> Result<Rule, String> {
    Ok(Rule { from: filled(&rule.from, captures)?, to: filled(&rule.to, captures)?, ..rule.clone() })
}

/// A text with what was found for its `{name}`s.
fn filled(text: &str, captures: &BTreeMap<String, String>) -> Result<String, String> {
    let invalid = |problem: String| format!("invalid template \"{text}\": {problem}");
    let (mut written, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, behind) = rest.split_at(at);
        written.push_str(before);
        let offset = text.len() - behind.len();
        let Some(inside) = behind.strip_prefix('{') else {
            return Err(invalid(format!("capture ending at offset {offset} is missing opening brace")));
        };
        let Some((name, behind)) = inside.split_once('}') else {
            return Err(invalid(format!("capture starting at offset {offset} is missing closing brace")));
        };
        check_capture(name).map_err(invalid)?;
        let undefined = || invalid(format!("capture variable \"{name}\" is not defined by pathPattern"));
        written.push_str(captures.get(name).ok_or_else(undefined)?);
        rest = behind;
    }
    written.push_str(rest);
    Ok(written)
}
