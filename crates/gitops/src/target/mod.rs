//! Targets: the cluster that the objects of an owner are brought to, and on whose behalf.
//!
//! It is the cluster that the owner is in, or another one, which `spec.kubeConfig` says how to reach. Of each other cluster there is one
//! [`Remote`] for all who reach it by the same object and act for the same account there: its watches, and what is known of its
//! objects, are theirs together, and end with the last of them.

mod bounds;
mod changes;
mod cluster_id;
mod connector;
mod error;
mod fault;
mod issued;
mod kubeconfig;
mod line;
mod reference;
mod remote;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_apply::{Account, Applier, Clients, Drift, Options, is_refused};
use cowherd_runtime::caught_call;
use kube::Client;
use tokio::task::JoinSet;

use crate::Policy;
use crate::budgets::Permits;
use crate::owner::{Owner, OwnerKind, OwnerName};
use changes::Changes;
pub(crate) use changes::TellChange;
pub(crate) use cluster_id::{ClusterId, is_same};
pub(crate) use error::TargetError;
use issued::Issued;
use reference::Found;
use remote::{Remote, Remotes};

/// Of how many accounts it is remembered whether requests can be made on their behalf.
const REMEMBERED: usize = 4096;

/// Is told of an object of an owner that drifted. It never waits.
pub(crate) type TellDrift = Arc<dyn Fn(OwnerName, Drift) + Send + Sync>;

/// Whether requests can be made on behalf of accounts, as far as that was asked.
type Accounts = Arc<Mutex<HashMap<Account, bool>>>;

/// Gives the targets of owners.
pub(crate) struct Targets {
    clients: Clients,
    options: Options,
    tell: TellDrift,
    applies: Permits,
    renders: Permits,
    policy: Arc<Policy>,
    appliers: Mutex<Appliers>,
    accounts: Accounts,
    remotes: Remotes,
    issued: Issued,
    changes: Changes,
}

/// An applier for each kind of owners, since each marks its objects otherwise.
#[derive(Default)]
struct Appliers {
    by_kind: HashMap<&'static OwnerKind, Applier>,
    /// Tasks that pass on which objects drifted.
    drifts: JoinSet<()>,
}

/// Where the objects of an owner are brought, and on whose behalf.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) applier: Applier,
    pub(crate) account: Option<Account>,
    /// One permit for each owner whose objects may be applied there at the same time.
    pub(crate) applies: Permits,
    /// One permit for each render that asks it something meanwhile.
    pub(crate) renders: Permits,
    /// The other cluster, where it is one.
    pub(crate) remote: Option<Arc<Remote>>,
    accounts: Accounts,
}

impl Targets {
    /// Targets in the cluster of the clients, and in others as the policy has it. Appliers have these options, but for what follows
    /// from the kind of owners. `tell_change` is told of whom the way to another cluster changed.
    pub(crate) fn new(
        clients: Clients,
        options: Options,
        (tell, tell_change): (TellDrift, TellChange),
        (applies, renders): (Permits, Permits),
        policy: Arc<Policy>,
    ) -> Self {
        let changes = Changes::new(clients.own.clone(), tell_change, &options.health, &options.metrics);
        let (appliers, accounts, remotes, issued) = Default::default();
        Self { clients, options, tell, applies, renders, policy, appliers, accounts, remotes, issued, changes }
    }

    /// The target of an owner, without having asked another cluster anything.
    ///
    /// # Errors
    /// When it is not known how its cluster is reached.
    pub(crate) async fn of(&self, owner: &Owner) -> Result<Target, TargetError> {
        match &owner.kube_config {
            None => Ok(self.here(owner)),
            Some(said) => {
                let found = reference::read(&self.clients.own, &self.policy, &self.issued, said).await;
                self.there(owner, found.connection?)
            }
        }
    }

