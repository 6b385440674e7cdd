//! `cowherd up`: a control plane that follows a repository.

mod summary;
mod watching;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use cowherd_source::Mirrors;

use super::reconcile::parse_duration;
use crate::bootstrap;
use crate::cluster::DEFAULT_DATA_DIR;
use crate::control_plane::{ControlPlane, DEFAULT_LISTEN, interrupted};
use crate::elsewhere;
use crate::limits::Limits;
use crate::repository::{self, Credentials};
use crate::tenancy::Tenancy;
use crate::terminal::{self, Mark};
use watching::{Convergence, Watching};

/// Start a control plane here and keep it converged on a repository
///
/// Examples:
///   cowherd up
///   cowherd up . --path clusters/prod
///   cowherd up https://github.com/org/fleet --branch main --path clusters/prod
///   cowherd up ssh://git@github.com/org/fleet --private-key-file ~/.ssh/deploy
///   cowherd up . --once --timeout 5m
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Up {
    /// A URL (https, ssh, file) or a path; by default the repository you stand in
    #[arg(value_name = "REPO", default_value = ".")]
    repository: String,
    /// The branch to follow; by default the one that is checked out
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// The directory to start at, inside REPO
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Where the state is kept; starting again on it resumes
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Where the API listens; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: String,
    /// End when every Kustomization is Ready, with 0; with 1 and the reason when one is not
    #[arg(long)]
    once: bool,
    /// How long `--once` waits
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    tenancy: Tenancy,
}

impl Up {
    pub async fn run(self) -> crate::Outcome {
        terminal::log_to_stderr("off");
        let start = Instant::now();
        let mut control_plane = ControlPlane::start(&self.data_dir, &self.listen, self.limits.config()).await?;
        eprintln!("{} the Kubernetes API listens on https://{}", Mark::Success, control_plane.address);
        let outcome = tokio::select! {
            outcome = self.follow(&mut control_plane, start) => outcome,
            () = interrupted() => {
                eprintln!("{} stopping; `cowherd up` on the same data directory resumes", Mark::Action);
                Ok(ExitCode::SUCCESS)
            }
        };
        control_plane.stop().await;
        outcome
    }

    async fn follow(&self, control_plane: &mut ControlPlane, start: Instant) -> crate::Outcome {
        let mirrors = Mirrors::open(self.data_dir.join("mirrors"))?;
        let root = repository::resolve(
            &self.repository,
            self.branch.as_deref(),
            self.path.as_deref(),
            &self.credentials,
            &mirrors,
        )
        .await?;
        let reference = repository::reference_words(&root.reference);
        eprintln!("{} following {} of {}, from {}", Mark::Action, reference, root.url, root.path);
        bootstrap::run(&control_plane.client, &root, self.tenancy.default_service_account.is_some()).await?;
        let (tell, progress) = tokio::sync::mpsc::unbounded_channel();
        let (notify, notices) = tokio::sync::mpsc::unbounded_channel();
        let mut config = cowherd_gitops::Config {
            policy: Arc::new(self.tenancy.policy(Some(&root))?),
            kept: Some(elsewhere::renders(&self.data_dir)?),
            seed: elsewhere::seed(&self.data_dir)?,
            progress: Some(tell),
            notices: Some(notify),
            ..Default::default()
        };
        if !self.tenancy.no_remote_bases {
            config.elsewhere = elsewhere::for_agents(&self.data_dir, &mirrors)?;
        }
        let stopped = control_plane.stopped();
        control_plane.spawn(cowherd_gitops::run(control_plane.client.clone(), mirrors, config, stopped));
        let mut watching = Watching::start(&control_plane.client, progress, notices);
        if self.once {
            return self.converge_once(control_plane, &mut watching, start).await;
        }
        let convergence = watching.until_settled(None).await?;
        summary::print(control_plane, &convergence, start.elapsed()).await?;
        watching.forever().await?;
        Ok(ExitCode::SUCCESS)
    }

    async fn converge_once(
        &self,
        control_plane: &ControlPlane,
        watching: &mut Watching,
        start: Instant,
    ) -> crate::Outcome {
        let convergence = watching.until_settled(Some(self.timeout)).await?;
        summary::print(control_plane, &convergence, start.elapsed()).await?;
        Ok(if convergence.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
