//! `cowherd diff --base`: what a revision changes of another one. No cluster is asked.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_gitops::NamespacedName;
use cowherd_review::report::{self, Tally};
use cowherd_review::{Context, Review, Side, several};
use cowherd_source::local::Repository;
use cowherd_text::near;
use cowherd_tree::TreePath;

use super::{FAILED, Output};
use crate::checkout::{self, HEADING, SurroundingsFlags};
use crate::commands::up::clusters;
use crate::completion;
use crate::failure::misuse;
use crate::output;
use crate::sops::SopsKeys;
use crate::terminal::text::say;
use crate::terminal::{self, Mark};

/// How large a comment may be, in bytes: GitHub takes 65,536 characters.
const COMMENT: usize = 60_000;

/// Flags of reviews of a repository.
#[derive(Args)]
pub struct RepositoryFlags {
    /// Compare with where the revision was branched off from this one, instead of with a cluster
    #[arg(help_heading = HEADING, long, value_name = "REVISION", add = ArgValueCompleter::new(completion::revisions))]
    base: Option<String>,
    /// The path that a cluster grows from, as `cowherd up` takes it; several times for several clusters [default:
    /// those that the repository describes]
    #[arg(help_heading = HEADING, long = "path", value_name = "PATH", requires = "base")]
    paths: Vec<String>,
    /// With -o markdown: how large the output may be, in bytes
    #[arg(help_heading = HEADING, long, value_name = "BYTES", default_value_t = COMMENT)]
    max_size: usize,
    #[command(flatten)]
    surroundings: SurroundingsFlags,
}

/// What is to be reviewed, and how it is told.
pub struct Wanted {
    /// The Kustomizations; all where there are no names.
    pub names: Vec<String>,
    /// The namespace of those that are named.
    pub namespace: String,
    /// The revision; what is checked out by default.
    pub revision: Option<String>,
    /// Whether the files as they are on disk are meant instead.
    pub worktree: bool,
    pub output: Output,
}

impl RepositoryFlags {
    /// The keys that were given.
    pub fn sops(&self) -> &SopsKeys {
        &self.surroundings.sops
    }

    /// Whether no cluster is to be asked.
    pub fn is_given(&self) -> bool {
        self.base.is_some()
    }

