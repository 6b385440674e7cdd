//! `cowherd check`: what in a repository would fail.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use cowherd_review::check::{Finding, Other, Report, Rule, Severity};
use cowherd_review::report::{self, left_out};
use cowherd_review::{Context, Discovered, Discovery, LeftOut, Side, check, discover, discover_below};
use cowherd_source::local::{self, Repository};
use cowherd_tree::{DiskTree, TreePath};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::checkout::{self, SurroundingsFlags};
use crate::completion;
use crate::output::{self, Format};
use crate::paths;
use crate::repository::spec_path;
use crate::terminal::Mark;
use crate::terminal::text::say;

/// How many files and directories are looked at below a directory that is in no repository.
const MOST_OUTSIDE: usize = 20_000;

/// List what in a repository would fail, with file and line
///
/// Everything that grows from the paths of its clusters is rendered, and no cluster is asked: files
/// that are no YAML or are missing, objects that are not what their kinds ask for (those of
/// Kubernetes and those that are defined in the repository), kinds that nothing serves, names that
/// lead nowhere, Kustomizations that wait for each other, objects that are described twice,
/// variables without a value. PATH is a repository or a directory in one: the clusters in it are
/// found, or it is the path that one grows from.
///
/// Ends with 0 if nothing would fail, with 1 if something would, with 2 if it cannot be told or the
/// command line is wrong.
///
/// Examples:
///   cowherd check
///   cowherd check clusters/prod --strict
///   cowherd check --revision my-branch -o json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    /// The repository, or a directory in it with clusters or from which one grows [default: the repository you stand in]
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// Look at what grows from this path in the repository and at nothing else, as `cowherd up` follows it: ./ is all of it
    #[arg(long = "path", value_name = "PATH")]
    cluster: Option<String>,
    /// The revision to look at, as `git rev-parse` takes it [default: the files as they are on disk]
    #[arg(long, value_name = "REVISION", add = ArgValueCompleter::new(completion::revisions))]
    revision: Option<String>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Name every place of what is wrong in many
    #[arg(short, long)]
    verbose: bool,
    /// Leave out findings of these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    ignore: Vec<Rule>,
    /// The form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Output,
    #[command(flatten)]
    surroundings: SurroundingsFlags,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each finding
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// What is checked.
struct Checked {
    side: Side,
    clusters: Vec<Discovered>,
    left_out: Vec<LeftOut>,
    /// How the paths of its files are shown.
    shown: Shown,
}

/// How the path of a file is shown: as an editor, or a person, can open it.
enum Shown {
    /// As seen from where the person stands in the repository; what is not below that, from the top of it.
    From(TreePath),
    /// Behind where the repository, or the directory, is.
    Behind(PathBuf),
}

impl Shown {
    /// As the files of a repository are shown.
    fn of(repository: &Repository) -> Self {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
        let top = repository.root().canonicalize().unwrap_or_else(|_| repository.root().to_owned());
        let inside = here.strip_prefix(top).ok().and_then(Path::to_str).and_then(|path| TreePath::parse(path).ok());
        inside.map_or_else(|| Self::Behind(repository.root().to_owned()), Self::From)
    }

    /// Whether a path is shown from the top although the person stands below it.
    fn is_elsewhere(&self, path: &TreePath) -> bool {
        matches!(self, Self::From(here) if !path.starts_with(here))
    }

    /// A line that begins with a path from the top.
    fn line(&self, path: &TreePath, line: &str) -> String {
        match self {
            Self::From(here) if here == path && !here.is_root() => format!(".{}", &line[here.as_str().len()..]),
            Self::From(here) if !here.is_root() && path.starts_with(here) => line[here.as_str().len() + 1..].to_owned(),
            Self::From(_) => line.to_owned(),
            Self::Behind(root) if root.as_os_str().is_empty() => line.to_owned(),
            Self::Behind(root) => format!("{}/{line}", root.display()),
        }
    }
}

impl Check {
    pub async fn run(self) -> crate::Outcome {
        // Renders and fetches block the thread.
        blocking(move || self.check()).await?
    }

