//! `cowherd version`: which version this is, and which one the cluster is.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cluster::{self, Cluster, explain};
use crate::output::{self, Format};
use crate::terminal::Mark;

/// Show the version of this program and that of the cluster
///
/// Where no cluster answers, only the first is shown, and on standard error why, and that is no
/// failure, unless a flag names the cluster. `--client` asks none.
///
/// Examples:
///   cowherd version
///   cowherd version --client -o json
///
/// Ends with 0, also without a cluster; with 1 if the one that a flag names does not answer; with 2
/// on a wrong command line.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Version {
    /// Show only the version of this program
    #[arg(long)]
    client: bool,
    /// Print the versions for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl Version {
    pub async fn run(self) -> crate::Outcome {
        let own = concat!("v", env!("CARGO_PKG_VERSION"));
        let server = if self.client { None } else { Some(self.ask().await) };
        if let Some(format) = self.output {
            let mut versions = json!({ "clientVersion": { "gitVersion": own } });
            if let Some(Ok(server)) = &server {
                versions["serverVersion"] = serde_json::to_value(server)?;
            }
            output::print_structured(&versions, format)?;
        } else {
            println!("Client Version: {own}");
            if let Some(Ok(server)) = &server {
                println!("Server Version: {}", server.git_version);
            }
        }
        match server {
            // Somebody who names a cluster wants to know its version. Anybody else may have none, as with helm.
            Some(Err(error)) if !self.cluster.is_named_by_a_flag() => {
                let why = cluster::told(&error, || self.cluster.origin());
                crate::terminal::tell!("{} no version of a cluster: {why}", Mark::Waiting);
            }
            server => drop(server.transpose()?),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn ask(&self) -> anyhow::Result<k8s_openapi::apimachinery::pkg::version::Info> {
        self.cluster.client().await?.apiserver_version().await.map_err(explain)
    }
}
