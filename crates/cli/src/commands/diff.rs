//! `cowherd diff`: what a revision would change in the cluster, or of another revision, field by field.

mod awaited;
mod behalf;
mod changes;
mod comment;
mod live;
mod repository;
mod trees;
mod untold;
mod walk;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use cowherd_apply::FieldChange;
use cowherd_gitops::{DefaultAccount, Foresight, Means};
use cowherd_source::{Access, Artifacts};
use cowherd_text::shell;
use kube::Client;
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::checkout;
use crate::cluster::Cluster;
use crate::completion;
use crate::downloads;
use crate::failure::misuse;
use crate::output::{self, Format};
use crate::sops::{self, SopsKeys};
use crate::target::{Kind, Target};
use crate::terminal::{self, Mark};
use changes::Change;
pub use changes::Found;
use comment::Compared;
use live::Live;
use repository::RepositoryFlags;
use trees::{Trees, Wanted};
use walk::Walk;

/// The status of a comparison of which a part could not be made.
const FAILED: u8 = 3;

/// Show what a revision would change in the cluster, or of another revision, field by field
///
/// The revision is read from the local repository that the cluster follows or, where it follows a
/// remote one, from the clone of it that you stand in; it need not have been pushed. With --base it
/// is compared with where it was branched off from that revision, and no cluster is asked: the
/// Kustomizations are those that the repository describes. Values of Secrets are masked.
///
/// Of a HelmRelease it is told what an upgrade would change: with other values, with another chart
/// (which is fetched from where the revision says), with a chart that is in the repository. Hooks are
/// named, and not compared.
///
/// Ends with 0 if nothing would change, with 1 if something would, with 2 on a wrong command line,
/// with 3 if some or all of it cannot be told.
///
/// Examples:
///   cowherd diff
///   cowherd diff kustomization apps --revision my-branch
///   cowherd diff helmrelease/web -n shop --revision my-branch
///   cowherd diff --revision HEAD~1 -o yaml
///   cowherd diff --worktree
///   cowherd diff apps --revision my-branch -o markdown
///   cowherd diff --fetch
///   cowherd diff --base main --path clusters/prod
///   cowherd diff --base origin/main -o markdown
///   cowherd diff --base HEAD --worktree
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Diff {
    /// `[KIND] NAME…`, Kustomizations or HelmReleases; without a name: everything that the repository describes
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// The revision to look at, as `git rev-parse` takes it [default: what is checked out]
    #[arg(long, value_name = "REVISION", add = ArgValueCompleter::new(completion::revisions))]
    revision: Option<String>,
    /// Look at the files as they are on disk, committed or not, instead of at a revision
    #[arg(long, conflicts_with = "revision")]
    worktree: bool,
    /// Look at what the cluster's sources bring, of whatever kind, fetched as the agents fetch it, instead of at a repository here
    #[arg(long, conflicts_with_all = ["revision", "worktree", "base", "paths"])]
    fetch: bool,
    /// Go on to the Kustomizations and HelmReleases that the Kustomization applies
    #[arg(long, conflicts_with = "base")]
    recursive: bool,
    /// The ServiceAccount that the agents act for where an owner names none; an empty name for their own [default: what the
    /// data directory, or the agents' Deployment in the cluster, says]
    #[arg(long, value_name = "NAME", conflicts_with = "base")]
    default_service_account: Option<String>,
    /// Print the differences for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Output>,
    #[command(flatten)]
    repository: RepositoryFlags,
    #[command(flatten)]
    pub cluster: Cluster,
}

/// How to compare without a cluster.
pub struct WithoutCluster {
    words: Vec<String>,
}

impl fmt::Display for WithoutCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = checkout::repository().map(|repository| repository.names()).unwrap_or_default();
        // Who names a branch means to compare with it.
        let base = match &self.words[..] {
            [word] if names.contains(word) => shell::word(word),
            _ => "REVISION".to_owned(),
        };
        write!(f, "to compare revisions, without a cluster: cowherd diff --base {base}")
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Markdown for a comment on a pull request
    Markdown,
}

