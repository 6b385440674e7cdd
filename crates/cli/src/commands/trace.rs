//! `cowherd trace`: from an object back to the Kustomization, the source and the commit that it comes from.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use console::measure_text_width;
use cowherd_api::flux::annotations::{INSTANCE_NAME, INSTANCE_NAMESPACE, SET_NAME, SET_NAMESPACE};
use cowherd_apply::{OWNER_NAME, OWNER_NAMESPACE};
use cowherd_source::Commit;
use cowherd_text::{near, shell};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::reconcile::source_of;
use crate::cluster::{Access, Cluster, explain, missing};
use crate::commits::{self, Commits};
use crate::completion;
use crate::failure::misuse;
use crate::output::{self, Format};
use crate::resource::{self, Resource};
use crate::served::{self, Served};
use crate::target::Kind;
use crate::terminal::Mark;
use crate::terminal::text::{paragraph, plain, stdout_columns};

/// How many owners are followed before it counts as a circle.
const OWNERS: usize = 16;

/// How many objects are looked at for a name that may be meant.
const NAMED: u32 = 1_000;

/// With what reason a reconciliation ends well.
const SUCCEEDED: &str = "ReconciliationSucceeded";
/// What is said of a commit that exists somewhere else.
const NOT_AT_HAND: &str = "not at hand; stand in a clone of the repository to see all of it";
/// What is said of that of an artifact which says nothing of it.
const UNKNOWN_OF_BUCKET: &str = "not known; what is in a bucket does not say what it was made of";
const UNKNOWN: &str = "not known; `flux push artifact --source --revision` has the artifact say what it was made of";

/// Show where an object comes from: its Kustomization, its source and its commit
///
/// An object that another one made, such as a Pod, is traced through its owners. Without -n it is
/// looked for in the namespace of the kubeconfig's context, as kubectl does, and then in all.
///
/// Examples:
///   cowherd trace deployment/web
///   cowherd trace web --kind Deployment --api-version apps/v1 --namespace web
///   cowherd trace pod/web-7d4b9c-x2x9p -n web -o json
///   cowherd trace crd/widgets.example.com
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Trace {
    /// `KIND/NAME` or `KIND NAME`; with --kind: `NAME`
    #[arg(value_name = "KIND/NAME", required = true, num_args = 1..=2, add = ArgValueCompleter::new(completion::objects))]
    words: Vec<String>,
    /// Print the way for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// The kind of the object, as `flux trace` takes it
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Group and version of the kind, such as apps/v1
    #[arg(long, value_name = "GROUP/VERSION", requires = "kind")]
    api_version: Option<String>,
    /// Work on the control plane of this data directory [env: COWHERD_DATA_DIR]
    #[arg(long, value_name = "DIR", conflicts_with = "kubeconfig")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// The namespace of the object [default: that of the context, or the only one that has it]
    #[arg(short, long, value_name = "NAMESPACE", add = ArgValueCompleter::new(completion::namespaces))]
    namespace: Option<String>,
}

