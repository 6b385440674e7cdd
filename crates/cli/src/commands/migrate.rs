//! `cowherd migrate`: from Flux's controllers to the agents, and back.

mod controllers;
mod findings;
mod flags;
mod leftovers;
mod outlook;
mod service;
mod sight;
mod survey;
mod trial;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser};
use cowherd_gitops::DefaultAccount;
use cowherd_text::{listed, shell};
use kube::Client;
use serde_json::{Value, json};

use super::agent::Agent;
use super::install::documents::{InCluster, Rights, documents};
use super::install::{bring, check_image};
use super::reconcile::parse_duration;
use crate::cluster::Access;
use crate::control_plane::interrupted;
use crate::leading_agents;
use crate::output::{self, Format};
use crate::own_agents;
use crate::sops::SopsKeys;
use crate::terminal::{Mark, tell};
use controllers::Controllers;
use findings::{Finding, Sort};
use flags::Flags;
use leftovers::Leftovers;
use outlook::Outlook;
use survey::Survey;

/// How many of a kind are named.
const MOST: usize = 12;

/// Take over from Flux, without making anything anew that it applied
///
/// Looks at what Flux's controllers keep in the cluster, and says what would become of it: with which
/// flags the agents do what Flux's controllers were told, what of it nothing here does, and, object by
/// object, what the agents would change, given what the cluster's sources bring now. It changes nothing
/// unless --yes is said. Then Flux's controllers are scaled to nothing, what the agents need comes to
/// the cluster and, with --image, the agents. Where these do not come to run, Flux's controllers are
/// started again. --back stops the agents, and starts Flux's controllers as they were; with
/// --uninstall also what only the agents needed goes.
///
/// What would be changed or is in the way has a name: an object, a kind, or one of the words changes,
/// unsupported, flags, apart and untold for all of a sort. Nothing is done unless all of it is accepted by
/// name, or --force takes it whatever it is.
///
/// Examples:
///   cowherd migrate                                                # look, and change nothing
///   cowherd migrate --image registry.example.com/cowherd:1.0 --yes
///   cowherd migrate --yes                                          # then `cowherd agent`, wherever
///   cowherd migrate --accept ConfigMap/default/motd,untold --yes
///   cowherd migrate --back --yes
///   cowherd migrate --back --uninstall --yes
///
/// Ends with 0 if nothing would change that is not accepted, or it was done; with 1 if something is in
/// the way or would change, or it failed; with 2 on a wrong command line.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Migrate {
    #[command(flatten)]
    pub access: Access,
    /// The image with this program that the cluster's nodes can fetch; without one no agent is brought
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The Secret in flux-system with which nodes fetch the image
    #[arg(long, value_name = "NAME", requires = "image")]
    image_pull_secret: Option<String>,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Do it although this is in the way, or would be changed: objects or kinds as they are told, or all of a sort
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "back")]
    accept: Vec<String>,
    /// Do it whatever is in the way, or would be changed
    #[arg(long, requires = "yes")]
    force: bool,
    /// Stop the agents in the cluster, and start Flux's controllers again
    #[arg(long, conflicts_with_all = ["image", "image_pull_secret", "agent_flags"])]
    back: bool,
    /// With --back: delete what was brought that only agents need, and nothing that Flux has as well
    #[arg(long, requires = "back", conflicts_with_all = ["force", "image", "image_pull_secret", "agent_flags", "accept"])]
    uninstall: bool,
    /// How long Pods may take to end, beyond their grace period, the cluster to serve the definitions, and the agents to run
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    sops: SopsKeys,
    /// Print what was found for programs
    #[arg(short, long, value_name = "FORMAT", conflicts_with_all = ["yes", "back", "force", "uninstall"])]
    output: Option<Format>,
    /// More flags of `cowherd agent` for the agents, after `--`
    #[arg(last = true, value_name = "FLAGS")]
    agent_flags: Vec<String>,
}

/// The timeout, unless said otherwise.
const TIMEOUT: &str = "5m";

/// An agent's command line.
#[derive(Parser)]
#[command(name = "cowherd agent", disable_help_flag = true)]
struct AgentLine {
    #[command(flatten)]
    agent: Agent,
}

