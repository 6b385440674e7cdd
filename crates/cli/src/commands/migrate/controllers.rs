//! Flux's controllers as Deployments: who runs, how they are stopped, and started as they were.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cowherd_text::listed;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::Selector;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::bootstrap::{MANAGER, ROOT};
use crate::cluster::explain;
use crate::flux::{self, COMPONENT};
use crate::terminal::{Mark, tell};

/// How many replicas a controller had before it was stopped.
const REPLICAS: &str = "cowherd.dev/flux-replicas";
/// The Deployment of agents that run in the cluster.
const AGENTS: &str = "cowherd-agent";
/// How often is looked whether Pods have ended.
const PAUSE: Duration = Duration::from_millis(500);
/// How many are named.
const MOST: usize = 12;

/// Some of Flux's controllers, those first that would start others again.
pub struct Controllers(Vec<Deployment>);

impl Controllers {
    /// Those that run, and those that were stopped here: what these are told counts as well.
    ///
    /// # Errors
    /// When the cluster gives no answer, or does not let Deployments be seen.
    pub async fn find(client: &Client) -> Result<Self> {
        let all = flux::deployments(client).await.map_err(explain)?;
        Ok(Self::in_order(all.into_iter().filter(|one| flux::runs(one) || is_stopped_here(one)).collect()))
    }

    /// Those that were stopped here.
    ///
    /// # Errors
    /// As [`Controllers::find`].
    pub async fn stopped(client: &Client) -> Result<Self> {
        let all = flux::deployments(client).await.map_err(explain)?;
        Ok(Self::in_order(all.into_iter().filter(is_stopped_here).collect()))
    }

    /// Whether none of them runs any more.
    pub fn are_stopped(&self) -> bool {
        !self.0.iter().any(flux::runs)
    }

    /// Those of them that run by now.
    ///
    /// # Errors
    /// As [`Controllers::find`].
    pub async fn running(&self, client: &Client) -> Result<Self> {
        Ok(self.running_of(flux::deployments(client).await.map_err(explain)?))
    }

    /// Those of these Deployments that are among them, and run.
    fn running_of(&self, all: Vec<Deployment>) -> Self {
        let id = |one: &Deployment| (one.namespace(), one.name_any());
        let is_known = |one: &Deployment| self.0.iter().any(|known| id(known) == id(one));
        Self::in_order(all.into_iter().filter(|one| flux::runs(one) && is_known(one)).collect())
    }

    /// What is wrong where they are in several namespaces. They are known by a label, which whoever may make Deployments may give to
    /// theirs; the operator need not be where the others are.
    pub fn apart(&self) -> Option<String> {
        let others = self.0.iter().filter(|one| component(one) != flux::OPERATOR);
        let namespaces: BTreeSet<String> = others.filter_map(ResourceExt::namespace).collect();
        (namespaces.len() > 1).then(|| {
            format!(
                "Deployments with the label {COMPONENT} of Flux's controllers are in several namespaces: {}; if they are all Flux's, \
                 --accept apart takes over from them, and if not, take the label away: what they are told is told to the agents",
                listed(namespaces, MOST)
            )
        })
    }

    /// What the cluster says to stopping them, tried and not done.
    ///
    /// # Errors
    /// When it refuses it.
    pub async fn try_to_stop(&self, client: &Client) -> Vec<String> {
        let mut refused = Vec::new();
        for one in self.0.iter().filter(|one| flux::runs(one)) {
            let (namespace, name) = (one.namespace().unwrap_or_default(), one.name_any());
            if let Err(error) = scale(client, &namespace, &name, json!({ "spec": { "replicas": 0 } }), true).await {
                refused.push(format!("{error:#}"));
            }
        }
        refused
    }

