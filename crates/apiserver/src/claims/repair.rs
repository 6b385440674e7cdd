//! Puts right what was not stored together with its Service: by an earlier version, or by people who delete IPAddresses.

use std::sync::Arc;

use cowherd_store::{Change, Entry, Expected, ListOptions, WriteError};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::{Claim, MANAGED_BY, Owner, PORTS, ip_addresses, port_of};
use crate::{
    background::Loop,
    object,
    rest::{self, Live},
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// How many objects are read at once.
const PAGE: usize = 500;

/// Looks at everything once, and from then on at the Services that have lost something.
pub fn repair(server: &ApiServer, bereft: mpsc::UnboundedReceiver<Owner>) -> Loop {
    let (server, bereft) = (server.clone(), Arc::new(Mutex::new(bereft)));
    Loop::new("addresses of Services", move || keep(server.clone(), bereft.clone()))
}

async fn keep(server: ApiServer, bereft: Arc<Mutex<mpsc::UnboundedReceiver<Owner>>>) {
    if let Err(error) = everything(&server).await {
        tracing::error!(%error, "cannot compare the addresses of Services with what is taken");
    }
    let mut bereft = bereft.lock().await;
    while let Some(owner) = bereft.recv().await {
        if let Err(error) = one(&server, &owner).await {
            tracing::error!(?owner, %error, "cannot give a Service back what is its own");
        }
    }
}

async fn everything(server: &ApiServer) -> ApiResult<()> {
    let services = server.built_in("", "v1", "services")?;
    let mut pages = Pages::of(services.collection_prefix(None));
    while let Some(entries) = pages.next(server).await? {
        for entry in entries {
            restore(server, &rest::live(&services, &entry)?).await?;
        }
    }
    let addresses = ip_addresses(server)?;
    let mut pages = Pages::of(addresses.collection_prefix(None));
    while let Some(entries) = pages.next(server).await? {
        for entry in entries {
            let record = addresses.decode(&entry.value, entry.modified)?;
            let manager = object::labels(&record).and_then(|labels| labels.get("ipaddress.kubernetes.io/managed-by"));
            // What people made is theirs to remove.
            let ours = manager.and_then(Value::as_str) == Some(MANAGED_BY);
            if let (Ok(address), true) = (object::name(&record).parse(), ours) {
                release(server, Claim::Address(address), &entry).await?;
            }
        }
    }
    let mut pages = Pages::of(PORTS.to_owned());
    while let Some(entries) = pages.next(server).await? {
        for entry in entries {
            if let Some(port) = port_of(&entry.key) {
                release(server, Claim::Port(port), &entry).await?;
            }
        }
    }
    Ok(())
}

/// The entries of a prefix, as they are when they are read.
struct Pages {
    prefix: String,
    after: Option<String>,
    done: bool,
}

impl Pages {
    fn of(prefix: String) -> Self {
        Self { prefix, after: None, done: false }
    }

    async fn next(&mut self, server: &ApiServer) -> ApiResult<Option<Vec<Entry>>> {
        if self.done {
            return Ok(None);
        }
        let options = ListOptions {
            start_after: self.after.take(),
            limit: Some(PAGE),
            uncounted: true,
            ..ListOptions::default()
        };
        let page = server.store().list(&self.prefix, options).await.map_err(ApiError::internal)?;
        self.after = page.entries.last().map(|entry| entry.key.clone());
        self.done = page.remaining == 0;
        Ok(Some(page.entries))
    }
}

async fn one(server: &ApiServer, owner: &Owner) -> ApiResult<()> {
    let services = server.built_in("", "v1", "services")?;
    match rest::load(server, &services, &services.key(&owner.namespace, &owner.name)).await? {
        Some(live) => restore(server, &live).await,
        None => Ok(()),
    }
}

/// Gives a Service what it has and what nobody has.
async fn restore(server: &ApiServer, live: &Live) -> ApiResult<()> {
    let services = server.built_in("", "v1", "services")?;
    let owner = Owner::of_service(&live.object);
    let service = services.key(&owner.namespace, &owner.name);
    for claim in Claim::all(&live.object) {
        let key = claim.key(server)?;
        let known = server.store().get(&key).await.map_err(ApiError::internal)?;
        match known.map(|known| claim.owner(&known.value)) {
            Some(Some(known)) if known == owner => {}
            Some(other) => tracing::warn!(?claim, service, ?other, "a Service has what belongs to somebody else"),
            None => {
                let record = Change::put(key, claim.record(server, &owner)?, Expected::Absent);
                commit(server, vec![record, Change::keep(&service, Expected::At(live.revision))]).await?;
            }
        }
    }
    Ok(())
}

/// Gives free what is said to belong to a Service that isn't there or has it no longer.
async fn release(server: &ApiServer, claim: Claim, record: &Entry) -> ApiResult<()> {
    let Some(owner) = claim.owner(&record.value) else { return Ok(()) };
    let services = server.built_in("", "v1", "services")?;
    let key = services.key(&owner.namespace, &owner.name);
    let live = rest::load(server, &services, &key).await?;
    if live.as_ref().is_some_and(|live| Claim::all(&live.object).contains(&claim)) {
        return Ok(());
    }
    let expected = live.map_or(Expected::Absent, |live| Expected::At(live.revision));
    let gone = Change::delete(&record.key, Expected::At(record.modified));
    commit(server, vec![gone, Change::keep(key, expected)]).await
}

/// Commits, unless something has changed meanwhile: then whoever changed it took care of this.
async fn commit(server: &ApiServer, changes: Vec<Change>) -> ApiResult<()> {
    match server.store().commit(changes).await {
        Ok(_) | Err(WriteError::Conflict { .. }) => Ok(()),
        Err(error) => Err(ApiError::internal(error)),
    }
}
