//! What we render, in a process of its own: a crash or a hang is an answer, not the end of the comparison.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::values::Sources;
use cowherd_helm::{Request, Selection};
use cowherd_render::{Helm, Options, Overlay, Surroundings, render_in};
use cowherd_tree::{DiskTree, Tree, TreePath};
use cowherd_yaml::Limits;
use jiff::Timestamp;

use crate::discover::{Case, Kind};
use crate::process;

/// The first argument of the process that renders one case.
pub const CHILD: &str = "--render-one";

/// After this time we count as hanging.
const LIMIT: Duration = Duration::from_secs(20);

/// The most memory that a render may take, in KiB.
const MEMORY: u64 = 4 * 1024 * 1024;

/// What random functions follow from.
const SEED: &[u8] = b"comparison";

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
}

/// Renders `case`, as it was at a time.
pub fn answer(case: &Case, at: SystemTime) -> Result<Answer> {
    let program = std::env::current_exe()?;
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; ulimit -c 0; exec \"$@\""), "sh"]).arg(program).arg(CHILD);
    let kind = match case.kind {
        Kind::Kustomize => "kustomize",
        Kind::Helm => "helm",
    };
    let at = Timestamp::try_from(at)?.to_string();
    command.arg(kind).arg(at).arg(&case.root).arg(&case.path).args(&case.values);
    let ended = process::run(&mut command, LIMIT)?;
    let complaint = ended.complaints.trim().to_owned();
    Ok(match ended.status.map(|status| status.code()) {
        None => Answer::TimeOut,
        Some(Some(0)) => {
            let (time, manifests) = ended.output.split_once('\n').unwrap_or_default();
            Answer::Rendered(manifests.to_owned(), Duration::from_micros(time.parse().unwrap_or_default()))
        }
        Some(Some(1)) => Answer::Error(complaint),
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
        [kind, at, root, path] if kind == "kustomize" => kustomize(at, Path::new(root), path),
        [kind, at, root, path, values @ ..] if kind == "helm" => {
            helm(at, Path::new(root), path, values.first().map(String::as_str))
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

/// What `kubectl kustomize --load-restrictor LoadRestrictionsNone --enable-helm PATH` prints.
fn kustomize(at: &str, root: &Path, path: &str) -> Result<String, Box<dyn Error>> {
    let charts = Helm { time: at.parse()?, seed: SEED.to_vec() };
    let surroundings = Surroundings { charts: &charts, ..Surroundings::default() };
    let (tree, path) = (DiskTree::new(root), TreePath::parse(path)?);
    let rendered = render_in(&tree, &path, &Overlay::default(), &Options::default(), &surroundings)?;
    Ok(cowherd_yaml::write_documents(&rendered.objects))
}

/// What `helm template release-name CHART --namespace default --include-crds` prints.
fn helm(at: &str, root: &Path, chart: &str, values: Option<&str>) -> Result<String, Box<dyn Error>> {
    let (tree, chart) = (DiskTree::new(root), TreePath::parse(chart)?);
    let mut sources = Sources::default();
    if let Some(values) = values {
        let content = tree.read(&chart.join(values)?)?;
        sources.files.push((values.to_owned(), content.to_vec()));
    }
    let values = sources.merge(&Limits::default(), &|file| Err(format!("{file} is not to be read")))?;
    let selection = Selection { include_crds: true, ..Selection::default() };
    let mut engine = GoTemplates::new(at.parse()?, SEED);
    let output = cowherd_helm::template(&tree, &chart, &Request { values, ..Request::default() }, &mut engine)?;
    Ok(output.text(&selection)?)
}
