//! `cowherd resume`: takes a suspended resource up again.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::reconcile::{Request, parse_duration};
use crate::cluster::Cluster;
use crate::completion;
use crate::output::Format;
use crate::resource;
use crate::suspension;
use crate::target::Target;

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
        let (mut resumed, mut is_refused) = (Vec::new(), false);
        for resource in resource::select(&client, &target, &self.cluster.namespace).await? {
            let Some(mut resource) = suspension::set(&client, resource, false).await? else {
                is_refused = true;
                continue;
            };
            if self.wait && !resource.is_static() {
                resource = Request::send(&client, &resource, false).await?.wait(self.timeout).await?;
            }
            resumed.push(resource);
        }
        resource::print(&resumed, self.output)?;
        let is_well = !is_refused && (!self.wait || resumed.iter().all(|one| one.is_static() || one.is_ready()));
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
