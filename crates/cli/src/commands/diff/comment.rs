//! What a revision changes in a cluster, as a comment on a pull request.

use std::collections::BTreeMap;

use cowherd_apply::ObjectId;
use cowherd_gitops::{NamespacedName, Subject};
use cowherd_review::{Change as Reviewed, ClusterReview, Kind, Review, Status, UnitReview, report};

use super::changes::Change;
use super::untold::Untold;

/// What is compared with what.
pub struct Compared<'a> {
    /// The revision, as it was asked for.
    pub revision: &'a str,
    /// The owners that were looked at, and whether the cluster has each.
    pub owners: &'a BTreeMap<ObjectId, (Subject, bool)>,
    /// What becomes of objects.
    pub changes: Vec<Change>,
    /// What is to be said of owners.
    pub remarks: &'a [(ObjectId, String)],
    /// What could not be compared.
    pub untold: &'a Untold,
}

impl Compared<'_> {
    /// As Markdown of at most `limit` bytes.
    pub fn markdown(self, limit: usize) -> String {
        let mut units: BTreeMap<ObjectId, UnitReview> = BTreeMap::new();
        let new = |id: &ObjectId| unit(id, self.owners.get(id));
        for Change { owner, object, action, fields, notes } in self.changes {
            let unit = units.entry(owner).or_insert_with_key(new);
            let kind = match action.as_str() {
                "created" => Kind::Created,
                "deleted" => Kind::Deleted,
                "installed" => Kind::Installed,
                "upgraded" => Kind::Upgraded,
                "uninstalled" => Kind::Uninstalled,
                "left" => Kind::Left,
                _ => Kind::Configured,
            };
            unit.changes.push(Reviewed { object, kind, fields, notes });
        }
        for (owner, remark) in self.remarks {
            units.entry(owner.clone()).or_insert_with_key(new).notes.push(remark.clone());
        }
        let unchanged = self.owners.keys().filter(|name| !units.contains_key(*name)).count();
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
            is_unrelated: false,
            known: Default::default(),
            clusters: vec![cluster],
            looked_at: Vec::new(),
            left_out: Vec::new(),
        };
        report::markdown(&review, limit)
    }
}

fn unit(id: &ObjectId, known: Option<&(Subject, bool)>) -> UnitReview {
    let status = if known.is_none_or(|(_, is_there)| *is_there) { Status::Kept } else { Status::Added };
    // What has no path is told by its kind.
    let path = known.and_then(|(subject, _)| subject.object()["spec"]["path"].as_str());
    UnitReview {
        name: NamespacedName::new(&id.namespace, &id.name),
        path: path.unwrap_or(&id.kind).to_owned(),
        status,
        changes: Vec::new(),
        errors: Vec::new(),
        notes: Vec::new(),
    }
}
