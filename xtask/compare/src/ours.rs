//! What we render, in a process of its own: a crash or a hang is an answer, not the end of the comparison.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};

use crate::discover::{Case, Kind};
use crate::process;

/// The first argument of the process that renders one case.
pub const CHILD: &str = "--render-one";

/// After this time we count as hanging.
const LIMIT: Duration = Duration::from_secs(20);

/// The most memory that a render may take, in KiB.
const MEMORY: u64 = 4 * 1024 * 1024;

/// What became of our render.
pub enum Answer {
    /// The manifests, and the time that rendering took.
    Rendered(String, Duration),
    /// Our error.
    Error(String),
    /// The process died: of a panic, of its stack, of its memory.
    Crash(String),
    /// Its time was over.
    TimeOut,
    /// There is nothing yet that could render it.
    Unsupported,
}

/// Renders `case`.
pub fn answer(case: &Case) -> Result<Answer> {
    let program = std::env::current_exe()?;
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; ulimit -c 0; exec \"$@\""), "sh"]).arg(program).arg(CHILD);
    let kind = match case.kind {
        Kind::Kustomize => "kustomize",
        Kind::Helm => "helm",
    };
    command.arg(kind).arg(&case.root).arg(&case.path).args(&case.values);
    let ended = process::run(&mut command, LIMIT)?;
    let complaint = ended.complaints.trim().to_owned();
    Ok(match ended.status.map(|status| status.code()) {
        None => Answer::TimeOut,
        Some(Some(0)) => {
            let (time, manifests) = ended.output.split_once('\n').unwrap_or_default();
            Answer::Rendered(manifests.to_owned(), Duration::from_micros(time.parse().unwrap_or_default()))
        }
        Some(Some(1)) => Answer::Error(complaint),
        Some(Some(2)) => Answer::Unsupported,
        Some(_) => {
            let signal = ended.signal().map(|signal| format!("signal {signal}: ")).unwrap_or_default();
            Answer::Crash(signal + &complaint)
        }
    })
}

/// The process that renders one case: prints the time in microseconds, then the manifests.
pub fn child(arguments: &[String]) -> ExitCode {
    let start = Instant::now();
    let rendered = match arguments {
        [kind, root, path] if kind == "kustomize" => kustomize(Path::new(root), path),
        [kind, root, path, values @ ..] if kind == "helm" => {
            match helm(Path::new(root), path, values.first().map(String::as_str)) {
                Some(rendered) => rendered,
                None => return ExitCode::from(2),
            }
        }
        _ => return ExitCode::from(3),
    };
    let time = start.elapsed();
    match rendered {
        Ok(manifests) => {
            let mut output = std::io::stdout().lock();
            let written =
                writeln!(output, "{}", time.as_micros()).and_then(|()| output.write_all(manifests.as_bytes()));
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(3) }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
    }
}

fn kustomize(root: &Path, path: &str) -> Result<String, String> {
    let path = TreePath::parse(path).map_err(|error| error.to_string())?;
    let objects = render(&DiskTree::new(root), &path, &Overlay::default()).map_err(|error| error.to_string())?;
    Ok(cowherd_yaml::write_documents(&objects))
}

/// What `helm template release-name CHART --namespace default --include-crds` prints.
fn helm(_root: &Path, _chart: &str, _values: Option<&str>) -> Option<Result<String, String>> {
    None
}
