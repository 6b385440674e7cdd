//! `cowherd render`: what a directory means.

mod chart;
mod cluster;
mod explain;
mod origin;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use cowherd_render::{LoadRestriction, Options, Overlay, Rendered, Surroundings, render_in};
use cowherd_tree::{Layered, MemoryTree, Tree, TreePath};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::downloads;
use crate::failure::misuse;
use crate::output::{self, Format};
use chart::ChartFlags;
use origin::{Origin, OriginFlags};

/// Print the manifests that a directory, a chart or an archive means
///
/// A directory with a kustomization is built as `kubectl kustomize` builds it, a chart is rendered
/// as `helm template` renders it; of any other directory all manifests below it are taken, as Flux
/// takes them. Files may be named anywhere in the repository that the directory stands in; outside
/// of a repository, nowhere but below the directory of the kustomization that names them. A chart
/// may also be a .tgz, the URL of one in a registry (oci://), or, with --repo, its name in a
/// repository.
///
/// Examples:
///   cowherd render apps/prod
///   cowherd render apps/prod | kubectl apply -f -
///   cowherd render web charts/web -f values-prod.yaml --set image.tag=2.0.0
///   cowherd render podinfo oci://ghcr.io/stefanprodan/charts/podinfo --version 6.x
///   cowherd render web charts/web --post-render overlays/web
///   cowherd render apps/prod --explain --since origin/main
#[derive(Args)]
#[command(verbatim_doc_comment, disable_version_flag = true, after_help = crate::EXIT_STATUS)]
pub struct Render {
    /// The directory or chart, with the name of the release before it [default name: release-name]
    #[arg(value_name = "[NAME] PATH", num_args = 1..=2, required = true)]
    words: Vec<String>,
    /// Print a list in this form instead of YAML documents; with --explain, what it says
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// From where a kustomization may read files, as kubectl has it [default: LoadRestrictionsNone in a
    /// Git repository, LoadRestrictionsRootOnly elsewhere]
    #[arg(long, value_name = "WORD")]
    load_restrictor: Option<LoadRestrictor>,
    /// Say what was read, and why it would be rendered again, instead of printing manifests
    #[arg(long)]
    explain: bool,
    /// With --explain: the revision whose render is compared with the files as they are now
    #[arg(long, value_name = "REVISION", requires = "explain")]
    since: Option<String>,
    /// For charts: a kustomization that what the chart renders to goes through; it is the file all.yaml there
    #[arg(long, value_name = "DIRECTORY")]
    post_render: Option<String>,
    #[command(flatten)]
    origin: OriginFlags,
    #[command(flatten)]
    chart: ChartFlags,
}

/// What a chart renders to is called so where a kustomization reads it, as post-renderers of Helm have it.
const RENDERED: &str = "all.yaml";

/// The words of kubectl.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LoadRestrictor {
    /// Anywhere in the repository
    #[value(name = "LoadRestrictionsNone")]
    Nowhere,
    /// From the directory of the kustomization and below
    #[value(name = "LoadRestrictionsRootOnly")]
    Root,
}

impl Render {
    /// The cluster that is named, if one is to be asked.
    pub fn cluster(&self) -> Option<Cluster> {
        self.chart.cluster()
    }

    pub async fn run(self) -> crate::Outcome {
        let (release, path) = match self.words.as_slice() {
            [path] => (None, path),
            [release, path] => (Some(release.as_str()), path),
            _ => misuse!("give a path, or the name of a release and a path"),
        };
        let origin = self.origin.find(path)?;
        if self.explain {
            return explain::explain(&self, release, &origin);
        }
        if origin.is_chart()? {
            let text = self.chart.template(release, &origin).await?;
            match &self.post_render {
                Some(directory) => self.print(self.post_rendered(directory, text)?)?,
                None => self.print_text(&text)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let post_render = self.post_render.as_ref().map(|_| "--post-render");
        if let Some(flag) = self.chart.first_given(release).or(post_render) {
            bail!("{path} is no chart, and {flag} is only for charts; a chart has a Chart.yaml");
        }
        let rendered =
            self.manifests(origin.tree.as_ref(), &origin.path, &origin).map_err(|error| origin.explain(error))?;
        self.print(rendered.objects)?;
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, objects: Vec<Value>) -> Result<()> {
        if objects.is_empty() {
            crate::terminal::tell!("# Warning: there are no manifests");
        }
        match self.output {
            Some(format) => output::print_structured(&output::named(objects), format)?,
            None => print!("{}", cowherd_yaml::write_documents(&objects)),
        }
        Ok(())
    }

    /// What a chart rendered to, through a kustomization.
    fn post_rendered(&self, directory: &str, text: String) -> Result<Vec<Value>> {
        let kustomization = origin::directory(directory)?;
        let file = kustomization.path.join(RENDERED)?;
        let rendered = MemoryTree::new([(file.as_str(), text)])?;
        let tree = Layered::new(kustomization.tree.clone(), rendered);
        Ok(self.manifests(&tree, &kustomization.path, &kustomization)?.objects)
    }

    /// The objects that a directory means which is no chart; `tree` has what `origin` stands in.
    fn manifests(&self, tree: &dyn Tree, path: &TreePath, origin: &Origin) -> Result<Rendered> {
        let load = match self.load_restrictor {
            Some(LoadRestrictor::Root) => LoadRestriction::RootOnly,
            // Nobody means all of a machine who names a directory of it.
            None if origin.is_of_file_system => LoadRestriction::RootOnly,
            Some(LoadRestrictor::Nowhere) | None => LoadRestriction::None,
        };
        let options = Options { load, ..Options::default() };
        let overlay = Overlay::default();
        let attempt = |surroundings: &Surroundings<'_>| render_in(tree, path, &overlay, &options, surroundings);
        let rendered = downloads::at_the_prompt(&self.chart.helm()?, attempt)?;
        for warning in &rendered.warnings {
            crate::terminal::tell!("# Warning: {warning}");
        }
        for file in &rendered.unrendered {
            crate::terminal::tell!("# Warning: not rendered: {file}");
        }
        Ok(rendered)
    }

    /// What a chart renders to, as it is or as a list of objects.
    fn print_text(&self, text: &str) -> Result<()> {
        let Some(format) = self.output else {
            print!("{text}");
            return Ok(());
        };
        output::print_structured(&output::named(chart::objects(text)?), format)
    }
}

/// The repository that the directory of an origin stands in, for `--explain`.
fn repository(origin: &Origin) -> Result<&std::path::Path> {
    match &origin.repository {
        Some(root) => Ok(root),
        None => bail!("--explain works on directories of a Git repository"),
    }
}
