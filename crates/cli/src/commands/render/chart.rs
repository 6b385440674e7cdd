//! Charts, with the flags of `helm template`.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::values::Sources;
use cowherd_helm::{Capabilities, Release, Request, Selection};
use cowherd_render::Helm;
use cowherd_tree::{Tree, TreePath};
use jiff::Timestamp;
use serde_json::Value;

use super::cluster::ValidationFlags;
use super::origin::Origin;
use crate::cluster::Cluster;

/// The flags of `helm template`.
#[derive(Args)]
#[command(next_help_heading = "Charts, as helm template has it")]
pub struct ChartFlags {
    /// The namespace of the release
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// A file with values, - for standard input; of several the last one wins
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Values on the command line: key1=val1,key2=val2
    #[arg(long, value_name = "VALUES")]
    set: Vec<String>,
    /// The same, but every value is a text
    #[arg(long, value_name = "VALUES")]
    set_string: Vec<String>,
    /// Values from files: key1=path1,key2=path2
    #[arg(long, value_name = "VALUES")]
    set_file: Vec<String>,
    /// Values as JSON: key1=json1,key2=json2, or an object
    #[arg(long, value_name = "VALUES")]
    set_json: Vec<String>,
    /// A value that is taken as it is written
    #[arg(long, value_name = "VALUE")]
    set_literal: Vec<String>,
    /// The custom resource definitions in crds/ too
    #[arg(long)]
    include_crds: bool,
    /// The Kubernetes version that templates see
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that templates see besides those of Kubernetes
    #[arg(short, long, value_name = "VERSIONS", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Only what these templates give; patterns are allowed
    #[arg(short, long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Without hooks
    #[arg(long)]
    no_hooks: bool,
    /// Without tests
    #[arg(long)]
    skip_tests: bool,
    /// As an upgrade of a release that is there
    #[arg(long)]
    is_upgrade: bool,
    /// Without a look at values.schema.json
    #[arg(long)]
    skip_schema_validation: bool,
    /// What random functions begin with: the same seed gives the same output [default: another one each time]
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// What templates take for the time [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<Timestamp>,
    // Last, since what follows would stand under its heading.
    #[command(flatten)]
    validation: ValidationFlags,
}

impl ChartFlags {
    /// The cluster that is named, if one is to be asked.
    pub fn cluster(&self) -> Option<Cluster> {
        self.validation.cluster()
    }

    /// What `helm template` prints for the chart.
    pub async fn template(&self, release: Option<&str>, origin: &Origin) -> Result<String> {
        let mut request = self.request(release)?;
        let cluster = self.validation.target(&request.release.namespace).await?;
        if let Some(cluster) = &cluster {
            request.capabilities = cluster.capabilities(&self.api_versions).await?;
        }
        // Whatever a template looks up is waited for.
        let text = tokio::task::block_in_place(|| {
            let engine = self.engine()?;
            let mut engine = match &cluster {
                Some(cluster) => engine.with_lookup(cluster),
                None => engine,
            };
            let output = cowherd_helm::render(origin.chart(&request.limits)?, &request, &mut engine)?;
            anyhow::Ok(output.text(&self.selection())?)
        })?;
        if let Some(cluster) = &cluster {
            cluster.validate(&objects(&text)?).await?;
        }
        Ok(text)
    }

    /// Renders the chart for what that reads.
    pub fn read(&self, release: Option<&str>, tree: &dyn Tree, path: &TreePath) -> Result<()> {
        cowherd_helm::template(tree, path, &self.request(release)?, &mut self.engine()?)?;
        Ok(())
    }

