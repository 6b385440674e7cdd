//! `cargo xtask compare DIR…`: our rendering beside the real tools', over everything below directories.
//!
//! Every kustomization is built by `kubectl kustomize`, every chart rendered by `helm template`, and both by us. The
//! real tools' answers are kept in `target/compare`, since they are slow and the corpora stand still.

mod cache;
mod comparison;
mod differences;
mod discover;
mod explained;
mod ours;
mod process;
mod real;
mod table;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::Parser;

use crate::comparison::{Comparison, Workplace};
use crate::discover::{Case, Kind};

/// Renders everything below directories with the real tools and with ours, and says where they differ.
#[derive(Parser)]
#[command(name = "cargo xtask compare")]
struct Arguments {
    /// The directories. What is rendered may read anything below the directory that it was found in.
    #[arg(required = true)]
    directories: Vec<PathBuf>,
    /// Compare only kustomizations or only charts.
    #[arg(long)]
    only: Option<Kind>,
    /// Compare only what has this text in its name.
    #[arg(long, default_value = "")]
    filter: String,
    /// How many comparisons run at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Show the lines around the first difference for this many cases.
    #[arg(long, default_value_t = 0)]
    differences: usize,
    /// List also what neither renders, with both errors.
    #[arg(long)]
    failures: bool,
    /// Where the answers of the real tools and the outputs that differ are kept.
    #[arg(long, default_value = "target/compare")]
    target: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((ours::CHILD, case)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return ours::child(case);
    }
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether we gave what the real tools give, everywhere; where only they give nothing, whether that is explained.
fn run(arguments: &Arguments) -> Result<bool> {
    let mut cases = Vec::new();
    for directory in &arguments.directories {
        let root = directory.canonicalize().with_context(|| directory.display().to_string())?;
        cases.extend(discover::cases(&root)?);
    }
    cases.retain(|case| arguments.only.is_none_or(|kind| case.kind == kind) && case.name.contains(&arguments.filter));
    let workplace = Workplace::new(&arguments.target)?;
    let mut results = compare(&workplace, cases, arguments.jobs.max(1))?;
    results.sort_by(|a, b| a.case.cmp(&b.case));
    print!("{}", table::render(&results, arguments.differences, arguments.failures));
    Ok(!results.iter().any(|result| result.verdict.is_failure()))
}

/// Compares all cases, `jobs` at a time.
fn compare(workplace: &Workplace, cases: Vec<Case>, jobs: usize) -> Result<Vec<Comparison>> {
    let total = cases.len();
    let queue = Mutex::new(VecDeque::from(cases));
    let results = Mutex::new(Vec::with_capacity(total));
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(case) = take() {
                        let result = workplace.compare(case)?;
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push(result);
                        if results.len().is_multiple_of(100) {
                            eprintln!("{} of {total}", results.len());
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker panicked")))
    })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}