    /// A flag that was given and says nothing where a cluster is asked, all of whose sources may be `fetched`.
    pub fn without_meaning(&self, fetched: bool) -> Option<&'static str> {
        self.surroundings.without_meaning(fetched)
    }

    /// How large a comment may be, in bytes.
    pub fn max_size(&self) -> usize {
        self.max_size
    }

    /// Whether somebody said that a source is this repository.
    pub fn names(&self, (namespace, name): &(String, String)) -> bool {
        self.surroundings.names(namespace, name)
    }

    /// Reviews, and tells.
    pub fn review(&self, wanted: &Wanted) -> crate::Outcome {
        let repository = checkout::repository()?;
        let surroundings = self.surroundings.open(Some(&repository))?;
        let head = match wanted.worktree {
            true => checkout::worktree(&repository),
            false => checkout::revision(&repository, wanted.revision.as_deref())?,
        };
        let (base, is_unrelated) = self.base(&repository, wanted.revision.as_deref())?;
        let paths = self.paths(&repository, [&base, &head], &surroundings.context)?;
        let excluded = self.surroundings.excluded(repository.root(), repository.prefix())?;
        let looked_for = match paths.is_empty() {
            true => cowherd_review::Wanted::Found { excluded: &excluded },
            false => cowherd_review::Wanted::Paths(&paths),
        };
        let mut review = cowherd_review::review(&base, &head, &looked_for, &surroundings.context)?;
        review.is_unrelated = is_unrelated;
        if !wanted.names.is_empty() {
            keep(&mut review, wanted, &repository)?;
        }
        checkout::tell_left_out(&review.left_out);
        let tally = Tally::of(&review);
        self.print(&review, &tally, wanted.output)?;
        if !wanted.worktree && wanted.revision.is_none() && wanted.output.structured().is_none() {
            checkout::tell_dirty(&repository, head.tree.as_ref());
        }
        Ok(ExitCode::from(match (tally.errors, tally.changed) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => FAILED,
        }))
    }

    /// Where the revision was branched off; the base itself where that cannot be told, and whether it cannot.
    fn base(&self, repository: &Repository, revision: Option<&str>) -> Result<(Side, bool)> {
        let name = self.base.as_deref().unwrap_or("HEAD");
        let mut side = checkout::revision(repository, Some(name))?;
        let branched_off = repository.merge_base(name, revision.unwrap_or("HEAD"))?.map(|commit| commit.to_string());
        match branched_off {
            Some(commit) if Some(&commit) != side.commit.as_ref() => {
                side = checkout::revision(repository, Some(&commit))?;
                side.name = name.to_owned();
            }
            Some(_) => {}
            None => {
                crate::terminal::tell!("{} {}", Mark::Waiting, report::unrelated(name));
                return Ok((side, true));
            }
        }
        Ok((side, false))
    }

    /// The paths that a person named, each in one of the revisions at least, and each of one cluster.
    fn paths(&self, repository: &Repository, sides: [&Side; 2], context: &Context) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        for path in &self.paths {
            let is_nowhere = |path: &TreePath| sides.iter().all(|side| matches!(side.tree.stat(path), Ok(None)));
            // As Flux takes it, a slash at the beginning is the top of the repository.
            let from_the_top = path.strip_prefix('/').and_then(|path| TreePath::parse(path).ok());
            let inside = match from_the_top.filter(|path| !is_nowhere(path)) {
                Some(inside) => inside,
                None => checkout::inside(repository.root(), repository.prefix(), "--path", path)?,
            };
            if is_nowhere(&inside) {
                bail!("{inside} is in neither of the two revisions");
            }
            if !clusters::is_all(path)
                && let Some(found) = several(sides[1], context, &inside)?
            {
                misuse!(
                    "{inside} has no manifests of its own, and several clusters below it: {found}\n  \
                     To compare one of them: --path with it; without --path all that are found are compared, each by itself\n  \
                     To compare all that is below {inside} as one: --path {}/.",
                    path.trim_end_matches('/')
                );
            }
            paths.push(if inside.is_root() { "./".to_owned() } else { format!("./{inside}") });
        }
        Ok(paths)
    }

    fn print(&self, review: &Review, tally: &Tally, output: Output) -> Result<()> {
        if let Some(format) = output.structured() {
            return output::print_structured(&report::structured(review), format);
        }
        if output == Output::Markdown {
            print!("{}", report::markdown(review, self.max_size));
            return Ok(());
        }
        print!("{}", report::text(review, terminal::stdout_colours()));
        let named = |(name, commit): &(String, Option<String>)| match commit {
            Some(commit) => format!("{name} ({})", commit.get(..8).unwrap_or(commit)),
            None => name.clone(),
        };
        let between = format!("{} → {}", named(&review.base), named(&review.head));
        let paths = review.looked_at.iter().map(|(path, by)| (path.as_str(), by));
        let verdict = if tally.is_empty() { "nothing changes".to_owned() } else { tally.to_string() };
        let mark = if tally.errors == 0 { Mark::Success } else { Mark::Failure };
        say(mark, &format!("{between}: {verdict}; looked at {}", checkout::looked_at(paths)));
        Ok(())
    }
}

/// Leaves what was asked for.
///
/// # Errors
/// When one of the names is none, whether or not anything changes: with what may be meant.
fn keep(review: &mut Review, wanted: &Wanted, repository: &Repository) -> Result<()> {
    let name = |name: &String| NamespacedName::new(&wanted.namespace, name);
    let names: Vec<NamespacedName> = wanted.names.iter().map(name).collect();
    if let Some(missing) = names.iter().find(|name| !review.known.contains(name)) {
        bail!("the repository describes no Kustomization {missing}{}", meant(review, missing, repository));
    }
    for cluster in &mut review.clusters {
        cluster.elsewhere.retain(|(name, _)| names.contains(name));
        cluster.unchanged = names.iter().filter(|name| cluster.known.contains(name)).count();
        cluster.units.retain(|unit| names.contains(&unit.name));
        cluster.unchanged -= cluster.units.len().min(cluster.unchanged);
        cluster.errors.clear();
    }
    Ok(())
}

/// What somebody may have meant who named a Kustomization that is none: one in another namespace, one with nearly that name, or a
/// revision.
fn meant(review: &Review, missing: &NamespacedName, repository: &Repository) -> String {
    let name = &missing.name;
    let elsewhere = review.known.iter().filter(|one| one.name == *name);
    let elsewhere: Vec<String> = elsewhere.map(|one| format!("-n {}", one.namespace)).collect();
    if !elsewhere.is_empty() {
        return format!("; it is elsewhere: {}", elsewhere.join(", "));
    }
    if repository.revision(name).is_ok() {
        return format!("; {name:?} is a revision, which --revision {name} takes");
    }
    let here = review.known.iter().filter(|one| one.namespace == missing.namespace);
    near::hint(name, here.map(|one| one.name.as_str()))
}