    fn check(&self) -> crate::Outcome {
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from("."));
        if !path.exists() {
            bail!("{} is not there{}", path.display(), paths::meant(&path, Path::is_dir));
        }
        if !path.is_dir() {
            bail!("{} is a file; name the repository, or a directory of it that a cluster grows from", path.display());
        }
        let repository = match local::discover(&path) {
            Ok(repository) => Some(repository),
            // Files are looked at where no repository is; one that cannot be read would not be followed either.
            Err(_) if self.revision.is_none() && !local::is_in_one(&path) => None,
            Err(error) => return Err(error.into()),
        };
        let mut surroundings = self.surroundings.open(repository.as_ref())?;
        // Whoever mends what a render stops at is not to be told of the next then.
        surroundings.context.goes_on = true;
        let checked = self.checked(&path, repository.as_ref(), &surroundings.context)?;
        let mut report = check::check(&checked.side, &checked.clusters, &checked.left_out, &surroundings.context);
        report.findings.retain(|finding| !self.ignore.contains(&finding.rule));
        let is_nothing = report.objects == 0 && report.findings.is_empty();
        if !is_nothing || self.output != Output::Text {
            self.print(&checked, &report)?;
        }
        if is_nothing {
            // Green on nothing would hide a wrong directory.
            let path = self.path.as_deref().unwrap_or(Path::new("."));
            bail!(
                "there is nothing to check in {}: no object in any file; name the directory of a cluster",
                path.display()
            );
        }
        let fails = |finding: &Finding| self.strict || finding.severity == Severity::Error;
        Ok(ExitCode::from(u8::from(report.findings.iter().any(fails))))
    }

    fn checked(&self, path: &Path, repository: Option<&Repository>, context: &Context) -> Result<Checked> {
        let Some(repository) = repository else {
            self.expect_a_bound(path)?;
            let tree = Arc::new(DiskTree::new(path.canonicalize()?));
            let side = Side { name: path.display().to_string(), commit: None, tree };
            let top = TreePath::root();
            let named = self.cluster.as_ref().map(|named| checkout::inside(path, &top, "--path", named)).transpose()?;
            let (clusters, left_out) = match named {
                Some(named) => (vec![Discovered::asked(&side, &spec_path(&named), context)?], Vec::new()),
                None => self.found(&side, context, (path, &top))?,
            };
            return Ok(Checked { side, clusters, left_out, shown: Shown::Behind(path.to_owned()) });
        };
        let side = match &self.revision {
            Some(revision) => checkout::revision(repository, Some(revision))?,
            None if repository.is_bare() => bail!(
                "{} is bare, so that no files are there; name a revision of it: --revision HEAD",
                repository.root().display()
            ),
            None => checkout::worktree(repository),
        };
        let (root, prefix) = (repository.root(), repository.prefix());
        let (clusters, left_out) = match &self.cluster {
            Some(path) => {
                let path = checkout::inside(root, prefix, "--path", path)?;
                (vec![Discovered::asked(&side, &spec_path(&path), context)?], Vec::new())
            }
            None if self.path.is_some() && !prefix.is_root() => self.below(&side, context, (root, prefix))?,
            None => self.found(&side, context, (root, prefix))?,
        };
        Ok(Checked { side, clusters, left_out, shown: Shown::of(repository) })
    }

    /// Refuses a directory of which nothing says where it ends, and that is too large to be looked at as a whole.
    fn expect_a_bound(&self, path: &Path) -> Result<()> {
        if paths::has_more_than(path, MOST_OUTSIDE) {
            bail!(
                "{} is in no Git repository, and has more than {MOST_OUTSIDE} files and directories: name the repository, or the \
                 directory of a cluster, such as `cowherd check clusters/prod`",
                path.display()
            );
        }
        if self.output == Output::Text {
            let shown = if path == Path::new(".") { "this directory".to_owned() } else { path.display().to_string() };
            say(Mark::Waiting, &format!("{shown} is in no Git repository: all below it is looked at"));
        }
        Ok(())
    }

    /// The clusters below a directory of the repository, or the one that it is.
    fn below(
        &self,
        side: &Side,
        context: &Context,
        (root, directory): (&Path, &TreePath),
    ) -> Result<(Vec<Discovered>, Vec<LeftOut>)> {
        let excluded = self.surroundings.excluded(root, directory)?;
        match discover_below(side, context, &excluded, directory)? {
            Some(Discovery { clusters, left_out, .. }) => {
                tell_left_out(&left_out);
                Ok((clusters, left_out))
            }
            None => Ok((vec![Discovered::asked(side, &spec_path(directory), context)?], Vec::new())),
        }
    }

    /// The clusters that are found; what beside them is not looked at is told.
    fn found(
        &self,
        side: &Side,
        context: &Context,
        (root, prefix): (&Path, &TreePath),
    ) -> Result<(Vec<Discovered>, Vec<LeftOut>)> {
        let excluded = self.surroundings.excluded(root, prefix)?;
        let Discovery { mut clusters, left_out, .. } = discover(side, context, &excluded, None)?;
        tell_left_out(&left_out);
        if clusters.is_empty() {
            // What is wrong with it is told where it is rendered.
            clusters.push(Discovered::asked(side, "./", context)?);
        }
        Ok((clusters, left_out))
    }

    fn print(&self, checked: &Checked, report: &Report) -> Result<()> {
        let format = match self.output {
            Output::Text => {
                self.print_lines(checked, report);
                return Ok(());
            }
            Output::Json => Format::Json,
            Output::Yaml => Format::Yaml,
        };
        let findings = report.findings.iter().map(|finding| structured(finding, self.severity(finding)));
        output::print_structured(
            &json!({
                "clusters": checked.clusters.iter().map(|one| &one.cluster.path).collect::<Vec<_>>(),
                "lookedAt": checked.clusters.iter().map(looked_at).collect::<Vec<_>>(),
                "leftOut": checked.left_out.iter().map(left_out).collect::<Vec<_>>(),
                "kustomizations": report.kustomizations,
                "objects": report.objects,
                "mayDefine": may_define(report),
                "findings": findings.collect::<Vec<_>>(),
            }),
            format,
        )
    }

    fn print_lines(&self, checked: &Checked, report: &Report) {
        let (mut errors, mut warnings) = (0, 0);
        for finding in &report.findings {
            let severity = self.severity(finding);
            *(if severity == Severity::Error { &mut errors } else { &mut warnings }) += 1;
            let finding = Finding { severity, ..finding.clone() };
            let all = if self.verbose { finding.at_each_place() } else { vec![finding] };
            for finding in all {
                let line = finding.line(|place| checked.shown.line(&place.file, &place.to_string()));
                println!("{}", cowherd_review::report::clean(&line.replace('\n', " ")));
            }
        }
        let places = report
            .findings
            .iter()
            .flat_map(|finding| finding.others.iter().map(|other| &other.place).chain([&finding.place]));
        if places.map(|place| &place.file).any(|file| checked.shown.is_elsewhere(file)) {
            say(Mark::Waiting, "paths of files that are not below here begin at the top of the repository");
        }
        let may_define = may_define(report);
        if !may_define.is_empty() {
            /// How many are named.
            const NAMED: usize = 3;
            let who = cowherd_review::report::clean(&cowherd_text::listed(may_define, NAMED));
            let told =
                format!("{who} may define the kinds that nothing here serves: say what the cluster has by --with FILE");
            say(Mark::Waiting, &told);
        }
        let paths = checked.clusters.iter().map(|one| (one.cluster.path.as_str(), &one.by));
        let verdict = format!(
            "{}, {}: {} in {}, {}: {}",
            count(errors, "error"),
            count(warnings, "warning"),
            count(report.objects, "object"),
            count(report.kustomizations, "Kustomization"),
            count(checked.clusters.len(), "path"),
            checkout::looked_at(paths),
        );
        say(if errors > 0 { Mark::Failure } else { Mark::Success }, &verdict);
    }

    fn severity(&self, finding: &Finding) -> Severity {
        if self.strict { Severity::Error } else { finding.severity }
    }
}

