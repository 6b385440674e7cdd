//! What is allowed to those who write resources into the cluster, and what to the person who runs the program.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use cowherd_gitops::{NamespacedName, Policy};
use cowherd_source::{Access, Block, LocalAccess, Network, RepositoryUrl};

use crate::bootstrap::{ROOT, Root};

/// Flags that say what resources in the cluster may, as Flux's controllers have them where they have them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What tenants may")]
pub struct Tenancy {
    /// Another local repository, or a directory of them, that a GitRepository or a base may name
    #[arg(long = "local-repository", value_name = "PATH")]
    local_repositories: Vec<PathBuf>,
    /// Addresses of this machine, its link or its cloud that sources, bases and charts may be fetched from
    #[arg(long = "allow-network", value_name = "CIDR", value_delimiter = ',')]
    networks: Vec<Block>,
    /// Refuse kustomizations that name bases or charts outside of their repository
    #[arg(long)]
    pub no_remote_bases: bool,
    /// Refuse references to resources of other namespaces
    #[arg(long)]
    no_cross_namespace_refs: bool,
    /// The ServiceAccount on whose behalf Kustomizations act that name none
    #[arg(long, value_name = "NAME")]
    pub default_service_account: Option<String>,
}

impl Tenancy {
    /// The policy of agents that follow `root`, if somebody named one.
    pub fn policy(&self, root: Option<&Root>) -> Result<Policy> {
        let named = |root: &Root| {
            let url = RepositoryUrl::parse(&root.followed.url)
                .with_context(|| format!("cannot follow {}", root.followed.url))?;
            anyhow::Ok(cowherd_gitops::Root { name: NamespacedName::new(ROOT, ROOT), url })
        };
        Ok(Policy {
            access: Access {
                network: Network::Others(self.networks.clone()),
                local: LocalAccess::Only(self.local_repositories.clone()),
                ..Access::default()
            },
            root: root.map(named).transpose()?,
            no_cross_namespace_refs: self.no_cross_namespace_refs,
            default_service_account: self.default_service_account.clone().filter(|name| !name.is_empty()),
        })
    }
}