impl Trace {
    pub async fn run(self) -> crate::Outcome {
        let (kind, name) = self.object()?;
        let cluster = self.cluster();
        let client = cluster.client().await?;
        let served = served::find(&client, &kind).await?;
        let object = match &self.namespace {
            Some(namespace) => get(&client, &served.resource, served.namespaced.then_some(namespace), name).await?,
            None => anywhere(&client, &served, &cluster.context_namespace().await?, name).await?,
        };
        let way = Way::find(&client, object).await?;
        match self.output {
            Some(format) => output::print_structured(&way.structured(), format)?,
            None => way.print(),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The cluster that is asked.
    pub fn cluster(&self) -> Cluster {
        Cluster { data_dir: self.data_dir.clone(), access: self.access.clone(), namespace: String::new() }
    }

    /// The word for the kind, and the name.
    fn object(&self) -> Result<(String, &str)> {
        if let Some(kind) = &self.kind {
            let [name] = &self.words[..] else {
                misuse!("with --kind, name the object alone: `cowherd trace NAME --kind {}`", shell::word(kind))
            };
            let (group, version) = match self.api_version.as_deref() {
                None => return Ok((kind.clone(), name)),
                Some(api_version) => api_version.split_once('/').unwrap_or(("", api_version)),
            };
            return Ok((format!("{kind}.{version}.{group}"), name));
        }
        match &self.words[..] {
            [kind, name] => Ok((kind.clone(), name)),
            [word] => match word.split_once('/') {
                Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok((kind.to_owned(), name)),
                _ => {
                    misuse!("name an object as KIND/NAME, such as deployment/web, or as NAME --kind KIND; got {word:?}")
                }
            },
            _ => misuse!("name one object as KIND/NAME"),
        }
    }
}

/// From an object to its commit.
struct Way {
    /// The object and those that own it; the last one is what a Kustomization applied.
    objects: Vec<DynamicObject>,
    kustomization: Resource,
    source: Resource,
    origin: Option<Origin>,
    /// The revision that brought what the Kustomization applied last.
    brought: Option<Brought>,
    /// The one that was tried after it, and is not applied.
    tried: Option<Brought>,
}

/// A revision that brought something, and who wrote it.
struct Brought {
    /// As `status.history` has it.
    entry: Value,
    commit: Option<Commit>,
}

impl Brought {
    /// What was applied last, and what was tried after it and is not. A revision that changed nothing of the Kustomization brought
    /// nothing.
    fn by(kustomization: &Resource, commits: &Commits) -> (Option<Self>, Option<Self>) {
        let history = kustomization.at("/status/history").and_then(Value::as_array);
        let entries = history.map(Vec::as_slice).unwrap_or_default();
        let applied = entries.iter().position(|entry| entry["lastReconciledStatus"] == SUCCEEDED);
        let of = |entry: &Value| {
            let commit = commits::brought_by(entry).and_then(|revision| commits.find(revision));
            Self { entry: entry.clone(), commit }
        };
        let tried = entries.first().filter(|_| applied != Some(0)).map(of);
        (applied.and_then(|at| entries.get(at)).map(of), tried)
    }

    fn print(&self, [commit, author, date, subject]: [&str; 4]) {
        let Some(found) = &self.commit else {
            if let Some([by, about]) = commits::written_down(&self.entry) {
                line(author, &by);
                line(subject, &about);
            }
            let revision = commits::brought_by(&self.entry).unwrap_or("it");
            return line(commit, &format!("{revision} is {NOT_AT_HAND}"));
        };
        line(commit, &found.id.to_string());
        line(author, &commits::author(found));
        line(date, &commits::date(found));
        line(subject, &found.subject);
    }
}

/// From what an artifact of a registry was made, as whoever pushed it says.
struct Origin {
    revision: String,
    source: String,
}

impl Origin {
    fn of(source: &Resource) -> Option<Self> {
        let metadata = source.at("/status/artifact/metadata")?;
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        let origin = Self {
            revision: text("org.opencontainers.image.revision"),
            source: text("org.opencontainers.image.source"),
        };
        (!origin.revision.is_empty() || !origin.source.is_empty()).then_some(origin)
    }
}

impl Way {
    async fn find(client: &Client, object: DynamicObject) -> Result<Self> {
        let mut objects = vec![object];
        let (owner_namespace, owner) = loop {
            let Some(object) = objects.last() else { bail!("no object") };
            if let Some(owner) = applied_by(object) {
                break owner;
            }
            if objects.len() > OWNERS {
                bail!("{} has more than {OWNERS} owners above each other", label(&objects[0]));
            }
            objects.push(owner_of(client, object).await?);
        };
        let kustomization = resource::get(client, Kind::Kustomization, &owner_namespace, &owner).await?;
        let source = source_of(client, &kustomization).await?;
        let origin = Origin::of(&source);
        let commits = Commits::of(match &origin {
            Some(origin) => &origin.source,
            None => source.text("/spec/url"),
        });
        let (brought, tried) = Brought::by(&kustomization, &commits);
        Ok(Self { objects, kustomization, source, origin, brought, tried })
    }

    fn print(&self) {
        for (index, object) in self.objects.iter().enumerate() {
            line(if index == 0 { "Object" } else { "Owned by" }, &label(object));
        }
        println!();
        print_resource(&self.kustomization, &[("Path", "/spec/path")]);
        println!();
        match self.source.kind {
            Kind::Bucket => {
                print_resource(&self.source, &[("Endpoint", "/spec/endpoint"), ("Bucket", "/spec/bucketName")])
            }
            _ => print_resource(&self.source, &[("URL", "/spec/url")]),
        }
        if let Some(Origin { revision, source }) = &self.origin {
            line("Origin Revision", revision);
            line("Origin Source", source);
        }
        println!();
        let unknown = match self.source.kind {
            Kind::OCIRepository if self.origin.is_none() => Some(UNKNOWN),
            Kind::Bucket => Some(UNKNOWN_OF_BUCKET),
            _ => None,
        };
        match &self.brought {
            _ if unknown.is_some() => line("Commit", unknown.unwrap_or_default()),
            Some(brought) => brought.print(["Commit", "Author", "Date", "Subject"]),
            None => line("Commit", "nothing was applied with success yet"),
        }
        if let Some(tried) = self.tried.as_ref().filter(|_| unknown.is_none()) {
            println!();
            tried.print(["Tried Since", "Author", "Date", "Subject"]);
        }
    }

    fn structured(&self) -> Value {
        let object = |object: &DynamicObject| {
            let types = object.types.clone().unwrap_or_default();
            json!({
                "apiVersion": types.api_version, "kind": types.kind,
                "namespace": object.namespace(), "name": object.name_any(),
            })
        };
        let resource = |resource: &Resource| {
            let ready = resource.ready();
            json!({
                "kind": resource.kind.name(), "namespace": resource.namespace(), "name": resource.name(),
                "revision": resource.revision(), "ready": ready.map(|ready| ready.status),
                "message": ready.map(|ready| ready.message),
            })
        };
        let commit = |brought: &Option<Brought>| brought.as_ref()?.commit.as_ref().map(commits::structured);
        json!({
            "objects": self.objects.iter().map(object).collect::<Vec<_>>(),
            "kustomization": resource(&self.kustomization), "source": resource(&self.source),
            "origin": self.origin.as_ref().map(|origin| json!({ "revision": origin.revision, "source": origin.source })),
            "commit": commit(&self.brought), "tried": commit(&self.tried),
        })
    }
}

/// The object of this name in the namespace of the context; where there is none, the only one that there is elsewhere.
pub(super) async fn anywhere(client: &Client, served: &Served, namespace: &str, name: &str) -> Result<DynamicObject> {
    let kind = &served.resource;
    let here = get(client, kind, served.namespaced.then_some(namespace), name).await;
    let Err(missing) = here else { return here };
    let everywhere: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    // Whoever may not look everywhere is told of the namespace that was looked in.
    let Ok(found) = everywhere.list(&named).await else { return Err(missing) };
    let namespaces: Vec<String> = found.iter().filter_map(ResourceExt::namespace).collect();
    match &namespaces[..] {
        [] => Err(missing),
        [only] => {
            crate::terminal::tell!("{} not in {namespace:?} namespace, but in {only:?}", Mark::Waiting);
            get(client, kind, Some(only), name).await
        }
        several => {
            bail!("{} object {name:?} is in several namespaces: {}; name one with -n", kind.kind, several.join(", "))
        }
    }
}

async fn get(client: &Client, kind: &ApiResource, namespace: Option<&str>, name: &str) -> Result<DynamicObject> {
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, kind),
        None => Api::all_with(client.clone(), kind),
    };
    if let Some(found) = api.get_opt(name).await.map_err(explain)? {
        return Ok(found);
    }
    let place =
        namespace.map_or_else(String::new, |namespace| format!(" in {namespace:?} namespace; name another with -n"));
    let others = match api.list_metadata(&ListParams::default().limit(NAMED)).await {
        Ok(found) => found.items,
        Err(kube::Error::Api(status)) if status.is_not_found() => return Err(resource::unserved(&kind.kind)),
        // Who may read one may not be who may list all: then there is nothing to offer.
        Err(_) => Vec::new(),
    };
    let names: Vec<String> = others.iter().map(ResourceExt::name_any).collect();
    let hint = near::hint(name, names.iter().map(String::as_str));
    Err(missing(format!("{} object {name:?} not found{place}{hint}", kind.kind)))
}

