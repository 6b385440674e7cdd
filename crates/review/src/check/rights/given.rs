//! What accounts of a cluster may do by the roles and bindings that are known of it.

use std::collections::HashMap;

use serde_json::Value;

const GROUP: &str = "rbac.authorization.k8s.io";
/// What stands for everything.
const ALL: &str = "*";
/// The label of what every cluster has from its start.
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

/// What is to be done with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The verb of Kubernetes.
    pub(super) verb: &'a str,
    /// The group of the resource.
    pub(super) group: &'a str,
    /// The plural of the resource.
    pub(super) resource: &'a str,
    /// The namespace; empty for what is in none.
    pub(super) namespace: &'a str,
    /// The object.
    pub(super) name: &'a str,
}

/// The roles and bindings of a cluster.
#[derive(Default)]
pub(super) struct Given<'a> {
    /// By namespace and name; a ClusterRole has no namespace.
    roles: HashMap<(&'a str, &'a str), &'a Value>,
    /// By whom they are for.
    bindings: HashMap<Subject, Vec<&'a Value>>,
}

/// Who gets what a binding gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// The ServiceAccount of this namespace and name.
    Account(String, String),
    /// Everybody in this group.
    Group(String),
}

/// A binding, and the roles whose rules it gives; none where its role is not known.
struct Bound<'a> {
    binding: &'a Value,
    roles: Vec<&'a Value>,
}

/// What is given to one account.
pub(super) struct Rights<'a> {
    bound: Vec<Bound<'a>>,
}

impl<'a> Given<'a> {
    /// Takes in an object, if it is a role or a binding. Of two of the same name the later one counts.
    pub(super) fn take(&mut self, object: &'a Value) {
        if group(object) != GROUP {
            return;
        }
        match text(&object["kind"]) {
            "ClusterRole" | "Role" => {
                let metadata = &object["metadata"];
                self.roles.insert((namespace(object), text(&metadata["name"])), object);
            }
            "ClusterRoleBinding" | "RoleBinding" => {
                for subject in subjects(object) {
                    self.bindings.entry(subject).or_default().push(object);
                }
            }
            _ => {}
        }
    }

    /// What is given to a ServiceAccount, by its name or by a group that it is in.
    pub(super) fn to(&self, namespace: &str, name: &str) -> Rights<'a> {
        let of_namespace = format!("system:serviceaccounts:{namespace}");
        let groups = ["system:authenticated", "system:serviceaccounts", &of_namespace];
        let groups = groups.map(|group| Subject::Group(group.to_owned()));
        let whoever = [Subject::Account(namespace.to_owned(), name.to_owned())].into_iter().chain(groups);
        let bindings = whoever.filter_map(|subject| self.bindings.get(&subject)).flatten().copied();
        Rights { bound: bindings.map(|binding| Bound { binding, roles: self.roles_of(binding) }).collect() }
    }

    /// The role that a binding gives, and those that it consists of.
    fn roles_of(&self, binding: &Value) -> Vec<&'a Value> {
        let Some(role) = self.roles.get(&role(binding)).copied() else { return Vec::new() };
        let selectors = list(&role["aggregationRule"]["clusterRoleSelectors"]);
        let is_part = |other: &&Value| namespace(other).is_empty() && selectors.iter().any(|one| selects(one, other));
        let parts = self.roles.values().copied().filter(|_| !selectors.is_empty()).filter(is_part);
        [role].into_iter().chain(parts).collect()
    }
}

impl<'a> Rights<'a> {
    /// Whether nobody gave it any: what every cluster gives to everybody lets nothing be applied.
    pub(super) fn are_none(&self) -> bool {
        self.bindings().next().is_none()
    }

    /// The bindings whose roles are not known.
    pub(super) fn without_role(&self) -> impl Iterator<Item = &'a Value> {
        self.bound.iter().filter(|bound| bound.roles.is_empty()).map(|bound| bound.binding)
    }

    /// The bindings that are not those of every cluster, as people name them.
    pub(super) fn bindings(&self) -> impl Iterator<Item = String> {
        let is_own = |bound: &&Bound<'_>| bound.binding["metadata"]["labels"][BOOTSTRAPPING].is_null();
        self.bound.iter().filter(is_own).map(|Bound { binding, .. }| {
            let parts = [text(&binding["kind"]), namespace(binding), text(&binding["metadata"]["name"])];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
        })
    }

    /// Whether this may be done.
    pub(super) fn allow(&self, asked: &Asked<'_>) -> bool {
        let here = self.bound.iter().filter(|bound| holds_in(bound.binding, asked.namespace));
        here.flat_map(|bound| &bound.roles).any(|role| rules_allow(role, asked))
    }

    /// Whether a role that is bound consists of others, of which some may be made in the cluster alone.
    pub(super) fn are_aggregated(&self) -> bool {
        self.bound.iter().flat_map(|bound| &bound.roles).any(|role| role["aggregationRule"].is_object())
    }
}

/// Everybody whom a binding is for, but for people.
fn subjects(binding: &Value) -> impl Iterator<Item = Subject> {
    list(&binding["subjects"]).iter().filter_map(move |subject| {
        let name = text(&subject["name"]);
        match text(&subject["kind"]) {
            "ServiceAccount" => {
                let own = text(&subject["namespace"]);
                let own = if own.is_empty() { namespace(binding) } else { own };
                Some(Subject::Account(own.to_owned(), name.to_owned()))
            }
            "User" => {
                let (namespace, name) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
                Some(Subject::Account(namespace.to_owned(), name.to_owned()))
            }
            "Group" => Some(Subject::Group(name.to_owned())),
            _ => None,
        }
    })
}

