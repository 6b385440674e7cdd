//! What people may do with the agents' resources: the roles of deploy/roles.yaml.

use anyhow::{Context, Result};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::MANAGER;

const ROLES: &str = include_str!("../../../../deploy/roles.yaml");
/// The role that lets people write.
const EDIT: &str = "flux-edit-flux-system";

/// Brings the roles to a cluster. Who may write a Kustomization that names no account has the rights that it is applied with:
/// the role to write becomes part of `edit` and `admin` only where that is an account of its own namespace.
pub async fn apply(client: &Client, with_editors: bool) -> Result<()> {
    let api: Api<ClusterRole> = Api::all(client.clone());
    // Somebody else's words stay, such as those of a repository that brings Flux's own roles.
    let params = PatchParams::apply(MANAGER);
    for role in roles(with_editors)? {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        match api.patch(name, &params, &Patch::Apply(&role)).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            result => drop(result.with_context(|| format!("cannot apply ClusterRole {name}"))?),
        }
    }
    Ok(())
}

fn roles(with_editors: bool) -> Result<Vec<Value>> {
    let documents = cowherd_yaml::parse_documents(ROLES.as_bytes(), &cowherd_yaml::Limits::default())?;
    let mut roles: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    for role in roles.iter_mut().filter(|role| with_editors && role["metadata"]["name"] == EDIT) {
        role["metadata"]["labels"] = json!({
            "rbac.authorization.k8s.io/aggregate-to-admin": "true",
            "rbac.authorization.k8s.io/aggregate-to-edit": "true",
        });
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_to_write_is_part_of_others_only_where_that_gives_no_more_than_they_have() {
        for with_editors in [true, false] {
            let roles = roles(with_editors).unwrap();
            let names: Vec<&str> = roles.iter().map(|role| role["metadata"]["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["flux-view-flux-system", EDIT]);
            let parts = |role: &Value| role["metadata"]["labels"].as_object().map_or(0, serde_json::Map::len);
            assert_eq!((parts(&roles[0]), parts(&roles[1])), (3, if with_editors { 2 } else { 0 }));
        }
    }
}
