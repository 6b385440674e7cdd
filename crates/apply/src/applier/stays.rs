//! Why an object stays that is no longer described.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::memory::has;
use crate::owner::{DISABLED, Owner, Ownership, PRUNE, RECONCILE, SET_PRUNE, SSA, SSA_IGNORE};

/// Why an object stays that was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stays {
    /// Somebody else keeps it as it is, or nothing of its kind has such a name.
    Reserved,
    /// It says so itself: by this label or annotation, and its value.
    Asked(&'static str, &'static str),
    /// It is of another owner by its labels, or of nobody.
    OfAnother(Option<Owner>),
    /// The account that was to delete it may not see it: nothing is said of it, not even whether it is there.
    Unseen,
}

impl Stays {
    pub(super) fn of_another(live: &ObjectMeta, ownership: &Ownership) -> Self {
        Self::OfAnother(Owner::of(live, ownership))
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved => f.write_str("somebody else keeps it"),
            Self::Asked(key, value) => write!(f, "it says {key}: {value}"),
            Self::OfAnother(Some(owner)) => write!(f, "it is one of {owner} by its labels"),
            Self::Unseen => f.write_str("its account may not see it"),
            Self::OfAnother(None) => f.write_str("it has the labels of nobody"),
        }
    }
}

/// Why an object stays although its owner no longer describes it, if it does.
pub(super) fn why_stays(owner: &Owner, live: &ObjectMeta, ownership: &Ownership) -> Option<Stays> {
    if !owner.owns(live, ownership) {
        return Some(Stays::of_another(live, ownership));
    }
    let says = [(PRUNE, DISABLED), (SET_PRUNE, DISABLED), (RECONCILE, DISABLED), (SSA, SSA_IGNORE)];
    says.into_iter().find(|(key, value)| has(live, key, value)).map(|(key, value)| Stays::Asked(key, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_stays_that_says_so_or_is_of_another_and_tells_why() {
        let (ownership, owner) = (Ownership::default(), Owner::new("flux-system", "apps"));
        let ours: serde_json::Value =
            owner.labels(&ownership).map(|(key, value)| (key, json!(value))).into_iter().collect();
        let why = |labels: &serde_json::Value, annotations: serde_json::Value| {
            let live = serde_json::from_value(json!({ "labels": labels, "annotations": annotations })).unwrap();
            why_stays(&owner, &live, &ownership).map(|why| why.to_string())
        };
        assert_eq!(why(&ours, json!({})), None);
        for key in [PRUNE, SET_PRUNE, RECONCILE] {
            assert_eq!(why(&ours, json!({ key: "Disabled" })).unwrap(), format!("it says {key}: disabled"));
        }
        assert_eq!(why(&ours, json!({ SSA: "ignore" })).unwrap(), "it says kustomize.toolkit.fluxcd.io/ssa: Ignore");
        assert_eq!(why(&json!({}), json!({})).unwrap(), "it has the labels of nobody");
        let others: serde_json::Value =
            Owner::new("n", "x").labels(&ownership).map(|(key, value)| (key, json!(value))).into_iter().collect();
        assert_eq!(why(&others, json!({})).unwrap(), "it is one of n/x by its labels");
    }
}