/// The Kustomization that applied the object, as namespace and name.
fn applied_by(object: &DynamicObject) -> Option<(String, String)> {
    let label = |name: &str| object.labels().get(name).cloned();
    Some((label(OWNER_NAMESPACE)?, label(OWNER_NAME)?))
}

/// What the object was made by, or else its first owner.
async fn owner_of(client: &Client, object: &DynamicObject) -> Result<DynamicObject> {
    let label = |name: &str| object.labels().get(name).cloned();
    if let (Some(namespace), Some(name)) = (label(SET_NAMESPACE), label(SET_NAME)) {
        return get(client, &Kind::ResourceSet.api_resource(), Some(&namespace), &name).await;
    }
    if let (Some(namespace), Some(name)) = (label(INSTANCE_NAMESPACE), label(INSTANCE_NAME)) {
        return get(client, &Kind::FluxInstance.api_resource(), Some(&namespace), &name).await;
    }
    let owners = object.owner_references();
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or(owners.first());
    let owner = owner.with_context(|| {
        format!("{} was applied by no Kustomization, and no object owns it: somebody else made it", self::label(object))
    })?;
    let group = owner.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let served = served::find(client, format!("{}.{group}", owner.kind).trim_end_matches('.')).await?;
    let namespace = object.namespace().filter(|_| served.namespaced);
    get(client, &served.resource, namespace.as_deref(), &owner.name).await
}

