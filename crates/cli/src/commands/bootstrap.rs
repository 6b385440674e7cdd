//! `cowherd bootstrap`: has a cluster keep itself as a repository says.

mod address;
mod cluster;
mod credentials;
mod hosting;
mod login;
mod manifests;
mod pushing;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use cowherd_apply::{Action, Change};
use cowherd_source::{CommitSigner, Identity, PushError, Revision, Snapshot};
use cowherd_text::{listed, shell};
use cowherd_tree::TreePath;
use kube::Client;
use serde_json::{Value, json};

use super::install::documents::{InCluster, LOCK_DOWN, Rights, documents};
use super::install::{check_image, is_open};
use super::reconcile::{Request, parse_duration};
use crate::bootstrap::ROOT;
use crate::cluster::{Access, explain};
use crate::failure::misuse;
use crate::leading_agents::leader;
use crate::output::{self, Format};
use crate::repository::spec_path;
use crate::resource::Resource;
use crate::target::Kind;
use crate::terminal::{Mark, tell};
use crate::{flux, own_agents};
use address::Address;
use cluster::Cluster;
use credentials::Credentials;
use hosting::{Hosting, HostingFlags};
use manifests::{Before, File, Meaning, Sync};
use pushing::{Message, Repository, Unpushed, tree};

/// The only provider, which is any server.
const GIT: &str = "git";
/// The account that may apply everything where agents are locked down.
const PLATFORM: &str = "kustomize-controller";
/// What agents are told that bring also themselves from the repository.
const BOOTSTRAPPED: &str = "--bootstrapped";
/// How often a push is made anew that meets another one.
const ATTEMPTS: usize = 3;
/// How many are named.
const MOST: usize = 8;

/// Have a cluster keep itself as a Git repository says
///
/// Writes what agents need, the agents, and what they follow into PATH/flux-system of the
/// repository, pushes it, brings it to the cluster as the kustomization there says, and waits until
/// the agents have brought it from Git themselves. From then on a commit changes the agents as well.
/// Started again, it brings what is there up to date. A `kustomization.yaml` that is there stays as
/// it is, and the patches in it hold. Nothing is done to the cluster before the push was taken.
///
/// Examples:
///   cowherd bootstrap git --url ssh://git@example.com/org/fleet --path clusters/prod \
///     --image registry.example.com/cowherd:1.0
///   export GIT_PASSWORD=…
///   cowherd bootstrap git --url https://example.com/org/fleet --path clusters/prod \
///     --token-auth --image registry.example.com/cowherd:1.0
///   cowherd bootstrap github --owner org --repository fleet --path clusters/prod --image IMAGE
///   cowherd bootstrap git --url … --path … --image … --dry-run   # say what would be done
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Bootstrap {
    #[command(flatten)]
    pub access: Access,
    /// Where the repository is: `git` is any server; at `github`, `gitlab` and `gitea` the repository and the deploy key are made, with
    /// a token in GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN
    #[arg(value_name = "PROVIDER")]
    provider: String,
    /// The URL of the repository of `git`, over https or ssh; it may be empty
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The branch that is written to, and followed
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    /// The directory of this cluster in the repository [default: its root]
    #[arg(long, value_name = "DIRECTORY", default_value = "", hide_default_value = true)]
    path: String,
    /// How often the repository is looked at
    #[arg(long, value_name = "DURATION", default_value = "1m0s", value_parser = interval)]
    interval: String,
    /// Fetch submodules of the repository, too
    #[arg(long)]
    recurse_submodules: bool,
    /// Go on where the URL is one of http, in clear text
    #[arg(long)]
    allow_insecure_http: bool,
    #[command(flatten)]
    hosting: HostingFlags,
    #[command(flatten)]
    credentials: Credentials,
    /// Who writes the commit
    #[arg(long, value_name = "NAME", default_value = "cowherd")]
    author_name: String,
    /// The address of who writes the commit
    #[arg(long, value_name = "EMAIL", default_value = "")]
    author_email: String,
    /// What is said at the end of the commit's message, such as '[ci skip]'
    #[arg(long, value_name = "TEXT")]
    commit_message_appendix: Option<String>,
    /// A file with a private key of ssh, without passphrase, that signs the commit
    #[arg(long, value_name = "FILE")]
    ssh_signing_key_file: Option<PathBuf>,
    /// The image with this program that the cluster's nodes can fetch; without one no agent is brought
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The Secret in flux-system with which nodes fetch the image
    #[arg(long, value_name = "NAME", requires = "image")]
    image_pull_secret: Option<String>,
    /// How many agents there are; one works, and the others wait for it
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "image")]
    replicas: u16,
    /// Let Kustomizations and HelmReleases that name no account apply everything, and references cross namespaces, as with Flux
    /// where nobody has locked it down [default: as the agents are that the cluster has; false where it has none]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_lock_down: Option<bool>,
    /// Have cowherd's manifests in the place of Flux's, which `flux bootstrap` has written; Flux's controllers must be stopped
    #[arg(long)]
    replace_flux: bool,
    /// The namespace of the agents, and of what they follow; there is no other one
    #[arg(short, long, value_name = "NAMESPACE", default_value = ROOT)]
    namespace: String,
    /// Say what would be committed, print what would be applied, and do neither
    #[arg(long)]
    dry_run: bool,
    /// How long the cluster may take to serve the definitions, to run the agents, and these to bring the repository
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    /// Print what was done, or would be, for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Flags of `cowherd agent` for the agents, after `--`
    #[arg(last = true, value_name = "FLAGS", requires = "image")]
    agent_flags: Vec<String>,
}

