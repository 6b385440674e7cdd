//! `cargo xtask bench`: measures the release build and keeps the figures.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;

/// How the figures are to be read.
const READING: &str = "\
\"In process\" is what the agents do: from files on disk to the text of all manifests, in a process that runs already; its
memory is the most that was allocated at a time. \"Process beside process\" includes the start of both programs; its memory
is what was resident, of which about 10 MiB are the program `cowherd` itself. The charts are those of prometheus-community,
ingress-nginx, argo-helm and cert-manager with their dependencies in place; all of them render to the same bytes with both.
";

/// Builds the program, measures it, and writes `docs/benchmarks.md`, unless it is a part alone (`--only`); `arguments` go to the measurement.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let cargo = || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root);
        cargo
    };
    tools::run(cargo().args(["build", "--release", "--package", "cowherd", "--package", "cowherd-benches"]))?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    let output = Command::new(root.join("target/release/cowherd-benches"))
        .arg(root.join("target/release/cowherd"))
        .args(arguments)
        .envs(tools::ensure(root)?.environment()?)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("the measurement ended with {}", output.status);
    }
    let table = String::from_utf8(output.stdout).context("the table is not UTF-8")?;
    print!("{table}");
    if arguments.iter().any(|argument| argument == "--only") {
        // A part does not take the place of the whole.
        return Ok(());
    }
    let charts = if arguments.iter().any(|argument| argument == "--charts") { " --charts DIRECTORY" } else { "" };
    let page = format!(
        "# Benchmarks\n\nThe last run of `cargo xtask bench{charts}`, on {} (load when it began:\n{load}). The program and \
         what measures it share the machine. Other machines give other figures; ratios between the\nlines, and between \
         versions on one machine, say more than any single one.\n\n{table}\n{READING}",
        machine()?
    );
    let path = root.join("docs/benchmarks.md");
    // What is below the table is written by hand.
    let old = fs::read_to_string(&path).unwrap_or_default();
    let kept = old.find("\n## ").and_then(|at| old.get(at..)).unwrap_or_default();
    fs::create_dir_all(root.join("docs"))?;
    fs::write(path, page + kept)?;
    Ok(())
}

/// The size of this machine.
fn machine() -> Result<String> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("no MemTotal")?;
    let kibibytes: u64 = total.trim().trim_end_matches(" kB").parse()?;
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores and {} GiB of memory", (kibibytes + 512 * 1024) / (1024 * 1024)))
}
