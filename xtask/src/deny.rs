//! `cargo xtask deny`: what `deny.toml` says of dependencies, asked of cargo-deny.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::tools;

/// What can be seen without a network. An exception that nothing needs any more is a failure, too.
const OFFLINE: [&str; 7] = ["-D", "unmatched-skip", "-D", "unnecessary-skip", "bans", "licenses", "sources"];

/// How old a copy of the advisories' database may be: cargo-deny takes none that is older.
const OLDEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Runs the checks that are named. Without any, all of them; where the advisories' database cannot be fetched, a copy that was fetched
/// before is asked, and without one they are left out, both with a word about it.
pub fn run(root: &Path, checks: &[String]) -> Result<()> {
    let program = tools::cargo_deny(root)?;
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(root).args(["--workspace", "--locked"]);
        command
    };
    if !checks.is_empty() {
        return tools::run(deny().arg("check").args(checks));
    }
    tools::run(deny().arg("check").args(OFFLINE))?;
    // A database that cannot be fetched and an advisory that is there end with the same status.
    let fetched = deny().args(["fetch", "db"]).stderr(Stdio::piped()).output().context("cannot start cargo-deny")?;
    if fetched.status.success() {
        return tools::run(deny().args(["--offline", "check", "advisories"]));
    }
    let said = String::from_utf8_lossy(&fetched.stderr);
    eprintln!("{}", said.trim_end());
    let cause = "the advisories' database, a git repository at GitHub, cannot be fetched here";
    match copies().as_deref().and_then(age) {
        Some(age) if age < OLDEST => {
            let days = age.as_secs() / (24 * 60 * 60);
            eprintln!("warning: {cause}: the copy of {days} days ago is asked, which knows of nothing newer");
            tools::run(deny().args(["--offline", "check", "advisories"]))
        }
        _ => {
            eprintln!(
                "warning: advisories were NOT checked: {cause}, and there is no copy of the last 90 days; run \
                 `cargo xtask deny advisories` where it can"
            );
            Ok(())
        }
    }
}

/// Where cargo-deny keeps copies of databases.
fn copies() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    cargo.map(|cargo| cargo.join("advisory-dbs"))
}

/// How long ago the newest of the copies in a directory was fetched.
fn age(copies: &Path) -> Option<Duration> {
    let copies = std::fs::read_dir(copies).ok()?.flatten().map(|copy| copy.path().join(".git"));
    let fetched = copies.filter_map(|git| {
        let marks = ["FETCH_HEAD", "HEAD"].into_iter();
        marks.filter_map(|mark| std::fs::metadata(git.join(mark)).and_then(|found| found.modified()).ok()).next()
    });
    Some(fetched.max()?.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_copy_of_the_database_counts_and_what_is_none_does_not() {
        let copies = std::env::temp_dir().join(format!("cowherd-deny-{}", std::process::id()));
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        assert_eq!(age(&copies), None);
        std::fs::create_dir_all(&copies).unwrap();
        std::fs::write(copies.join("db.lock"), "").unwrap();
        assert_eq!(age(&copies), None);
        for (name, mark, old) in [("one", "FETCH_HEAD", 100), ("two", "HEAD", 10)] {
            let git = copies.join(name).join(".git");
            std::fs::create_dir_all(&git).unwrap();
            let file = std::fs::File::create(git.join(mark)).unwrap();
            file.set_modified(std::time::SystemTime::now() - days(old)).unwrap();
        }
        let found = age(&copies).unwrap();
        std::fs::remove_dir_all(&copies).unwrap();
        assert!(found >= days(10) && found < days(11), "{found:?}");
    }
}
