//! What is brought to a cluster: what deploy/ holds, as it was asked for.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the agents need wherever they run.
const NEEDED: [&str; 3] = [
    include_str!("../../../../../deploy/namespace.yaml"),
    include_str!("../../../../../deploy/agent.yaml"),
    include_str!("../../../../../deploy/roles.yaml"),
];
/// That Kustomizations which name no account may apply everything.
const OPEN: &str = include_str!("../../../../../deploy/applier.yaml");
/// The account that may apply everything where the others may not.
const LOCKED: &str = include_str!("../../../../../deploy/in-cluster/platform.yaml");
/// The agents as Pods, and who reaches them.
const IN_CLUSTER: [&str; 3] = [
    include_str!("../../../../../deploy/in-cluster/deployment.yaml"),
    include_str!("../../../../../deploy/in-cluster/network-policy.yaml"),
    include_str!("../../../../../deploy/in-cluster/service.yaml"),
];
/// The arguments that lock agents down.
pub const LOCK_DOWN: [&str; 3] =
    ["--no-cross-namespace-refs", "--no-remote-bases", "--default-service-account=default"];

/// The agents as they are to run in the cluster.
#[derive(Clone, Debug)]
pub struct InCluster {
    /// Where nodes have the program from.
    pub image: String,
    /// The Secret with which they fetch it.
    pub pull_secret: Option<String>,
    /// How many of them there are; one works.
    pub replicas: u16,
    /// What they are told that denies something to all.
    pub lock_down: Vec<String>,
    /// What they are told besides.
    pub arguments: Vec<String>,
}

/// What may be applied on behalf of nobody's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Nothing: who names no account acts for one of their namespace.
    Locked,
    /// Everything, as with Flux where nobody has locked it down.
    Open,
}

/// The documents: definitions, rights, and the agents where these are to run in the cluster.
///
/// # Errors
/// None that anybody can cause: the documents are part of the program.
pub fn documents(agents: Option<&InCluster>, rights: Rights) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    for definition in cowherd_api::crds() {
        let mut value = serde_json::to_value(definition)?;
        value["apiVersion"] = "apiextensions.k8s.io/v1".into();
        value["kind"] = "CustomResourceDefinition".into();
        documents.push(value);
    }
    for text in NEEDED {
        documents.extend(read(text)?);
    }
    documents.extend(read(match rights {
        Rights::Locked => LOCKED,
        Rights::Open => OPEN,
    })?);
    if let Some(agents) = agents {
        for text in IN_CLUSTER {
            documents.extend(read(text)?);
        }
        let deployment = documents.iter_mut().find(|document| document["kind"] == "Deployment");
        adapt(deployment.context("deploy/ has no Deployment")?, agents)?;
    }
    Ok(documents)
}

fn read(text: &str) -> Result<impl Iterator<Item = Value> + use<>> {
    let documents = cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default())?;
    Ok(documents.into_iter().map(|document| document.value))
}

/// Has the Deployment run what was asked for.
fn adapt(deployment: &mut Value, agents: &InCluster) -> Result<()> {
    deployment["spec"]["replicas"] = agents.replicas.into();
    let pod = &mut deployment["spec"]["template"]["spec"];
    if let Some(secret) = &agents.pull_secret {
        pod["imagePullSecrets"] = json!([{ "name": secret }]);
    }
    let container = &mut pod["containers"][0];
    container["image"] = agents.image.as_str().into();
    let arguments = container["args"].as_array_mut().context("the Deployment in deploy/ has no arguments")?;
    arguments.retain(|argument| !LOCK_DOWN.iter().any(|one| argument == one));
    let told = agents.lock_down.iter().chain(&agents.arguments);
    arguments.extend(told.map(|argument| argument.as_str().into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> InCluster {
        InCluster {
            image: "registry.example.com/cowherd:1".to_owned(),
            pull_secret: Some("registry".to_owned()),
            replicas: 2,
            lock_down: LOCK_DOWN.map(str::to_owned).to_vec(),
            arguments: vec!["--max-storage=8Gi".to_owned()],
        }
    }

    fn has(documents: &[Value], kind: &str, name: &str) -> bool {
        documents.iter().any(|document| document["kind"] == kind && document["metadata"]["name"] == name)
    }

    #[test]
    fn without_an_image_there_are_definitions_and_rights_alone() {
        let documents = documents(None, Rights::Locked).unwrap();
        assert!(has(&documents, "CustomResourceDefinition", "kustomizations.kustomize.toolkit.fluxcd.io"));
        assert!(has(&documents, "ServiceAccount", "cowherd-agent") && has(&documents, "Namespace", "flux-system"));
        let in_cluster = ["Deployment", "Service", "NetworkPolicy"];
        assert!(!documents.iter().any(|document| in_cluster.iter().any(|kind| document["kind"] == *kind)));
    }

    #[test]
    fn the_agents_run_what_was_asked_for_locked_down() {
        let documents = documents(Some(&agents()), Rights::Locked).unwrap();
        let deployment = documents.iter().find(|document| document["kind"] == "Deployment").unwrap();
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(
            (&deployment["spec"]["replicas"], &pod["imagePullSecrets"][0]["name"]),
            (&json!(2), &json!("registry"))
        );
        let container = &pod["containers"][0];
        assert_eq!(container["image"], "registry.example.com/cowherd:1");
        let arguments = container["args"].as_array().unwrap();
        for expected in LOCK_DOWN.into_iter().chain(["agent", "--max-storage=8Gi"]) {
            assert!(arguments.contains(&expected.into()), "{expected}");
        }
        assert!(has(&documents, "ClusterRoleBinding", "cowherd-platform"));
        assert!(
            !has(&documents, "ClusterRoleBinding", "cowherd-applier"),
            "the agents themselves may not apply everything"
        );
    }

    #[test]
    fn what_is_not_locked_down_applies_everything_for_who_names_no_account() {
        let documents = documents(Some(&InCluster { lock_down: Vec::new(), ..agents() }), Rights::Open).unwrap();
        let deployment = documents.iter().find(|document| document["kind"] == "Deployment").unwrap();
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
        assert!(!LOCK_DOWN.iter().any(|one| arguments.contains(one)), "{arguments}");
        assert!(arguments.contains("--data-dir=/data"), "{arguments}");
        assert!(has(&documents, "ClusterRoleBinding", "cowherd-applier"));
        assert!(!has(&documents, "ClusterRoleBinding", "cowherd-platform"));
    }
}
