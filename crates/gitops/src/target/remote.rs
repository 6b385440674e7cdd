//! Another cluster, as it is reached by one object and for one account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use cowherd_apply::{Account, Applier, Clients, Options};
use cowherd_source::Network;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::kubeconfig::{Connection, Stamp};
use super::line::{self, Line};
use super::{Accounts, ClusterId, TargetError, TellDrift, fault, lock, watched};
use crate::budgets::Permits;
use crate::owner::{KubeConfig, Owner, OwnerKind, OwnerName};

/// How many owners may be applied in one cluster at the same time: those of one namespace, which have half of them.
const APPLIES: usize = 8;
/// How many renders may ask it something at the same time: each takes a thread.
const RENDERS: usize = 1;
/// How long a cluster may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(10);
/// The namespace by whose uid a cluster is known.
const KUBE_SYSTEM: &str = "kube-system";

/// The HTTP statuses for who is not known, for who may not, and for what is not there: numbers, since what answers may be no
/// Kubernetes API, which would give reasons.
const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// Another cluster, as it is reached by one object and for one account.
pub(crate) struct Remote {
    pub(crate) cluster: ClusterId,
    /// Acts for the account, where there is one, whatever it asks.
    pub(super) client: Client,
    pub(super) applier: Applier,
    pub(super) applies: Permits,
    pub(super) renders: Permits,
    pub(super) accounts: Accounts,
    object: String,
    /// The server, with its port.
    server: String,
    line: Line,
    stamp: Mutex<Stamp>,
    _drifts: JoinSet<()>,
}

/// What tells one from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: &'static OwnerKind,
    said: KubeConfig,
    cluster: ClusterId,
    account: Option<Account>,
}

/// Those that owners are brought to.
#[derive(Default)]
pub(super) struct Remotes {
    known: Mutex<HashMap<Key, Weak<Remote>>>,
    held: Mutex<HashMap<OwnerName, Arc<Remote>>>,
}

impl Remotes {
    /// The one that the owner is brought to, with these credentials from now on.
    pub(super) fn find(
        &self,
        owner: &Owner,
        connection: Connection,
        network: &Network,
        tell: &TellDrift,
    ) -> Result<Arc<Remote>, TargetError> {
        let said =
            owner.kube_config.clone().ok_or_else(|| TargetError::Missing { object: "spec.kubeConfig".to_owned() })?;
        let object = said.object();
        let unusable = |error: kube::Error| TargetError::Unusable {
            object: object.clone(),
            cause: format!("its credentials cannot be used: {}", fault::told(&error)),
        };
        let cluster = ClusterId::of(&connection, &said);
        let key = Key { kind: owner.name.kind, said, cluster, account: owner.account.clone() };
        let mut known = lock(&self.known);
        known.retain(|_, remote| remote.strong_count() > 0);
        let remote = known.get(&key).and_then(Weak::upgrade);
        if let Some(remote) = remote.as_ref().filter(|remote| *lock(&remote.stamp) == connection.stamp) {
            return Ok(remote.clone());
        }
        let client = line::client(&connection, network).map_err(unusable)?;
        if let Some(remote) = remote {
            remote.line.renew(client);
            *lock(&remote.stamp) = connection.stamp;
            return Ok(remote);
        }
        let remote = Remote::new(&key, client, &connection, tell);
        let remote = Arc::new(remote.map_err(|error| TargetError::Unusable { object, cause: error.to_string() })?);
        known.insert(key, Arc::downgrade(&remote));
        Ok(remote)
    }

    /// The owner is brought there.
    pub(super) fn hold(&self, name: &OwnerName, remote: &Arc<Remote>) {
        let former = lock(&self.held).insert(name.clone(), remote.clone());
        // It may be the last to hold it, and a lot ends with that.
        drop(former);
    }

    /// The owner is brought to none of them any more.
    pub(super) fn let_go(&self, name: &OwnerName) {
        let former = lock(&self.held).remove(name);
        drop(former);
    }
}

impl Remote {
    fn new(
        key: &Key,
        client: Client,
        connection: &Connection,
        tell: &TellDrift,
    ) -> Result<Self, http::header::InvalidHeaderValue> {
        let line = Line::new(client);
        // As in Flux all is done on behalf of the account, watching too.
        let client = Clients::from(line.client()).on_behalf_of(key.account.as_ref())?;
        let options = Options { ownership: key.kind.ownership, is_guest: true, ..Options::default() };
        let mut drifts = JoinSet::new();
        let applier = watched(key.kind, client.clone(), options, tell, &mut drifts);
        let server = &connection.server;
        let host = server.host().unwrap_or_default();
        let server = server.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self {
            cluster: key.cluster.clone(),
            client,
            applier,
            applies: Permits::new(APPLIES),
            renders: Permits::new(RENDERS),
            accounts: Accounts::default(),
            object: key.said.object(),
            server,
            line,
            stamp: Mutex::new(connection.stamp),
            _drifts: drifts,
        })
    }

    /// Sees whether the cluster is there; the uid of its namespace `kube-system`, as far as that may be seen.
    ///
    /// # Errors
    /// When it gives no answer in time, or does not know who asks.
    pub(crate) async fn greet(&self) -> Result<Option<String>, TargetError> {
        let unreachable = |cause| TargetError::Unreachable { server: self.server.clone(), cause };
        let api: Api<Namespace> = Api::all(self.client.clone());
        let Ok(answer) = timeout(PATIENCE, api.get_metadata(KUBE_SYSTEM)).await else {
            return Err(unreachable(format!("it did not answer within {}s", PATIENCE.as_secs())));
        };
        match answer {
            Ok(found) => Ok(found.metadata.uid),
            Err(kube::Error::Api(status)) if status.code == FORBIDDEN => Ok(None),
            // Not each API has it; one that has not says of what.
            Err(kube::Error::Api(status)) if status.code == NOT_FOUND => match status.details {
                Some(details) if details.name == KUBE_SYSTEM => Ok(None),
                _ => Err(unreachable(fault::NO_API.to_owned())),
            },
            Err(error) => match &error {
                kube::Error::Api(status) if status.code == UNAUTHORIZED => Err(TargetError::Unauthorized {
                    server: self.server.clone(),
                    object: self.object.clone(),
                    cause: fault::told(&error),
                }),
                _ => Err(unreachable(fault::told(&error))),
            },
        }
    }
}
