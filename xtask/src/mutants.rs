//! `cargo xtask mutants`: changes the code that decides trust, one place at a time, and sees whether the tests of its crate
//! notice.

mod alias;
mod alone;
mod areas;
mod build;
mod change;
mod suite;
mod together;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::tools;
use areas::{AREAS, Area};
use build::Package;
use change::Change;
use suite::Tests;

/// Changes that no test can notice, with the reason: a line of `cargo mutants` without its place, a tab, a sentence.
const EXPLAINED: &str = include_str!("mutants/explained.tsv");

/// Of a hundred changes, so many have to be noticed.
const NOTICED: usize = 95;

/// What became of the changes of an area.
#[derive(Default)]
struct Outcome {
    /// Those that a test noticed, or that took too long: a loop that does not end is noticed.
    noticed: usize,
    /// Those that nobody can notice, as `EXPLAINED` says.
    explained: usize,
    /// The others.
    missed: Vec<String>,
}

impl Outcome {
    fn all(&self) -> usize {
        self.noticed + self.explained + self.missed.len()
    }

    fn is_enough(&self) -> bool {
        (self.noticed + self.explained) * 100 >= self.all() * NOTICED
    }
}

/// Which changes are made.
#[derive(Clone, Copy)]
struct Choice {
    /// Every so many, from this one on.
    part: (usize, usize),
    /// Only those that can stand beside each other in one build.
    together: bool,
}

/// Changes the code of the areas that are named, of all where none is; `--shard K/N` takes every Nth change, and `--together`
/// leaves out those that need a build of their own. Prints the table of docs/testing.md, and what was missed; fails where
/// that is too much.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let (together, arguments) = match arguments {
        [flag, rest @ ..] if flag == "--together" => (true, rest),
        rest => (false, rest),
    };
    let (part, names) = match arguments {
        [flag, shard, names @ ..] if flag == "--shard" => (part(shard)?, names),
        names => ((0, 1), names),
    };
    let choice = Choice { part, together };
    if let Some(unknown) = names.iter().find(|name| AREAS.iter().all(|area| area.name != **name)) {
        let known: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        bail!("there is no area {unknown:?}; there are {}", known.join(", "));
    }
    let installed = Command::new("cargo").args(["mutants", "--version"]).stdout(Stdio::null()).status();
    ensure!(installed.is_ok_and(|status| status.success()), "run `cargo install cargo-mutants --locked` first");
    let tree = copy(root)?;
    let areas: Vec<&Area> =
        AREAS.iter().filter(|area| names.is_empty() || names.iter().any(|name| name == area.name)).collect();
    let packages: BTreeSet<&str> = areas.iter().map(|area| area.package).collect();
    let mut table =
        String::from("| area | changes | noticed | explained | missed |\n| --- | --- | --- | --- | --- |\n");
    let (mut missed, mut enough) = (String::new(), true);
    for package in packages {
        let areas: Vec<&Area> = areas.iter().copied().filter(|area| area.package == package).collect();
        for (area, outcome) in areas.iter().zip(change(root, &tree, &areas, choice)?) {
            let Outcome { noticed, explained, .. } = outcome;
            let (all, left) = (outcome.all(), outcome.missed.len());
            table += &format!("| {} | {all} | {noticed} | {explained} | {left} |\n", area.name);
            outcome.missed.iter().for_each(|line| missed += &format!("missed: {line}\n"));
            enough &= outcome.is_enough();
        }
    }
    print!("{missed}\n{table}");
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `K/N`, with K from 0.
fn part(shard: &str) -> Result<(usize, usize)> {
    let part = shard.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    part.filter(|(k, n)| k < n).with_context(|| format!("--shard takes K/N, as in 0/10, not {shard:?}"))
}

/// A copy of the files that Git knows of or would: in it the code is changed, and nowhere else.
fn copy(root: &Path) -> Result<PathBuf> {
    let tree = root.join("target/mutants/tree");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    let listed =
        Command::new("git").current_dir(root).args(["ls-files", "-z", "-co", "--exclude-standard"]).output()?;
    ensure!(listed.status.success(), "git ls-files ended with {}", listed.status);
    for file in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let (from, to) = (root.join(file), tree.join(file));
        // What was deleted and not committed is still listed.
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has no directory")?)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    alias::write_out(&tree)?;
    Ok(tree)
}

/// Changes the code of areas of one package, and says of each what became of it.
fn change(root: &Path, tree: &Path, areas: &[&Area], choice: Choice) -> Result<Vec<Outcome>> {
    let Choice { part: (part, of), together } = choice;
    let mut changes: Vec<Change> = Vec::new();
    for area in areas {
        changes.extend(change::list(tree, area)?.into_iter().skip(part).step_by(of));
    }
    let (name, target) = (areas[0].package, root.join("target"));
    let package = Package { name, tree, target: target.clone(), targets: areas::targets(name) };
    let built = package.build(&changes)?;
    let environment = tools::ensure(root)?.environment()?;
    let tests = Tests::run(built.programs, environment.clone(), &target.join("mutants"))?;
    let (count, took) = tests.extent();
    eprintln!("{name}: {} changes, {count} tests that take {} s one by one", built.changes.len(), took.as_secs());
    let made: Vec<usize> = built.changes.iter().copied().collect();
    let done = AtomicUsize::new(0);
    let mut missed = tests.missed(&made, |id, is_noticed| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if !is_noticed {
            eprintln!("{done}/{} missed: {}", made.len(), changes[id].name);
        } else if done.is_multiple_of(50) {
            eprintln!("{done}/{}", made.len());
        }
    })?;
    let mut compiled = built.changes;
    let (alone, then) = if together { (BTreeSet::new(), "left out") } else { (built.alone.clone(), "made alone") };
    eprintln!("{name}: {} changes cannot stand beside the others, and are {then}", built.alone.len());
    for (id, is_noticed) in alone::change(&package, &changes, &alone, &environment)? {
        compiled.insert(id);
        if !is_noticed {
            missed.insert(id);
        }
    }
    let outcome = |area: &&Area| {
        let mut outcome = Outcome::default();
        for id in compiled.iter().copied().filter(|id| changes[*id].area == area.name) {
            let change = &changes[id];
            let is_explained = EXPLAINED.lines().any(|known| known.starts_with(&(change.without_place() + "\t")));
            match missed.contains(&id) {
                false => outcome.noticed += 1,
                true if is_explained => outcome.explained += 1,
                true if tests.is_reached(id) => outcome.missed.push(change.name.clone()),
                true => outcome.missed.push(format!("{} (reached by no test)", change.name)),
            }
        }
        outcome
    };
    Ok(areas.iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_explanation_is_of_a_change_and_says_why() {
        for line in EXPLAINED.lines() {
            let (change, why) = line.split_once('\t').unwrap_or_default();
            assert!(change.starts_with("crates/") && change.contains(".rs: ") && why.ends_with('.'), "{line:?}");
        }
    }

    #[test]
    fn of_a_hundred_changes_ninety_five_are_noticed_or_explained() {
        let outcome =
            |noticed, explained, missed: usize| Outcome { noticed, explained, missed: vec![String::new(); missed] };
        assert!(outcome(90, 5, 5).is_enough() && outcome(0, 0, 0).is_enough());
        assert!(!outcome(90, 4, 6).is_enough() && !outcome(18, 0, 1).is_enough());
    }

    #[test]
    fn a_part_is_one_of_several() {
        assert_eq!(part("3/10").unwrap(), (3, 10));
        assert!(["", "3", "10/10", "a/b", "1/0"].into_iter().all(|wrong| part(wrong).is_err()));
    }
}
