//! Who an applier is to the API.

use kube::Client;
use kube::client::Body;
use tower::service_fn;

use crate::cluster::Account;

/// Who an [`Applier`](crate::Applier) is to the API.
#[derive(Clone)]
pub struct Clients {
    /// Looks at kinds and accounts, watches what was applied, and speaks for the accounts on whose behalf it is.
    pub own: Client,
    /// Applies and deletes what is on behalf of no account.
    pub applying: Client,
}

impl Clients {
    /// The client of who applies on behalf of the account, or of nobody else.
    ///
    /// # Errors
    /// When the name of the account cannot be that of a user.
    pub fn on_behalf_of(&self, account: Option<&Account>) -> Result<Client, http::header::InvalidHeaderValue> {
        let Some(account) = account else { return Ok(self.applying.clone()) };
        let user = http::HeaderValue::from_str(&account.user)?;
        let own = self.own.clone();
        let service = service_fn(move |mut request: http::Request<Body>| {
            request.headers_mut().insert("impersonate-user", user.clone());
            let own = own.clone();
            async move { own.send(request).await }
        });
        Ok(Client::new(service, self.own.default_namespace()))
    }
}

impl From<Client> for Clients {
    /// The same client, and so the same rights, for everything.
    fn from(client: Client) -> Self {
        Self { applying: client.clone(), own: client }
    }
}