/// What was found of a cluster that Flux keeps.
struct Found {
    controllers: Controllers,
    flags: Flags,
    survey: Survey,
    outlook: Outlook,
    /// What the cluster refuses of what is to be done.
    refused: Vec<String>,
}

impl Migrate {
    pub async fn run(self) -> crate::Outcome {
        if let Some(image) = &self.image {
            check_image(image)?;
        }
        self.agent(&self.agent_flags)?;
        let client = self.access.reach().await?.client;
        if !self.back {
            sight::check(&client).await?;
        }
        let controllers = Controllers::find(&client).await?;
        own_agents::refuse(&client).await?;
        if self.back {
            return self.go_back(&client).await;
        }
        let found = self.look(&client, controllers).await?;
        if let Some(format) = self.output {
            output::print_structured(&found.structured(), format)?;
            return Ok(self.status(&found));
        }
        found.tell();
        self.tell_unmet(&found);
        if !self.yes {
            self.tell_next(&found);
            return Ok(self.status(&found));
        }
        let findings = found.findings();
        let open = findings::open(&findings, &self.accept);
        if !open.is_empty() && !self.force {
            bail!(
                "nothing was done, for what is said above and not accepted: {}; --accept names what may be so, and --force takes \
                 all of it",
                findings::named(&open)
            );
        }
        self.take_over(&client, &found).await?;
        Ok(ExitCode::SUCCESS)
    }

    /// Looks, and changes nothing.
    async fn look(&self, client: &Client, controllers: Controllers) -> Result<Found> {
        if controllers.is_empty() {
            // One who stopped them by hand has agents by now, or has nothing to take over from.
            bail!(
                "Flux has no controllers that run in this cluster, so there is nothing to take over; `cowherd install` brings what \
                 agents need"
            );
        }
        let flags = Flags::of(&controllers);
        let survey = Survey::of(client).await?;
        tell!("{} fetching what the sources bring, to see what would change", Mark::Waiting);
        let agent = self.agent(&[flags.all(), self.agent_flags.clone()].concat())?;
        let account = DefaultAccount::named(agent.default_service_account());
        let outlook = Outlook::of(client, agent.access()?, account, &self.sops).await?;
        let mut refused = controllers.try_to_stop(client).await;
        refused.extend(trial::refused(client, &documents(self.agents(&flags).as_ref(), flags.rights())?).await);
        Ok(Found { controllers, flags, survey, outlook, refused })
    }

    /// An agent that is told this.
    fn agent(&self, flags: &[String]) -> Result<Agent> {
        let line = ["cowherd agent"].into_iter().chain(flags.iter().map(String::as_str));
        let line = AgentLine::try_parse_from(line);
        Ok(line.map_err(|error| anyhow!("the agents would not start with these flags: {error}"))?.agent)
    }

    /// Stops Flux, and has the agents begin; where they do not, or somebody ends this, it is undone.
    async fn take_over(&self, client: &Client, found: &Found) -> Result<()> {
        let documents = documents(self.agents(&found.flags).as_ref(), found.flags.rights())?;
        let taken = tokio::select! {
            taken = self.hand_over(client, found, documents) => taken,
            () = interrupted() => Err(anyhow!("it was interrupted")),
        };
        if let Err(error) = taken {
            return Err(self.undo(client, error).await);
        }
        match &self.image {
            Some(_) => tell!("{} the agents keep the cluster; `cowherd get all -A` shows how it is", Mark::Success),
            None => tell!(
                "{} Flux's controllers are stopped; start an agent: cowherd agent{}",
                Mark::Success,
                words([self.access_flags(), found.flags.all(), self.agent_flags.clone()].concat())
            ),
        }
        tell!("  the way back: cowherd migrate{} --back --yes", words(self.access_flags()));
        Ok(())
    }

    async fn hand_over(&self, client: &Client, found: &Found, documents: Vec<Value>) -> Result<()> {
        let stopped = found.controllers.stop(client, self.timeout).await;
        stopped.context("Flux's controllers could not all be stopped")?;
        service::remember(client).await?;
        bring(client.clone(), documents, self.timeout).await.context("what agents need is not all there")?;
        // Whoever takes over at the same time, or goes back, may have undone it: agents and Flux must never keep the same objects.
        let running = found.controllers.running(client).await?;
        if !running.is_empty() {
            bail!("somebody has started Flux's controllers meanwhile: {}", running.named());
        }
        Ok(())
    }

