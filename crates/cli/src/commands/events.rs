//! `cowherd events`: what the agents and controllers said, oldest first.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};

use super::trace;
use crate::bootstrap::ROOT;
use crate::cluster::{Cluster, explain};
use crate::completion;
use crate::failure::misuse;
use crate::output::{self, Format, Table};
use crate::served::{self, Served};
use crate::terminal::Mark;

/// How many namespaces are named.
const NAMED: usize = 10;

/// Show events
///
/// Examples:
///   cowherd events
///   cowherd events --for ks/apps
///   cowherd events -n web --for deployment/web
///   cowherd events -A --types Warning --watch
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Events {
    /// Show only events about this object
    #[arg(long = "for", value_name = "KIND/NAME", add = ArgValueCompleter::new(completion::objects))]
    about: Option<String>,
    /// Show only events of these types
    #[arg(long, value_name = "TYPES", value_delimiter = ',', ignore_case = true, value_parser = ["Normal", "Warning"])]
    types: Vec<String>,
    /// Look in all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Leave out the header line
    #[arg(long)]
    no_header: bool,
    /// Go on showing events as they come
    #[arg(short, long, conflicts_with = "output")]
    watch: bool,
    /// Print the objects themselves
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl Events {
    pub async fn run(self) -> crate::Outcome {
        let about = self.about.as_deref().map(About::split).transpose()?;
        let client = self.cluster.client().await?;
        let about = match about {
            Some((kind, name)) => Some(About::find(&client, kind, name).await?),
            None => None,
        };
        let everywhere: Api<Event> = Api::all(client.clone());
        let api =
            if self.all_namespaces { everywhere.clone() } else { Api::namespaced(client, &self.cluster.namespace) };
        if self.watch {
            return self.follow(api, about.as_ref()).await;
        }
        let mut events = api.list(&ListParams::default()).await.map_err(explain)?.items;
        events.retain(|event| self.wanted(event, about.as_ref()));
        // Objects live elsewhere than the Kustomizations that apply them.
        if let (Some(about), true) = (&about, events.is_empty() && self.cluster.namespace == ROOT) {
            events = self.elsewhere(&everywhere, about).await?;
        }
        if let (Some(about), true) = (&about, events.is_empty()) {
            about.must_be_there(&everywhere, &self.cluster.namespace).await?;
        }
        events.sort_by_key(last_seen);
        if let Some(format) = self.output {
            let objects = events.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
            output::print_structured(&output::list(objects), format)?;
            return Ok(ExitCode::SUCCESS);
        }
        if events.is_empty() {
            let place = if self.all_namespaces { "any".to_owned() } else { format!("{:?}", self.cluster.namespace) };
            self.cluster.tell_none(&format!("no events found in {place} namespace"));
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = self.table();
        for event in &events {
            table.row(self.cells(event));
        }
        table.print(!self.no_header);
        Ok(ExitCode::SUCCESS)
    }

    /// The events about an object of the only other namespace that has some.
    async fn elsewhere(&self, everywhere: &Api<Event>, about: &About) -> Result<Vec<Event>> {
        // Whoever may not look everywhere is told of the namespace that was looked in.
        let Ok(found) = everywhere.list(&ListParams::default()).await else { return Ok(Vec::new()) };
        let found: Vec<Event> = found.items.into_iter().filter(|event| self.wanted(event, Some(about))).collect();
        let namespaces: BTreeSet<String> = found.iter().filter_map(ResourceExt::namespace).collect();
        match namespaces.len() {
            0 => {}
            1 => {
                let only = cowherd_text::listed(&namespaces, 1);
                crate::terminal::tell!("{} not in {ROOT:?} namespace, but in {only:?}", Mark::Waiting);
            }
            _ => {
                let several = cowherd_text::listed(&namespaces, NAMED);
                let (kind, name) = (&about.served.resource.kind, &about.name);
                bail!("{kind} {name:?} has events in several namespaces: {several}; name one with -n")
            }
        }
        Ok(found)
    }

    fn wanted(&self, event: &Event, about: Option<&About>) -> bool {
        let typed = self.types.is_empty()
            || self.types.iter().any(|wanted| event.type_.as_deref().is_some_and(|t| t.eq_ignore_ascii_case(wanted)));
        typed && about.is_none_or(|about| about.concerns(event))
    }

    fn table(&self) -> Table {
        let headers = ["NAMESPACE", "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
        Table::new(headers.into_iter().skip(usize::from(!self.all_namespaces)))
    }

    fn cells(&self, event: &Event) -> Vec<String> {
        let object = &event.involved_object;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut cells = if self.all_namespaces { vec![event.namespace().unwrap_or_default()] } else { Vec::new() };
        cells.extend([
            last_seen(event).map_or_else(|| "<unknown>".to_owned(), age),
            text(&event.type_),
            text(&event.reason),
            format!("{}/{}", text(&object.kind), text(&object.name)),
            text(&event.message).trim().to_owned(),
        ]);
        cells
    }

    /// What there is as a table, and then each event as it comes, in the same columns.
    async fn follow(&self, api: Api<Event>, about: Option<&About>) -> crate::Outcome {
        let mut table = self.table();
        let mut with_headers = !self.no_header;
        let mut first = Vec::new();
        let mut events = watcher(api, watcher::Config::default()).boxed();
        while let Some(event) = events.try_next().await? {
            match event {
                watcher::Event::Init | watcher::Event::Delete(_) => {}
                watcher::Event::InitApply(event) => first.extend(self.wanted(&event, about).then_some(event)),
                watcher::Event::InitDone => {
                    first.sort_by_key(last_seen);
                    for event in first.drain(..) {
                        table.row(self.cells(&event));
                    }
                    table.flush(std::mem::take(&mut with_headers));
                }
                watcher::Event::Apply(event) if self.wanted(&event, about) => {
                    table.row(self.cells(&event));
                    table.flush(false);
                }
                watcher::Event::Apply(_) => {}
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The object that events are wanted of.
struct About {
    served: Served,
    name: String,
}

impl About {
    fn split(text: &str) -> Result<(&str, &str)> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok((kind, name)),
            _ => misuse!("--for takes KIND/NAME, such as ks/apps; got {text:?}"),
        }
    }

    async fn find(client: &Client, kind: &str, name: &str) -> Result<Self> {
        Ok(Self { served: served::find(client, kind).await?, name: name.to_owned() })
    }

    /// Where nothing is said of an object, whether there is one: who mistyped its name is told so.
    async fn must_be_there(&self, events: &Api<Event>, namespace: &str) -> Result<()> {
        let found = trace::anywhere(&events.clone().into_client(), &self.served, namespace, &self.name).await;
        found.map(|_| ())
    }

    fn concerns(&self, event: &Event) -> bool {
        let object = &event.involved_object;
        let group =
            object.api_version.as_deref().map(|version| version.rsplit_once('/').map_or("", |(group, _)| group));
        object.kind.as_deref() == Some(&self.served.resource.kind)
            && object.name.as_deref() == Some(&self.name)
            && group.is_none_or(|group| group == self.served.resource.group)
    }
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series.or(last).or_else(|| event.event_time.as_ref().map(|time| time.0))
}

/// How long ago, as kubectl writes it: `45s`, `5m30s`, `3d4h`.
fn age(time: Timestamp) -> String {
    cowherd_kinds::human_duration(Timestamp::now().duration_since(time))
}

#[cfg(test)]
mod tests {
    use kube::api::ApiResource;

    use super::*;

    #[test]
    fn the_object_of_interest_is_kind_and_name() {
        assert_eq!(About::split("ks/apps").unwrap(), ("ks", "apps"));
        assert!(About::split("apps").is_err());
        assert!(About::split("Kustomization/").is_err());
    }

    #[test]
    fn kinds_of_other_groups_are_others() {
        let resource = ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&());
        let about = About { served: Served { resource, namespaced: true }, name: "web".into() };
        let event = |api_version: Option<&str>| {
            let mut event = Event::default();
            event.involved_object.kind = Some("Deployment".into());
            event.involved_object.name = Some("web".into());
            event.involved_object.api_version = api_version.map(str::to_owned);
            event
        };
        assert!(about.concerns(&event(Some("apps/v1"))) && about.concerns(&event(None)));
        assert!(!about.concerns(&event(Some("v1"))) && !about.concerns(&event(Some("example.com/v1"))));
    }
}
