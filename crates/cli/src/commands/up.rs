//! `cowherd up`: a control plane that follows a repository.

mod again;
pub mod clusters;
mod loss;
mod shown;
mod sources;
mod starting;
mod submodules;
mod summary;
mod switching;
mod watching;
mod wording;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::Agents;
use cowherd_gitops::{Hooks, Receivers};
use cowherd_runtime::Shard;

use super::reconcile::parse_duration;
use crate::bootstrap::Root;
use crate::completion;
use crate::control_plane::{self, Local, Running, interrupted};
use crate::delivering::Delivering;
use crate::followed::Followed;
use crate::keeper::{self, Keeper};
use crate::notifying::Notifying;
use crate::repository::{self, Credentials, Named};
use crate::sops;
use crate::tenancy::Tenancy;
use crate::tentative::Fetching;
use crate::terminal::Mark;
use crate::terminal::text::say;
use crate::trouble;
use starting::Start;
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
    notifying: Notifying,
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
    /// A file with private keys of age for what the repository has encrypted with SOPS; they are kept as the Secret sops-age of
    /// flux-system, and decrypt for Kustomizations that ask for it and name this Secret or none
    #[arg(long, value_name = "FILE")]
    sops_age_key_file: Option<PathBuf>,
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
        let began = Instant::now();
        let data_dir = self.local.data_dir()?;
        let denied = self.tenancy.recall(&data_dir)?;
        if let Some(file) = &self.sops_age_key_file {
            sops::checked(file)?;
        }
        // One for all: from the first time on that it is waited for, the system ends the program no more.
        let mut interrupted = pin!(interrupted());
        let start = tokio::select! {
            biased;
            () = &mut interrupted => {
                crate::terminal::tell!("{} stopping before anything was begun", Mark::Action);
                return Ok(self.interrupted());
            }
            start = self.patiently(began, async || self.on_a_new_one(&data_dir).await) => start?,
        };
        self.local.log("off")?;
        let local = self.local.clone();
        // What it does to files blocks; this has to go on listening.
        let mut starting = tokio::spawn(async move { local.start().await });
        let mut control_plane = tokio::select! {
            started = &mut starting => started??,
            () = &mut interrupted => {
                // It may be about to keep state: what is there by now stays.
                drop(start.map(Start::begun));
                starting.abort();
                crate::terminal::tell!("{} stopping before the control plane has started", Mark::Action);
                return Ok(self.interrupted());
            }
        };
        let start = start.map(Start::begun);
        let outcome = tokio::select! {
            outcome = self.follow(&mut control_plane, start, &denied, began) => outcome,
            () = &mut interrupted => {
                match control_plane.lost_state() {
                    Some(lost) => say(Mark::Failure, &format!("stopping; {lost}")),
                    None => say(Mark::Action, &format!("stopping; `{}` resumes", switching::resume(&data_dir))),
                }
                Ok(self.interrupted())
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

    /// How it ends when it is asked to: with `--once` not everything is ready then.
    fn interrupted(&self) -> ExitCode {
        if self.once { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// The commit at which it is meant that all is pruned that was there before.
    async fn approved(
        &self,
        root: &Root,
        before: Option<&Followed>,
        fetching: &Fetching,
    ) -> anyhow::Result<Option<String>> {
        // Whoever only resumes has switched before, and what waits by now may be something else.
        if !self.switch || before.is_some_and(|before| before.is_same(&root.followed)) {
            return Ok(None);
        }
        repository::commit(root, fetching).await
    }

    /// Says where the control plane is, and what it follows.
    fn tell(&self, control_plane: &Running, data_dir: &Path, start: &Start, denied: &[String]) {
        say(Mark::Success, &format!("the Kubernetes API listens on https://{}", control_plane.address));
        if data_dir.is_absolute() && self.local.is_default() {
            say(Mark::Action, &format!("its state is in {}", data_dir.display()));
        }
        if !denied.is_empty() {
            say(Mark::Action, &format!("as before: {}", denied.join(" ")));
        }
        let word = match &start.before {
            Some(before) if before.is_same(&start.root.followed) => "resuming",
            Some(_) if self.switch => "switching to",
            _ => "following",
        };
        for doubt in &start.doubts {
            say(Mark::Waiting, doubt);
        }
        say(Mark::Action, &format!("{word} {}", start.root.followed.words()));
    }

    async fn follow(
        &self,
        control_plane: &mut Running,
        start: Option<Start>,
        denied: &[String],
        began: Instant,
    ) -> crate::Outcome {
        let client = control_plane.plane.client();
        let data_dir = self.local.data_dir()?;
        let Agents { mirrors, mut config } = Agents::in_dir(control_plane.plane.data_dir())?;
        let fetching = Fetching::Running(mirrors.clone());
        let start = match start {
            Some(start) => start,
            None => self.patiently(began, async || self.again(control_plane, &data_dir, &fetching).await).await?,
        };
        self.tell(control_plane, &data_dir, &start, denied);
        let Start { before, root, .. } = start;
        self.tenancy.remember(&data_dir)?;
        // Before anything is changed, so that a start that is cut off here is resumed and not undone.
        root.followed.write(&data_dir)?;
        let (say, said) = tokio::sync::mpsc::unbounded_channel();
        let webhooks = self.notifying.listen().await?;
        let clients = control_plane.plane.prepare_agents().await?;
        let tell_trouble = {
            let say = say.clone();
            move |trouble| drop(say.send(trouble))
        };
        for keeper in Keeper::put(&client, &root).await? {
            let say = say.clone();
            control_plane.plane.keep_beside(keeper.name(), move || keeper.clone().keep(say.clone()));
        }
        let kept = client.clone();
        control_plane
            .plane
            .keep_beside("keeper of the Secret", move || keeper::secret::keep(kept.clone(), say.clone()));
        if let Some(file) = &self.sops_age_key_file {
            sops::bring(&client, file).await?;
        }
        let mut policy = self.tenancy.policy(Some(&root))?;
        if policy.decryption.secret.is_none() {
            policy.decryption.secret = sops::global(&client).await;
        }
        let (tell, progress) = tokio::sync::mpsc::unbounded_channel();
        let (notify, notices) = tokio::sync::mpsc::unbounded_channel();
        let health = control_plane.plane.health().clone();
        control_plane.plane.keep_beside("trouble", move || trouble::watch(health.clone(), tell_trouble.clone()));
        config = self.delivering.apply(cowherd_gitops::Config {
            policy: Arc::new(policy),
            progress: Some(tell),
            notices: Some(notify),
            reserved: root.reserved(),
            actors: control_plane::actors(),
            approved: self.approved(&root, before.as_ref(), &fetching).await?,
            ..config
        });
        if self.tenancy.no_remote_bases() {
            config.elsewhere = Arc::new(config.elsewhere.for_sources_alone());
        }
        config = self.notifying.apply(config);
        if let Some((listener, address)) = webhooks {
            let (client, denies) = (clients.notifying.clone(), config.policy.no_cross_namespace_refs);
            let (health, metrics) = (control_plane.plane.health(), control_plane.plane.metrics());
            let receivers = Receivers::follow(&client, &Shard::default(), health, metrics);
            let hooks = Hooks::new(client, &receivers, denies);
            config.receivers = Some(receivers);
            let listener = Arc::new(listener);
            control_plane.plane.keep_beside("webhooks", move || hooks.clone().serve(listener.clone()));
            self::say(Mark::Success, &format!("webhooks are taken at http://{address}"));
        }
        control_plane.plane.run_agents(clients, Agents { mirrors, config });
        let mut watching = Watching::start(&client, progress, notices, said);
        let convergence =
            watching.until_settled(self.once.then(|| self.timeout.saturating_sub(began.elapsed()))).await?;
        let summary = Summary { control_plane, followed: &root.followed, data_dir: &data_dir, ends: self.once };
        summary.print(&convergence, began.elapsed()).await?;
        if self.once {
            return Ok(if convergence.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        watching.forever().await?;
        Ok(ExitCode::SUCCESS)
    }
}
