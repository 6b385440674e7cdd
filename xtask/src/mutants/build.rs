//! The build that holds all changes of a package. What does not compile is taken out until the rest does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::change::{Change, Genre};
use super::together;

/// The package that is changed, in a copy of the sources.
pub struct Package<'a> {
    pub name: &'a str,
    pub tree: &'a Path,
    pub target: PathBuf,
    /// The targets of `cargo test`.
    pub targets: &'a [&'a str],
}

/// A program of tests.
pub struct Program {
    pub path: PathBuf,
    /// Where it is started.
    pub directory: PathBuf,
}

/// What came of the changes.
pub struct Built {
    pub programs: Vec<Program>,
    /// Those that are in the programs.
    pub changes: BTreeSet<usize>,
    /// Those that compile alone, perhaps: beside the others they cannot stand.
    pub alone: BTreeSet<usize>,
}

impl Package<'_> {
    /// Builds the tests with all changes in it that compile. The sources are left as they were.
    pub fn build(&self, changes: &[Change]) -> Result<Built> {
        let mut originals = BTreeMap::new();
        for file in changes.iter().map(|change| &change.file) {
            if !originals.contains_key(file) {
                originals.insert(file.clone(), fs::read_to_string(self.tree.join(file))?);
            }
        }
        let root = changes.first().and_then(|change| change.file.split_once("/src/")).context("there is no change")?.0;
        let root = format!("{root}/src/lib.rs");
        let door = fs::read_to_string(self.tree.join(&root))?;
        originals.entry(root.clone()).or_insert(door);
        let built = self.build_what_compiles(changes, &originals, &root);
        for (file, text) in &originals {
            fs::write(self.tree.join(file), text)?;
        }
        built
    }

    fn build_what_compiles(
        &self,
        changes: &[Change],
        originals: &BTreeMap<String, String>,
        root: &str,
    ) -> Result<Built> {
        let mut kept: BTreeSet<usize> = (0..changes.len()).collect();
        let mut alone = BTreeSet::new();
        loop {
            let mut lines = HashMap::new();
            for (file, text) in originals {
                let here: Vec<_> =
                    kept.iter().filter(|id| changes[**id].file == *file).map(|id| (*id, &changes[*id])).collect();
                let mut changed = together::write(text, &here).with_context(|| format!("cannot change {file}"))?;
                alone.extend(&changed.left);
                if file == root {
                    changed.text += together::MODULE;
                }
                fs::write(self.tree.join(file), &changed.text)?;
                lines.insert(file.clone(), changed.lines);
            }
            kept.retain(|id| !alone.contains(id));
            let (succeeded, messages) = self.cargo(&["build", "--lib"])?;
            if succeeded {
                break;
            }
            let faults = faults(&messages, &lines, changes)?;
            eprintln!("{} of {} changes do not compile beside the others", faults.len(), kept.len());
            alone.extend(faults.iter().filter(|(id, code)| may_stand_alone(&changes[**id], code)).map(|(id, _)| *id));
            kept.retain(|id| !faults.contains_key(id));
        }
        let arguments: Vec<&str> = ["test", "--no-run"].into_iter().chain(self.targets.iter().copied()).collect();
        let (succeeded, messages) = self.cargo(&arguments)?;
        ensure!(succeeded, "the tests do not compile: {:?}", messages.iter().find_map(error));
        let directory = self.tree.join(root.trim_end_matches("/src/lib.rs"));
        let programs = messages.iter().filter(|message| message.pointer("/profile/test") == Some(&true.into()));
        let programs = programs.filter_map(|message| message.get("executable")?.as_str()).map(PathBuf::from);
        let programs = programs.map(|path| Program { path, directory: directory.clone() }).collect();
        Ok(Built { programs, changes: kept, alone })
    }

    /// Runs cargo, and gives what it says of each crate.
    fn cargo(&self, arguments: &[&str]) -> Result<(bool, Vec<Value>)> {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(self.tree).args(arguments).args(["--package", self.name, "--message-format=json"]);
        cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", &self.target).stderr(Stdio::inherit());
        let output = cargo.stdin(Stdio::null()).output().context("cannot run cargo")?;
        let messages = String::from_utf8(output.stdout)?;
        let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok((output.status.success(), messages))
    }
}

/// An error of the compiler.
fn error(message: &Value) -> Option<&Value> {
    message.get("message").filter(|message| message.get("level") == Some(&"error".into()))
}

/// The changes that errors are about, with the code of the error.
fn faults(
    messages: &[Value],
    lines: &HashMap<String, HashMap<usize, Vec<usize>>>,
    changes: &[Change],
) -> Result<BTreeMap<usize, String>> {
    let mut faults = BTreeMap::new();
    for error in messages.iter().filter_map(error) {
        let code = error.pointer("/code/code").and_then(Value::as_str).unwrap_or_default();
        let spans = error.get("spans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let of = |primary: bool| -> Vec<usize> {
            let spans = spans.iter().filter(|span| span.get("is_primary") == Some(&primary.into()));
            spans.flat_map(|span| named(span, lines)).collect()
        };
        let found = [of(true), of(false)].into_iter().find(|found| !found.is_empty());
        // A `match` that is not complete any more: the error is about its beginning.
        let found = found.or_else(|| spans.iter().find_map(|span| arms_after(span, lines, changes)));
        match found {
            Some(found) => faults.extend(found.into_iter().map(|id| (id, code.to_owned()))),
            None if spans.is_empty() => {}
            None => bail!("of no change: {}", error.get("rendered").and_then(Value::as_str).unwrap_or_default()),
        }
    }
    ensure!(!faults.is_empty(), "it does not compile, and no change is the reason");
    Ok(faults)
}

fn numbers(span: &Value) -> Option<(&str, usize, usize)> {
    let line = |name: &str| span.get(name).and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok());
    Some((span.get("file_name")?.as_str()?, line("line_start")?, line("line_end")?))
}

/// The changes whose code begins in the first line of a span.
fn named(span: &Value, lines: &HashMap<String, HashMap<usize, Vec<usize>>>) -> Vec<usize> {
    let Some((file, start, _)) = numbers(span) else { return Vec::new() };
    lines.get(file).and_then(|lines| lines.get(&start)).cloned().unwrap_or_default()
}

/// The arms in a hundred lines from a span on.
fn arms_after(
    span: &Value,
    lines: &HashMap<String, HashMap<usize, Vec<usize>>>,
    changes: &[Change],
) -> Option<Vec<usize>> {
    let (file, start, _) = numbers(span)?;
    let lines = lines.get(file)?;
    let near = (start..start + 100).filter_map(|line| lines.get(&line)).flatten();
    let arms: Vec<usize> = near.copied().filter(|id| changes[*id].genre == Genre::Arm).collect();
    Some(arms).filter(|arms| !arms.is_empty())
}

/// Whether a change that does not compile beside the others may do so alone: constants ask nothing at run time, and a
/// `match` is complete without a condition more.
fn may_stand_alone(change: &Change, code: &str) -> bool {
    matches!(code, "E0015" | "E0658" | "E0004") || change.genre != Genre::Body
}