/// The role that a binding gives, by namespace and name.
fn role(binding: &Value) -> (&str, &str) {
    let reference = &binding["roleRef"];
    let namespace = if reference["kind"] == "Role" { namespace(binding) } else { "" };
    (namespace, text(&reference["name"]))
}

/// Whether what a binding gives holds in a namespace.
fn holds_in(binding: &Value, wanted: &str) -> bool {
    binding["kind"] == "ClusterRoleBinding" || (!wanted.is_empty() && namespace(binding) == wanted)
}

fn rules_allow(role: &Value, asked: &Asked<'_>) -> bool {
    list(&role["rules"]).iter().any(|rule| {
        let of_names = list(&rule["resourceNames"]);
        names(&rule["verbs"], asked.verb)
            && names(&rule["apiGroups"], asked.group)
            && names(&rule["resources"], asked.resource)
            && (of_names.is_empty() || of_names.iter().any(|name| name == asked.name))
    })
}

/// Whether a selector of labels means an object. What is not understood means none.
fn selects(selector: &Value, object: &Value) -> bool {
    let labels = selector["matchLabels"].as_object();
    labels.is_some_and(|labels| {
        !labels.is_empty() && labels.iter().all(|(key, value)| object["metadata"]["labels"][key] == *value)
    })
}

/// Whether a list names this, or everything.
fn names(value: &Value, wanted: &str) -> bool {
    list(value).iter().any(|one| one == ALL || one == wanted)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn namespace(object: &Value) -> &str {
    text(&object["metadata"]["namespace"])
}

fn group(object: &Value) -> &str {
    text(&object["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(kind: &str, namespace: &str, name: &str, rules: Value) -> Value {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "rules": rules,
            "metadata": { "name": name, "namespace": namespace, "labels": { "for": name } } })
    }

    fn binding(kind: &str, namespace: &str, role: (&str, &str), subject: Value) -> Value {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": "b", "namespace": namespace },
            "roleRef": { "kind": role.0, "name": role.1 }, "subjects": [subject] })
    }

    fn rule(resource: &str) -> Value {
        json!([{ "verbs": ["get", "patch"], "apiGroups": ["apps"], "resources": [resource] }])
    }

    fn allows(objects: &[Value], resource: &str, namespace: &str) -> bool {
        let mut given = Given::default();
        objects.iter().for_each(|object| given.take(object));
        given.to("a", "robot").allow(&Asked { verb: "patch", group: "apps", resource, namespace, name: "web" })
    }

    #[test]
    fn a_binding_gives_the_rules_of_its_role_where_it_is() {
        let robot = json!({ "kind": "ServiceAccount", "name": "robot" });
        let own = role("Role", "a", "r", rule("deployments"));
        let bound = binding("RoleBinding", "a", ("Role", "r"), robot.clone());
        assert!(allows(&[own.clone(), bound.clone()], "deployments", "a"));
        assert!(!allows(&[own.clone(), bound.clone()], "statefulsets", "a"));
        assert!(!allows(&[own, bound], "deployments", "b"));
        let everywhere = role("ClusterRole", "", "r", rule("deployments"));
        let robot = json!({ "kind": "ServiceAccount", "name": "robot", "namespace": "a" });
        let bound = binding("ClusterRoleBinding", "", ("ClusterRole", "r"), robot.clone());
        assert!(allows(&[everywhere.clone(), bound.clone()], "deployments", ""));
        let here = binding("RoleBinding", "b", ("ClusterRole", "r"), robot);
        assert!(allows(&[everywhere.clone(), here.clone()], "deployments", "b"));
        assert!(!allows(&[everywhere, here], "deployments", "a"));
    }

    #[test]
    fn groups_of_accounts_are_known_and_other_accounts_are_others() {
        let everywhere = role("ClusterRole", "", "r", rule("*"));
        for (subject, is_for) in [
            (json!({ "kind": "Group", "name": "system:serviceaccounts:a" }), true),
            (json!({ "kind": "Group", "name": "system:serviceaccounts:b" }), false),
            (json!({ "kind": "Group", "name": "system:authenticated" }), true),
            (json!({ "kind": "User", "name": "system:serviceaccount:a:robot" }), true),
            (json!({ "kind": "ServiceAccount", "name": "robot", "namespace": "b" }), false),
        ] {
            let bound = binding("ClusterRoleBinding", "", ("ClusterRole", "r"), subject.clone());
            assert_eq!(allows(&[everywhere.clone(), bound], "deployments", "a"), is_for, "{subject}");
        }
    }

    #[test]
    fn a_role_may_consist_of_others_and_a_rule_be_for_names() {
        let robot = json!({ "kind": "ServiceAccount", "name": "robot" });
        let mut whole = role("ClusterRole", "", "whole", json!([]));
        whole["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { "for": "part" } }] });
        let part = role("ClusterRole", "", "part", rule("deployments"));
        let bound = binding("RoleBinding", "a", ("ClusterRole", "whole"), robot);
        assert!(allows(&[whole.clone(), part.clone(), bound.clone()], "deployments", "a"));
        assert!(!allows(&[whole.clone(), bound.clone()], "deployments", "a"));
        let mut other = part;
        other["rules"][0]["resourceNames"] = json!(["other"]);
        assert!(!allows(&[whole, other, bound], "deployments", "a"));
    }
}
