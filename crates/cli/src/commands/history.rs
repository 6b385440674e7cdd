//! `cowherd history`: which revisions a Kustomization was brought to, who wrote them, and how it ended.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_gitops::short_revision;
use cowherd_source::Commit;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::reconcile::source_of;
use crate::cluster::Cluster;
use crate::commits::{self, Commits};
use crate::completion;
use crate::failure::misuse;
use crate::output::{self, Format, Table};
use crate::resource;
use crate::target::{Kind, Target};

/// Show what a Kustomization was brought to, newest first
///
/// Each line is a set of manifests and how bringing them ended. REVISION is the last one that they were
/// brought to; COMMIT is the one that made them so, with its author and subject, and later ones
/// changed nothing of them. With -o json all of the commit, where the repository is at hand: the
/// local one that is followed, or for a remote one the clone that you stand in.
///
/// As with Flux, these are the last five: what was brought again with the same end is one line. Each
/// reconciliation is in `cowherd logs ks/NAME`, each commit in `git log -- PATH`.
///
/// Examples:
///   cowherd history apps
///   cowherd history ks/apps -o json
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct History {
    /// `[kustomization] NAME`
    #[arg(value_name = "KUSTOMIZATION", required = true, add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// Leave out the header line
    #[arg(long)]
    no_header: bool,
    /// Print the history for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl History {
    pub async fn run(self) -> crate::Outcome {
        let target = Target::parse(&self.words)?;
        let [name] = &target.names[..] else { misuse!("name one Kustomization, as in `cowherd history apps`") };
        if target.kind != Kind::Kustomization {
            misuse!("only Kustomizations have a history");
        }
        let client = self.cluster.client().await?;
        let kustomization = resource::get(&client, Kind::Kustomization, &self.cluster.namespace, name).await?;
        let source = source_of(&client, &kustomization).await;
        let commits = Commits::of(source.as_ref().map_or("", |source| source.text("/spec/url")));
        let entries = kustomization.at("/status/history").and_then(Value::as_array).cloned().unwrap_or_default();
        let entries: Vec<Entry> = entries.into_iter().map(|entry| Entry::read(entry, &commits)).collect();
        self.print(name, &entries)?;
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, name: &str, entries: &[Entry]) -> Result<()> {
        if let Some(format) = self.output {
            return output::print_structured(&entries.iter().map(Entry::structured).collect(), format);
        }
        if entries.is_empty() {
            crate::terminal::tell!("kustomization {name} was never brought to anything yet");
            return Ok(());
        }
        let mut table = Table::new(["REVISION", "COMMIT", "LAST", "TIMES", "TOOK", "STATUS", "AUTHOR", "SUBJECT"]);
        for entry in entries {
            table.row(entry.cells());
        }
        table.print(!self.no_header);
        Ok(())
    }
}

/// An entry of `status.history`, and the commit that it names.
struct Entry {
    snapshot: Value,
    commit: Option<Commit>,
}

impl Entry {
    fn read(snapshot: Value, commits: &Commits) -> Self {
        let commit = commits::brought_by(&snapshot).and_then(|revision| commits.find(revision));
        Self { snapshot, commit }
    }

    fn text(&self, pointer: &str) -> &str {
        self.snapshot.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn cells(&self) -> Vec<String> {
        let last: Option<Timestamp> = self.text("/lastReconciled").parse().ok();
        let [author, subject] = self.authorship().unwrap_or_else(|| ["<not at hand>".to_owned(), String::new()]);
        vec![
            short_revision(self.text("/metadata/revision")),
            commits::brought_by(&self.snapshot).and_then(commits::short_id).unwrap_or_default().to_owned(),
            last.map_or_else(String::new, |last| cowherd_kinds::human_duration(Timestamp::now().duration_since(last))),
            self.snapshot["totalReconciliations"].to_string(),
            self.text("/lastReconciledDuration").to_owned(),
            self.text("/lastReconciledStatus").to_owned(),
            author,
            subject,
        ]
    }

    /// Author and subject: as the agents wrote them down, or as the commit has them.
    fn authorship(&self) -> Option<[String; 2]> {
        let of_commit = || {
            let commit = self.commit.as_ref()?;
            Some([commit.author.name.clone(), commit.subject.clone()])
        };
        commits::written_down(&self.snapshot).or_else(of_commit)
    }

    /// The entry as the status has it, with the commit.
    fn structured(&self) -> Value {
        let mut entry = self.snapshot.clone();
        if let Some(commit) = &self.commit {
            entry["commit"] = commits::structured(commit);
        }
        json!(entry)
    }
}