    /// The operator keeps all others, and the one of Kustomizations those that its repository describes.
    fn in_order(mut all: Vec<Deployment>) -> Self {
        let rank = |one: &Deployment| match component(one) {
            flux::OPERATOR => 0,
            "kustomize-controller" => 1,
            _ => 2,
        };
        all.sort_by_key(|one| (rank(one), one.namespace(), one.name_any()));
        Self(all)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them: which it is, and what it is told.
    pub fn told(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str>)> {
        self.0.iter().map(|one| {
            let pod = one.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
            let containers = pod.into_iter().flat_map(|pod| &pod.containers);
            (component(one), containers.flat_map(|container| container.args.iter().flatten()).map(String::as_str))
        })
    }

    /// Their names, with the versions of their images.
    pub fn named(&self) -> String {
        let name =
            |one: &Deployment| format!("{}/{}{}", one.namespace().unwrap_or_default(), one.name_any(), version(one));
        listed(self.0.iter().map(name), MOST)
    }

    /// For programs.
    pub fn structured(&self) -> Vec<Value> {
        let about = |one: &Deployment| json!({ "namespace": one.namespace(), "name": one.name_any(), "image": image(one), "replicas": replicas(one) });
        self.0.iter().map(about).collect()
    }

    /// Stops one after the other, and waits for each until its last Pod is gone: two must never keep the same objects.
    ///
    /// # Errors
    /// When the cluster refuses it, or a Pod does not end in time.
    pub async fn stop(&self, client: &Client, timeout: Duration) -> Result<()> {
        for one in &self.0 {
            let kept = json!({ "metadata": { "annotations": { REPLICAS: replicas(one).to_string() } }, "spec": { "replicas": 0 } });
            let (namespace, name) = (one.namespace().unwrap_or_default(), one.name_any());
            // How many there were is remembered once.
            if flux::runs(one) {
                scale(client, &namespace, &name, kept, false).await?;
            }
            let ended = ended(client, &namespace, &name, timeout).await;
            ended.with_context(|| format!("{namespace}/{name} was scaled to nothing and goes on"))?;
            tell!("{} stopped {namespace}/{name}", Mark::Success);
        }
        Ok(())
    }

    /// Starts them as they were, those last that would start others.
    ///
    /// # Errors
    /// When the cluster refuses it.
    pub async fn start(&self, client: &Client) -> Result<()> {
        for one in self.0.iter().rev() {
            let before = one.annotations().get(REPLICAS).and_then(|before| before.parse().ok());
            let restored = json!({ "metadata": { "annotations": { REPLICAS: null } },
                "spec": { "replicas": before.unwrap_or_else(|| replicas(one)) } });
            scale(client, &one.namespace().unwrap_or_default(), &one.name_any(), restored, false).await?;
        }
        Ok(())
    }
}

/// Whether it was stopped here.
fn is_stopped_here(deployment: &Deployment) -> bool {
    deployment.annotations().contains_key(REPLICAS) && !flux::runs(deployment)
}

/// Stops the agents that run in the cluster, if there are any.
///
/// # Errors
/// When the cluster refuses it, or a Pod does not end in time.
pub async fn stop_agents(client: &Client, timeout: Duration) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), ROOT);
    if deployments.get_metadata_opt(AGENTS).await.map_err(explain)?.is_none() {
        return Ok(());
    }
    scale(client, ROOT, AGENTS, json!({ "spec": { "replicas": 0 } }), false).await?;
    ended(client, ROOT, AGENTS, timeout).await?;
    tell!("{} stopped {ROOT}/{AGENTS}", Mark::Success);
    Ok(())
}

/// Which of the controllers it is.
fn component(deployment: &Deployment) -> &str {
    deployment.labels().get(COMPONENT).map_or(flux::OPERATOR, String::as_str)
}

/// How many there are to be; one where nobody says.
fn replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn image(deployment: &Deployment) -> Option<&str> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.first()?.image.as_deref()
}

/// The version of its image, as people read it.
fn version(deployment: &Deployment) -> String {
    let tag = image(deployment).and_then(|image| image.split('@').next()?.rsplit_once(':')).map(|(_, tag)| tag);
    tag.filter(|tag| !tag.contains('/')).map(|tag| format!(" ({tag})")).unwrap_or_default()
}

async fn scale(client: &Client, namespace: &str, name: &str, patch: Value, dry_run: bool) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), dry_run, ..PatchParams::default() };
    let patched = deployments.patch(name, &parameters, &Patch::Merge(patch)).await;
    patched.map(drop).map_err(explain).with_context(|| format!("cannot scale the Deployment {namespace}/{name}"))
}

/// Waits until the Deployment has no Pod any more, not even one that is ending: it may take as long as it has for that, and the timeout.
async fn ended(client: &Client, namespace: &str, name: &str, timeout: Duration) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let begin = Instant::now();
    loop {
        let Some(found) = deployments.get_opt(name).await.map_err(explain)? else { return Ok(()) };
        if is_at_rest(&found) && !has_pods(client, namespace, &found).await? {
            return Ok(());
        }
        let (timeout, deadline) = (timeout + grace(&found), begin + timeout + grace(&found));
        if Instant::now() >= deadline {
            bail!(
                "its Pods did not end in {}; look at them with `kubectl get pods --namespace {namespace}`",
                format_args!("{} s", timeout.as_secs())
            );
        }
        sleep(PAUSE).await;
    }
}

