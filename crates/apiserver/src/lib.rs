//! The embedded Kubernetes API over a store.
//!
//! An [`ApiServer`] answers HTTP requests as Kubernetes answers them. [`ApiServer::client`] gives a client in the
//! same process, with no socket between; [`ApiServer::serve`] serves the same over TLS, with the certificates of
//! [`pki`].
//!
//! ```
//! use cowherd_apiserver::{ApiServer, Config};
//! use cowherd_store::Store;
//! use k8s_openapi::api::core::v1::Namespace;
//! use kube::{Api, api::ListParams};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let store = Store::open(dir.path().join("state.redb"), Default::default())?;
//! let server = ApiServer::open(store, Config::default()).await?;
//! let namespaces: Api<Namespace> = Api::all(server.client());
//! assert_eq!(namespaces.list(&ListParams::default()).await?.items.len(), 4);
//! # Ok(())
//! # }
//! ```
//!
//! A request is read into a `Call` (`service`), its path into a `Route` (`route`); `rest` holds a file per verb. What
//! is served is a `Catalog` of `Resource`s. What is kept in memory follows the store's log (`following`), and a change
//! that has begun ends (`mutation`). Only this crate touches the store.

mod action;
mod admission;
mod answer;
mod authorization;
mod background;
mod body;
mod bootstrap;
mod bounds;
mod catalog;
mod claims;
mod clock;
mod crd;
mod crd_lifecycle;
mod discovery;
mod expiry;
mod flow;
mod following;
mod identity;
mod impersonation;
mod listener;
mod made;
mod mutation;
mod negotiation;
mod object;
mod pieces;
pub mod pki;
mod query;
mod random;
mod resource;
mod rest;
mod reviews;
mod route;
mod selector;
mod server;
mod service;
mod status;
mod stored;
mod table;
mod tokens;
mod unread;
mod wire;

pub use background::{Loop, Running};
pub use body::Body;
pub use bootstrap::default_roles;
pub use claims::{NetworkError, ServiceNetwork};
pub use identity::{MASTERS, User};
pub use server::{ApiServer, Config, Error, Undeletable};
pub use service::LocalService;
pub use status::ApiError;
