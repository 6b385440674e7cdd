//! `cowherd diff`: what a revision would change in the cluster, or of another revision, field by field.

mod awaited;
mod comment;
mod repository;
mod trees;
mod untold;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Action, Diff as ObjectDiff, FieldChange, OWNER_NAME, ObjectId};
use cowherd_gitops::{PreviewError, Proposal};
use cowherd_source::Access;
use cowherd_text::near;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::cluster::{Cluster, explain, missing};
use crate::completion;
use crate::downloads;
use crate::failure::misuse;
use crate::output::{self, Format};
use crate::resource;
use crate::sops;
use crate::target::{Kind, Target};
use crate::terminal::{self, Mark};
use awaited::Awaited;
use comment::Compared;
use repository::RepositoryFlags;
use trees::{Trees, Wanted};
use untold::Untold;

/// The status of a comparison of which a part could not be made.
const FAILED: u8 = 3;

/// Show what a revision would change in the cluster, or of another revision, field by field
///
/// The revision is read from the local repository that the cluster follows or, where it follows a
/// remote one, from the clone of it that you stand in; it need not have been pushed. With --base it
/// is compared with where it was branched off from that revision, and no cluster is asked: the
/// Kustomizations are those that the repository describes. Values of Secrets are masked.
///
/// Ends with 0 if nothing would change, with 1 if something would, with 2 on a wrong command line,
/// with 3 if some or all of it cannot be told.
///
/// Examples:
///   cowherd diff
///   cowherd diff kustomization apps --revision my-branch
///   cowherd diff --revision HEAD~1 -o yaml
///   cowherd diff --worktree
///   cowherd diff apps --revision my-branch -o markdown
///   cowherd diff --base main --path clusters/prod
///   cowherd diff --base origin/main -o markdown
///   cowherd diff --base HEAD --worktree
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Diff {
    /// `[kustomization] NAME`; without a name: everything that the repository describes
    #[arg(value_name = "KUSTOMIZATION", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// The revision to look at, as `git rev-parse` takes it [default: what is checked out]
    #[arg(long, value_name = "REVISION", add = ArgValueCompleter::new(completion::revisions))]
    revision: Option<String>,
    /// Look at the files as they are on disk, committed or not, instead of at a revision
    #[arg(long, conflicts_with = "revision")]
    worktree: bool,
    /// Go on to the Kustomizations that the Kustomization applies
    #[arg(long)]
    recursive: bool,
    /// Print the differences for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Output>,
    #[command(flatten)]
    repository: RepositoryFlags,
    #[command(flatten)]
    pub cluster: Cluster,
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
        if target.kind != Kind::Kustomization {
            misuse!("only Kustomizations can be compared");
        }
        if self.repository.is_given() {
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
        let client = self.cluster.client().await?;
        let live = kustomizations(&client).await?;
        let start = self.start(&target, &live)?;
        let recursive = self.recursive || target.names.is_empty();
        let mut trees = Trees::new(client.clone(), self.wanted());
        let data_dir = self.cluster.data_dir_of_plane().await?;
        let seed = data_dir.and_then(|data_dir| cowherd_controlplane::seed_in(&data_dir));
        let keys = sops::of_cluster(&client, self.repository.sops()).await?;
        let directory = downloads::own_directory()?;
        let elsewhere = Arc::new(downloads::opened(&directory)?);
        let (mut diffs, mut notes) = (Vec::new(), BTreeMap::<ObjectId, Vec<String>>::new());
        let mut described = BTreeSet::new();
        let mut met = BTreeMap::new();
        let mut untold = Untold::default();
        let mut awaited = Awaited::default();
        let mut queue = VecDeque::from(start);
        while let Some(kustomization) = queue.pop_front() {
            let name = id(&kustomization);
            if met.contains_key(&name) {
                continue;
            }
            met.insert(name.clone(), (kustomization.clone(), live.contains_key(&name)));
            let is_own = self.repository.names(&trees::named(&kustomization));
            if let Some(why) = trees.refusal(&kustomization, is_own).await? {
                untold.leave_out(&name, &why);
                continue;
            }
            let tree = trees.tree(&kustomization).await?;
            let (elsewhere, access, seed) = (elsewhere.clone(), Access::own(), seed.clone());
            let proposal = Proposal { tree, elsewhere, access, keys: keys.clone(), seed };
            // One that is broken hides no other.
            let preview = match cowherd_gitops::preview(&client, &kustomization, &proposal).await {
                Ok(preview) => preview,
                Err(error) => {
                    untold.add(&error);
                    if matches!(error, PreviewError::Build(..)) {
                        awaited.unbuilt(kustomization);
                    }
                    continue;
                }
            };
            awaited.built(&kustomization, &preview.diffs);
            if preview.is_by_chance {
                tell_chance(&name);
            }
            let changing = preview.diffs.into_iter().filter(|diff| changes(diff.action));
            diffs.extend(changing.map(|diff| (name.clone(), diff)));
            described.extend(preview.described);
            preview.notes.into_iter().for_each(|(object, note)| notes.entry(object).or_default().push(note));
            if recursive {
                queue.extend(preview.children.into_iter().map(|child| {
                    let known = live.get(&id(&child));
                    with_what_stays(child, known)
                }));
            }
        }
        drop(elsewhere);
        let _ = std::fs::remove_dir_all(directory);
        awaited.fail_now(live.values());
        awaited.notes().into_iter().for_each(|(object, note)| notes.entry(object).or_default().push(note));
        let changes = told(diffs, notes, &described);
        let status = match (untold.is_empty(), changes.is_empty()) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => FAILED,
        };
        if self.output == Some(Output::Markdown) {
            let revision = self.revision.as_deref().unwrap_or(if self.worktree { "worktree" } else { "HEAD" });
            let compared = Compared { revision, kustomizations: &met, changes, untold: &untold };
            print!("{}", compared.markdown(self.repository.max_size()));
        } else {
            self.print(&changes, untold.is_empty())?;
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

    /// The Kustomizations to begin with: those named, or those that no other one applies.
    fn start(&self, target: &Target, live: &BTreeMap<String, Kustomization>) -> Result<Vec<Kustomization>> {
        let namespace = &self.cluster.namespace;
        if target.names.is_empty() {
            let roots = live
                .values()
                .filter(|one| one.namespace().as_deref() == Some(namespace) && !one.labels().contains_key(OWNER_NAME));
            let roots: Vec<Kustomization> = roots.cloned().collect();
            if roots.is_empty() {
                return Err(missing(format!("no Kustomization found in {namespace:?} namespace")));
            }
            return Ok(roots);
        }
        let find = |name: &String| {
            let found = live.get(&format!("{namespace}/{name}")).cloned();
            let hint = || near::hint(name, live.values().filter_map(|one| one.metadata.name.as_deref()));
            let absent = || format!("Kustomization object {name:?} not found in {namespace:?} namespace{}", hint());
            found.ok_or_else(|| missing(absent()))
        };
        target.names.iter().map(find).collect()
    }

    fn print(&self, changes: &[Change], is_all: bool) -> Result<()> {
        if let Some(format) = self.output.and_then(Output::structured) {
            return output::print_structured(&Value::Array(changes.iter().map(structured).collect()), format);
        }
        for Change { diff, notes, .. } in changes {
            println!("► {} {}", diff.object.id, diff.action);
            notes.iter().for_each(|note| println!("    {note}"));
            for change in &diff.fields {
                print_field(diff.action, change);
            }
        }
        if changes.is_empty() && is_all {
            crate::terminal::tell!("{} the cluster is as the revision describes it", Mark::Success);
        }
        Ok(())
    }
}

/// A Kustomization as a revision has it, with what the cluster has of it that the revision does not say.
fn with_what_stays(mut child: Kustomization, live: Option<&Kustomization>) -> Kustomization {
    let Some(live) = live else { return child };
    child.status.clone_from(&live.status);
    child.metadata.creation_timestamp = live.creation_timestamp();
    // What others write stays, such as that a prune is approved.
    for (name, value) in live.annotations() {
        child.annotations_mut().entry(name.clone()).or_insert_with(|| value.clone());
    }
    child
}

/// What becomes of an object, with what is to be said of it.
struct Change {
    /// The Kustomization for which it is so.
    kustomization: String,
    diff: ObjectDiff,
    notes: Vec<String>,
}

/// Each object once, and none as deleted that another Kustomization of the revision describes: it goes over to that one.
fn told(
    diffs: Vec<(String, ObjectDiff)>,
    mut notes: BTreeMap<ObjectId, Vec<String>>,
    described: &BTreeSet<ObjectId>,
) -> Vec<Change> {
    let mut deleted = BTreeSet::new();
    let mut is_told = |diff: &ObjectDiff| {
        let id = &diff.object.id;
        diff.action != Action::Deleted || (!described.contains(id) && deleted.insert(id.clone()))
    };
    let told = diffs.into_iter().filter(|(_, diff)| is_told(diff));
    let change = |(kustomization, diff): (String, ObjectDiff)| {
        let notes = notes.remove(&diff.object.id).unwrap_or_default();
        Change { kustomization, diff, notes }
    };
    told.map(change).collect()
}

/// Says that what charts make up is another here than in the cluster.
fn tell_chance(name: &str) {
    crate::terminal::tell!(
        "{} {name}: what its charts make up by chance is not what the agents make up: their data directory, which has the \
         seed of it, is not here (--data-dir)",
        Mark::Waiting
    );
}

fn id(kustomization: &Kustomization) -> String {
    format!("{}/{}", kustomization.namespace().unwrap_or_default(), kustomization.name_any())
}

fn changes(action: Action) -> bool {
    matches!(action, Action::Created | Action::Configured | Action::Deleted)
}

async fn kustomizations(client: &Client) -> Result<BTreeMap<String, Kustomization>> {
    let api: Api<Kustomization> = Api::all(client.clone());
    let found = match api.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return Err(resource::unknown(Kind::Kustomization)),
        found => found.map_err(explain)?,
    };
    Ok(found.into_iter().map(|one| (id(&one), one)).collect())
}

fn structured(Change { diff, notes, .. }: &Change) -> Value {
    let id = &diff.object.id;
    let fields: Vec<Value> = diff
        .fields
        .iter()
        .map(|change| json!({ "path": change.path, "before": change.before, "after": change.after }))
        .collect();
    json!({
        "apiVersion": diff.object.api_version(), "kind": id.kind, "namespace": id.namespace, "name": id.name,
        "action": diff.action.to_string(), "fields": fields, "notes": notes,
    })
}

/// Prints a field as a path and the values before and after.
fn print_field(action: Action, change: &FieldChange) {
    // What is created is shown whole, without what every object has.
    if action == Action::Created && matches!(change.path.as_str(), "apiVersion" | "kind") {
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
