//! Who a controller is to the API. Each is a service account of its own, with only the rights that it needs.

use std::fmt;
use std::sync::Arc;

use kube::Client;

/// Who asks the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Kubernetes' controller manager, whose informers all controllers share.
    ControllerManager,
    /// Kubernetes' scheduler.
    Scheduler,
    /// The service account of this name in the namespace `kube-system`, such as `deployment-controller`.
    Controller(&'static str),
}

impl Identity {
    /// The name of the user. Its groups are those that follow from the name.
    pub fn user(self) -> String {
        match self {
            Self::ControllerManager => "system:kube-controller-manager".to_owned(),
            Self::Scheduler => "system:kube-scheduler".to_owned(),
            Self::Controller(name) => format!("system:serviceaccount:kube-system:{name}"),
        }
    }

    /// The program that Kubernetes has for the identity: what requests say of who sends them, and so what is written
    /// as the manager of fields.
    pub fn agent(self) -> &'static str {
        match self {
            Self::ControllerManager | Self::Controller(_) => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
        }
    }
}

/// Gives clients for identities. Whether they reach an API in this process or another is decided where things are
/// wired together.
#[derive(Clone)]
pub struct Clients(Arc<dyn Fn(Identity) -> Client + Send + Sync>);

impl Clients {
    /// Asks `client` for the client of each identity.
    pub fn new(client: impl Fn(Identity) -> Client + Send + Sync + 'static) -> Self {
        Self(Arc::new(client))
    }

    /// The client of an identity.
    pub fn of(&self, identity: Identity) -> Client {
        (self.0)(identity)
    }
}

impl From<Client> for Clients {
    /// The same client, and so the same rights, for all identities.
    fn from(client: Client) -> Self {
        Self::new(move |_| client.clone())
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}
