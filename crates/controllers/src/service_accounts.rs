//! Every namespace has a ServiceAccount `default`.

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};

use crate::Error;
use crate::cache::{Cache, Key};
use crate::queue::{Next, Queue};

const DEFAULT: &str = "default";

/// Runs the loop.
pub async fn run(client: Client) {
    let namespaces: std::sync::Arc<Cache<Namespace>> = Cache::new();
    let accounts: std::sync::Arc<Cache<ServiceAccount>> = Cache::new();
    let queue: Queue<String> = Queue::new();
    let (by_namespace, by_account) = (queue.clone(), queue.clone());
    let follow = futures::future::join(
        namespaces.clone().follow(Api::all(client.clone()), move |namespace| by_namespace.add(namespace.name_any())),
        accounts.clone().follow(Api::all(client.clone()), move |account| {
            if account.name_any() == DEFAULT {
                by_account.add(account.namespace().unwrap_or_default());
            }
        }),
    );
    let work = {
        let (namespaces, accounts) = (namespaces.clone(), accounts.clone());
        async move {
            futures::future::join(namespaces.synced(), accounts.synced()).await;
            let reconcile = move |name: String| {
                let (client, namespaces, accounts) = (client.clone(), namespaces.clone(), accounts.clone());
                async move { ensure_default(&client, &namespaces, &accounts, &name).await }
            };
            queue.work("serviceaccount", 2, reconcile).await;
        }
    };
    futures::future::join(follow, work).await;
}

async fn ensure_default(
    client: &Client,
    namespaces: &Cache<Namespace>,
    accounts: &Cache<ServiceAccount>,
    namespace: &str,
) -> Result<Next, Error> {
    let key = Key { namespace: String::new(), name: namespace.to_owned() };
    let active = namespaces.get(&key).is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none());
    let account = Key { namespace: namespace.to_owned(), name: DEFAULT.to_owned() };
    if !active || accounts.get(&account).is_some() {
        return Ok(Next::Wait);
    }
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some(DEFAULT.to_owned()), ..Default::default() },
        ..Default::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    match api.create(&PostParams::default(), &account).await {
        Ok(created) => drop(accounts.observe(created)),
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Next::Wait)
}
