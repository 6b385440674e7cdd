//! Who an applier is to the API.

use kube::Client;

/// Who an [`Applier`](crate::Applier) is to the API.
#[derive(Clone)]
pub struct Clients {
    /// Looks at kinds and accounts, watches what was applied, and speaks for the accounts on whose behalf it is.
    pub own: Client,
    /// Applies and deletes what is on behalf of no account.
    pub applying: Client,
}

impl From<Client> for Clients {
    /// The same client, and so the same rights, for everything.
    fn from(client: Client) -> Self {
        Self { applying: client.clone(), own: client }
    }
}
