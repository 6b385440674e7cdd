//! Artifacts made of parts of sources, as an ArtifactGenerator says: what its copy rules bring together is a tree.
//!
//! [`assemble`] follows [`Rule`]s, in their order, over [`Source`]s. Nothing is copied: a directory that is taken whole stays the
//! directory of its source, with the id that it has there, so that an artifact has the same id for as long as nothing of what it
//! takes changes, and what is compared with its predecessor costs what changed. [`Assembled::origin`] says where a file comes from.
//!
//! [`expand`] makes rules of a pattern of directories. Both do no more than an [`Effort`] allows, whatever is asked of them.

mod assembled;
mod assembly;
mod effort;
mod error;
mod expand;
mod extent;
mod glob;
mod merge;
mod names;
mod node;
mod pattern;
mod rule;
mod select;

pub use assembled::{Assembled, Origin};
pub use effort::{Effort, Limits};
pub use error::{AssembleError, Cause};
pub use expand::{ExpandError, Expanded, Template, expand};
pub use extent::Extents;
pub use names::{label_value_problem, object_name_problem};
pub use rule::{Rule, Strategy};

use std::sync::Arc;

use cowherd_tree::Tree;

/// Content that rules may take parts of.
#[derive(Clone)]
pub struct Source {
    /// What rules call it.
    pub alias: String,
    /// Its files.
    pub tree: Arc<dyn Tree>,
}

/// Makes of the sources what the rules say. Blocks the thread.
///
/// # Errors
/// When a rule is none, finds nothing, or takes more than is allowed.
pub fn assemble(rules: &[Rule], sources: &[Source], effort: &Effort<'_>) -> Result<Assembled, AssembleError> {
    let mut assembly = assembly::Assembly::of(sources, effort);
    for rule in rules {
        select::apply(rule, &mut assembly).map_err(|cause| AssembleError {
            from: rule.from.clone(),
            to: rule.to.clone(),
            cause,
        })?;
    }
    Ok(assembly.finish())
}
