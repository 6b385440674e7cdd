//! The bindings and roles of the cluster as the store's log has them, by who gets them: what is asked about somebody
//! costs what is bound to them, not all that there is.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard},
};

use bytes::Bytes;
use cowherd_store::Revision;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Rule,
    rbac::{Binding, Policy, RoleKey, Subject},
};
use crate::{following::View, identity::User};

/// The bindings and roles of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Policies(Arc<RwLock<Index>>);

#[derive(Debug, Default)]
struct Index {
    /// Which objects of the group there are, and when each was written last.
    written: HashMap<Box<str>, Revision>,
    roles: HashMap<RoleKey, Role>,
    /// By their keys in the store.
    bindings: HashMap<String, Arc<Binding>>,
    /// By where the rights hold and who gets them: whoever binds something in a namespace of their own costs nobody
    /// anything who asks elsewhere.
    by_subject: HashMap<Subject, HashMap<String, BTreeSet<String>>>,
}

/// The rules of a role, as they are stored until somebody asks for them: most roles of a cluster are nobody's.
#[derive(Debug)]
struct Role {
    text: Box<str>,
    rules: OnceLock<Arc<[Rule]>>,
}

impl Role {
    /// The role of a stored object.
    fn read(object: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow)]
            rules: Option<&'a RawValue>,
        }
        let rules = serde_json::from_slice::<Object<'_>>(object)?.rules;
        Ok(Self { text: rules.map_or("", RawValue::get).into(), rules: OnceLock::new() })
    }

    fn rules(&self) -> Arc<[Rule]> {
        self.rules.get_or_init(|| Rule::of_text(&self.text).into()).clone()
    }
}

/// How far the group's objects are: how many there are, and when one of them was written last. Where both are as they were,
/// nothing was written or deleted meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many there are.
    pub objects: usize,
    /// When one of them was written last.
    pub newest: Revision,
}

impl Policies {
    /// What is bound to the user in a namespace, and in the cluster; in the cluster alone where the namespace is empty.
    pub fn of(&self, user: &User, namespace: &str) -> Policy {
        let index = self.index();
        let bindings = index.keys(user, namespace).into_iter().filter_map(|key| index.bindings.get(key));
        let bindings: Vec<Arc<Binding>> = bindings.cloned().collect();
        let roles = bindings.iter().filter_map(|binding| {
            let role = binding.role()?;
            let rules = index.roles.get(&role)?.rules();
            Some((role, rules))
        });
        Policy { roles: roles.collect(), bindings }
    }

    /// The rules of a role; `None` where there is none.
    pub fn role(&self, key: &RoleKey) -> Option<Arc<[Rule]>> {
        self.index().roles.get(key).map(Role::rules)
    }

    /// How far the group's objects are.
    pub fn extent(&self) -> Extent {
        let written = &self.index().written;
        Extent { objects: written.len(), newest: written.values().copied().max().unwrap_or_default() }
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// The keys of the bindings that are for the user, in the cluster and in a namespace.
    fn keys(&self, user: &User, namespace: &str) -> BTreeSet<&String> {
        let subjects = std::iter::once(Subject::User(user.name.clone()))
            .chain(user.groups.iter().map(|group| Subject::Group(group.clone())));
        let places = subjects.filter_map(|subject| self.by_subject.get(&subject));
        places.flat_map(|places| ["", namespace].into_iter().filter_map(|place| places.get(place))).flatten().collect()
    }

    /// Puts a binding in the place of what its key had. One that cannot be read gives nothing, and is an error.
    fn bind(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), String> {
        if let Some(former) = self.bindings.remove(key) {
            for subject in former.subjects() {
                let Some(places) = self.by_subject.get_mut(&subject) else { continue };
                if let Some(keys) = places.get_mut(former.namespace()) {
                    keys.remove(key);
                    if keys.is_empty() {
                        places.remove(former.namespace());
                    }
                }
                if places.is_empty() {
                    self.by_subject.remove(&subject);
                }
            }
        }
        let Some(value) = value else { return Ok(()) };
        let binding: Binding = serde_json::from_slice(value).map_err(|error| unreadable("binding", &error))?;
        for subject in binding.subjects() {
            let places = self.by_subject.entry(subject).or_default();
            places.entry(binding.namespace().to_owned()).or_default().insert(key.to_owned());
        }
        self.bindings.insert(key.to_owned(), Arc::new(binding));
        Ok(())
    }

    /// Puts the rules of a role in the place of those that it had. One that cannot be read has none, and is an error.
    fn define(&mut self, key: RoleKey, value: Option<&[u8]>) -> Result<(), String> {
        self.roles.remove(&key);
        if let Some(value) = value {
            let role = Role::read(value).map_err(|error| unreadable("role", &error))?;
            self.roles.insert(key, role);
        }
        Ok(())
    }
}

fn unreadable(what: &str, error: &serde_json::Error) -> String {
    format!("a {what} was stored that cannot be read: {error}")
}

/// Keeps the bindings and roles at what the log says of them.
pub struct PolicyView {
    /// What is kept.
    pub policies: Policies,
    /// What the keys of the group's objects begin with.
    pub prefix: String,
}

impl View for PolicyView {
    fn prefix(&self) -> String {
        self.prefix.clone()
    }

