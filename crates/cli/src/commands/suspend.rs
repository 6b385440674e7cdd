//! `cowherd suspend`: leaves a resource alone until it is resumed.

use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cluster::Cluster;
use crate::completion;
use crate::output::Format;
use crate::target::Target;
use crate::{resource, suspension};

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
        let (mut suspended, mut code) = (Vec::new(), ExitCode::SUCCESS);
        for resource in resource::select(&client, &target, &self.cluster.namespace).await? {
            match suspension::set(&client, resource, true).await? {
                Some(resource) => suspended.push(resource),
                None => code = ExitCode::FAILURE,
            }
        }
        resource::print(&suspended, self.output)?;
        Ok(code)
    }
}