/// How long its Pods may take to end.
fn grace(deployment: &Deployment) -> Duration {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let seconds = pod.and_then(|pod| pod.termination_grace_period_seconds).unwrap_or(30);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// Whether any Pod of it is there. Those that are ending count in no status.
async fn has_pods(client: &Client, namespace: &str, deployment: &Deployment) -> Result<bool> {
    let Some(spec) = &deployment.spec else { return Ok(false) };
    let selector = Selector::try_from(spec.selector.clone()).context("its selector cannot be read")?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let found = pods.list_metadata(&ListParams::default().labels_from(&selector).limit(1)).await.map_err(explain)?;
    Ok(!found.items.is_empty())
}

/// Whether what was asked for has been seen, and no Pod is to be there.
fn is_at_rest(deployment: &Deployment) -> bool {
    let status = deployment.status.clone().unwrap_or_default();
    status.observed_generation >= deployment.metadata.generation && status.replicas.unwrap_or_default() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(name: &str, component: Option<&str>, spec: Value, status: Value) -> Deployment {
        let labels = component.map_or(json!({}), |component| json!({ COMPONENT: component }));
        serde_json::from_value(
            json!({ "metadata": { "name": name, "namespace": "flux-system", "labels": labels, "generation": 2 },
            "spec": spec, "status": status }),
        )
        .unwrap()
    }

    fn spec(image: &str, arguments: &[&str]) -> Value {
        json!({ "selector": {}, "template": { "spec": { "containers": [{ "name": "manager", "image": image, "args": arguments }] } } })
    }

    #[test]
    fn who_would_start_others_again_is_stopped_first() {
        let one = |name: &str, component| deployment(name, component, spec("flux:v1", &[]), Value::Null);
        let all = vec![
            one("helm-controller", Some("helm-controller")),
            one("kustomize-controller", Some("kustomize-controller")),
            one("flux-operator", None),
        ];
        let names: Vec<String> = Controllers::in_order(all).0.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["flux-operator", "kustomize-controller", "helm-controller"]);
    }

    #[test]
    fn who_runs_by_now_is_one_of_those_that_were_stopped() {
        let one = |name: &str, replicas| {
            deployment(name, Some(name), json!({ "selector": {}, "template": {}, "replicas": replicas }), Value::Null)
        };
        let stopped = Controllers::in_order(vec![one("helm-controller", 0), one("source-controller", 0)]);
        let now = vec![one("helm-controller", 1), one("source-controller", 0), one("kustomize-controller", 1)];
        let names: Vec<String> = stopped.running_of(now).0.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["helm-controller"]);
    }

    #[test]
    fn a_deployment_elsewhere_that_says_it_is_one_of_them_stands_in_the_way() {
        let one = |name: &str, component| deployment(name, component, spec("flux:v1", &[]), Value::Null);
        let with = |namespace: &str, mut one: Deployment| {
            one.metadata.namespace = Some(namespace.to_owned());
            one
        };
        let flux = || one("source-controller", Some("source-controller"));
        assert_eq!(Controllers::in_order(vec![flux(), with("operator", one("flux-operator", None))]).apart(), None);
        let other = with("team", one("mine", Some("kustomize-controller")));
        let said = Controllers::in_order(vec![flux(), other]).apart().unwrap();
        assert!(said.contains("in several namespaces: flux-system, team; "), "{said}");
    }

    #[test]
    fn it_is_at_rest_when_what_was_asked_for_was_seen_and_no_pod_is_left() {
        let with = |status: Value| deployment("a", None, spec("flux", &[]), status);
        assert!(is_at_rest(&with(json!({ "observedGeneration": 2 }))));
        assert!(!is_at_rest(&with(json!({ "observedGeneration": 1 }))), "of what was before");
        assert!(!is_at_rest(&with(json!({ "observedGeneration": 2, "replicas": 1 }))));
        assert!(!is_at_rest(&with(Value::Null)));
    }

    #[test]
    fn versions_are_those_of_images() {
        let version = |image: &str| version(&deployment("a", None, spec(image, &[]), Value::Null));
        assert_eq!(version("ghcr.io/fluxcd/source-controller:v1.9.6"), " (v1.9.6)");
        assert_eq!(version("registry:5000/source-controller@sha256:00"), "");
    }

    #[test]
    fn each_is_told_what_its_containers_have_as_arguments() {
        let one = deployment("a", Some("source-controller"), spec("flux", &["--log-level=info"]), Value::Null);
        let all = Controllers::in_order(vec![one]);
        let told: Vec<(&str, Vec<&str>)> = all.told().map(|(name, flags)| (name, flags.collect())).collect();
        assert_eq!(told, [("source-controller", vec!["--log-level=info"])]);
    }
}
