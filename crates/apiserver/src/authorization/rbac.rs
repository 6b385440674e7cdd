//! What bindings give to a user: pure, of the bindings and roles that are given.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use super::Rule;
use crate::identity::{User, service_account};

/// The group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// A role: of a namespace, or of the cluster where the namespace is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleKey {
    /// The namespace; empty for a ClusterRole.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// Who gets what a binding gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The user of this name. A service account is one.
    User(String),
    /// Everybody in this group.
    Group(String),
}

/// What of a RoleBinding or a ClusterRoleBinding gives rights.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    metadata: Metadata,
    role_ref: Reference,
    subjects: Option<Vec<Reference>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    namespace: String,
}

/// A role, or somebody who gets one.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Reference {
    kind: String,
    namespace: String,
    name: String,
}

impl Binding {
    /// Where the rights hold; empty for the whole cluster.
    pub fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    /// The role that it gives; `None` where nothing can be that role.
    pub fn role(&self) -> Option<RoleKey> {
        let name = self.role_ref.name.clone();
        match self.role_ref.kind.as_str() {
            "ClusterRole" => Some(RoleKey { namespace: String::new(), name }),
            "Role" if !self.metadata.namespace.is_empty() => {
                Some(RoleKey { namespace: self.metadata.namespace.clone(), name })
            }
            _ => None,
        }
    }

    /// Everybody whom it is for.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.subjects.iter().flatten().filter_map(|subject| match subject.kind.as_str() {
            "User" => Some(Subject::User(subject.name.clone())),
            "Group" => Some(Subject::Group(subject.name.clone())),
            "ServiceAccount" => {
                let namespace =
                    if subject.namespace.is_empty() { self.namespace() } else { subject.namespace.as_str() };
                Some(Subject::User(format!("system:serviceaccount:{namespace}:{}", subject.name)))
            }
            _ => None,
        })
    }

    /// Whether it is for the user.
    pub fn is_for(&self, user: &User) -> bool {
        self.subjects.iter().flatten().any(|subject| match subject.kind.as_str() {
            "User" => subject.name == user.name,
            "Group" => user.is_in(&subject.name),
            "ServiceAccount" => {
                let own = subject.namespace.as_str();
                let namespace = if own.is_empty() { self.metadata.namespace.as_str() } else { own };
                service_account(&user.name) == Some((namespace, subject.name.as_str()))
            }
            _ => false,
        })
    }
}

/// The bindings that hold in one place, and the roles that they name.
#[derive(Debug, Default)]
pub struct Policy {
    /// Bindings of the cluster, then those of the namespace that is asked about.
    pub bindings: Vec<Arc<Binding>>,
    /// The rules of roles. A role that is not there allows nothing.
    pub roles: HashMap<RoleKey, Arc<[Rule]>>,
}

impl Policy {
    /// Every rule that holds for the user.
    pub fn rules<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Rule> {
        let bound = self.bindings.iter().filter(|binding| binding.is_for(user));
        let roles = bound.filter_map(|binding| self.roles.get(&binding.role()?));
        roles.flat_map(|rules| rules.iter())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn binding(namespace: &str, kind: &str, subject: Value) -> Binding {
        let binding = json!({
            "metadata": {"namespace": namespace, "name": "b"}, "roleRef": {"kind": kind, "name": "r"},
            "subjects": [subject],
        });
        serde_json::from_value(binding).unwrap()
    }

    #[test]
    fn a_binding_is_for_users_groups_and_service_accounts() {
        let jane = User::authenticated("jane", ["herders"]);
        let robot = User::known("system:serviceaccount:a:robot", &[]);
        let is_for = |subject: Value, user: &User| binding("a", "Role", subject).is_for(user);
        assert!(is_for(json!({"kind": "User", "name": "jane"}), &jane));
        assert!(!is_for(json!({"kind": "User", "name": "herders"}), &jane));
        assert!(is_for(json!({"kind": "Group", "name": "herders"}), &jane));
        assert!(is_for(json!({"kind": "Group", "name": "system:authenticated"}), &jane));
        assert!(!is_for(json!({"kind": "Group", "name": "jane"}), &jane));
        assert!(is_for(json!({"kind": "ServiceAccount", "name": "robot"}), &robot));
        assert!(is_for(json!({"kind": "ServiceAccount", "name": "robot", "namespace": "a"}), &robot));
        assert!(!is_for(json!({"kind": "ServiceAccount", "name": "robot", "namespace": "b"}), &robot));
        assert!(is_for(json!({"kind": "Group", "name": "system:serviceaccounts:a"}), &robot));
        assert!(!is_for(json!({"kind": "Robot", "name": "jane"}), &jane));
    }

    #[test]
    fn a_binding_gives_the_rules_of_its_role() {
        let get = Rule { verbs: vec!["get".into()], ..Rule::default() };
        let list = Rule { verbs: vec!["list".into()], ..Rule::default() };
        let key = |namespace: &str| RoleKey { namespace: namespace.into(), name: "r".into() };
        let subject = || json!({"kind": "User", "name": "jane"});
        let policy = |bindings: Vec<Binding>| Policy {
            bindings: bindings.into_iter().map(Arc::new).collect(),
            roles: HashMap::from([(key(""), [get.clone()].into()), (key("a"), [list.clone()].into())]),
        };
        let jane = User::authenticated("jane", []);
        let rules = |bindings: Vec<Binding>| policy(bindings).rules(&jane).cloned().collect::<Vec<_>>();
        assert_eq!(rules(vec![binding("a", "ClusterRole", subject())]), std::slice::from_ref(&get));
        assert_eq!(rules(vec![binding("a", "Role", subject())]), std::slice::from_ref(&list));
        let both = vec![binding("", "ClusterRole", subject()), binding("a", "Role", subject())];
        assert_eq!(rules(both), [get.clone(), list.clone()]);
        assert_eq!(rules(vec![binding("b", "Role", subject())]), []);
        assert_eq!(rules(vec![binding("", "Role", subject())]), []);
        assert_eq!(rules(vec![binding("a", "Other", subject())]), []);
        assert_eq!(rules(vec![binding("a", "Role", json!({"kind": "User", "name": "joe"}))]), []);
    }
}
