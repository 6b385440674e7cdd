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
//! is served is an immutable `Catalog` of `Resource`s, made anew when a CustomResourceDefinition changes. Only this
//! crate touches the store.

mod action;
mod admission;
mod answer;
mod authorization;
mod body;
mod bootstrap;
mod catalog;
mod clock;
mod connections;
mod crd;
mod crd_lifecycle;
mod discovery;
mod expiry;
mod flow;
mod hooks;
mod identity;
mod impersonation;
mod listener;
mod negotiation;
mod object;
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
mod table;
mod tokens;
mod wire;

pub use body::Body;
pub use identity::{MASTERS, User};
pub use server::{ApiServer, Config, Error, Undeletable};
pub use service::LocalService;
pub use status::ApiError;
