//! On whose behalf the agents of a cluster act where an owner names no account.

use std::path::Path;

use anyhow::Result;
use cowherd_gitops::DefaultAccount;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::bootstrap::ROOT;
use crate::tenancy::Tenancy;

/// The flag of the agents that says it.
const FLAG: &str = "--default-service-account=";

/// What a person says; or else what the data directory of the control plane remembers, or the agents' Deployment has as an argument.
/// Where none of these is there, it is not known.
///
/// # Errors
/// When what the data directory remembers cannot be read.
pub async fn find(said: Option<&str>, data_dir: Option<&Path>, client: &Client) -> Result<DefaultAccount> {
    if let Some(said) = said {
        return Ok(DefaultAccount::named(said));
    }
    if let Some(data_dir) = data_dir {
        return Ok(DefaultAccount::named(&Tenancy::default_account_in(data_dir)?));
    }
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), ROOT);
    // Who may not see them says it with the flag.
    let found = deployments.list(&ListParams::default()).await.map(|found| found.items).unwrap_or_default();
    Ok(found.iter().find_map(of_deployment).unwrap_or_default())
}

/// What a Deployment of agents says.
fn of_deployment(deployment: &Deployment) -> Option<DefaultAccount> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.iter().find_map(|container| {
        let arguments = container.args.iter().flatten().map(String::as_str);
        let mut words = arguments.chain(container.command.iter().flatten().map(String::as_str));
        let is_agent = words.clone().any(|word| word == "agent") && container.name == "agent";
        let said = words.find_map(|word| word.strip_prefix(FLAG)).unwrap_or_default();
        is_agent.then(|| DefaultAccount::named(said))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployment_that_is_installed_says_on_whose_behalf_its_agents_act() {
        let text = include_str!("../../../../../deploy/in-cluster/deployment.yaml");
        let documents = cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default()).unwrap();
        let mut deployment: Deployment = serde_json::from_value(documents[0].value.clone()).unwrap();
        assert_eq!(of_deployment(&deployment), Some(DefaultAccount::Named("default".to_owned())));
        let pod = deployment.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        pod.containers[0].args.as_mut().unwrap().retain(|word| !word.starts_with(FLAG));
        assert_eq!(of_deployment(&deployment), Some(DefaultAccount::Agents));
        deployment.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].name = "web".to_owned();
        assert_eq!(of_deployment(&deployment), None);
    }
}
