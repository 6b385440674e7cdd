//! Says why Pods do not come: where there is no node, waiting alone does not help.

use std::time::Duration;

use cowherd_apply::{ObjectId, Unhealthy};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use tokio::sync::OnceCell;

use super::readiness::remedy;
use crate::target::Target;

/// Whether the cluster has no node: it is asked once, when somebody wants to know.
pub(super) struct Lacking<'a> {
    target: &'a Target,
    answer: OnceCell<bool>,
}

impl<'a> Lacking<'a> {
    pub(super) fn new(target: &'a Target) -> Self {
        Self { target, answer: OnceCell::new() }
    }

    /// Whether it is known that there is none.
    pub(super) async fn is_so(&self) -> bool {
        *self.answer.get_or_init(|| is_lacking(self.target)).await
    }
}

/// How often it is asked where no answer comes: much hangs on it, and it is asked when much is under way.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

async fn is_lacking(target: &Target) -> bool {
    let nodes: Api<Node> = Api::all(target.client.clone());
    for _ in 0..TRIES {
        match nodes.list_metadata(&ListParams::default().limit(1)).await {
            Ok(found) => return found.items.is_empty(),
            Err(kube::Error::Api(status)) if status.code < 500 && status.code != 429 => return false,
            Err(error) => tracing::debug!(%error, "it is not known whether there are nodes"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// What the objects wait for, if some of them wait for Pods and the cluster has no node to run them.
pub(super) async fn missing(target: &Target, unhealthy: &Unhealthy) -> Option<String> {
    let waiting: Vec<&ObjectId> = unhealthy.objects.iter().map(|(id, _)| id).filter(|id| runs_pods(id)).collect();
    let first = waiting.first()?;
    is_lacking(target).await.then(|| format!("{}; {}", message(first, waiting.len()), remedy(waiting.iter().copied())))
}

fn message(first: &ObjectId, waiting: usize) -> String {
    let verb = if waiting == 1 { "waits" } else { "wait" };
    let named = cowherd_text::listed_of([first], waiting, 1);
    format!("{named} {verb} for Pods, and those for a node: this cluster has none")
}

/// Whether nothing comes of the object until a node runs Pods.
pub(super) fn runs_pods(id: &ObjectId) -> bool {
    matches!(
        (id.group.as_str(), id.kind.as_str()),
        ("", "Pod") | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("batch", "Job")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_named() {
        let web =
            ObjectId { kind: "Deployment".into(), namespace: "a".into(), name: "web".into(), group: "apps".into() };
        let one = "Deployment/a/web waits for Pods, and those for a node: this cluster has none";
        assert_eq!(message(&web, 1), one);
        assert!(message(&web, 3).starts_with("Deployment/a/web, and 2 more wait for Pods"));
    }
}
