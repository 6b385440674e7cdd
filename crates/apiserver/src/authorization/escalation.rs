//! Nobody gives rights away that they do not have.

use serde_json::Value;

use super::{Attributes, allows, rbac};
use crate::{
    identity::{MASTERS, User},
    object::{self, text_at},
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Refuses a role with new rules, or a new binding, of somebody who was not given leave for it: by the verb
/// `escalate` on the role, or `bind` on the role that the binding names.
///
/// Kubernetes also lets those through who have every right that the role gives. Here it takes the verbs.
pub async fn check(
    server: &ApiServer,
    user: &User,
    resource: &Resource,
    new: &Value,
    old: Option<&Value>,
) -> ApiResult<()> {
    if resource.group_version.group != rbac::GROUP || user.is_in(MASTERS) {
        return Ok(());
    }
    let same = |field: &str| old.is_some_and(|old| old.get(field) == new.get(field));
    let attributes = match resource.plural.as_str() {
        "roles" | "clusterroles" if !(same("rules") && same("aggregationRule")) => {
            wanted(resource, "escalate", &resource.plural, object::name(new), new)
        }
        "rolebindings" | "clusterrolebindings" if !(same("roleRef") && same("subjects")) => {
            let plural = if text_at(new, &["roleRef", "kind"]) == "Role" { "roles" } else { "clusterroles" };
            wanted(resource, "bind", plural, text_at(new, &["roleRef", "name"]), new)
        }
        _ => return Ok(()),
    };
    if allows(server, user, &attributes).await? {
        return Ok(());
    }
    let why = format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions, and has no right to {} {} {:?}",
        user.name, user.groups, attributes.verb, attributes.resource, attributes.name
    );
    Err(ApiError::forbidden(resource.named(), object::name(new), why))
}

fn wanted(resource: &Resource, verb: &str, plural: &str, name: &str, object: &Value) -> Attributes {
    Attributes {
        verb: verb.to_owned(),
        namespace: object::namespace(object).to_owned(),
        group: resource.group_version.group.clone(),
        resource: plural.to_owned(),
        name: name.to_owned(),
        ..Attributes::default()
    }
}