    /// Has everything be as it was. What is said of it, and of why.
    async fn undo(&self, client: &Client, error: anyhow::Error) -> anyhow::Error {
        tell!("{} starting Flux's controllers again", Mark::Action);
        match self.restore(client).await {
            Ok(_) => error.context("Flux's controllers were started again"),
            Err(second) => anyhow!(
                "{error:#}; and Flux's controllers could not be started again: {second:#}; once that is put right: cowherd \
                 migrate{} --back --yes",
                words(self.access_flags())
            ),
        }
    }

    /// Stops the agents in the cluster, and starts those that were stopped here: these.
    async fn restore(&self, client: &Client) -> Result<Controllers> {
        controllers::stop_agents(client, self.timeout).await?;
        service::restore(client).await?;
        let stopped = Controllers::stopped(client).await?;
        stopped.start(client).await?;
        Ok(stopped)
    }

    /// Stops the agents, and starts Flux as it was.
    async fn go_back(&self, client: &Client) -> crate::Outcome {
        let controllers = Controllers::stopped(client).await?;
        if controllers.is_empty() {
            if !Controllers::find(client).await?.is_empty() {
                if self.uninstall {
                    return self.uninstall(client).await;
                }
                tell!("{} Flux's controllers run; nothing was done", Mark::Success);
                return Ok(ExitCode::SUCCESS);
            }
            bail!(
                "nobody has stopped Flux's controllers here by `cowherd migrate`, so it is not known how they were; scale them with \
                 `kubectl scale deployment`"
            );
        }
        if !self.yes {
            tell!("{} would stop the agents in flux-system, and start {}", Mark::Action, controllers.named());
            if self.uninstall {
                return self.uninstall(client).await;
            }
            tell!("  to do it: cowherd migrate{} --back --yes", words(self.access_flags()));
            return Ok(ExitCode::SUCCESS);
        }
        controllers::stop_agents(client, self.timeout).await?;
        if !self.force {
            leading_agents::refuse(client).await?;
        }
        let started = self.restore(client).await?;
        tell!("{} Flux's controllers are started: {}", Mark::Success, started.named());
        if self.uninstall {
            return self.uninstall(client).await;
        }
        tell!(
            "  what only agents need is still there; to take it away: cowherd migrate{} --back --uninstall --yes",
            words(self.access_flags())
        );
        Ok(ExitCode::SUCCESS)
    }

    /// Takes away what only agents need, where none of them goes on.
    async fn uninstall(&self, client: &Client) -> crate::Outcome {
        let leftovers = Leftovers::find(client).await?;
        if !self.yes {
            tell!(
                "{} would delete {}",
                Mark::Action,
                if leftovers.is_empty() { "nothing".to_owned() } else { leftovers.named() }
            );
            tell!("  to do it: cowherd migrate{} --back --uninstall --yes", words(self.access_flags()));
            return Ok(ExitCode::SUCCESS);
        }
        controllers::stop_agents(client, self.timeout).await?;
        leading_agents::refuse(client).await?;
        leftovers.delete().await?;
        tell!(
            "{} nothing is left of what only agents need; the definitions, the namespace, the account kustomize-controller, the \
             Service webhook-receiver and the roles of people are Flux's as well, and stay",
            Mark::Success
        );
        Ok(ExitCode::SUCCESS)
    }

    /// The agents that are to run in the cluster, told what Flux's controllers were.
    fn agents(&self, flags: &Flags) -> Option<InCluster> {
        Some(InCluster {
            image: self.image.clone()?,
            pull_secret: self.image_pull_secret.clone(),
            replicas: 1,
            lock_down: flags.lock_down(),
            arguments: [flags.others(), self.agent_flags.clone()].concat(),
        })
    }

