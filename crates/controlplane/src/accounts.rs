//! Who the agents of a control plane are to its API: service accounts of their own, with the rights that `deploy/` gives the
//! agents of a cluster that is not ours, and no others.

use cowherd_apiserver::Undeletable;
use cowherd_apply::ObjectId;
use futures::future::try_join_all;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::Error;

/// What a cluster that is not ours is given.
const DEPLOYED: [&str; 2] = [include_str!("../../../deploy/agent.yaml"), include_str!("../../../deploy/applier.yaml")];
const GROUP: &str = "rbac.authorization.k8s.io";
/// The field manager of what is put into the cluster here.
const MANAGER: &str = "cowherd";

/// The service account of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentAccount {
    /// Its name.
    pub name: &'static str,
    /// The binding, of those in `deploy/`, that says what it may.
    binding: &'static str,
}

impl AgentAccount {
    /// The namespace of all of them, as Flux has it.
    pub const NAMESPACE: &str = "flux-system";
    /// Brings sources.
    pub const SOURCES: Self = Self { name: "source-controller", binding: "cowherd-sources" };
    /// Delivers, and tells of it.
    pub const DELIVERY: Self = Self { name: "delivery-controller", binding: "cowherd-delivery" };
    /// Tells of events elsewhere, and takes webhooks.
    pub const NOTIFYING: Self = Self { name: "notification-controller", binding: "cowherd-notifications" };
    /// Applies what is on behalf of no other account: it may do everything, as with Flux.
    pub const APPLYING: Self = Self { name: "kustomize-controller", binding: "cowherd-applier" };
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SOURCES, Self::DELIVERY, Self::NOTIFYING, Self::APPLYING];

    /// The name of the user that it is.
    pub fn user(self) -> String {
        format!("system:serviceaccount:{}:{}", Self::NAMESPACE, self.name)
    }
}

/// The objects without which the agents might do nothing: no repository may change them, and nobody may delete them.
pub(crate) fn needed() -> impl Iterator<Item = ObjectId> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rights().into_iter().map(move |object| ObjectId {
        namespace: String::new(),
        name: text(&object["metadata"]["name"]),
        group: GROUP.to_owned(),
        kind: text(&object["kind"]),
    })
}

/// The same, as the API is told of them.
pub(crate) fn undeletable() -> impl Iterator<Item = Undeletable> {
    needed().map(|id| Undeletable { plural: plural(&id.kind), group: id.group, name: id.name })
}

/// Gives the accounts of the agents the rights that they need, and takes away all others.
pub(crate) async fn give_rights(client: &Client) -> Result<(), Error> {
    try_join_all(rights().iter().map(|object| apply(client, object))).await.map(drop)
}

async fn apply(client: &Client, object: &Value) -> Result<(), Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1", &kind), &plural(&kind));
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let applied = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await;
    applied.map(drop).map_err(|cause| Error::Rights { object: format!("{kind} {name}"), cause: Box::new(cause) })
}

fn plural(kind: &str) -> String {
    kind.to_lowercase() + "s"
}

/// The roles of the whole cluster that `deploy/` holds, and its bindings of them, to the accounts here.
fn rights() -> Vec<Value> {
    let documents = DEPLOYED.iter().flat_map(|text| {
        // It is a part of the program; the tests read it.
        cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default()).unwrap_or_default()
    });
    let given = |mut object: Value| match object["kind"].as_str()? {
        "ClusterRole" => Some(object),
        "ClusterRoleBinding" => {
            let account =
                AgentAccount::ALL.into_iter().find(|account| object["metadata"]["name"] == account.binding)?;
            object["subjects"] =
                json!([{ "kind": "ServiceAccount", "namespace": AgentAccount::NAMESPACE, "name": account.name }]);
            Some(object)
        }
        _ => None,
    };
    documents.filter_map(|document| given(document.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_bound_to_one_role_of_deploy_and_to_nothing_else() {
        let rights = rights();
        let named = |kind: &'static str| rights.iter().filter(move |object| object["kind"] == kind);
        for account in AgentAccount::ALL {
            let subject =
                json!({ "kind": "ServiceAccount", "namespace": AgentAccount::NAMESPACE, "name": account.name });
            let bound: Vec<_> =
                named("ClusterRoleBinding").filter(|binding| binding["subjects"] == json!([subject])).collect();
            let [binding] = bound[..] else { panic!("{} is bound by {bound:?}", account.name) };
            let role = &binding["roleRef"]["name"];
            let is_ours = named("ClusterRole").any(|known| known["metadata"]["name"] == *role);
            assert_eq!(is_ours, account != AgentAccount::APPLYING, "{role}");
        }
        assert_eq!(named("ClusterRoleBinding").count(), AgentAccount::ALL.len());
        assert_eq!(named("ClusterRole").count(), 3);
    }

    #[test]
    fn only_who_applies_may_do_everything() {
        let cluster_admins: Vec<_> =
            rights().into_iter().filter(|object| object["roleRef"]["name"] == "cluster-admin").collect();
        let [binding] = &cluster_admins[..] else { panic!("{cluster_admins:?}") };
        assert_eq!(binding["subjects"][0]["name"], AgentAccount::APPLYING.name);
        let may_all = |object: &Value| {
            let rules = object["rules"].as_array().cloned().unwrap_or_default();
            rules.iter().any(|rule| rule["verbs"].as_array().is_some_and(|verbs| verbs.contains(&json!("*"))))
        };
        assert!(!rights().iter().any(may_all));
    }
}
