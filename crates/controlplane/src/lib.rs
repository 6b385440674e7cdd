//! A control plane as a library: the store, the API over it, Kubernetes' own controllers and, where they are wanted, the
//! agents of GitOps, from one configuration.
//!
//! A process may hold hundreds of them. They share nothing but the [`Budgets`] that they are given.
//!
//! ```
//! use cowherd_controlplane::{Budgets, Config, ControlPlane};
//! use k8s_openapi::api::core::v1::Namespace;
//! use kube::{Api, api::ListParams};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let budgets = Budgets::default();
//! let one = ControlPlane::open(Config::new(dir.path().join("one")), &budgets).await?;
//! let other = ControlPlane::open(Config::new(dir.path().join("other")), &budgets).await?;
//!
//! let namespaces: Api<Namespace> = Api::all(one.client());
//! assert_eq!(namespaces.list(&ListParams::default()).await?.items.len(), 4);
//!
//! one.stop().await;
//! other.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! What ends that should not is started again, and [`ControlPlane::health`] tells of it. A control plane that is dropped
//! ends at once, one that is stopped when its requests are done; neither leaves a task, a thread or a lock behind.

mod accounts;
mod agents;
mod budgets;
mod config;
mod data_dir;
mod error;
mod listener;
mod plane;
mod state;

pub use accounts::AgentAccount;
pub use agents::Agents;
pub use budgets::{Budgets, Sizes};
pub use config::{Config, Listen};
pub use data_dir::{DataDir, DataDirError, random, seed_in};
pub use error::Error;
pub use plane::{AGENTS_CHECK, ControlPlane, PATIENCE};
