//! Who the agents are to the API.

use kube::Client;

/// Who the agents are to the API. Each of them needs rights of its own.
#[derive(Clone)]
pub struct Clients {
    /// Brings sources: watches them, reads their credentials, writes their status and events.
    pub sources: Client,
    /// Delivers: watches owners and all that was applied, reads variables, writes status and events, and speaks for the
    /// accounts that owners name.
    pub delivery: Client,
    /// Applies and prunes for owners that name no account.
    pub applying: Client,
    /// Tells of events elsewhere, and takes webhooks: watches what says so, reads its credentials, writes status and events, and
    /// asks for reconciliations.
    pub notifying: Client,
}

impl From<Client> for Clients {
    /// The same client, and so the same rights, for everything.
    fn from(client: Client) -> Self {
        Self { sources: client.clone(), applying: client.clone(), notifying: client.clone(), delivery: client }
    }
}

impl Clients {
    /// Those of who brings objects to the cluster.
    pub(crate) fn of_appliers(&self) -> cowherd_apply::Clients {
        cowherd_apply::Clients { own: self.delivery.clone(), applying: self.applying.clone() }
    }
}
