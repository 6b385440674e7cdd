//! `cowherd get`: the agents' resources and how they are.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use futures::{StreamExt, TryStreamExt};
use kube::runtime::watcher;

use crate::cluster::Cluster;
use crate::output::{self, Format, Table};
use crate::resource::{self, Resource};
use crate::target::Kind;

/// Show Kustomizations and sources and how they are
///
/// Examples:
///   cowherd get
///   cowherd get kustomizations -A
///   cowherd get sources git -o yaml
///   cowherd get ks apps --watch
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Get {
    /// `all`, `kustomizations` or `sources git`, then names
    #[arg(value_name = "KIND")]
    words: Vec<String>,
    #[command(flatten)]
    cluster: Cluster,
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
    #[arg(short, long, conflicts_with = "output")]
    watch: bool,
    /// Print the objects themselves
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Get {
    pub async fn run(self) -> crate::Outcome {
        let (kinds, names) = self.selection()?;
        let client = self.cluster.client().await?;
        if self.watch {
            let [kind] = kinds[..] else {
                bail!("--watch shows one kind: name it, as in `cowherd get kustomizations -w`")
            };
            return self.follow(client, kind, &names).await;
        }
        let namespace = (!self.all_namespaces).then_some(self.cluster.namespace.as_str());
        let mut found = Vec::new();
        for kind in kinds {
            let mut resources = resource::list(&client, kind, namespace, self.label_selector.as_deref()).await?;
            resources.retain(|resource| names.is_empty() || names.contains(&resource.name()));
            found.push(resources);
        }
        if let Some(missing) = names.iter().find(|name| !found.iter().flatten().any(|one| one.name() == **name)) {
            bail!("{missing:?} not found in {:?} namespace", self.cluster.namespace);
        }
        self.filter_by_status(&mut found)?;
        self.print(found)?;
        Ok(ExitCode::SUCCESS)
    }

    fn selection(&self) -> Result<(Vec<Kind>, Vec<String>)> {
        let all = vec![Kind::GitRepository, Kind::Kustomization];
        if self.words.is_empty() || self.words == ["all"] {
            return Ok((all, Vec::new()));
        }
        match Kind::take(&self.words)? {
            Some((kind, names)) => Ok((vec![kind], names.to_vec())),
            None => bail!(
                "unknown kind {:?}; the kinds are: all, kustomizations, sources git (for others: kubectl get)",
                self.words[0]
            ),
        }
    }

    fn filter_by_status(&self, found: &mut [Vec<Resource>]) -> Result<()> {
        let Some(selector) = &self.status_selector else { return Ok(()) };
        let Some((condition, status)) = selector.split_once('=') else {
            bail!("--status-selector takes CONDITION=STATUS, such as ready=false");
        };
        if !condition.eq_ignore_ascii_case("ready") {
            bail!("--status-selector knows the condition ready, not {condition:?}");
        }
        for resources in found {
            resources.retain(|resource| {
                resource.ready().map_or("Unknown", |ready| ready.status).eq_ignore_ascii_case(status)
            });
        }
        Ok(())
    }

    fn print(&self, found: Vec<Vec<Resource>>) -> Result<()> {
        if let Some(format) = self.output {
            let objects = found.iter().flatten().map(Resource::to_json).collect::<Result<Vec<_>>>()?;
            return output::print_structured(&output::list(objects), format);
        }
        let several = found.len() > 1;
        let mut printed = false;
        for resources in found.iter().filter(|resources| !resources.is_empty()) {
            if printed {
                println!();
            }
            let mut table = self.table();
            for resource in resources {
                table.row(self.cells(resource, several));
            }
            table.print(!self.no_header)?;
            printed = true;
        }
        if !printed {
            eprintln!("no Kustomizations or sources found{}", self.where_looked());
        }
        Ok(())
    }

    fn where_looked(&self) -> String {
        if self.all_namespaces { String::new() } else { format!(" in {:?} namespace", self.cluster.namespace) }
    }

    fn table(&self) -> Table {
        let headers = ["NAMESPACE", "NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"];
        Table::new(headers.into_iter().skip(usize::from(!self.all_namespaces)))
    }

    fn cells(&self, resource: &Resource, with_kind: bool) -> Vec<String> {
        let name = if with_kind {
            format!("{}/{}", resource.kind.name().to_ascii_lowercase(), resource.name())
        } else {
            resource.name()
        };
        let ready = resource.ready();
        let mut cells = if self.all_namespaces { vec![resource.namespace()] } else { Vec::new() };
        cells.extend([
            name,
            short_revision(resource.revision()),
            if resource.suspended() { "True" } else { "False" }.to_owned(),
            ready.map_or("Unknown", |ready| ready.status).to_owned(),
            ready.map_or("waiting to be reconciled", |ready| ready.message).to_owned(),
        ]);
        cells
    }

    async fn follow(&self, client: kube::Client, kind: Kind, names: &[String]) -> crate::Outcome {
        let api =
            if self.all_namespaces { kind.api_everywhere(&client) } else { kind.api(&client, &self.cluster.namespace) };
        let mut config = watcher::Config::default();
        config.label_selector.clone_from(&self.label_selector);
        self.table().print(!self.no_header)?;
        let mut events = watcher(api, config).boxed();
        while let Some(event) = events.try_next().await? {
            if let watcher::Event::Apply(object) | watcher::Event::InitApply(object) = event {
                let resource = Resource { kind, object };
                if names.is_empty() || names.contains(&resource.name()) {
                    println!("{}", self.cells(&resource, false).join("\t"));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A revision with its commit shortened to eight digits, as Flux shows it: `main@sha1:d43c3f6a`.
pub fn short_revision(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((name, digest)) if digest.len() > 8 && digest.is_ascii() => format!("{name}:{}", &digest[..8]),
        _ => revision.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_shows_eight_digits_of_the_commit() {
        let sha = "d43c3f6abf9f1d1e1d5e9a3c5a8e2b7c7f3e9a11";
        assert_eq!(short_revision(&format!("main@sha1:{sha}")), "main@sha1:d43c3f6a");
        assert_eq!(short_revision(&format!("sha1:{sha}")), "sha1:d43c3f6a");
        assert_eq!(short_revision(""), "");
    }
}