    fn seen(&mut self, key: &str, value: Option<Bytes>, revision: Revision) -> Result<(), String> {
        let Some(place) = key.strip_prefix(&self.prefix) else { return Ok(()) };
        let mut index = self.policies.0.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(_) => drop(index.written.insert(key.into(), revision)),
            None => drop(index.written.remove(key)),
        }
        let role = |namespace: &str, name: &str| RoleKey { namespace: namespace.to_owned(), name: name.to_owned() };
        match place.split('/').collect::<Vec<_>>().as_slice() {
            ["clusterrolebindings", _] | ["rolebindings", _, _] => index.bind(key, value.as_deref()),
            ["clusterroles", name] => index.define(role("", name), value.as_deref()),
            ["roles", namespace, name] => index.define(role(namespace, name), value.as_deref()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn view() -> PolicyView {
        PolicyView { policies: Policies::default(), prefix: "/rbac/".to_owned() }
    }

    fn see(view: &mut PolicyView, key: &str, value: Value) {
        told(view, key, value).unwrap();
    }

    fn told(view: &mut PolicyView, key: &str, value: Value) -> Result<(), String> {
        let value = (!value.is_null()).then(|| Bytes::from(value.to_string()));
        view.seen(&format!("/rbac/{key}"), value, Revision::default())
    }

    fn binding(namespace: &str, kind: &str, subjects: Value) -> Value {
        json!({"metadata": {"namespace": namespace}, "roleRef": {"kind": kind, "name": "r"}, "subjects": subjects})
    }

    fn verbs(view: &PolicyView, user: &User, namespace: &str) -> Vec<String> {
        let policy = view.policies.of(user, namespace);
        policy.rules(user).flat_map(|rule| rule.verbs.clone()).collect()
    }

    #[test]
    fn what_is_bound_follows_every_change() {
        let mut view = view();
        let (jane, group) = (User::known("jane", &["farmers"]), json!([{"kind": "Group", "name": "farmers"}]));
        let role = |verb: &str| json!({"rules": [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}]});
        see(&mut view, "clusterrolebindings/b", binding("", "ClusterRole", group.clone()));
        assert!(verbs(&view, &jane, "").is_empty(), "there is no such role");
        see(&mut view, "clusterroles/r", role("get"));
        assert_eq!(verbs(&view, &jane, ""), ["get"]);
        see(&mut view, "rolebindings/farm/b", binding("farm", "Role", json!([{"kind": "User", "name": "jane"}])));
        see(&mut view, "roles/farm/r", role("delete"));
        assert_eq!(verbs(&view, &jane, "farm"), ["get", "delete"]);
        assert_eq!(verbs(&view, &jane, "elsewhere"), ["get"]);
        see(&mut view, "clusterroles/r", role("list"));
        see(&mut view, "rolebindings/farm/b", binding("farm", "Role", json!([{"kind": "User", "name": "joe"}])));
        assert_eq!(verbs(&view, &jane, "farm"), ["list"]);
        see(&mut view, "clusterrolebindings/b", Value::Null);
        assert!(verbs(&view, &jane, "farm").is_empty());
        assert_eq!(verbs(&view, &User::known("joe", &[]), "farm"), ["delete"]);
        see(&mut view, "roles/farm/r", Value::Null);
        told(&mut view, "rolebindings/farm/b", json!("broken")).unwrap_err();
        told(&mut view, "clusterroles/r", json!("broken")).unwrap_err();
        let index = view.policies.index();
        assert!(index.bindings.is_empty() && index.by_subject.is_empty() && index.roles.is_empty());
    }

    #[test]
    fn what_is_bound_elsewhere_is_not_looked_at() {
        let mut view = view();
        let everybody = json!([{"kind": "Group", "name": "system:authenticated"}]);
        for number in 0..100 {
            see(&mut view, &format!("rolebindings/greedy/b{number}"), binding("greedy", "Role", everybody.clone()));
        }
        see(&mut view, "rolebindings/farm/b", binding("farm", "Role", everybody.clone()));
        see(&mut view, "clusterrolebindings/b", binding("", "ClusterRole", everybody));
        let jane = User::authenticated("jane", []);
        let index = view.policies.index();
        let looked_at = |namespace: &str| index.keys(&jane, namespace).len();
        assert_eq!((looked_at("farm"), looked_at("greedy"), looked_at("")), (2, 101, 1));
    }

    #[test]
    fn an_account_gets_what_is_bound_to_it_by_either_name() {
        let mut view = view();
        see(
            &mut view,
            "clusterroles/r",
            json!({"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}),
        );
        let account = |namespace: &str| json!([{"kind": "ServiceAccount", "namespace": namespace, "name": "a"}]);
        see(&mut view, "rolebindings/farm/own", binding("farm", "ClusterRole", account("")));
        see(&mut view, "rolebindings/other/named", binding("other", "ClusterRole", account("farm")));
        let (own, foreign) =
            (User::known("system:serviceaccount:farm:a", &[]), User::known("system:serviceaccount:other:a", &[]));
        assert_eq!(verbs(&view, &own, "farm"), ["get"]);
        assert_eq!(verbs(&view, &own, "other"), ["get"]);
        assert!(verbs(&view, &foreign, "farm").is_empty() && verbs(&view, &foreign, "other").is_empty());
    }
}
