//! `cowherd get`: the agents' resources and how they are.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use cowherd_gitops::short_revision;
use cowherd_text::near;
use futures::StreamExt;
use kube::runtime::watcher;

use crate::cluster::{Cluster, missing};
use crate::completion;
use crate::failure::misuse;
use crate::output::{self, Cell, Format, Table};
use crate::resource::{self, Resource, Seen};
use crate::target::{self, Kind, Target};
use crate::terminal::text::shorten_commits;

/// Show Kustomizations, HelmReleases, sources, alerts and receivers and how they are
///
/// What of several kinds may not be seen is named after what may, and the command ends with 1.
///
/// Examples:
///   cowherd get
///   cowherd get kustomizations -A
///   cowherd get sources git -o yaml
///   cowherd get sources oci
///   cowherd get helmreleases -A
///   cowherd get ks/apps -o wide
///   cowherd get ks apps --watch
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Get {
    /// `all`, `kustomizations`, `helmreleases`, `sources all`, `sources git`, `oci`, `helm` or `chart`, `alerts`, `providers` or
    /// `receivers`, then names
    #[arg(value_name = "KIND", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    #[command(flatten)]
    pub cluster: Cluster,
    /// Look in all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Show only what has these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    label_selector: Option<String>,
    /// Show only what has this condition, such as `ready=false`
    #[arg(long, value_name = "CONDITION=STATUS")]
    status_selector: Option<String>,
    /// Leave out the header line
    #[arg(long)]
    no_header: bool,
    /// Go on showing changes as they come
    #[arg(short, long)]
    watch: bool,
    /// What to print: the objects themselves, more columns, or only names
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,
}

/// What is printed of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON, as `kubectl` prints it
    Json,
    /// YAML, as `kubectl` prints it
    Yaml,
    /// A table with whole revisions, where it comes from and how old it is
    Wide,
    /// Kind and name, one on a line
    Name,
}

