//! What a revision changes in a cluster, as a comment on a pull request.

use std::collections::BTreeMap;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::Action;
use cowherd_gitops::NamespacedName;
use cowherd_review::{Change as Reviewed, ClusterReview, Kind, Review, Status, UnitReview, report};

use super::Change;
use super::untold::Untold;

/// What is compared with what.
pub struct Compared<'a> {
    /// The revision, as it was asked for.
    pub revision: &'a str,
    /// The Kustomizations that were looked at, by name, and whether the cluster has each.
    pub kustomizations: &'a BTreeMap<String, (Kustomization, bool)>,
    /// What becomes of objects.
    pub changes: Vec<Change>,
    /// What could not be compared.
    pub untold: &'a Untold,
}

impl Compared<'_> {
    /// As Markdown of at most `limit` bytes.
    pub fn markdown(self, limit: usize) -> String {
        let mut units: BTreeMap<String, UnitReview> = BTreeMap::new();
        for Change { kustomization, diff, notes } in self.changes {
            let unit = units.entry(kustomization).or_insert_with_key(|name| unit(name, self.kustomizations.get(name)));
            let kind = match diff.action {
                Action::Created => Kind::Created,
                Action::Deleted => Kind::Deleted,
                _ => Kind::Configured,
            };
            unit.changes.push(Reviewed { object: diff.object, kind, fields: diff.fields, notes });
        }
        let unchanged = self.kustomizations.keys().filter(|name| !units.contains_key(*name)).count();
        let cluster = ClusterReview {
            path: "the cluster".to_owned(),
            units: units.into_values().collect(),
            known: Default::default(),
            unchanged,
            elsewhere: Vec::new(),
            errors: self.untold.texts().to_vec(),
        };
        let review = Review {
            base: ("the cluster".to_owned(), None),
            head: (self.revision.to_owned(), None),
            clusters: vec![cluster],
            looked_at: Vec::new(),
            left_out: Vec::new(),
        };
        report::markdown(&review, limit)
    }
}

fn unit(name: &str, known: Option<&(Kustomization, bool)>) -> UnitReview {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let status = if known.is_none_or(|(_, is_there)| *is_there) { Status::Kept } else { Status::Added };
    UnitReview {
        name: NamespacedName::new(namespace, name),
        path: known.and_then(|(kustomization, _)| kustomization.spec.path.clone()).unwrap_or_default(),
        status,
        changes: Vec::new(),
        errors: Vec::new(),
        notes: Vec::new(),
    }
}
