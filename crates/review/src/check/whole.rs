//! What keeps a repository from being followed as a whole where parts of it are looked at: nobody says which is meant.

use std::collections::BTreeSet;

use cowherd_tree::TreePath;

use super::finding::{Finding, Rule, Severity};
use crate::cluster::{Cluster, Context, Side};
use crate::discovery::{AS_ASKED, By, Discovered, LeftOut, below};

/// What is followed where nobody names a path.
const WHOLE: &str = "./";

/// All of a repository, where parts of it were found and all may be meant as well: neither Flux nor Argo CD has a word for the
/// parts, and `cowherd up` would not ask.
pub(super) fn cluster(
    side: &Side,
    clusters: &[Discovered],
    left_out: &[LeftOut],
    context: &Context,
) -> Option<Cluster> {
    let is_part = |one: &Discovered| matches!(one.by, By::Kustomization | By::Manifests) && one.cluster.path != WHOLE;
    let may_be_meant = !clusters.is_empty()
        && left_out.iter().all(|one| one.why != AS_ASKED)
        && clusters.iter().all(is_part)
        && below(side, context, &TreePath::root()).is_ok_and(|below| below.clusters.is_empty());
    if may_be_meant { Cluster::read(side, WHOLE, context, None).ok() } else { None }
}

/// What nothing comes of the whole for, of all that was `found` in it: what is not `told` of the parts. A part may be meant, so
/// that it is a warning, and one is enough.
pub(super) fn refused(found: Vec<Finding>, told: &BTreeSet<Finding>, left_out: &[LeftOut]) -> Option<Finding> {
    let is_left_out =
        |finding: &Finding| left_out.iter().any(|one| one.is_unrendered && one.path == finding.place.file);
    let is_new = |finding: &Finding| !told.contains(finding) && !is_left_out(finding);
    let ends_it = |finding: &Finding| matches!(finding.rule, Rule::Build | Rule::MissingFile);
    let all: BTreeSet<Finding> = found.into_iter().filter(|finding| ends_it(finding) && is_new(finding)).collect();
    let count = all.len();
    let first = all.into_iter().next()?;
    let more = if count > 1 { format!(", and {} more like it", count - 1) } else { String::new() };
    let text = format!(
        "{}: so nothing comes of {WHOLE} as a whole{more}, which `cowherd up` follows unless --path names a part of it",
        first.text
    );
    Some(Finding { severity: Severity::Warning, text, ..first })
}
