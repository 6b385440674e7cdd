//! `cowherd up`: a control plane that follows a repository.

mod shown;
mod summary;
mod switching;
mod watching;
mod wording;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::Agents;
use cowherd_gitops::Elsewhere;
use cowherd_source::Mirrors;

use super::reconcile::parse_duration;
use crate::bootstrap::Root;
use crate::completion;
use crate::control_plane::{self, Local, Running, interrupted};
use crate::delivering::Delivering;
use crate::followed::Followed;
use crate::keeper::{self, Keeper};
use crate::repository::{self, Credentials, Named};
use crate::tenancy::Tenancy;
use crate::terminal::Mark;
use crate::trouble;
use summary::Summary;
use watching::{Convergence, Watching};

/// Start a control plane here and keep it converged on a repository
///
/// Examples:
///   cowherd up
///   cowherd up . --path clusters/prod
///   cowherd up https://github.com/org/fleet --branch main --path clusters/prod
///   cowherd up ssh://git@github.com/org/fleet --private-key-file ~/.ssh/deploy
///   cowherd up . --once --timeout 5m
///   cowherd up . --path clusters/dev --switch
///
/// A data directory remembers the repository, the branch and the path that it follows: plain
/// `cowherd up` resumes that, and others are refused without --switch.
///
/// Ends with 0 when it is asked to stop, and with --once when everything is Ready; with 1 when it
/// cannot start, or with --once when something is not Ready; with 2 on a wrong command line.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Up {
    /// A URL (https, ssh, file) or a path [default: what the data directory follows, or the repository you stand in]
    #[arg(value_name = "REPO")]
    repository: Option<String>,
    /// The branch to follow [default: the one that was followed before, or the one that is checked out]
    #[arg(long, value_name = "BRANCH", add = ArgValueCompleter::new(completion::branches))]
    branch: Option<String>,
    /// The directory to start at, inside REPO [default: the one before, or the one you stand in]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// How often a remote repository is looked at [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Option<String>,
    /// Follow another repository, branch or path than before, and prune what that does not describe
    #[arg(long)]
    switch: bool,
    #[command(flatten)]
    delivering: Delivering,
    #[command(flatten)]
    local: Local,
    /// End when every Kustomization is Ready, with 0; with 1 and the reason when one is not
    #[arg(long)]
    once: bool,
    /// How long `--once` waits
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    tenancy: Tenancy,
}

