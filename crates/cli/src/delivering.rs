//! How the agents deliver: what waits before it is deleted, and what counts as ready.

mod kinds;

use clap::Args;
use cowherd_apply::Assumption;
use cowherd_gitops::Config;

pub use kinds::Kinds;

/// Flags of whoever runs the agents.
#[derive(Args, Clone, Debug, Default)]
pub struct Delivering {
    /// Prune whatever a revision does not describe, as Flux does, also all that a Kustomization had, Namespaces
    /// that hold other objects too, and definitions with instances
    #[arg(long, env = "COWHERD_NO_PRUNE_PROTECTION")]
    no_prune_protection: bool,
    /// Kinds that count as ready as soon as they are applied, such as CronJob,Ingress.networking.k8s.io; `unattended`
    /// for all that nothing here acts on and all that waits for Pods without a node to run them
    #[arg(long, value_name = "KIND", value_delimiter = ',', env = "COWHERD_ASSUME_READY")]
    assume_ready: Vec<Assumption>,
}

impl Delivering {
    /// What counts as ready as soon as it is applied.
    pub fn assumptions(&self) -> &[Assumption] {
        &self.assume_ready
    }

    /// The configuration of the agents with what the flags say.
    pub fn apply(&self, config: Config) -> Config {
        Config { prune_protection: !self.no_prune_protection, assumptions: self.assume_ready.clone(), ..config }
    }
}