/// Tells what is not looked at, but for what a finding tells of.
fn tell_left_out(left_out: &[LeftOut]) {
    let others: Vec<LeftOut> = left_out.iter().filter(|one| !one.is_unrendered).cloned().collect();
    checkout::tell_left_out(&others);
}

/// Who may define what findings miss, if any of those is left.
fn may_define(report: &Report) -> Vec<&str> {
    let is_left = report.findings.iter().any(|finding| finding.rule == Rule::UnservedKind);
    report.may_define.iter().filter(|_| is_left).map(String::as_str).collect()
}

fn looked_at(one: &Discovered) -> Value {
    report::looked_at(&one.cluster.path, &one.by)
}

fn structured(finding: &Finding, severity: Severity) -> Value {
    json!({
        "file": finding.place.file.to_string(),
        "line": finding.place.line,
        "severity": match severity { Severity::Error => "error", Severity::Warning => "warning" },
        "rule": finding.rule.name(),
        "object": finding.object,
        "message": finding.text,
        "others": finding.others.iter().map(other).collect::<Vec<_>>(),
    })
}

fn other(other: &Other) -> Value {
    json!({ "file": other.place.file.to_string(), "line": other.place.line, "object": other.object })
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn rule(name: &str) -> Result<Rule, String> {
    let known = Rule::ALL.iter().find(|rule| rule.name() == name);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        format!("there is no such rule; there are {}", names.join(", "))
    })
}
