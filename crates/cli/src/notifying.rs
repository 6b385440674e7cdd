//! How the agents tell of events elsewhere, and where they take webhooks.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use cowherd_gitops::Config;
use tokio::net::TcpListener;

use crate::commands::reconcile::parse_duration;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
const HEADING: &str = "Notifications";

/// Flags of Flux's notification-controller.
#[derive(Args, Clone, Debug)]
pub struct Notifying {
    /// Where the webhooks of Receivers are taken over plain HTTP, such as :9292; 0 for nowhere
    #[arg(help_heading = HEADING, long, visible_alias = "receiverAddr", value_name = "ADDRESS", default_value = "0")]
    receiver_addr: String,
    /// How long whom an Alert names is not told of the same event again
    #[arg(help_heading = HEADING, long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    rate_limit_interval: Duration,
}

impl Notifying {
    /// The configuration of the agents with what the flags say.
    pub fn apply(&self, config: Config) -> Config {
        Config { rate_limit_interval: self.rate_limit_interval, ..config }
    }

    /// The listener of webhooks, where there is to be one, and its address.
    ///
    /// # Errors
    /// When the address is none, or not free.
    pub async fn listen(&self) -> Result<Option<(TcpListener, SocketAddr)>> {
        listen(&self.receiver_addr, "webhooks", "--receiver-addr").await
    }
}

/// Listens at the address that a flag has for something; nowhere where it is `0` or empty.
///
/// # Errors
/// When the address is none, or not free.
pub async fn listen(address: &str, what: &str, flag: &str) -> Result<Option<(TcpListener, SocketAddr)>> {
    let address = address.trim();
    if matches!(address, "" | "0") {
        return Ok(None);
    }
    // As controller-runtime has it, a port alone is that of all addresses.
    let full = if address.starts_with(':') { format!("[::]{address}") } else { address.to_owned() };
    let cannot = || format!("cannot serve {what} on {address}; choose another {flag}");
    let listener = TcpListener::bind(&full).await.with_context(cannot)?;
    let address = listener.local_addr().with_context(cannot)?;
    Ok(Some((listener, address)))
}
