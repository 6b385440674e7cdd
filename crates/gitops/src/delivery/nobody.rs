//! That the account which may not do something is none at all.

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;

use super::Context;
use super::failure::Failure;
use crate::owner::Owner;

/// What to do before what helps an account that may not, where there is no such account.
pub(super) async fn found(context: &Context, owner: &Owner, failure: &Failure) -> Option<String> {
    // That of another cluster is looked for nowhere here.
    let account = owner.account.as_ref().filter(|_| owner.kube_config.is_none())?;
    failure.answer()?.denied(&account.user)?;
    let (namespace, name) = account.as_service_account()?;
    let accounts: Api<ServiceAccount> = Api::namespaced(context.client.clone(), namespace);
    // Where it cannot be told, it is taken to be there.
    let is_absent = matches!(accounts.get_metadata_opt(name).await, Ok(None));
    is_absent.then(|| format!("there is no ServiceAccount {namespace}/{name}: make it, and "))
}
