//! Who asks.

use std::collections::BTreeMap;

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";

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
        groups.push("system:authenticated".to_owned());
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// A user of this name, in these groups and those that follow from the name: a service account, or nobody.
    pub fn known(name: &str, groups: &[&str]) -> Self {
        if name == "system:anonymous" {
            return Self::anonymous();
        }
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        match account {
            Some((namespace, _)) if groups.is_empty() => {
                let own = format!("system:serviceaccounts:{namespace}");
                Self::authenticated(name, ["system:serviceaccounts", own.as_str()])
            }
            _ => Self::authenticated(name, groups.iter().copied()),
        }
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        let groups = vec!["system:unauthenticated".to_owned()];
        Self { name: "system:anonymous".to_owned(), groups, ..Self::default() }
    }

    /// Whether nobody knows who this is.
    pub fn is_anonymous(&self) -> bool {
        self.name == "system:anonymous"
    }

    /// Whether the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }
}