    /// The target of an owner that is about to be brought there, which is told of from now on when the way there changes; until it is
    /// let go of, what is known of the cluster is kept.
    ///
    /// # Errors
    /// As [`Targets::of`].
    pub(crate) async fn take(&self, owner: &Owner) -> Result<Target, TargetError> {
        let Some(said) = &owner.kube_config else {
            self.let_go(&owner.name);
            return Ok(self.here(owner));
        };
        let found = reference::read(&self.clients.own, &self.policy, &self.issued, said).await;
        let Found { version, until, connection } = found;
        self.changes.follow(&owner.name, said, version, until);
        let target = match connection {
            Ok(connection) => self.there(owner, connection),
            Err(error) => Err(error),
        };
        match &target {
            Ok(Target { remote: Some(remote), .. }) => self.remotes.hold(&owner.name, remote),
            // What it was asked with before counts no more.
            _ => self.remotes.let_go(&owner.name),
        }
        target
    }

    /// The owner is brought nowhere any more.
    pub(crate) fn let_go(&self, name: &OwnerName) {
        self.remotes.let_go(name);
        self.changes.forget(name);
    }

    fn here(&self, owner: &Owner) -> Target {
        Target {
            client: self.clients.own.clone(),
            applier: self.applier(owner.name.kind),
            account: owner.account.clone(),
            applies: self.applies.clone(),
            renders: self.renders.clone(),
            remote: None,
            accounts: self.accounts.clone(),
        }
    }

    fn there(&self, owner: &Owner, connection: kubeconfig::Connection) -> Result<Target, TargetError> {
        let network = self.policy.of_tenant(&owner.name.namespace).network;
        let remote = self.remotes.find(owner, connection, &network, &self.tell)?;
        Ok(Target {
            client: remote.client.clone(),
            applier: remote.applier.clone(),
            account: owner.account.clone(),
            applies: remote.applies.clone(),
            renders: remote.renders.clone(),
            accounts: remote.accounts.clone(),
            remote: Some(remote),
        })
    }

    /// The client of who acts for the target.
    pub(crate) fn client_of(&self, target: &Target) -> Result<Client, http::header::InvalidHeaderValue> {
        match &target.remote {
            // It acts for the account whatever it asks.
            Some(remote) => Ok(remote.client.clone()),
            None => self.clients.on_behalf_of(target.account.as_ref()),
        }
    }

    fn applier(&self, kind: &'static OwnerKind) -> Applier {
        let mut appliers = lock(&self.appliers);
        if let Some(known) = appliers.by_kind.get(kind) {
            return known.clone();
        }
        let options = Options { ownership: kind.ownership, ..self.options.clone() };
        let applier = watched(kind, self.clients.clone(), options, &self.tell, &mut appliers.drifts);
        appliers.by_kind.insert(kind, applier.clone());
        applier
    }
}

/// An applier for owners of a kind, of whose objects it is told when they drift, as long as the tasks run.
fn watched(
    kind: &'static OwnerKind,
    clients: impl Into<Clients>,
    options: Options,
    tell: &TellDrift,
    tasks: &mut JoinSet<()>,
) -> Applier {
    let (applier, mut drifts) = Applier::new(clients, options);
    let tell = tell.clone();
    tasks.spawn(async move {
        while let Some(drift) = drifts.recv().await {
            // Whatever is wrong with one, the next is told.
            let told = caught_call(|| tell(OwnerName::marked(kind, drift.owner.clone()), drift));
            if let Err(panic) = told {
                tracing::error!(panic, "telling of drift panicked");
            }
        }
    });
    applier
}

impl Target {
    /// Whether requests can be made on behalf of the account, if there is one. The answer is remembered.
    pub(crate) async fn can_act(&self) -> kube::Result<bool> {
        let Some(account) = &self.account else { return Ok(true) };
        if let Some(known) = lock(&self.accounts).get(account) {
            return Ok(*known);
        }
        let answer = self.applier.can_act_for(account).await?;
        let mut known = lock(&self.accounts);
        // Whoever may write an owner may name any number of them, one after another.
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(account.clone(), answer);
        Ok(answer)
    }

    /// Whether the account is there, where objects are to be deleted on its behalf. In another cluster it is not known where nobody may
    /// look; then it is taken to be.
    pub(crate) async fn lacks_account(&self) -> kube::Result<Option<&Account>> {
        let Some(account) = &self.account else { return Ok(None) };
        let is_there = match self.applier.has_account(account).await {
            Err(error) if self.remote.is_some() && is_refused(&error) => true,
            answer => answer?,
        };
        Ok((!is_there).then_some(account))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