/// What the command line says, and can be.
struct Words {
    /// The URL of the repository, or what has it.
    place: Place,
    /// The directory of the cluster.
    path: TreePath,
    /// That of its own files.
    directory: TreePath,
    signer: Option<CommitSigner>,
}

/// Where the repository is.
enum Place {
    /// At this URL.
    Url(Address, Box<Credentials>),
    /// At a host that makes it.
    Host(Box<Hosting>),
}

/// What is to be done, with a repository that is there.
struct Plan {
    /// Where it is pushed to.
    address: Address,
    credentials: Credentials,
    /// The URL by which the cluster follows it.
    followed: String,
    host: Option<Box<Hosting>>,
    path: TreePath,
    directory: TreePath,
    signer: Option<CommitSigner>,
}

/// What the repository is to have, and what comes of it.
struct Draft {
    head: Option<Snapshot>,
    files: Vec<File>,
    meaning: Meaning,
    /// Whether cowherd's manifests were there before.
    is_upgrade: bool,
}

/// What the repository has.
struct Written {
    draft: Draft,
    revision: String,
    is_pushed: bool,
}

impl Bootstrap {
    pub async fn run(self) -> crate::Outcome {
        let words = self.words()?;
        let client = self.access.reach().await?.client;
        let cluster = Cluster::new(client.clone(), self.timeout);
        self.refuse(&client, &cluster, &words.path).await?;
        let Some(plan) = self.plan(words).await? else { return Ok(ExitCode::SUCCESS) };
        let is_open = match self.no_lock_down {
            Some(is_open) => is_open,
            None => is_open(&client).await?,
        };
        let auth = plan.credentials.own(&plan.address)?;
        let repository = Repository::new(&plan.address.pushed_to(plan.credentials.username()), auth, &self.branch)?;
        if self.dry_run {
            return self.tell_draft(&plan, &self.draft(&plan, &repository, is_open).await?);
        }
        // Whatever the cluster is to log in with is known before anything is done.
        plan.credentials.of_the_cluster(&plan.followed)?;
        let written = self.write(&plan, &repository, is_open).await?;
        let before = cluster.root().await?;
        tell!("{} bringing to the cluster what the repository has", Mark::Action);
        let Meaning { components, sync } = written.draft.meaning;
        let mut changes = cluster.bring(components).await.context("what agents need is not all there")?;
        let title = self.key_title(&plan);
        let host = plan.host.as_deref().map(|host| (host, title.as_str()));
        let kept = login::keep(&client, &plan.credentials, &repository, &plan.followed, host).await?;
        changes.extend(cluster.bring(sync).await.context("what the cluster follows is not all there")?);
        let is_brought = self.see_it_through(&client, &cluster, &written.revision, before, is_open).await?;
        if let Some(format) = self.output {
            let structured = json!({
                "revision": written.revision, "pushed": written.is_pushed, "url": plan.followed, "ready": is_brought,
                "publicKey": kept.public_key, "files": files(&written.draft.files), "objects": objects(&changes),
            });
            output::print_structured(&structured, format)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn words(&self) -> Result<Words> {
        if self.namespace != ROOT {
            misuse!("agents and what they follow are in the namespace {ROOT}, and not in {:?}", self.namespace);
        }
        if let Some(image) = &self.image {
            check_image(image)?;
        }
        let path = TreePath::parse(&self.path).map_err(|error| anyhow!("--path {:?}: {error}", self.path))?;
        let signer = self.ssh_signing_key_file.as_ref().map(|file| {
            let key = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            CommitSigner::ssh(&key).map_err(|error| anyhow!("--ssh-signing-key-file {}: {error}", file.display()))
        });
        Ok(Words { place: self.place()?, directory: manifests::directory(&path)?, signer: signer.transpose()?, path })
    }

    fn place(&self) -> Result<Place> {
        let authority = self.credentials.authority()?;
        if let Some(host) = Hosting::of(&self.provider, &self.hosting, self.allow_insecure_http, authority)? {
            if self.url.is_some() {
                misuse!(
                    "--url is for `bootstrap git`; --owner and --repository name a repository of {}",
                    self.provider
                );
            }
            return Ok(Place::Host(Box::new(host)));
        }
        if self.provider != GIT {
            misuse!(
                "{:?} is no provider; `git` is any server: `cowherd bootstrap git --url URL`, and `github`, `gitlab` and `gitea` make \
                 repositories and deploy keys",
                self.provider
            );
        }
        if self.hosting.are_said() {
            misuse!(
                "--owner, --repository, --hostname and --personal are for github, gitlab and gitea; `git` takes --url"
            );
        }
        let Some(url) = &self.url else { misuse!("`bootstrap git` takes the --url of the repository") };
        let address = Address::read(url, self.allow_insecure_http)?;
        Ok(Place::Url(address, Box::new(self.credentials.clone().complete(url)?)))
    }

    /// What is to be done; `None` where there is no repository yet, and none is to be made.
    async fn plan(&self, words: Words) -> Result<Option<Plan>> {
        let Words { place, path, directory, signer } = words;
        let host = match place {
            Place::Url(address, credentials) => {
                let (followed, credentials) = (credentials.followed(&address)?, *credentials);
                return Ok(Some(Plan { address, credentials, followed, host: None, path, directory, signer }));
            }
            Place::Host(host) => host,
        };
        let there = match host.find().await? {
            Some(there) => there,
            None if self.dry_run => {
                tell!("{} would make the repository {host}, and commit to it", Mark::Action);
                return Ok(None);
            }
            None => {
                let made = host.make().await?;
                tell!("{} repository {host} created", Mark::Success);
                made
            }
        };
        let credentials = self.credentials.clone();
        let keys = if credentials.lack_host_keys() { host.known_hosts().await? } else { None };
        let credentials = credentials.of_a_host(host.owner(), host.token().clone(), keys);
        let address = Address::read(&there.https, self.allow_insecure_http)?;
        let followed = match credentials.token_auth {
            true => credentials.followed(&address)?,
            false => credentials.followed(&Address::read(&there.ssh, false)?)?,
        };
        Ok(Some(Plan { address, credentials, followed, host: Some(host), path, directory, signer }))
    }

    /// How the deploy key of this cluster is called, as Flux has it.
    fn key_title(&self, plan: &Plan) -> String {
        format!("{ROOT}-{}-{}-{}", self.branch, plan.credentials.secret_name, spec_path(&plan.path))
    }

    /// Refuses a cluster that others keep, or that keeps itself otherwise.
    async fn refuse(&self, client: &Client, cluster: &Cluster, path: &TreePath) -> Result<()> {
        let running = flux::running(client).await.map_err(explain)?;
        if !running.is_empty() {
            let names = running.iter().map(|(namespace, name)| format!("{namespace}/{name}"));
            bail!(
                "Flux's controllers run in this cluster: {}; they and cowherd would each undo what the other one does. `cowherd \
                 migrate` takes over from them; then start this again, with --replace-flux where `flux bootstrap` has written the \
                 repository",
                listed(names, MOST)
            );
        }
        own_agents::refuse(client).await?;
        let Some(root) = cluster.root().await? else { return Ok(()) };
        let plain = |path: &str| path.trim_start_matches("./").trim_matches('/').to_owned();
        let there = root.text("/spec/path");
        if plain(there) != path.as_str() {
            bail!(
                "this cluster follows {there:?} of its repository, and --path is {:?}: all that it has from there would be pruned. \
                 Say --path {}, or first take that away: `cowherd suspend kustomization {ROOT}`, and `kubectl delete kustomization \
                 {ROOT} -n {ROOT}`",
                self.path,
                shell::word(&plain(there))
            );
        }
        Ok(())
    }

    /// What the repository is to have, on top of what it has at this moment.
    async fn draft(&self, plan: &Plan, repository: &Repository, is_open: bool) -> Result<Draft> {
        let head = repository.head().await?;
        let tree = tree(head.as_ref());
        let before = match &tree {
            Some(tree) => Before::of(tree.as_ref(), &plan.directory)?,
            None => Before::default(),
        };
        self.check(&before, &plan.directory)?;
        let agents = self.agents(is_open);
        let rights = if is_open { Rights::Open } else { Rights::Locked };
        let components = manifests::components(&documents(agents.as_ref(), rights)?);
        let sync = Sync {
            url: &plan.followed,
            branch: &self.branch,
            path: &plan.path,
            interval: &self.interval,
            secret: &plan.credentials.secret_name,
            recurse_submodules: self.recurse_submodules,
            account: (!is_open).then_some(PLATFORM),
        };
        let files = manifests::wanted(tree.as_deref(), &plan.directory, &components, &sync.text())?;
        let is_upgrade = files.iter().any(|file| file.action != Action::Created);
        let meaning = Meaning::of(tree, &plan.directory, &files, agents.is_some())?;
        Ok(Draft { head, files, meaning, is_upgrade })
    }

    /// Refuses to take away what is there, unless that is meant.
    fn check(&self, before: &Before, directory: &TreePath) -> Result<()> {
        if !before.flux.is_empty() && !self.replace_flux {
            bail!(
                "{directory} of the repository is what `flux bootstrap` has written, with {}. Agents leave alone what it says of Flux, \
                 so that it may stay: `cowherd install` and `cowherd migrate` work with it as it is. --replace-flux has cowherd's \
                 manifests in its place, and there is no way back by `cowherd migrate --back` then",
                listed(&before.flux, MOST)
            );
        }
        if let (Some(image), None) = (&before.image, &self.image) {
            bail!(
                "{directory} of the repository has the agents, which would be taken away; say --image, which is {} there",
                shell::word(image)
            );
        }
        Ok(())
    }

    /// The agents that are to run in the cluster.
    fn agents(&self, is_open: bool) -> Option<InCluster> {
        Some(InCluster {
            image: self.image.clone()?,
            pull_secret: self.image_pull_secret.clone(),
            replicas: self.replicas,
            lock_down: lock_down(is_open),
            arguments: [vec![BOOTSTRAPPED.to_owned()], self.agent_flags.clone()].concat(),
        })
    }

    /// Has the repository have what it is to have.
    async fn write(&self, plan: &Plan, repository: &Repository, is_open: bool) -> Result<Written> {
        tell!("{} fetching branch {} of {}", Mark::Action, self.branch, self.url_shown(plan));
        let mut attempt = 1;
        loop {
            let draft = self.draft(plan, repository, is_open).await?;
            tell_files(&draft.files, "");
            let revision = |commit| Revision::new(Some(self.branch.clone()), commit).to_string();
            let changed: Vec<File> =
                draft.files.iter().filter(|file| file.action != Action::Unchanged).cloned().collect();
            if let (Some(head), true) = (&draft.head, changed.is_empty()) {
                tell!("{} the repository has it all, at {}", Mark::Success, head.commit.id);
                return Ok(Written { revision: revision(head.commit.id), draft, is_pushed: false });
            }
            let message = self.message(plan, draft.is_upgrade);
            match repository.push(draft.head.clone(), &changed, message).await {
                Ok(commit) => {
                    tell!("{} pushed {commit} to branch {}", Mark::Success, self.branch);
                    return Ok(Written { revision: revision(commit), draft, is_pushed: true });
                }
                Err(Unpushed::Push(error)) if error.is_overtaken() && attempt < ATTEMPTS => {
                    attempt += 1;
                    tell!("{} somebody else has pushed meanwhile; doing it anew on top of that", Mark::Waiting);
                }
                Err(Unpushed::Push(error)) => return Err(unpushed(error)),
                Err(Unpushed::Other(error)) => return Err(error.context(NOTHING_DONE)),
            }
        }
    }

    fn message(&self, plan: &Plan, is_upgrade: bool) -> Message {
        let version = env!("CARGO_PKG_VERSION");
        let path = if plan.path.is_root() { "the cluster" } else { plan.path.as_str() };
        let mut text = match is_upgrade {
            true => format!("Bring what cowherd {version} takes to {path}"),
            false => format!("Add cowherd {version} to {path}"),
        };
        if let Some(appendix) = &self.commit_message_appendix {
            text = format!("{text}\n\n{appendix}");
        }
        let author = Identity { name: self.author_name.clone(), email: self.author_email.clone() };
        Message { author, text, signer: plan.signer.clone() }
    }

    /// Waits for whoever there is to wait for; whether the repository was brought.
    async fn see_it_through(
        &self,
        client: &Client,
        cluster: &Cluster,
        revision: &str,
        before: Option<Resource>,
        is_open: bool,
    ) -> Result<bool> {
        let runs_here = self.image.is_some() && cluster.has_nodes().await?;
        if runs_here {
            cluster.wait_for_agents().await?;
        } else if leader(client).await?.is_none() {
            let why = match self.image {
                Some(_) => "the cluster has no node that would run the agents",
                None => "no image is named, so that no agent was brought",
            };
            let flags = [vec![BOOTSTRAPPED.to_owned()], lock_down(is_open)].concat().join(" ");
            tell!("{} {why}, and none works on it: nobody follows the repository yet", Mark::Waiting);
            tell!("  to start one, wherever: cowherd agent {flags}");
            return Ok(false);
        }
        let applied = before.as_ref().map(|root| root.revision().to_owned()).unwrap_or_default();
        if before.is_some() && applied != revision {
            // Otherwise it would be looked at when its interval is over.
            let kind = Kind::GitRepository;
            if let Some(object) = kind.api(client, ROOT).get_opt(ROOT).await.map_err(explain)? {
                Request::send(client, &Resource { kind, object }, false).await?;
            }
        }
        let brought = cluster.wait_for(revision, &applied).await?;
        tell!("{} the agents have brought {brought}: the cluster keeps itself as the repository says", Mark::Success);
        Ok(true)
    }

    fn tell_draft(&self, plan: &Plan, draft: &Draft) -> crate::Outcome {
        tell!("{} would commit to branch {} of {}", Mark::Action, self.branch, self.url_shown(plan));
        tell_files(&draft.files, "would be ");
        tell!("{} would apply what is printed, and Secret/{ROOT}/{}", Mark::Action, plan.credentials.secret_name);
        let Meaning { components, sync } = &draft.meaning;
        let all = components.iter().chain(sync);
        match self.output {
            None => print!("{}", cowherd_yaml::write_documents(all)),
            Some(format) => {
                let objects: Vec<&Value> = all.collect();
                output::print_structured(&json!({ "files": files(&draft.files), "objects": objects }), format)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The URL of the repository without a password in it.
    fn url_shown(&self, plan: &Plan) -> String {
        plan.address.pushed_to(plan.credentials.username())
    }
}

/// What is said where nothing came of it.
const NOTHING_DONE: &str = "nothing was changed, neither in the repository nor in the cluster";

/// Why nothing was pushed, and what else can be done.
fn unpushed(error: PushError) -> anyhow::Error {
    let remedy = match &error {
        PushError::Rejected { .. } => {
            "; where only pull requests change the branch, commit what --dry-run -o json shows as files, and start this again once \
             it is merged: what the branch has is not pushed"
        }
        _ => "",
    };
    anyhow!("{error}\n  {NOTHING_DONE}{remedy}")
}

/// What agents are told that denies something to all.
fn lock_down(is_open: bool) -> Vec<String> {
    if is_open { Vec::new() } else { LOCK_DOWN.map(str::to_owned).to_vec() }
}

fn tell_files(files: &[File], would: &str) {
    files.iter().for_each(|file| tell!("{} {} {would}{}", Mark::Success, file.path, file.action));
}

/// The files for programs.
fn files(files: &[File]) -> Vec<Value> {
    let about =
        |file: &File| json!({ "path": file.path.as_str(), "action": file.action.to_string(), "content": file.content });
    files.iter().map(about).collect()
}

/// What was done to objects, for programs.
fn objects(changes: &[Change]) -> Vec<Value> {
    let about =
        |change: &Change| json!({ "object": change.object.id.to_string(), "action": change.action.to_string() });
    changes.iter().map(about).collect()
}

/// A duration, as it is written.
fn interval(text: &str) -> Result<String, cowherd_api::DurationError> {
    parse_duration(text).map(|_| text.to_owned())
}
