//! Targets: the cluster that the objects of an owner are brought to, and on whose behalf.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_apply::{Account, Applier, Clients, Drift, Options};
use kube::Client;
use tokio::task::JoinSet;

use crate::owner::{Owner, OwnerKind, OwnerName};

/// Of how many accounts it is remembered whether requests can be made on their behalf.
const REMEMBERED: usize = 4096;

/// Is told of an object of an owner that drifted. It never waits.
pub(crate) type TellDrift = Arc<dyn Fn(OwnerName, Drift) + Send + Sync>;

/// Gives the targets of owners. All of them are the cluster that the owners are in.
pub(crate) struct Targets {
    clients: Clients,
    options: Options,
    tell: TellDrift,
    appliers: Mutex<Appliers>,
    accounts: Arc<Mutex<HashMap<Account, bool>>>,
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
    /// Whether requests can be made on behalf of accounts, as far as that was asked.
    accounts: Arc<Mutex<HashMap<Account, bool>>>,
}

impl Targets {
    /// Targets in the cluster of the clients. Appliers have these options, but for what follows from the kind of owners.
    pub(crate) fn new(clients: Clients, options: Options, tell: TellDrift) -> Self {
        Self { clients, options, tell, appliers: Mutex::default(), accounts: Arc::default() }
    }

    /// The target of an owner.
    pub(crate) fn of(&self, owner: &Owner) -> Target {
        Target {
            client: self.clients.own.clone(),
            applier: self.applier(owner.name.kind),
            account: owner.account.clone(),
            accounts: self.accounts.clone(),
        }
    }

    /// The client of who acts for the target.
    pub(crate) fn client_of(&self, target: &Target) -> Result<Client, http::header::InvalidHeaderValue> {
        self.clients.on_behalf_of(target.account.as_ref())
    }

    fn applier(&self, kind: &'static OwnerKind) -> Applier {
        let mut appliers = lock(&self.appliers);
        if let Some(known) = appliers.by_kind.get(kind) {
            return known.clone();
        }
        let options = Options { ownership: kind.ownership, ..self.options.clone() };
        let (applier, mut drifts) = Applier::new(self.clients.clone(), options);
        let tell = self.tell.clone();
        appliers.drifts.spawn(async move {
            while let Some(drift) = drifts.recv().await {
                tell(OwnerName::marked(kind, drift.owner.clone()), drift);
            }
        });
        appliers.by_kind.insert(kind, applier.clone());
        applier
    }
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
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
