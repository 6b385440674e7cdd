//! Who asks.

use std::collections::BTreeMap;

use cowherd_kinds::names;

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";

/// The name of those whom nobody knows.
const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody whose name was proven.
const AUTHENTICATED: &str = "system:authenticated";
/// The group of those whom nobody knows.
const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Whoever sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// An identity that outlives the name, where there is one.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user who may do everything, as the in-process client is.
    pub fn admin() -> Self {
        Self::authenticated("kubernetes-admin", [MASTERS])
    }

    /// A user whose name and groups were proven.
    pub fn authenticated<'a>(name: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
        groups.push(AUTHENTICATED.to_owned());
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// A user of this name, in these groups and those that follow from the name. A service account is in the groups of
    /// service accounts where no others are named.
    pub fn known(name: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        if let (Some((namespace, _)), true) = (service_account(name), groups.is_empty()) {
            groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        }
        let in_any = |wanted: &[&str]| groups.iter().any(|group| wanted.contains(&group.as_str()));
        if name == ANONYMOUS {
            if !in_any(&[UNAUTHENTICATED]) {
                groups.push(UNAUTHENTICATED.to_owned());
            }
        } else if !in_any(&[AUTHENTICATED, UNAUTHENTICATED]) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::known(ANONYMOUS, &[])
    }

    /// Whether nobody knows who this is.
    pub fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }

    /// Whether the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }
}

/// The namespace and the name of the service account that a user is; `None` for other users.
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let valid = names::label(namespace).is_empty() && names::subdomain(name).is_empty();
    valid.then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_follow_from_the_name() {
        let groups = |name: &str, groups: &[&str]| User::known(name, groups).groups.join(" ");
        assert_eq!(groups("jane", &[]), "system:authenticated");
        assert_eq!(groups("jane", &["herders"]), "herders system:authenticated");
        assert_eq!(groups("jane", &["system:authenticated", "herders"]), "system:authenticated herders");
        assert_eq!(groups("jane", &["system:unauthenticated"]), "system:unauthenticated");
        let robot = "system:serviceaccount:a:robot";
        assert_eq!(groups(robot, &[]), "system:serviceaccounts system:serviceaccounts:a system:authenticated");
        assert_eq!(groups(robot, &["herders"]), "herders system:authenticated");
        assert_eq!(groups("system:anonymous", &[]), "system:unauthenticated");
        assert_eq!(groups("system:anonymous", &["herders"]), "herders system:unauthenticated");
        assert_eq!(
            groups("system:anonymous", &["system:authenticated", "system:unauthenticated"]),
            "system:authenticated system:unauthenticated"
        );
    }

    #[test]
    fn only_a_whole_name_is_that_of_a_service_account() {
        assert_eq!(service_account("system:serviceaccount:a:robot.b"), Some(("a", "robot.b")));
        for other in ["jane", "system:serviceaccount:a", "system:serviceaccount:a:b:c", "system:serviceaccount::b"] {
            assert_eq!(service_account(other), None, "{other}");
        }
        assert_eq!(service_account("system:serviceaccount:a:"), None);
        assert_eq!(service_account("system:serviceaccount:A:b"), None);
    }

    #[test]
    fn who_is_known_is_told_from_who_is_not() {
        assert!(User::anonymous().is_anonymous() && User::anonymous().is_in("system:unauthenticated"));
        assert!(!User::admin().is_anonymous() && User::admin().is_in(MASTERS));
        assert!(User::admin().is_in("system:authenticated") && !User::admin().is_in("system:unauthenticated"));
    }
}
