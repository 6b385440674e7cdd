//! `cargo xtask mutants`: changes the code that decides trust, one place at a time, and sees whether the tests of its crate
//! notice.

mod alias;
mod areas;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::tools;
use areas::{AREAS, Area};

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

/// Changes the code of the areas that are named, of all where none is; `--shard K/N` takes every Nth change. Prints the
/// table of docs/testing.md, and what was missed; fails where that is too much.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let (shard, names) = match arguments {
        [flag, shard, names @ ..] if flag == "--shard" => (Some(shard.as_str()), names),
        names => (None, names),
    };
    if let Some(unknown) = names.iter().find(|name| AREAS.iter().all(|area| area.name != **name)) {
        let known: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        bail!("there is no area {unknown:?}; there are {}", known.join(", "));
    }
    let installed = Command::new("cargo").args(["mutants", "--version"]).stdout(Stdio::null()).status();
    ensure!(installed.is_ok_and(|status| status.success()), "run `cargo install cargo-mutants --locked` first");
    let tree = copy(root)?;
    let mut table =
        String::from("| area | changes | noticed | explained | missed |\n| --- | --- | --- | --- | --- |\n");
    let (mut missed, mut enough) = (String::new(), true);
    for area in AREAS.iter().filter(|area| names.is_empty() || names.iter().any(|name| name == area.name)) {
        let outcome = change(root, &tree, area, shard)?;
        let Outcome { noticed, explained, .. } = outcome;
        let (all, left) = (outcome.all(), outcome.missed.len());
        table += &format!("| {} | {all} | {noticed} | {explained} | {left} |\n", area.name);
        outcome.missed.iter().for_each(|line| missed += &format!("missed: {line}\n"));
        enough &= outcome.is_enough();
    }
    print!("{missed}\n{table}");
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// Changes the code of an area, round by round: what the first targets do not notice is left to the next.
fn change(root: &Path, tree: &Path, area: &Area, shard: Option<&str>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut missed: Option<Vec<String>> = None;
    for (number, round) in area.rounds.iter().enumerate() {
        let output = root.join("target/mutants").join(format!("{}-{number}", area.name));
        if output.exists() {
            fs::remove_dir_all(&output)?;
        }
        fs::create_dir_all(&output)?;
        let mut cargo = Command::new("cargo");
        cargo.current_dir(tree).args(["mutants", "--in-place", "--baseline=skip", "--timeout=120", "--colors=never"]);
        cargo.args(["--package", area.package]).arg("--output").arg(&output);
        cargo.args(area.files.iter().flat_map(|file| ["--file", file]));
        // What is built is what is run: otherwise every test of the package would be built for each change.
        cargo.args(round.targets.iter().map(|target| format!("--cargo-arg={target}")));
        match &missed {
            Some(missed) if missed.is_empty() => break,
            Some(missed) => drop(cargo.args(missed.iter().map(|line| format!("--re={}", pattern(line))))),
            None => drop(cargo.args(shard.into_iter().flat_map(|shard| ["--sharding=round-robin", "--shard", shard]))),
        }
        cargo.args(["--", "--"]).args(round.filters).envs(tools::ensure(root)?.environment()?);
        cargo.env("CARGO_INCREMENTAL", "1").env("CARGO_TARGET_DIR", root.join("target"));
        let status = cargo.status().context("cannot run cargo mutants")?;
        // 2: some were missed, 3: some took too long.
        ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo mutants ended with {status}");
        let lines = |file: &str| lines(&output.join("mutants.out").join(file));
        let noticed = [lines("caught.txt")?, lines("timeout.txt")?].concat();
        // Changes of a certain sort are made again whatever pattern is given; they were counted before.
        let is_new = |line: &&String| missed.as_ref().is_none_or(|missed| missed.contains(line));
        outcome.noticed += noticed.iter().filter(is_new).count();
        let left = missed.map_or_else(|| lines("missed.txt"), Ok)?;
        missed = Some(left.into_iter().filter(|line| !noticed.contains(line)).collect());
    }
    let is_explained = |line: &String| EXPLAINED.lines().any(|known| known.starts_with(&(without_place(line) + "\t")));
    let (explained, missed): (Vec<_>, Vec<_>) = missed.unwrap_or_default().into_iter().partition(is_explained);
    Ok(Outcome { explained: explained.len(), missed, ..outcome })
}

/// The lines of a file that `cargo mutants` wrote; none where it had nothing to write.
fn lines(file: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        text => {
            Ok(text.with_context(|| format!("cannot read {}", file.display()))?.lines().map(str::to_owned).collect())
        }
    }
}

/// A regular expression for one change alone.
fn pattern(line: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '/' | '_') { c } else { '.' };
    format!("^{}$", line.chars().map(plain).collect::<String>())
}

/// The line of a change without line and column, which every edit moves.
fn without_place(line: &str) -> String {
    match line.splitn(4, ':').collect::<Vec<_>>()[..] {
        [file, _, _, change] => format!("{file}:{change}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_known_by_what_it_is_wherever_it_stands() {
        let line = "crates/a/src/b.rs:12:5: replace a::<B> -> C with D";
        assert_eq!(without_place(line), "crates/a/src/b.rs: replace a::<B> -> C with D");
        assert_eq!(pattern("a/b_c.rs:1:2: replace + with *"), "^a/b_c.rs.1.2..replace...with..$");
    }

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
}