/// Reads an interval as `spec.interval` has it; a second is the shortest.
fn interval(text: &str) -> Result<String, String> {
    match parse_duration(text) {
        Ok(interval) if interval < Duration::from_secs(1) => Err("must be a second or more".to_owned()),
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Up {
    pub async fn run(mut self) -> crate::Outcome {
        let start = Instant::now();
        self.local.log("off")?;
        let mut control_plane = self.local.start().await?;
        crate::terminal::tell!("{} the Kubernetes API listens on https://{}", Mark::Success, control_plane.address);
        let data_dir = self.local.data_dir()?;
        if data_dir.is_absolute() && self.local.is_default() {
            crate::terminal::tell!("{} its state is in {}", Mark::Action, data_dir.display());
        }
        let denied = self.tenancy.resume(&data_dir)?;
        if !denied.is_empty() {
            crate::terminal::tell!("{} as before: {}", Mark::Action, denied.join(" "));
        }
        let outcome = tokio::select! {
            outcome = self.follow(&mut control_plane, start) => outcome,
            () = interrupted() => {
                crate::terminal::tell!("{} stopping; `{}` resumes", Mark::Action, switching::resume(&data_dir));
                Ok(ExitCode::SUCCESS)
            }
        };
        control_plane.plane.stop().await;
        outcome
    }

    fn named(&self) -> Named<'_> {
        Named {
            repository: self.repository.as_deref(),
            branch: self.branch.as_deref(),
            path: self.path.as_deref(),
            credentials: &self.credentials,
        }
    }

    /// The commit at which it is meant that all is pruned that was there before.
    async fn approved(
        &self,
        root: &Root,
        before: Option<&Followed>,
        mirrors: &Mirrors,
    ) -> anyhow::Result<Option<String>> {
        // Whoever only resumes has switched before, and what waits by now may be something else.
        if !self.switch || before == Some(&root.followed) {
            return Ok(None);
        }
        repository::commit(root, mirrors).await
    }

    /// What to follow: what was named, if it is what was followed before, or if another is meant.
    async fn root(
        &self,
        control_plane: &Running,
        (data_dir, before): (&Path, Option<&Followed>),
        mirrors: &Mirrors,
    ) -> anyhow::Result<Root> {
        let resolved = self.named().resolve(before, mirrors).await;
        let mut root = match before {
            Some(before) if self.repository.is_none() => resolved.with_context(|| switching::gone(before))?,
            _ => resolved?,
        };
        root.interval.clone_from(&self.interval);
        root.acts_for_account = self.tenancy.default_service_account().is_some();
        let word = match before {
            Some(before) if *before == root.followed => "resuming",
            Some(before) if !self.switch => {
                let client = control_plane.plane.client();
                if let Some(refusal) = switching::refusal(&client, data_dir, before, &root.followed).await? {
                    anyhow::bail!(refusal)
                }
                "following"
            }
            Some(_) => "switching to",
            None => "following",
        };
        if before != Some(&root.followed) {
            repository::check_path(&root, mirrors).await?;
        }
        crate::terminal::tell!("{} {word} {}", Mark::Action, root.followed.words());
        Ok(root)
    }

    async fn follow(&self, control_plane: &mut Running, start: Instant) -> crate::Outcome {
        let client = control_plane.plane.client();
        let data_dir = self.local.data_dir()?;
        let before = Followed::read(&data_dir, &client, self.switch).await?;
        let Agents { mirrors, mut config } = Agents::in_dir(control_plane.plane.data_dir())?;
        let root = self.root(control_plane, (&data_dir, before.as_ref()), &mirrors).await?;
        // Before anything is changed, so that a start that is cut off here is resumed and not undone.
        root.followed.write(&data_dir)?;
        let (say, said) = tokio::sync::mpsc::unbounded_channel();
        let clients = control_plane.plane.prepare_agents().await?;
        for keeper in Keeper::put(&client, &root).await? {
            control_plane.plane.spawn(keeper.keep(say.clone()));
        }
        control_plane.plane.spawn(keeper::secret::keep(client.clone(), say));
        let (tell, progress) = tokio::sync::mpsc::unbounded_channel();
        let (notify, notices) = tokio::sync::mpsc::unbounded_channel();
        let tell_trouble = {
            let notify = notify.clone();
            move |trouble| drop(notify.send(trouble))
        };
        let trouble = trouble::watch(control_plane.plane.health().clone(), tell_trouble);
        control_plane.plane.spawn(trouble);
        config = self.delivering.apply(cowherd_gitops::Config {
            policy: Arc::new(self.tenancy.policy(Some(&root))?),
            progress: Some(tell),
            notices: Some(notify),
            reserved: root.reserved(),
            actors: control_plane::actors(),
            approved: self.approved(&root, before.as_ref(), &mirrors).await?,
            ..config
        });
        if self.tenancy.no_remote_bases() {
            config.elsewhere = Arc::new(Elsewhere::nothing());
        }
        control_plane.plane.run_agents(clients, Agents { mirrors, config });
        let mut watching = Watching::start(&client, progress, notices, said);
        let convergence = watching.until_settled(self.once.then_some(self.timeout)).await?;
        let summary = Summary { control_plane, followed: &root.followed, data_dir: &data_dir, ends: self.once };
        summary.print(&convergence, start.elapsed()).await?;
        if self.once {
            return Ok(if convergence.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        watching.forever().await?;
        Ok(ExitCode::SUCCESS)
    }
}
