//! `cowherd diff`: what a revision would change in the cluster, field by field.

use std::process::ExitCode;

use clap::Args;

/// Show what a revision would change in the cluster
#[derive(Args)]
pub struct Diff {}

impl Diff {
    pub async fn run(self) -> crate::Outcome {
        Ok(ExitCode::SUCCESS)
    }
}