    fn tell_next(&self, found: &Found) {
        let mut line = self.access_flags();
        for (flag, value) in [("--image", &self.image), ("--image-pull-secret", &self.image_pull_secret)] {
            line.extend(value.iter().map(|value| format!("{flag}={value}")));
        }
        if self.timeout != parse_duration(TIMEOUT).unwrap_or_default() {
            line.push(format!("--timeout={}s", self.timeout.as_secs()));
        }
        let findings = found.findings();
        line.extend((!self.accept.is_empty()).then(|| format!("--accept={}", self.accept.join(","))));
        match findings::words(&findings::open(&findings, &self.accept)) {
            Some(words) if words.is_empty() => {}
            Some(words) if words.len() <= MOST => line.push(format!("--accept={}", words.join(","))),
            // What the cluster refuses nobody can accept, and a long list nobody reads.
            _ => line.push("--force".to_owned()),
        }
        line.push("--yes".to_owned());
        if !self.agent_flags.is_empty() {
            line.push("--".to_owned());
            line.extend(self.agent_flags.iter().cloned());
        }
        tell!("{} nothing was changed; to take over: cowherd migrate{}", Mark::Action, words(line));
    }

    /// Says what of what is accepted was not found.
    fn tell_unmet(&self, found: &Found) {
        let findings = found.findings();
        for word in findings::without_meaning(&findings, &self.accept) {
            tell!("{} nothing of the name {word} is in the way, or would be changed", Mark::Waiting);
        }
    }

    /// How a look ends.
    fn status(&self, found: &Found) -> ExitCode {
        ExitCode::from(u8::from(!findings::open(&found.findings(), &self.accept).is_empty()))
    }

    /// The flags by which the same cluster is meant.
    fn access_flags(&self) -> Vec<String> {
        let kubeconfig = self.access.kubeconfig.iter().map(|file| format!("--kubeconfig={}", file.display()));
        kubeconfig.chain(self.access.context.iter().map(|context| format!("--context={context}"))).collect()
    }
}

/// Words as they are written behind a command.
fn words(words: Vec<String>) -> String {
    words.iter().map(|word| format!(" {}", shell::word(word))).collect()
}

impl Found {
    /// What stands in the way, and what would change.
    fn findings(&self) -> Vec<Finding> {
        let changes = self.outlook.changed().map(|object| Finding::about(Sort::Changes, object.to_string()));
        let unsupported = self.survey.unsupported().map(|(kind, _)| Finding::about(Sort::Unsupported, kind));
        let flags = self.flags.problems().iter().map(|_| Finding::of(Sort::Flags));
        let untold = self.outlook.untold().iter().map(|_| Finding::of(Sort::Untold));
        let refused = self.refused.iter().map(|_| Finding::of(Sort::Refused));
        let apart = self.controllers.apart().map(|_| Finding::of(Sort::Apart));
        changes.chain(unsupported).chain(flags).chain(apart).chain(untold).chain(refused).collect()
    }

    /// What stands in the way.
    fn problems(&self) -> Vec<String> {
        let apart = self.controllers.apart().into_iter();
        apart.chain(self.flags.problems().iter().cloned()).chain(self.refused.iter().cloned()).collect()
    }

    fn tell(&self) {
        let state = if self.controllers.are_stopped() { "was stopped here before" } else { "runs here" };
        tell!("{} Flux {state}: {}", Mark::Success, self.controllers.named());
        tell!("{} it keeps {}", Mark::Success, self.survey.kept());
        let flags = self.flags.all();
        if !flags.is_empty() {
            tell!("{} the agents are told what it is told: {}", Mark::Success, flags.join(" "));
        }
        if self.flags.rights() == Rights::Open {
            tell!("{} who names no account applies everything, as now with Flux", Mark::Waiting);
        }
        let unsaid = self.flags.without_meaning();
        if !unsaid.is_empty() {
            tell!("{} agents have nothing of these flags: {}", Mark::Waiting, listed(unsaid.iter(), MOST));
        }
        self.problems().iter().for_each(|problem| tell!("{} {problem}", Mark::Failure));
        self.survey
            .left_out()
            .iter()
            .for_each(|kind| tell!("{} nothing here does what these say: {kind}", Mark::Failure));
        self.outlook.tell();
    }

    fn structured(&self) -> serde_json::Value {
        json!({
            "controllers": self.controllers.structured(),
            "agentFlags": self.flags.all(),
            "flagsWithoutMeaning": self.flags.without_meaning(),
            "problems": self.problems(),
            "resources": self.survey.structured(),
            "unsupported": self.survey.left_out(),
            "changes": self.outlook.structured(),
            "untold": self.outlook.untold(),
            "findings": self.findings().iter().map(Finding::structured).collect::<Vec<_>>(),
        })
    }
}
