//! What can be chosen about a control plane.

use std::path::PathBuf;

use cowherd_apiserver::Undeletable;
use cowherd_apiserver::pki::AlternativeName;
use cowherd_controllers::Selection;

use crate::accounts;

/// What can be chosen about a control plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where its state is kept, one control plane a directory. It is made where it is missing.
    pub data_dir: PathBuf,
    /// Where others reach its API; without it, only clients of this process do.
    pub listen: Option<Listen>,
    /// Limits and networks of the API, and what cannot be deleted.
    pub api: cowherd_apiserver::Config,
    /// How much history the state keeps. How much memory it takes follows from the [`Budgets`](crate::Budgets).
    pub store: cowherd_store::Options,
    /// Which controllers run.
    pub controllers: Selection,
}

/// How others reach an API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// The address and port; port 0 takes any that is free.
    pub address: String,
    /// What the certificate names beside the addresses and the name of the machine.
    pub names: Vec<AlternativeName>,
    /// What the kubeconfig calls the cluster; what it called it before, or `cowherd`, unless this says otherwise.
    pub cluster: Option<String>,
    /// Whether another authority takes the place of one that is lost. Every kubeconfig that was handed out is refused then.
    pub new_authority: bool,
}

impl Config {
    /// A control plane in this directory with all controllers, reached by clients of this process alone. What its agents
    /// need cannot be deleted.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: None,
            api: cowherd_apiserver::Config { undeletable: needed_by_agents(), ..Default::default() },
            store: cowherd_store::Options::default(),
            controllers: Selection::default(),
        }
    }
}

/// The definitions of what the agents reconcile, for with a definition go all its objects, and the rights of the agents.
fn needed_by_agents() -> Vec<Undeletable> {
    let definition = |name: &'static str| Undeletable {
        group: "apiextensions.k8s.io".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
        name: name.to_owned(),
    };
    cowherd_api::crd_names().into_iter().map(definition).chain(accounts::undeletable()).collect()
}