    /// The first flag that says something of charts.
    pub fn first_given(&self, release: Option<&str>) -> Option<&'static str> {
        let lists: [(&'static str, &[String]); 8] = [
            ("--values", &self.values),
            ("--set", &self.set),
            ("--set-string", &self.set_string),
            ("--set-file", &self.set_file),
            ("--set-json", &self.set_json),
            ("--set-literal", &self.set_literal),
            ("--api-versions", &self.api_versions),
            ("--show-only", &self.show_only),
        ];
        let switches = [
            ("the name of a release", release.is_some()),
            ("--namespace", self.namespace.is_some()),
            ("--include-crds", self.include_crds),
            ("--kube-version", self.kube_version.is_some()),
            ("--no-hooks", self.no_hooks),
            ("--skip-tests", self.skip_tests),
            ("--is-upgrade", self.is_upgrade),
            ("--skip-schema-validation", self.skip_schema_validation),
            ("--validate", self.validation.is_given()),
        ];
        let lists = lists.into_iter().map(|(flag, list)| (flag, !list.is_empty()));
        lists.chain(switches).find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    fn request(&self, release: Option<&str>) -> Result<Request> {
        let default = Release::default();
        let release = Release {
            name: release.map_or(default.name, str::to_owned),
            namespace: self.namespace.clone().unwrap_or(default.namespace),
            is_upgrade: self.is_upgrade,
            ..Release::default()
        };
        let kube_version = self
            .kube_version
            .as_deref()
            .map(|version| KubeVersion::parse(version).with_context(|| format!("invalid kube version '{version}'")));
        Ok(Request {
            release,
            values: self.merged_values()?,
            capabilities: Capabilities::offline(kube_version.transpose()?, &self.api_versions),
            skip_schema_validation: self.skip_schema_validation,
            ..Request::default()
        })
    }

    fn merged_values(&self) -> Result<serde_json::Map<String, Value>> {
        let files = self.values.iter().map(|name| Ok((name.clone(), read_values(name)?)));
        let sources = Sources {
            files: files.collect::<Result<_>>()?,
            set_json: self.set_json.clone(),
            set: self.set.clone(),
            set_string: self.set_string.clone(),
            set_file: self.set_file.clone(),
            set_literal: self.set_literal.clone(),
        };
        let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
        Ok(sources.merge(&cowherd_yaml::Limits::default(), &read)?)
    }

    fn selection(&self) -> Selection {
        Selection {
            include_crds: self.include_crds,
            no_hooks: self.no_hooks,
            skip_tests: self.skip_tests,
            show_only: self.show_only.clone(),
        }
    }

    /// What charts that a kustomization inflates are given.
    pub fn helm(&self) -> Result<Helm> {
        let seed = match &self.seed {
            Some(text) => text.clone().into_bytes(),
            None => cowherd_controlplane::random()?.to_vec(),
        };
        Ok(Helm { time: self.time.unwrap_or_else(Timestamp::now), seed })
    }

    fn engine<'a>(&self) -> Result<GoTemplates<'a>> {
        let Helm { time, seed } = self.helm()?;
        let engine = GoTemplates::new(time, &seed);
        Ok(match local_zone() {
            Some(zone) => engine.in_zone(&zone),
            None => engine,
        })
    }
}

/// The name of the time zone of this machine: what `TZ` says, or else the link `/etc/localtime`, as Go has it. Nothing of
/// the time zone database is read for it, which few charts have a use for.
fn local_zone() -> Option<String> {
    let zone = match std::env::var_os("TZ") {
        Some(zone) => PathBuf::from(zone),
        None => std::fs::read_link("/etc/localtime").ok()?,
    };
    zone.to_str().map(|zone| zone_name(zone).to_owned())
}

/// The name in `zone`, which may be a path of the time zone database, or have a colon before it.
fn zone_name(zone: &str) -> &str {
    let name = zone.rsplit_once("zoneinfo/").map_or(zone, |(_, name)| name);
    name.trim_start_matches(':')
}

/// The objects in what a chart renders to.
pub fn objects(text: &str) -> Result<Vec<Value>> {
    let limits = cowherd_yaml::Limits::default();
    let documents = cowherd_yaml::parse_documents_as(text.as_bytes(), cowherd_yaml::Dialect::Kubernetes, &limits)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

fn read_values(name: &str) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    match name {
        "-" => std::io::stdin().read_to_end(&mut content).map(drop),
        path if path.contains("://") => bail!("values from a URL are not supported; download {path} and name the file"),
        path => std::fs::File::open(PathBuf::from(path)).and_then(|mut file| file.read_to_end(&mut content)).map(drop),
    }
    .with_context(|| format!("cannot read {name}"))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_name_however_it_is_given() {
        for zone in
            ["Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin"]
        {
            assert_eq!(zone_name(zone), "Europe/Berlin");
        }
    }
}
