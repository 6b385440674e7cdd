//! `cowherd logs`: what a running `up`, `server` or `agent` did, and why.

mod whose;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::DataDir;
use cowherd_text::near;
use jiff::Timestamp;

use super::reconcile::parse_duration;
use crate::cluster::Cluster;
use crate::completion;
use crate::failure::misuse;
use crate::logs::{self, Filter, Level, Line, Log, Subject};
use crate::target::Kind;
use crate::terminal::Mark;
use crate::terminal::text::{broken, stdout_columns};

/// How often it is looked whether there is more.
const PAUSE: Duration = Duration::from_millis(200);

/// Show the log of the control plane or the agent that works in a data directory
///
/// Lines about objects name the revision, who wrote it, and why something was done. The log lies in the
/// data directory, also that of a program that has ended; two files of 8 MiB are kept.
///
/// The control plane is the one that all commands work on. If a kubeconfig names it and its data
/// directory is not here, that is said with how to read its log.
///
/// Examples:
///   cowherd logs
///   cowherd logs ks/apps --follow
///   cowherd logs --kind Kustomization --level error --since 1h -A
///   cowherd logs --data-dir /var/lib/cowherd-agent --tail 100
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
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
    #[arg(long, value_name = "TIME", value_parser = time)]
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
    #[command(flatten)]
    pub cluster: Cluster,
}

/// How lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A JSON object on each line
    Json,
    /// A YAML document for each line
    Yaml,
}

impl Logs {
    pub async fn run(self) -> crate::Outcome {
        let filter = Filter { subject: self.subject()?, level: self.level, since: self.since()? };
        let data_dir = whose::data_dir(&self.cluster).await?;
        let directory = logs::directory(&data_dir);
        let mut log = match Log::open(&directory) {
            // What runs there, such as a server that nobody has asked for anything, may have had nothing to say.
            Err(error) if error.kind() == ErrorKind::NotFound && DataDir::holds_state(&data_dir) => {
                Log::unwritten(&directory)
            }
            log => log.with_context(|| {
                format!(
                    "no log in {}; `cowherd up`, `server` and `agent` keep theirs in their data directory: name it with \
                     --data-dir; {IN_A_POD}",
                    directory.display()
                )
            })?,
        };
        let unreadable = || format!("cannot read the log in {}", directory.display());
        let mut kept = VecDeque::new();
        let mut heard = Heard::default();
        let keep = |line: Line| match self.tail {
            _ if !heard.takes(&filter, &line) => {}
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
        if heard.taken == 0 {
            heard.explain(&filter, self.follow)?;
        }
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
            Some(Form::Yaml) => print!("---\n{}", cowherd_yaml::to_string(line.record())),
            None => broken(&line.text(), stdout_columns()).iter().for_each(|row| println!("{row}")),
        }
    }

    fn subject(&self) -> Result<Subject> {
        let namespace = (!self.all_namespaces).then(|| self.cluster.namespace.clone());
        let (kind, name) = match &self.about {
            None => (self.kind.as_deref(), self.name.as_deref()),
            Some(about) => match about.split_once('/') {
                Some((kind, name)) if !kind.is_empty() && !name.is_empty() => (Some(kind), Some(name)),
                _ => misuse!("name an object as KIND/NAME, such as ks/apps; got {about:?}"),
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

/// Reads a time as Kubernetes writes it.
fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("{text:?} is no time; write it like 2026-01-31T12:00:00Z"))
}

/// The name of a kind that a word of kubectl names; controllers are known by their own.
fn full_kind(word: &str) -> Result<String> {
    Ok(Kind::of_word(word)?.map_or_else(|| word.to_owned(), |kind| kind.name().to_owned()))
}

/// Where the log of agents in a cluster is.
const IN_A_POD: &str = "for agents that run in a cluster: `kubectl logs -n flux-system deployment/cowherd-agent`, with their \
                        own namespace and name";

/// What a log has lines about, and how many were taken.
#[derive(Default)]
struct Heard {
    /// How many lines there are.
    lines: usize,
    taken: usize,
    /// How many would have been taken in all namespaces.
    taken_anywhere: usize,
    /// Kinds, with the names of each.
    about: BTreeMap<String, BTreeSet<String>>,
}

impl Heard {
    fn takes(&mut self, filter: &Filter, line: &Line) -> bool {
        if !line.name.is_empty() {
            let names = self.about.entry(line.kind.clone()).or_default();
            if !names.contains(&line.name) {
                names.insert(line.name.clone());
            }
        }
        let takes = filter.takes(line);
        self.lines += 1;
        self.taken += usize::from(takes);
        self.taken_anywhere += usize::from(takes || filter.takes_anywhere(line));
        takes
    }

    /// Says why nothing is shown: an error where the log knows no such kind or name, unless such lines may yet come.
    fn explain(&self, filter: &Filter, follows: bool) -> Result<()> {
        let Subject { kind, name, namespace } = &filter.subject;
        let is = |wanted: &str, known: &str| wanted.eq_ignore_ascii_case(known);
        let of_kind = |known: &&String| kind.as_ref().is_none_or(|kind| is(kind, known));
        let kinds: Vec<&str> = self.about.keys().map(String::as_str).collect();
        let names: Vec<&str> =
            self.about.keys().filter(of_kind).flat_map(|kind| &self.about[kind]).map(String::as_str).collect();
        let place = namespace.as_ref().map_or_else(String::new, |namespace| format!(" in {namespace:?} namespace"));
        if self.lines == 0 {
            crate::terminal::tell!(
                "{} the log is empty: what runs there has had nothing to say so far; started with COWHERD_LOG=debug it says \
                 more",
                Mark::Waiting
            );
            return Ok(());
        }
        let text = match (kind, name) {
            (Some(kind), _) if !kinds.iter().any(|known| is(kind, known)) => {
                let hint = near::hint(kind, kinds.iter().copied());
                format!("the log has no line about the kind {kind}{hint} (it has: {})", listed(&kinds))
            }
            (_, Some(name)) if !names.iter().any(|known| is(name, known)) => {
                let what = kind.as_deref().unwrap_or("object");
                format!("the log has no line about {what} {name:?}{}", near::hint(name, names.iter().copied()))
            }
            // It is there, and what was asked of it is not.
            _ => {
                let elsewhere = if self.taken_anywhere > 0 { "; there are in others: -A shows all" } else { "" };
                crate::terminal::tell!("{} no such lines{place}{elsewhere}", Mark::Waiting);
                return Ok(());
            }
        };
        if follows {
            crate::terminal::tell!("{} {text} yet", Mark::Waiting);
            return Ok(());
        }
        bail!(text)
    }
}

fn listed(kinds: &[&str]) -> String {
    if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
}
