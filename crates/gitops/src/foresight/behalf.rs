//! On whose behalf an owner acts that names no account: what a person may is not what it may.

use cowherd_apply::Account;

use crate::owner::Owner;

/// The namespace of the platform's own owners.
const PLATFORM: &str = "flux-system";

/// On whose behalf owners act that name no account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DefaultAccount {
    /// That is not known here.
    #[default]
    Unknown,
    /// The agents' own.
    Agents,
    /// The service account of this name in their namespace.
    Named(String),
}

impl DefaultAccount {
    /// As `--default-service-account` says it: an empty name is the agents' own.
    pub fn named(name: &str) -> Self {
        if name.is_empty() { Self::Agents } else { Self::Named(name.to_owned()) }
    }

    /// The owner as it acts.
    pub(super) fn complete(&self, owner: &Owner) -> Owner {
        let mut owner = owner.clone();
        if let (None, Self::Named(name)) = (&owner.account, self) {
            owner.account = Some(Account::service_account(&owner.name.namespace, name));
            owner.has_default_account = true;
        }
        owner
    }

    /// Whether it may be that the owner acts for somebody who may do less than whoever looks.
    pub(crate) fn may_be_less(&self, owner: &Owner) -> bool {
        *self == Self::Unknown && owner.account.is_none() && owner.name.namespace != PLATFORM
    }
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use serde_json::json;

    use super::*;
    use crate::owner::Owning;

    fn owner(namespace: &str, account: &str) -> Owner {
        let spec = json!({ "interval": "1m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" },
            "serviceAccountName": account });
        let object = json!({ "metadata": { "name": "a", "namespace": namespace }, "spec": spec });
        serde_json::from_value::<Kustomization>(object).unwrap().read(None).0
    }

    #[test]
    fn who_names_no_account_acts_for_the_one_that_is_said_for_all() {
        let acts_as = |default: &DefaultAccount, account: &str| {
            default.complete(&owner("team", account)).account.map(|account| account.user)
        };
        let named = DefaultAccount::named("default");
        assert_eq!(acts_as(&named, "").as_deref(), Some("system:serviceaccount:team:default"));
        assert_eq!(acts_as(&named, "own").as_deref(), Some("system:serviceaccount:team:own"));
        assert_eq!(acts_as(&DefaultAccount::named(""), ""), None);
    }

    #[test]
    fn of_tenants_alone_it_may_be_that_they_may_less() {
        let unknown = DefaultAccount::Unknown;
        assert!(unknown.may_be_less(&owner("team", "")));
        assert!(!unknown.may_be_less(&owner("team", "own")) && !unknown.may_be_less(&owner("flux-system", "")));
        assert!(!DefaultAccount::Agents.may_be_less(&owner("team", "")));
    }
}
