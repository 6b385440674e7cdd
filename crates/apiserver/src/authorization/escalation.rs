//! Nobody gives rights away that they do not have.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Attributes, Rule, allows,
    coverage::{self, TooMany, quoted},
    rbac::{self, Binding},
};
use crate::{
    identity::{MASTERS, User},
    object::{self, text_at},
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult, shorten},
};

/// How many of the smallest rules are named that somebody does not hold, and in how many bytes.
const NAMED: usize = 1000;
const WORDS: usize = 64 * 1024;

/// A role or a binding that somebody wants to write.
pub struct Grant<'a> {
    /// What the request names; empty where it is a collection.
    pub asked: &'a str,
    /// The object as it would be.
    pub new: &'a Value,
    /// The object as it is.
    pub old: Option<&'a Value>,
}

/// Refuses a role that allows, or a binding that gives, what the user does not have in the same place. Leave can be
/// given to do it nevertheless: by the verb `escalate` on the role, or `bind` on the role that the binding names.
pub async fn check(server: &ApiServer, user: &User, resource: &Resource, grant: &Grant<'_>) -> ApiResult<()> {
    if resource.group_version.group != rbac::GROUP || user.is_in(MASTERS) {
        return Ok(());
    }
    if grant.old.is_some_and(|old| without_collected_fields(old) == without_collected_fields(grant.new)) {
        return Ok(());
    }
    match resource.plural.as_str() {
        "roles" | "clusterroles" => check_role(server, user, resource, grant).await,
        "rolebindings" | "clusterrolebindings" => check_binding(server, user, resource, grant).await,
        _ => Ok(()),
    }
}

/// The object but for what the garbage collector and those who wait for a deletion change.
fn without_collected_fields(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
        object::unset(&mut object, field);
    }
    object
}

async fn check_role(server: &ApiServer, user: &User, resource: &Resource, grant: &Grant<'_>) -> ApiResult<()> {
    let leave = Attributes {
        verb: "escalate".to_owned(),
        namespace: object::namespace(grant.new).to_owned(),
        group: rbac::GROUP.to_owned(),
        resource: resource.plural.clone(),
        name: grant.asked.to_owned(),
        ..Attributes::default()
    };
    if allows(server, user, &leave).await? {
        return Ok(());
    }
    must_hold(server, user, resource, grant.new, &Rule::of_role(grant.new)).await?;
    let aggregates = |role: &Value| object::at(role, &["aggregationRule"]).is_some_and(Value::is_object);
    if aggregates(grant.new) || grant.old.is_some_and(aggregates) {
        // Such a role gathers whatever others write.
        let policy = server.policies().of(user, "");
        let held: Vec<&Rule> = policy.rules(user).collect();
        if coverage::missing(&held, &Rule::everything(), 1) != Ok(Vec::new()) {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            return Err(ApiError::forbidden(resource.named(), object::name(grant.new), why));
        }
    }
    Ok(())
}

async fn check_binding(server: &ApiServer, user: &User, resource: &Resource, grant: &Grant<'_>) -> ApiResult<()> {
    let plural = if text_at(grant.new, &["roleRef", "kind"]) == "Role" { "roles" } else { "clusterroles" };
    let name = text_at(grant.new, &["roleRef", "name"]);
    let leave = Attributes {
        verb: "bind".to_owned(),
        namespace: object::namespace(grant.new).to_owned(),
        group: rbac::GROUP.to_owned(),
        resource: plural.to_owned(),
        name: name.to_owned(),
        ..Attributes::default()
    };
    if allows(server, user, &leave).await? {
        return Ok(());
    }
    let key = Binding::deserialize(grant.new).ok().and_then(|binding| binding.role());
    let role = match &key {
        Some(key) => server.policies().role(key),
        None => None,
    };
    // What a role will allow that is still to be made, nobody knows.
    let role = role.ok_or_else(|| ApiError::not_found(resource.named(), name))?;
    must_hold(server, user, resource, grant.new, &role).await
}

/// Refuses what the user does not hold, in the place of the object, of these rules.
async fn must_hold(
    server: &ApiServer,
    user: &User,
    resource: &Resource,
    object: &Value,
    wanted: &[Rule],
) -> ApiResult<()> {
    let policy = server.policies().of(user, object::namespace(object));
    let held: Vec<&Rule> = policy.rules(user).collect();
    let why = match coverage::missing(&held, wanted, NAMED) {
        Ok(missing) if missing.is_empty() => return Ok(()),
        Ok(missing) => format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            quoted(&user.groups),
            shorten(coverage::describe(&missing), WORDS)
        ),
        Err(TooMany) => format!(
            "user {:?} is attempting to grant more RBAC permissions at once than can be compared with those held; grant \
             them by several roles with fewer verbs, resources and names in each rule",
            user.name
        ),
    };
    Err(ApiError::forbidden(resource.named(), object::name(object), why))
}
