//! `cowherd render`: what a directory means.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use cowherd_render::Overlay;
use cowherd_tree::{DiskTree, TreePath};

use crate::output::{self, Format};

/// Print the manifests that a directory means
///
/// A directory with a kustomization is built as `kubectl kustomize` builds it; of any other, all manifests below it
/// are taken, as Flux takes them. Files may be named anywhere in the repository that the directory stands in.
///
/// Examples:
///   cowherd render apps/prod
///   cowherd render apps/prod | kubectl apply -f -
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Render {
    /// The directory
    path: PathBuf,
    /// Print a list in this form instead of YAML documents
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Render {
    pub fn run(self) -> crate::Outcome {
        let (root, path) = place(&self.path)?;
        let objects = cowherd_render::render(&DiskTree::new(root), &path, &Overlay::default())?;
        match self.output {
            Some(format) => output::print_structured(&output::list(objects), format)?,
            None => {
                let documents: Vec<String> = objects.iter().map(cowherd_yaml::to_string).collect();
                print!("{}", documents.join("---\n"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The repository that a directory stands in, or the directory itself where there is none, and the path inside.
fn place(directory: &Path) -> Result<(PathBuf, TreePath)> {
    let directory = directory.canonicalize().with_context(|| format!("cannot read {}", directory.display()))?;
    let root = directory.ancestors().find(|ancestor| ancestor.join(".git").exists()).unwrap_or(&directory);
    let inside = directory.strip_prefix(root).unwrap_or(Path::new(""));
    let inside = inside.to_str().with_context(|| format!("{} is not UTF-8", directory.display()))?;
    Ok((root.to_owned(), TreePath::parse(inside)?))
}