fn label(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("", |types| types.kind.as_str());
    match object.namespace() {
        Some(namespace) => format!("{kind}/{namespace}/{}", object.name_any()),
        None => format!("{kind}/{}", object.name_any()),
    }
}

fn print_resource(resource: &Resource, fields: &[(&str, &str)]) {
    line(resource.kind.name(), &resource.id());
    for (name, pointer) in fields {
        let value = resource.text(pointer);
        if !value.is_empty() {
            line(name, value);
        }
    }
    let revision = Some(resource.revision()).filter(|revision| !revision.is_empty());
    line("Revision", revision.unwrap_or("none was applied yet"));
    let ready = resource.ready();
    line("Ready", ready.map_or("Unknown", |ready| ready.status));
    line("Message", ready.map_or("waiting to be reconciled", |ready| ready.message));
}

fn line(name: &str, value: &str) {
    rows(name, &plain(value), stdout_columns()).iter().for_each(|row| println!("{row}"));
}

/// A name and its value, which a terminal of so many columns breaks between words. What has a word that would be broken beside the
/// name stands below it.
fn rows(name: &str, value: &str, page: Option<usize>) -> Vec<String> {
    /// Where values begin that stand beside their names, and below them.
    const BESIDE: usize = 17;
    const BELOW: usize = 4;
    let head = format!("{:<BESIDE$}", format!("{name}:"));
    let whole = format!("{head}{value}");
    let longest = value.split_whitespace().map(measure_text_width).max().unwrap_or_default();
    match page.filter(|page| measure_text_width(&whole) > *page) {
        None => vec![whole],
        Some(page) if BESIDE + longest > page => {
            let below = paragraph(&" ".repeat(BELOW), value, BELOW, Some(page));
            [vec![head.trim_end().to_owned()], below].concat()
        }
        page => paragraph(&head, value, BESIDE, page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_broken_between_words_beside_its_name_or_below_it() {
        assert_eq!(rows("Message", "one two three", None), ["Message:         one two three"]);
        assert_eq!(rows("Message", "one two three", Some(30)), ["Message:         one two three"]);
        assert_eq!(rows("Message", "one two three", Some(25)), ["Message:         one two", "                 three"]);
        let revision = "main@sha1:042f6f97 of it";
        assert_eq!(rows("Revision", revision, Some(24)), ["Revision:", "    main@sha1:042f6f97", "    of it"]);
    }
}
