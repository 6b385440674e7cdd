//! One change of the code, as `cargo mutants` lists it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::areas::Area;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genre {
    /// A function does nothing but give a value.
    Body,
    /// One operator for another.
    Binary,
    /// `!` or `-` is left out.
    Unary,
    /// An arm of a `match` is never taken.
    Arm,
    /// A condition of an arm is always true, or never.
    Guard,
    /// What can only be made alone.
    Other,
}

/// A change of the code.
#[derive(Clone, Debug)]
pub struct Change {
    /// The area it belongs to.
    pub area: &'static str,
    /// The file, from the root of the workspace.
    pub file: String,
    /// What is said of it: its place, and what is replaced with what.
    pub name: String,
    pub genre: Genre,
    /// The text that takes the place of another.
    pub replacement: String,
    /// What the function gives, with its arrow; empty where it gives nothing.
    pub returns: String,
    /// Line and column, from 1, where the text begins that is replaced.
    pub start: (usize, usize),
}

impl Change {
    /// Its line without line and column, which every edit moves.
    pub fn without_place(&self) -> String {
        match self.name.splitn(4, ':').collect::<Vec<_>>()[..] {
            [file, _, _, change] => format!("{file}:{change}"),
            _ => self.name.clone(),
        }
    }
}

/// All changes of an area.
pub fn list(tree: &Path, area: &Area) -> Result<Vec<Change>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(tree).args(["mutants", "--list", "--json", "--package", area.package]);
    let listed = cargo.args(area.files.iter().flat_map(|file| ["--file", file])).output()?;
    ensure!(listed.status.success(), "cargo mutants --list ended with {}", listed.status);
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
    listed.iter().map(|change| read(area.name, change).with_context(|| format!("cannot read {change}"))).collect()
}

fn read(area: &'static str, change: &Value) -> Option<Change> {
    let text = |pointer: &str| change.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let number = |pointer: &str| change.pointer(pointer).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let genre = match text("/genre")?.as_str() {
        "FnValue" => Genre::Body,
        "BinaryOperator" => Genre::Binary,
        "UnaryOperator" => Genre::Unary,
        "MatchArm" => Genre::Arm,
        "MatchArmGuard" => Genre::Guard,
        _ => Genre::Other,
    };
    Some(Change {
        area,
        file: text("/file")?,
        name: text("/name")?,
        genre,
        replacement: text("/replacement")?,
        returns: text("/function/return_type").unwrap_or_default(),
        start: (number("/span/start/line")?, number("/span/start/column")?),
    })
}

#[cfg(test)]
pub(super) fn of(genre: Genre, start: (usize, usize), replacement: &str) -> Change {
    Change {
        area: "area",
        file: "crates/a/src/b.rs".to_owned(),
        name: format!("crates/a/src/b.rs:{}:{}: replace a::<B> -> C with {replacement}", start.0, start.1),
        genre,
        replacement: replacement.to_owned(),
        returns: String::new(),
        start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_known_by_what_it_is_wherever_it_stands() {
        let change = of(Genre::Body, (12, 5), "D");
        assert_eq!(change.without_place(), "crates/a/src/b.rs: replace a::<B> -> C with D");
    }
}
