//! `cowherd logs`: what a running `up`, `server` or `agent` did, and why.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use jiff::Timestamp;

use super::reconcile::parse_duration;
use crate::cluster::DEFAULT_DATA_DIR;
use crate::completion;
use crate::logs::{self, Filter, Level, Line, Log, Subject};
use crate::target::Kind;

/// How often it is looked whether there is more.
const PAUSE: Duration = Duration::from_millis(200);

/// Show the log of the control plane or the agent that works in a data directory
///
/// Lines about objects name the revision, who wrote it, and why something was done. The log lies in the
/// data directory, also that of a program that has ended; two files of 8 MiB are kept.
///
/// Examples:
///   cowherd logs
///   cowherd logs ks/apps --follow
///   cowherd logs --kind Kustomization --level error --since 1h -A
///   cowherd logs --data-dir /var/lib/cowherd-agent --tail 100
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Logs {
    /// Show only lines about this object
    #[arg(value_name = "KIND/NAME", add = ArgValueCompleter::new(completion::objects))]
    about: Option<String>,
    /// Show only lines about objects of this kind, or of this controller
    #[arg(long, value_name = "KIND", conflicts_with = "about")]
    kind: Option<String>,
    /// Show only lines about objects of this name
    #[arg(long, value_name = "NAME", conflicts_with = "about")]
    name: Option<String>,
    /// The namespace of the objects
    #[arg(short, long, value_name = "NAMESPACE", default_value = "flux-system", add = ArgValueCompleter::new(completion::namespaces))]
    namespace: String,
    /// Show lines about objects of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Show only lines of this level and worse
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Show only lines that are not older
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "since_time")]
    since: Option<Duration>,
    /// Show only lines from this time on, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since_time: Option<Timestamp>,
    /// Show only so many of the lines that are there
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// Go on showing lines as they come
    #[arg(short, long)]
    follow: bool,
    /// Print each line as it lies in the log
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,
    /// The data directory
    #[arg(long, value_name = "DIR", env = "COWHERD_DATA_DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
}

/// How lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A JSON object on each line
    Json,
}

impl Logs {
    pub async fn run(self) -> crate::Outcome {
        let filter = Filter { subject: self.subject()?, level: self.level, since: self.since()? };
        let directory = logs::directory(&self.data_dir);
        let mut log = Log::open(&directory).with_context(|| {
            format!(
                "no log in {}; `cowherd up`, `server` and `agent` keep theirs in their data directory: name it with \
                 --data-dir (for an agent in a Pod: kubectl logs)",
                directory.display()
            )
        })?;
        let unreadable = || format!("cannot read the log in {}", directory.display());
        let mut kept = VecDeque::new();
        let keep = |line: Line| match self.tail {
            _ if !filter.takes(&line) => {}
            None => self.print(&line),
            Some(most) => {
                kept.push_back(line);
                if kept.len() > most {
                    kept.pop_front();
                }
            }
        };
        log.read(keep).with_context(unreadable)?;
        kept.iter().for_each(|line| self.print(line));
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            tokio::time::sleep(PAUSE).await;
            let print = |line: Line| {
                if filter.takes(&line) {
                    self.print(&line);
                }
            };
            log.read(print).with_context(unreadable)?;
        }
    }

    fn print(&self, line: &Line) {
        match self.output {
            Some(Form::Json) => println!("{}", line.record()),
            None => println!("{}", line.text()),
        }
    }

    fn subject(&self) -> Result<Subject> {
        let namespace = (!self.all_namespaces).then(|| self.namespace.clone());
        let (kind, name) = match &self.about {
            None => (self.kind.as_deref(), self.name.as_deref()),
            Some(about) => match about.split_once('/') {
                Some((kind, name)) if !kind.is_empty() && !name.is_empty() => (Some(kind), Some(name)),
                _ => bail!("name an object as KIND/NAME, such as ks/apps; got {about:?}"),
            },
        };
        let kind = kind.map(full_kind).transpose()?;
        Ok(Subject { kind, name: name.map(str::to_owned), namespace })
    }

    fn since(&self) -> Result<Option<Timestamp>> {
        let ago = |since| Timestamp::now().checked_sub(since).context("--since goes back too far");
        self.since.map(ago).transpose().map(|since| since.or(self.since_time))
    }
}

/// The name of a kind that a word of kubectl names; controllers are known by their own.
fn full_kind(word: &str) -> Result<String> {
    Ok(Kind::of_word(word)?.map_or_else(|| word.to_owned(), |kind| kind.name().to_owned()))
}