impl Get {
    pub async fn run(self) -> crate::Outcome {
        let (kinds, names) = self.selection()?;
        let readiness = self.status_selector.as_deref().map(readiness).transpose()?;
        if self.watch {
            if !matches!(self.output, None | Some(Form::Wide)) {
                misuse!("--watch shows a table; it takes no output format but wide");
            }
            let [kind] = kinds[..] else {
                misuse!("--watch shows one kind: name it, as in `cowherd get kustomizations -w`")
            };
            return self.follow(self.cluster.client().await?, kind, &names).await;
        }
        let client = self.cluster.client().await?;
        let namespace = (!self.all_namespaces).then_some(self.cluster.namespace.as_str());
        let seen = resource::list_seen(&client, &kinds, namespace, self.label_selector.as_deref()).await?;
        let Seen { lists: mut found, unseen } = seen;
        let absent = if unseen.is_none() { self.check_names(&names, &found) } else { Ok(()) };
        for resources in &mut found {
            resources.retain(|one| names.is_empty() || names.contains(&one.name()));
            resources.retain(|one| readiness.is_none_or(|wanted| one.readiness().eq_ignore_ascii_case(wanted)));
        }
        // As kubectl: those that are there, and then which is not, or may not be seen.
        let is_all = absent.is_ok() && unseen.is_none();
        if is_all || found.iter().any(|resources| !resources.is_empty()) {
            self.print(&kinds, found, &names)?;
        }
        absent?;
        match unseen {
            Some(error) if kinds.len() > 1 => Err(error.context("this is not all that there may be")),
            Some(error) => Err(error),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// Refuses a name that nothing has, with those that may be meant.
    fn check_names(&self, names: &[String], found: &[Vec<Resource>]) -> Result<()> {
        let all: BTreeSet<String> = found.iter().flatten().map(Resource::name).collect();
        let Some(name) = names.iter().find(|name| !all.contains(*name)) else { return Ok(()) };
        let place = match self.all_namespaces {
            true => "any".to_owned(),
            false => format!("{:?}", self.cluster.namespace),
        };
        let hint = near::hint(name, all.iter().map(String::as_str));
        Err(missing(format!("{name:?} not found in {place} namespace{hint}")))
    }

    fn selection(&self) -> Result<(Vec<Kind>, Vec<String>)> {
        let kinds = Kind::SOURCES.into_iter().chain(Kind::OWNERS).chain(Kind::NOTIFICATIONS);
        let all = kinds.chain(Kind::IMAGES).collect();
        if self.words.is_empty() || self.words == ["all"] {
            return Ok((all, Vec::new()));
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if let ["source" | "sources"] | ["source" | "sources", "all"] = words[..] {
            return Ok((Kind::SOURCES.to_vec(), Vec::new()));
        }
        if let ["image" | "images"] | ["image" | "images", "all"] = words[..] {
            return Ok((Kind::IMAGES.to_vec(), Vec::new()));
        }
        if self.words.iter().any(|word| word.contains('/')) {
            let Target { kind, names } = Target::parse(&self.words)?;
            return Ok((vec![kind], names));
        }
        match Kind::take(&self.words)? {
            Some((kind, names)) => Ok((vec![kind], names.to_vec())),
            None => {
                // One of another project has its own words.
                Kind::of_word(&self.words[0])?;
                misuse!(
                    "unknown kind {:?}; the kinds are: all, kustomizations, helmreleases, sources git, oci, bucket, helm, chart, external, artifact \
                     generators, alerts, providers, receivers, images (for others: kubectl get){}",
                    self.words[0],
                    target::hint(&self.words[0])
                )
            }
        }
    }

    fn print(&self, kinds: &[Kind], found: Vec<Vec<Resource>>, names: &[String]) -> Result<()> {
        let format = match self.output {
            Some(Form::Json) => Some(Format::Json),
            Some(Form::Yaml) => Some(Format::Yaml),
            _ => None,
        };
        if let Some(format) = format {
            let objects = found.iter().flatten().map(Resource::to_json).collect::<Result<Vec<_>>>()?;
            let all = if names.len() == 1 { output::named(objects) } else { output::list(objects) };
            return output::print_structured(&all, format);
        }
        if found.iter().all(Vec::is_empty) {
            let sought = match kinds {
                [kind] => kind.plural(),
                kinds if *kinds == Kind::SOURCES => "sources",
                kinds if *kinds == Kind::IMAGES => "images",
                _ => "resources",
            };
            self.cluster.tell_none(&format!("no {sought} found{}", self.where_looked()));
        } else if self.output == Some(Form::Name) {
            for resource in found.iter().flatten() {
                println!("{}.{}/{}", resource.kind.name().to_ascii_lowercase(), resource.kind.group(), resource.name());
            }
        } else {
            self.print_tables(&found);
        }
        Ok(())
    }

    fn print_tables(&self, found: &[Vec<Resource>]) {
        let several = found.len() > 1;
        for (index, resources) in found.iter().filter(|resources| !resources.is_empty()).enumerate() {
            if index > 0 {
                println!();
            }
            let mut table = self.table();
            for resource in resources {
                table.row(self.cells(resource, several));
            }
            table.print(!self.no_header);
        }
    }

    fn where_looked(&self) -> String {
        if self.all_namespaces { String::new() } else { format!(" in {:?} namespace", self.cluster.namespace) }
    }

    fn is_wide(&self) -> bool {
        self.output == Some(Form::Wide)
    }

    fn table(&self) -> Table {
        let mut headers = vec!["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"];
        if self.all_namespaces {
            headers.insert(0, "NAMESPACE");
        }
        if self.is_wide() {
            headers.splice(headers.len() - 1..headers.len() - 1, ["SOURCE", "PATH", "AGE"]);
        }
        Table::new(headers)
    }

    fn cells(&self, resource: &Resource, with_kind: bool) -> Vec<Cell> {
        let name = if with_kind {
            format!("{}/{}", resource.kind.name().to_ascii_lowercase(), resource.name())
        } else {
            resource.name()
        };
        let ready = resource.ready();
        let revision = resource.revision();
        let mut cells: Vec<Cell> = if self.all_namespaces { vec![resource.namespace().into()] } else { Vec::new() };
        cells.extend([
            name.into(),
            if self.is_wide() { revision.to_owned() } else { short_revision(revision) }.into(),
            if resource.suspended() { "True" } else { "False" }.into(),
            if resource.is_static() { "-".into() } else { Cell::status(resource.readiness()) },
        ]);
        if self.is_wide() {
            cells.extend([resource.source().into(), resource.text("/spec/path").into(), resource.age().into()]);
        }
        // As with Flux, nothing is ever said of some.
        let silent = if resource.is_static() { "" } else { "waiting to be reconciled" };
        let message = ready.map_or(silent, |ready| ready.message);
        cells.push(if self.is_wide() { message.to_owned() } else { shorten_commits(message) }.into());
        cells
    }

    /// What there is as a table, and then each change as it comes, in the same columns.
    async fn follow(&self, client: kube::Client, kind: Kind, names: &[String]) -> crate::Outcome {
        let api =
            if self.all_namespaces { kind.api_everywhere(&client) } else { kind.api(&client, &self.cluster.namespace) };
        let mut config = watcher::Config::default();
        config.label_selector.clone_from(&self.label_selector);
        let mut table = self.table();
        // What comes later is to stand below what is there at first. So many letters fit with the other columns into 60.
        table.reserve("NAME", "a-usual-name-and");
        table.reserve("REVISION", "main@sha1:00000000");
        table.reserve("READY", "Unknown");
        let mut with_headers = !self.no_header;
        let mut events = watcher(api, config).boxed();
        while let Some(event) = events.next().await {
            let event = match event {
                Err(error) if is_of_no_kind(&error) => return Err(resource::unknown(kind)),
                event => event?,
            };
            let object = match event {
                watcher::Event::InitApply(object) => Some((object, false)),
                watcher::Event::Apply(object) => Some((object, true)),
                watcher::Event::InitDone => {
                    table.flush(std::mem::take(&mut with_headers));
                    table.fix();
                    None
                }
                watcher::Event::Init | watcher::Event::Delete(_) => None,
            };
            let Some((object, at_once)) = object else { continue };
            let resource = Resource { kind, object };
            if names.is_empty() || names.contains(&resource.name()) {
                table.row(self.cells(&resource, false));
            }
            if at_once {
                table.flush(false);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The status of the condition `Ready` that a `--status-selector` asks for.
fn readiness(selector: &str) -> Result<&str> {
    let Some((condition, status)) = selector.split_once('=') else {
        misuse!("--status-selector takes CONDITION=STATUS, such as ready=false");
    };
    if !condition.eq_ignore_ascii_case("ready") {
        misuse!("--status-selector knows the condition ready, not {condition:?}");
    }
    if !["True", "False", "Unknown"].iter().any(|known| known.eq_ignore_ascii_case(status)) {
        misuse!("--status-selector: ready is true, false or unknown, not {status:?}");
    }
    Ok(status)
}

/// Whether a watch could not begin since the cluster does not know the kind.
fn is_of_no_kind(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.is_not_found())
}
