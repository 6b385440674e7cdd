//! The bindings and roles that say what a user may do, read from the store.

use cowherd_store::ListOptions;

use super::{
    Rule,
    rbac::{Binding, GROUP, Policy, RoleKey},
};
use crate::{identity::User, rest, server::ApiServer, status::ApiResult};

/// What is bound to the user in a namespace; of the cluster alone where the namespace is empty.
pub async fn of(server: &ApiServer, user: &User, namespace: &str) -> ApiResult<Policy> {
    let mut bindings = bindings(server, "clusterrolebindings", None, user).await?;
    if !namespace.is_empty() {
        bindings.extend(self::bindings(server, "rolebindings", Some(namespace), user).await?);
    }
    let mut policy = Policy { bindings, ..Policy::default() };
    for key in policy.bindings.iter().filter_map(Binding::role) {
        if !policy.roles.contains_key(&key)
            && let Some(rules) = role(server, &key).await?
        {
            policy.roles.insert(key, rules);
        }
    }
    Ok(policy)
}

/// The rules of a role; `None` where there is none.
pub async fn role(server: &ApiServer, key: &RoleKey) -> ApiResult<Option<Vec<Rule>>> {
    let plural = if key.namespace.is_empty() { "clusterroles" } else { "roles" };
    let resource = server.built_in(GROUP, "v1", plural)?;
    let role = rest::load(server, &resource, &resource.key(&key.namespace, &key.name)).await?;
    Ok(role.map(|role| Rule::of_role(&role.object)))
}

/// The bindings for the user. One that cannot be read gives nothing.
async fn bindings(server: &ApiServer, plural: &str, namespace: Option<&str>, user: &User) -> ApiResult<Vec<Binding>> {
    let resource = server.built_in(GROUP, "v1", plural)?;
    let page = server.store().list(&resource.collection_prefix(namespace), ListOptions::default()).await;
    let entries = page.map_err(rest::read_failed)?.entries;
    let read = entries.iter().filter_map(|entry| serde_json::from_slice::<Binding>(&entry.value).ok());
    // What is in a namespace holds there, wherever it was found.
    let here = read.filter(|binding| binding.namespace() == namespace.unwrap_or_default());
    Ok(here.filter(|binding| binding.is_for(user)).collect())
}
