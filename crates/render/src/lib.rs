//! Desired state to manifests: plain YAML and kustomizations.
//!
//! [`render`] turns a directory of a [`Tree`] into Kubernetes objects. It is pure: the same tree, path and overlay
//! give the same objects, and whatever it reads it reads through the tree, so that a
//! [`Recorder`](cowherd_tree::Recorder) knows when the result can be reused.
//!
//! A directory with a kustomization file is built as kustomize builds it; one without is every manifest below it.
//! What a kustomization names elsewhere comes from [`Remotes`], and charts become manifests by a [`ChartRenderer`];
//! plugins that would run something are an error that names them, never skipped.
//!
//! ```
//! use cowherd_render::{Overlay, render};
//! use cowherd_tree::{MemoryTree, TreePath};
//!
//! let tree = MemoryTree::new([
//!     ("app/kustomization.yaml", "namePrefix: dev-\nresources: [config.yaml]\n"),
//!     ("app/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n"),
//! ])?;
//! let objects = render(&tree, &TreePath::parse("app")?, &Overlay::default())?;
//! assert_eq!(objects[0]["metadata"]["name"], "dev-settings");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chart;
mod directory;
mod error;
mod helm;
mod kustomize;
mod manifest;
mod metadata;
mod mistakes;
mod options;
mod overlay;
mod remote;
mod substitute;
mod surroundings;
mod unrendered;

pub use chart::{ChartRenderer, ChartRequest, NoCharts, ReleaseName};
pub use error::{Cause, RenderError};
pub use helm::Helm;
pub use metadata::set_common_metadata;
pub use mistakes::{Mistake, mistakes};
pub use options::{LoadRestriction, Options};
pub use overlay::{Image, InlinePatch, Overlay, Selector};
pub use remote::{NoRemotes, Remote, RemoteSource, Remotes};
pub use substitute::{Substituted, Substitution, SubstitutionError, is_not_substituted, substitute, substitute_noting};
pub use surroundings::{Rendered, Surroundings};
pub use unrendered::Unrendered;

use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

/// What tells the files of a repository that are not rendered.
pub mod left_out {
    pub use crate::directory::is_chart;
    pub use crate::unrendered::language;
}

/// The objects that the directory `path` of `tree` means, in kustomize's order, with `overlay` on top.
pub fn render(tree: &dyn Tree, path: &TreePath, overlay: &Overlay) -> Result<Vec<Value>, RenderError> {
    render_with(tree, path, overlay, &Options::default())
}

/// As [`render`], with the bounds and restrictions of `options`.
pub fn render_with(
    tree: &dyn Tree,
    path: &TreePath,
    overlay: &Overlay,
    options: &Options,
) -> Result<Vec<Value>, RenderError> {
    render_in(tree, path, overlay, options, &Surroundings::default()).map(|rendered| rendered.objects)
}

/// As [`render_with`], with what there is besides the tree: what is elsewhere, and Helm.
pub fn render_in(
    tree: &dyn Tree,
    path: &TreePath,
    overlay: &Overlay,
    options: &Options,
    surroundings: &Surroundings<'_>,
) -> Result<Rendered, RenderError> {
    kustomize::build(tree, path, overlay, options, surroundings)
}
