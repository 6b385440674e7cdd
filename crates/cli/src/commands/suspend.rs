//! `cowherd suspend`: leaves a resource alone until it is resumed.

use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::{Cluster, explain};
use crate::completion;
use crate::output::Format;
use crate::resource::{self, Resource};
use crate::target::Target;
use crate::terminal::Mark;

/// Leave a Kustomization or source alone until it is resumed
///
/// Examples:
///   cowherd suspend kustomization apps
///   cowherd suspend source git flux-system
///   cowherd suspend ks --all
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Suspend {
    /// `[KIND] NAME…`; without a kind: Kustomizations
    #[arg(value_name = "NAME", required_unless_present = "all", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// All of the kind in the namespace
    #[arg(long)]
    all: bool,
    /// Print how each is then, for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl Suspend {
    pub async fn run(self) -> crate::Outcome {
        let target = Target::named(&self.words, self.all)?;
        let client = self.cluster.client().await?;
        let mut suspended = Vec::new();
        for resource in resource::select(&client, &target, &self.cluster.namespace).await? {
            let resource = set_suspend(&client, resource, true).await?;
            crate::terminal::tell!("{} {} {} suspended", Mark::Success, resource.kind.word(), resource.name());
            suspended.push(resource);
        }
        resource::print(&suspended, self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Sets `spec.suspend`, and leaves on the object that it was this command; the resource as it is then.
pub async fn set_suspend(client: &kube::Client, resource: Resource, suspend: bool) -> anyhow::Result<Resource> {
    let api = resource.kind.api(client, &resource.namespace());
    let patch = Patch::Merge(json!({ "spec": { "suspend": suspend } }));
    let manager = if suspend { "cowherd-suspend" } else { "cowherd-resume" };
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let object = api.patch(&resource.name(), &params, &patch).await.map_err(explain)?;
    Ok(Resource { object, ..resource })
}