impl Output {
    fn structured(self) -> Option<Format> {
        match self {
            Self::Json => Some(Format::Json),
            Self::Yaml => Some(Format::Yaml),
            Self::Text | Self::Markdown => None,
        }
    }
}

impl Diff {
    pub async fn run(self) -> crate::Outcome {
        let target = Target::parse(&self.words)?;
        if !Kind::OWNERS.contains(&target.kind) {
            misuse!("only Kustomizations and HelmReleases can be compared");
        }
        if self.repository.is_given() {
            if target.kind != Kind::Kustomization {
                misuse!(
                    "with --base only Kustomizations are compared; what becomes of a {} a cluster tells",
                    target.kind.name()
                );
            }
            let wanted = repository::Wanted {
                names: target.names,
                namespace: self.cluster.namespace,
                revision: self.revision,
                worktree: self.worktree,
                output: self.output.unwrap_or(Output::Text),
            };
            // Renders and fetches block the thread.
            return blocking(move || self.repository.review(&wanted)).await?;
        }
        if let Some(flag) = self.repository.without_meaning(self.fetch) {
            misuse!(
                "{flag} is for a comparison without a cluster, --base REVISION: here the cluster, or what is fetched, tells it"
            );
        }
        let client = self.cluster.client().await?;
        let directory = downloads::own_directory()?;
        let found = self.look(&target, &client, &directory).await;
        let _ = std::fs::remove_dir_all(directory);
        self.tell(found?)
    }

    /// What is said to who has no cluster, unless none is asked or a flag says which is meant.
    pub fn without_a_cluster(&self) -> Option<WithoutCluster> {
        let is_asked = !self.repository.is_given() && !self.cluster.is_named_by_a_flag();
        is_asked.then(|| WithoutCluster { words: self.words.clone() })
    }

    /// Finds out what would change.
    async fn look(&self, target: &Target, client: &Client, directory: &Path) -> Result<Found> {
        let live = Live::list(client, target.kind).await?;
        let data_dir = self.cluster.data_dir_of_plane().await?;
        let means = Means {
            seed: data_dir.as_deref().and_then(cowherd_controlplane::seed_in),
            default_account: behalf::find(self.default_service_account.as_deref(), data_dir.as_deref(), client).await?,
            ..means(client, directory, self.repository.sops()).await?
        };
        let foresight = Foresight::new(client.clone(), means);
        let namespace = &self.cluster.namespace;
        let is_own = |source: &(String, String)| self.repository.names(source);
        let trees = (!self.fetch).then(|| Trees::new(self.wanted()));
        let mut walk = Walk::new(&live, &foresight, trees, &is_own);
        if target.names.is_empty() && target.kind == Kind::Kustomization {
            walk.all(live.roots(namespace)?, true).await?;
        } else if target.kind == Kind::Kustomization {
            walk.all(live.named(target.kind, namespace, &target.names)?, self.recursive).await?;
        } else {
            walk.releases(target, namespace, self.recursive).await?;
        }
        Ok(walk.end())
    }

