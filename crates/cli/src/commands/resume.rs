//! `cowherd resume`: takes a suspended resource up again.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::reconcile::{Request, parse_duration};
use super::suspend::set_suspend;
use crate::cluster::Cluster;
use crate::completion;
use crate::output::Format;
use crate::resource::{self, Resource};
use crate::target::Target;
use crate::terminal::Mark;

/// Take a suspended Kustomization or source up again
///
/// Examples:
///   cowherd resume kustomization apps
///   cowherd resume source git flux-system --wait
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Resume {
    /// `[KIND] NAME…`; without a kind: Kustomizations
    #[arg(value_name = "NAME", required_unless_present = "all", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// All of the kind in the namespace
    #[arg(long)]
    all: bool,
    /// Wait until each is reconciled
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    /// Print how each is then, for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl Resume {
    pub async fn run(self) -> crate::Outcome {
        let target = Target::named(&self.words, self.all)?;
        let client = self.cluster.client().await?;
        let mut resumed = Vec::new();
        for resource in resource::select(&client, &target, &self.cluster.namespace).await? {
            let mut resource = set_suspend(&client, resource, false).await?;
            crate::terminal::tell!("{} {} {} resumed", Mark::Success, resource.kind.word(), resource.name());
            if self.wait {
                resource = Request::send(&client, &resource, false).await?.wait(self.timeout).await?;
            }
            resumed.push(resource);
        }
        resource::print(&resumed, self.output)?;
        let is_well = !self.wait || resumed.iter().all(Resource::is_ready);
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
