//! `cowherd tree`: what a Kustomization or a HelmRelease applied, and what those applied in turn.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_apply::{ObjectId, inventory};
use kube::Client;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::completion;
use crate::failure::misuse;
use crate::output::{self, Format};
use crate::resource::{self, Resource};
use crate::target::{Kind, Target};

/// Show what a Kustomization or a HelmRelease applied, as a tree
///
/// Examples:
///   cowherd tree kustomization flux-system
///   cowherd tree apps --compact
///   cowherd tree hr/web
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Tree {
    /// `[kustomization] NAME`, or `helmrelease NAME`
    #[arg(value_name = "KUSTOMIZATION", required = true, add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// Show only Kustomizations, HelmReleases and sources
    #[arg(long)]
    compact: bool,
    /// Print the tree for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

/// An object and what it applied.
struct Node {
    kind: String,
    group: String,
    namespace: String,
    name: String,
    /// What the Kustomization that applied it says of its readiness, where that is something special.
    note: Option<&'static str>,
    children: Vec<Node>,
}

impl Tree {
    pub async fn run(self) -> crate::Outcome {
        let target = Target::parse(&self.words)?;
        let [name] = &target.names[..] else { misuse!("name one Kustomization, as in `cowherd tree flux-system`") };
        if !Kind::OWNERS.contains(&target.kind) {
            misuse!("only Kustomizations, HelmReleases, ResourceSets and FluxInstances have a tree");
        }
        let client = self.cluster.client().await?;
        let root = resource::get(&client, target.kind, &self.cluster.namespace, name).await?;
        let tree = grow(&client, &root, &mut BTreeSet::new(), self.compact).await?;
        match self.output {
            Some(format) => output::print_structured(&tree.to_json(), format)?,
            None => tree.print("", ""),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The node of a Kustomization or a HelmRelease; one that was met before keeps its children to itself, so that those
/// that apply each other end.
async fn grow(client: &Client, owner: &Resource, met: &mut BTreeSet<String>, compact: bool) -> Result<Node> {
    let mut node = Node::of(owner);
    if !met.insert(node.label()) {
        return Ok(node);
    }
    let entries = owner.at("/status/inventory/entries").and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let Some(mut child) = entry["id"].as_str().and_then(Node::parse) else { continue };
        child.note = note(owner, &child.label());
        if let Some(kind) = child.owner() {
            let found = resource::get(client, kind, &child.namespace, &child.name).await;
            match found {
                Ok(found) => node.children.push(Box::pin(grow(client, &found, met, compact)).await?),
                Err(_) => node.children.push(child),
            }
        } else if !compact || child.group.ends_with(".toolkit.fluxcd.io") || child.group == Kind::ResourceSet.group() {
            node.children.push(child);
        }
    }
    Ok(node)
}

/// What the Kustomization says of the object: that nothing acts on it, or that it counts as ready without being so.
fn note(kustomization: &Resource, label: &str) -> Option<&'static str> {
    let names = |message: &str| message.split([' ', ',']).any(|word| word.trim_end_matches(':') == label);
    let is_idle = kustomization.ready().is_some_and(|ready| ready.reason == "NoController" && names(ready.message));
    let is_assumed = kustomization.condition("AssumedReady").is_some_and(|assumed| names(assumed.message));
    match (is_idle, is_assumed) {
        (true, _) => Some("nothing here acts on it"),
        (false, true) => Some("assumed ready"),
        (false, false) => None,
    }
}

impl Node {
    fn of(resource: &Resource) -> Self {
        Self {
            group: resource.kind.group().to_owned(),
            kind: resource.kind.name().to_owned(),
            namespace: resource.namespace(),
            name: resource.name(),
            note: None,
            children: Vec::new(),
        }
    }

    fn parse(id: &str) -> Option<Self> {
        let ObjectId { namespace, name, group, kind } = inventory::parse(id, "").ok()?.id;
        Some(Self { kind, group, namespace, name, note: None, children: Vec::new() })
    }

    /// Which kind of what applies others it is, if it is that.
    fn owner(&self) -> Option<Kind> {
        Kind::OWNERS.into_iter().find(|kind| kind.name() == self.kind && kind.group() == self.group)
    }

    fn label(&self) -> String {
        let parts = [self.kind.as_str(), self.namespace.as_str(), self.name.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// Prints the node behind `lead`, and its children under `indent`.
    fn print(&self, lead: &str, indent: &str) {
        let note = self.note.map(|note| format!(": {note}")).unwrap_or_default();
        println!("{lead}{}{note}", self.label());
        let last = self.children.len().saturating_sub(1);
        for (index, child) in self.children.iter().enumerate() {
            let (branch, below) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
            child.print(&format!("{indent}{branch}"), &format!("{indent}{below}"));
        }
    }

    fn to_json(&self) -> Value {
        let mut resource = json!({ "groupKind": { "group": self.group, "kind": self.kind }, "name": self.name });
        if !self.namespace.is_empty() {
            resource["namespace"] = json!(self.namespace);
        }
        let mut node = json!({ "resource": resource });
        if let Some(note) = self.note {
            node["message"] = json!(note);
        }
        if !self.children.is_empty() {
            node["resources"] = self.children.iter().map(Self::to_json).collect();
        }
        node
    }
}
