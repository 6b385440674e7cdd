//! Owners that are described otherwise than they are, since who describes them could not be applied.
//!
//! An owner with its former spec meets the new content: what it drops of that it may describe still with the spec that it is to
//! have. As long as that was not brought, its own next word is not known.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_apply::{ChangeSet, Manifest, ObjectId};
use kube::Api;
use kube::api::DynamicObject;
use serde_json::Value;

use super::Context;
use super::job::Job;
use crate::owner::OwnerName;

/// The specs that owners are to have.
pub(super) type Specs = BTreeMap<ObjectId, Value>;

/// The specs of those owners among the manifests that were not brought with the others.
pub(super) fn specs(job: &Job, manifests: &[Manifest], changes: &ChangeSet) -> Specs {
    let kind = job.name.kind;
    // Those of another cluster are nobody's here.
    let is_here = job.owner.kube_config.is_none();
    let is_owner = |id: &ObjectId| is_here && id.group == kind.group && id.kind == kind.kind;
    let missing = manifests.iter().filter(|manifest| is_owner(manifest.id()) && !changes.contains(manifest.id()));
    missing.map(|manifest| (manifest.id().clone(), manifest.object()["spec"].clone())).collect()
}

/// Who describes the owner of the job otherwise than it is, and could not bring that.
pub(super) async fn describers(context: &Context, job: &Job) -> BTreeSet<OwnerName> {
    let described = context.sharing.unbrought(&job.name);
    if described.is_empty() {
        return BTreeSet::new();
    }
    let resource = job.name.kind.resource();
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &job.name.namespace, &resource);
    let Ok(live) = api.get(&job.name.name).await else { return BTreeSet::new() };
    let others = described.into_iter().filter(|(_, spec)| !has(&live.data["spec"], spec));
    others.map(|(name, _)| name).collect()
}

/// Whether a value has all that another one says.
fn has(live: &Value, said: &Value) -> bool {
    match (live, said) {
        (Value::Object(live), Value::Object(said)) => {
            said.iter().all(|(key, said)| has(live.get(key).unwrap_or(&Value::Null), said))
        }
        _ => live == said,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_api_adds_makes_no_other_spec() {
        let live = json!({ "path": "./a", "sourceRef": { "kind": "GitRepository", "name": "s" }, "force": false });
        assert!(has(&live, &json!({ "path": "./a", "sourceRef": { "name": "s" } })));
        assert!(has(&live, &json!({ "suspend": null })));
        assert!(!has(&live, &json!({ "path": "./b" })) && !has(&live, &json!({ "wait": true })));
    }
}
