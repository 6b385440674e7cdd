//! Every namespace has a ServiceAccount `default`.

use std::sync::Arc;

use cowherd_runtime::{BrokenOff, Controller, Error, Informer, Key, Next, Runtime, Writer, conditions};
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

const NAME: &str = "service-account-controller";
/// Who writes the status of namespaces: this controller may make accounts, and nothing else.
const REPORTER: &str = "namespace-controller";
const DEFAULT: &str = "default";
/// The condition that says that a namespace may lack its account, and why.
const ACCOUNT_FAILURE: &str = "DefaultServiceAccountFailure";

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let namespaces = runtime.informer::<Namespace>();
    let accounts = Writer::namespaced(runtime.client(NAME), runtime.informer::<ServiceAccount>());
    let statuses = Writer::of_cluster(runtime.client(REPORTER), Arc::clone(&namespaces));
    let reporting = statuses.clone();
    let of_account = |account: &ServiceAccount| {
        let is_default = account.name_any() == DEFAULT;
        is_default.then(|| Key::new("", account.namespace().unwrap_or_default()))
    };
    Controller::of(&runtime, NAME, &namespaces)
        .watches(accounts.informer(), of_account)
        .reports(move |key, broken| say_broken_off(reporting.clone(), key, broken))
        .run(move |key| reconcile(statuses.clone(), accounts.clone(), key))
        .await;
}

/// Says of a namespace that the look at its account came to no end, until the next one does.
pub(crate) async fn say_broken_off(statuses: Writer<Namespace>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(namespace) = statuses.informer().get(&key) else { return Ok(()) };
    let mut changed = namespace.as_ref().clone();
    let condition = NamespaceCondition {
        type_: ACCOUNT_FAILURE.to_owned(),
        status: "True".to_owned(),
        reason: Some(broken.reason.to_owned()),
        message: Some(broken.message),
        last_transition_time: None,
    };
    if conditions::set(changed.status.get_or_insert_default().conditions.get_or_insert_default(), condition) {
        statuses.replace_status(&changed).await?;
    }
    Ok(())
}

async fn reconcile(statuses: Writer<Namespace>, accounts: Writer<ServiceAccount>, key: Key) -> Result<Next, Error> {
    let next = ensure_default(statuses.informer(), accounts, key.clone()).await?;
    take_back(&statuses, &key).await?;
    Ok(next)
}

/// Takes back what was said of a look that came to no end.
async fn take_back(statuses: &Writer<Namespace>, key: &Key) -> Result<(), Error> {
    let Some(namespace) = statuses.informer().get(key) else { return Ok(()) };
    let mut changed = namespace.as_ref().clone();
    let said = changed.status.as_mut().and_then(|status| status.conditions.as_mut());
    if let Some(list) = said.filter(|list| conditions::find(list, ACCOUNT_FAILURE).is_some()) {
        list.retain(|condition| condition.type_ != ACCOUNT_FAILURE);
        statuses.replace_status(&changed).await?;
    }
    Ok(())
}

async fn ensure_default(
    namespaces: &Informer<Namespace>,
    accounts: Writer<ServiceAccount>,
    key: Key,
) -> Result<Next, Error> {
    let active = namespaces.get(&key).is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none());
    if !active || accounts.informer().get(&Key::new(&key.name, DEFAULT)).is_some() {
        return Ok(Next::Wait);
    }
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some(DEFAULT.to_owned()), namespace: Some(key.name), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    match accounts.create(&account).await {
        // Somebody else made it; the watch brings it.
        Err(error) if error.is_conflict() => Ok(Next::Wait),
        result => result.map(|_| Next::Wait),
    }
}