    fn tell(&self, found: Found) -> crate::Outcome {
        let Found { changes, remarks, met, untold } = found;
        let status = match (untold.is_empty(), changes.is_empty()) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => FAILED,
        };
        if self.output == Some(Output::Markdown) {
            let revision = self.revision.as_deref().unwrap_or(match (self.fetch, self.worktree) {
                (true, _) => "what its sources bring",
                (_, true) => "worktree",
                _ => "HEAD",
            });
            let compared = Compared { revision, owners: &met, changes, remarks: &remarks, untold: &untold };
            print!("{}", compared.markdown(self.repository.max_size()));
        } else {
            self.print(&changes, untold.is_empty())?;
            for (owner, remark) in &remarks {
                let text = terminal::text::plain(remark);
                terminal::tell!("{} {} {}/{}: {text}", Mark::Waiting, owner.kind, owner.namespace, owner.name);
            }
        }
        untold.tell();
        Ok(ExitCode::from(status))
    }

    /// Which files of a repository are compared.
    fn wanted(&self) -> Wanted {
        match &self.revision {
            Some(revision) => Wanted::Revision(revision.clone()),
            None if self.worktree => Wanted::Worktree,
            None => Wanted::Head { says_what_is_left_out: self.output.and_then(Output::structured).is_none() },
        }
    }

    fn print(&self, changes: &[Change], is_all: bool) -> Result<()> {
        if let Some(format) = self.output.and_then(Output::structured) {
            return output::print_structured(&Value::Array(changes.iter().map(structured).collect()), format);
        }
        print(changes);
        if changes.is_empty() && is_all {
            let told = if self.fetch { "its sources describe it" } else { "the revision describes it" };
            crate::terminal::tell!("{} the cluster is as {told}", Mark::Success);
        }
        Ok(())
    }
}

/// What agents would change in the whole cluster, given what its sources bring now, where they may fetch so and act for this account on
/// behalf of who names none.
///
/// # Errors
/// When the cluster gives no answer.
pub async fn everything(
    client: &Client,
    access: Access,
    default_account: DefaultAccount,
    keys: &SopsKeys,
) -> Result<Found> {
    let live = Live::list(client, Kind::Kustomization).await?;
    let directory = downloads::own_directory()?;
    let looked = async {
        let means = Means { access, default_account, is_new: true, ..means(client, &directory, keys).await? };
        let foresight = Foresight::new(client.clone(), means);
        let mut walk = Walk::new(&live, &foresight, None, &|_| false);
        walk.all(live.everywhere().cloned().collect(), true).await?;
        walk.rest().await?;
        anyhow::Ok(walk.end())
    };
    let found = looked.await;
    let _ = std::fs::remove_dir_all(&directory);
    found
}

/// What it takes to look at a cluster from here.
async fn means(client: &Client, directory: &Path, keys: &SopsKeys) -> Result<Means> {
    Ok(Means {
        elsewhere: Arc::new(downloads::opened(directory)?),
        artifacts: Some(Artifacts::open(directory.join("artifacts"))?),
        access: Access::own(),
        keys: sops::of_cluster(client, keys).await?,
        seed: None,
        default_account: DefaultAccount::Unknown,
        is_new: false,
    })
}

/// Prints what would change, for people.
pub fn print(changes: &[Change]) {
    for Change { object, action, fields, notes, .. } in changes {
        println!("► {} {action}", object.id);
        notes.iter().for_each(|note| println!("    {note}"));
        for change in fields {
            print_field(action, change);
        }
    }
}

/// A change, for programs.
pub fn structured(Change { object, action, fields, notes, .. }: &Change) -> Value {
    let id = &object.id;
    let fields: Vec<Value> = fields
        .iter()
        .map(|change| json!({ "path": change.path, "before": change.before, "after": change.after }))
        .collect();
    json!({
        "apiVersion": object.api_version(), "kind": id.kind, "namespace": id.namespace, "name": id.name,
        "action": action, "fields": fields, "notes": notes,
    })
}

/// Prints a field as a path and the values before and after.
fn print_field(action: &str, change: &FieldChange) {
    // What is created is shown whole, without what every object has.
    if action == "created" && matches!(change.path.as_str(), "apiVersion" | "kind") {
        return;
    }
    println!("    {}", change.path);
    for (sign, colour, value) in [("-", 31, &change.before), ("+", 32, &change.after)] {
        let Some(value) = value else { continue };
        for line in cowherd_yaml::to_string(value).lines() {
            if terminal::stdout_colours() {
                println!("      \x1b[{colour}m{sign} {line}\x1b[0m");
            } else {
                println!("      {sign} {line}");
            }
        }
    }
}
