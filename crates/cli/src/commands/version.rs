//! `cowherd version`: which version this is, and which one the cluster is.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cluster::{Cluster, explain};
use crate::output::{self, Format};

/// Show the version of this program and that of the cluster
///
/// Without a cluster to ask, only the first is shown; `--client` asks none.
///
/// Examples:
///   cowherd version
///   cowherd version --client -o json
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Version {
    /// Show only the version of this program
    #[arg(long)]
    client: bool,
    /// Print the versions for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    cluster: Cluster,
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
        // As kubectl has it: what could be told was told, and it is still an error that the rest could not.
        server.transpose()?;
        Ok(ExitCode::SUCCESS)
    }

    async fn ask(&self) -> anyhow::Result<k8s_openapi::apimachinery::pkg::version::Info> {
        self.cluster.client().await?.apiserver_version().await.map_err(explain)
    }
}
