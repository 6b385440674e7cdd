//! Who may what: which set-up, addresses and paths a fetch may use, on whose behalf objects are applied, and whether
//! resources may name those of other namespaces.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_apply::Account;
use cowherd_source::{Access, Block, LocalAccess, RepositoryUrl, Setup, StorageLimits};

use crate::owner::{Owner, OwnerName, Precedence, Settings};
use crate::source::{Artifact, SourceName, git};
use crate::{DecryptionKeys, NamespacedName, flux_instance, kustomization};

/// Who may what. By default, whatever is written in the cluster is the word of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What may be fetched on the word of any tenant.
    pub access: Access,
    /// Addresses that may be connected to besides on the word of one of them, by the namespace that it is.
    pub networks: BTreeMap<String, Vec<Block>>,
    /// The repository that everything grows from.
    pub root: Option<Root>,
    /// The Kustomization that everything grows from, as `flux bootstrap` names it. Of several that describe the same object it
    /// has that before all others, and those of its namespace before those of other namespaces.
    pub first: Option<NamespacedName>,
    /// Whether resources may name those of their own namespace only, as Flux's `--no-cross-namespace-refs` has it.
    pub no_cross_namespace_refs: bool,
    /// The ServiceAccount on whose behalf a Kustomization acts that names none, as Flux's `--default-service-account` has
    /// it. Without one, it acts with the rights of the agents.
    pub default_service_account: Option<String>,
    /// Whether a kubeconfig may have it that the certificate of a server is not looked at, as Flux's `--insecure-kubeconfig-tls` has
    /// it.
    pub insecure_kubeconfig_tls: bool,
    /// Keys for what is encrypted, of Kustomizations that ask for decryption.
    pub decryption: DecryptionKeys,
    /// How much may be kept on disk of what tenants follow.
    pub storage: StorageLimits,
}

/// The repository that everything grows from, as a person named it on the command line.
#[derive(Clone, Debug)]
pub struct Root {
    /// The GitRepository that was made for it.
    pub name: NamespacedName,
    /// Its URL. A GitRepository of that name which says another one is somebody else's word.
    pub url: RepositoryUrl,
}

/// What the agents may not do, or are not started to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessDenied {
    /// A reference to another namespace, where there may be none.
    #[error("can't access '{0}', cross-namespace references have been blocked")]
    Elsewhere(NamespacedName),
    /// Tenants are to be kept apart, and are not as it is said.
    #[error(
        "spec.cluster.multitenant: tenants are not kept apart as it says, and nothing is followed until they are; start cowherd \
         with --no-cross-namespace-refs and --default-service-account={0}"
    )]
    NoLockdown(String),
}

impl Policy {
    /// Whether the source is the one that everything grows from.
    pub(crate) fn is_root(&self, source: &SourceName, url: &RepositoryUrl) -> bool {
        let is_root = |root: &Root| source.kind == git::KIND && root.name == source.name && root.url == *url;
        self.root.as_ref().is_some_and(is_root)
    }

    /// Whether the owner is the one that everything grows from, which is put back when it is deleted.
    pub(crate) fn is_root_owner(&self, name: &OwnerName) -> bool {
        let is_root = |root: &Root| *name.kind == crate::kustomization::KIND && root.name == name.namespaced();
        self.root.as_ref().is_some_and(is_root)
    }

    /// What may be fetched on the word of a tenant, who is this namespace.
    pub(crate) fn of_tenant(&self, namespace: &str) -> Access {
        let more = self.networks.get(namespace).map(Vec::as_slice).unwrap_or_default();
        self.access.clone().reaching(more)
    }

    /// What may be fetched for a source from this URL: everything for the root, which a person named.
    pub(crate) fn of_source(&self, source: &SourceName, url: &RepositoryUrl) -> Access {
        if self.is_root(source, url) { Access::own() } else { self.of_tenant(&source.name.namespace) }
    }

    /// What may be fetched for the submodules of a source from this URL, which its content names: nothing of this machine. Those of the
    /// root may use what the person has set up, as the root itself.
    pub(crate) fn of_submodules(&self, source: &SourceName, url: &RepositoryUrl) -> Access {
        let setup = if self.is_root(source, url) { Setup::Own } else { self.access.setup };
        Access { setup, ..self.of_tenant(&source.name.namespace) }
    }

    /// What may be fetched for what the content of an owner names elsewhere. Those of the root are the person's own,
    /// for the owners beside it, which nobody else writes: ssh may use what they have set up.
    pub(crate) fn of_owner(&self, name: &OwnerName, source: &Artifact) -> Access {
        let mut access = self.of_tenant(&name.namespace);
        if let Some(root) = self.root.as_ref().filter(|root| source.is_root && root.name.namespace == name.namespace) {
            access.setup = Setup::Own;
            if let (LocalAccess::Only(paths), Some(path)) = (&mut access.local, root.url.local_path()) {
                paths.push(path.to_owned());
            }
        }
        access
    }

    /// Whether whoever looks into the namespace may be told how many resources others have: where tenants are kept apart, in that
    /// of the platform alone.
    pub(crate) fn tells_of_all(&self, namespace: &str) -> bool {
        !self.no_cross_namespace_refs || self.first.as_ref().is_some_and(|first| first.namespace == namespace)
    }

    /// Whether what the owner refers to is where it may refer to.
    pub(crate) fn check(&self, name: &OwnerName, settings: &Settings) -> Result<(), AccessDenied> {
        if let Some(account) = &settings.needs_lockdown
            && !(self.no_cross_namespace_refs && self.default_service_account.as_ref() == Some(account))
        {
            return Err(AccessDenied::NoLockdown(account.clone()));
        }
        if !self.no_cross_namespace_refs {
            return Ok(());
        }
        let depends_on = settings.depends_on.iter().map(|dependency| dependency.name.namespaced());
        let mut named = std::iter::once(settings.source.name.clone()).chain(depends_on);
        named
            .find(|named| named.namespace != name.namespace)
            .map_or(Ok(()), |named| Err(AccessDenied::Elsewhere(named)))
    }

    /// Has an owner that names no account act for the one that is said for all, and gives it its place before others. A
    /// FluxInstance, which has no field for that, acts for the one that the platform's own Kustomizations name.
    pub(crate) fn complete(&self, owner: &mut Owner) {
        owner.precedence = self.precedence(&owner.name);
        if let (None, Some(default)) = (&owner.account, &self.default_service_account) {
            let is_platform = *owner.name.kind == flux_instance::KIND;
            let default = if is_platform { flux_instance::PLATFORM_ACCOUNT } else { default.as_str() };
            owner.account = Some(Account::service_account(&owner.name.namespace, default));
            owner.has_default_account = true;
        }
    }

    fn precedence(&self, name: &OwnerName) -> Precedence {
        match &self.first {
            Some(first) if name.kind == &kustomization::KIND && name.namespaced() == *first => Precedence::Root,
            Some(first) if name.namespace == first.namespace => Precedence::Platform,
            _ => Precedence::Tenant,
        }
    }
}

/// The namespaces whose Kustomizations and HelmReleases act with the rights of the agents. With more than one, some are probably
/// those of others, who are administrators then; that is said once.
#[derive(Default)]
pub(crate) struct Unnamed {
    namespaces: BTreeSet<String>,
    kinds: BTreeSet<&'static str>,
    was_said: bool,
}

impl Unnamed {
    /// Takes note of an owner; what is to be said of it.
    pub(crate) fn see(&mut self, owner: &Owner) -> Option<String> {
        if self.was_said || owner.account.is_some() || owner.kube_config.is_some() {
            return None;
        }
        self.namespaces.insert(owner.name.namespace.clone());
        self.kinds.insert(owner.name.kind.kind);
        if self.namespaces.len() < 2 {
            return None;
        }
        self.was_said = true;
        let namespaces = std::mem::take(&mut self.namespaces).into_iter().collect::<Vec<_>>().join(" and ");
        let kinds = self.kinds.iter().map(|kind| format!("{kind}s")).rev().collect::<Vec<_>>().join(" and ");
        Some(format!(
            "{kinds} in {namespaces} name no serviceAccountName, so they are applied with all the rights of cowherd: \
             whoever may write one is an administrator; start cowherd with --default-service-account if not all are",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Owning;
    use cowherd_api::flux::controlplane::v1::FluxInstance;
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use serde_json::{Value, json};

    fn owner(namespace: &str, spec: Value) -> Owner {
        let mut full =
            json!({ "interval": "10m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object: Kustomization =
            serde_json::from_value(json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": { "name": "a", "namespace": namespace }, "spec": full }))
            .unwrap();
        object.read(None).0
    }

    fn policy() -> Policy {
        let url = RepositoryUrl::parse("ssh://git@example.com/fleet").unwrap();
        let root = Some(Root { name: NamespacedName::new("flux-system", "flux-system"), url });
        Policy { root, ..Policy::default() }
    }

    #[test]
    fn only_the_root_as_it_was_named_is_fetched_by_the_set_up_of_the_person() {
        let of = |namespace: &str, name: &str, url: &str| {
            policy().of_source(&SourceName::new(git::KIND, namespace, name), &RepositoryUrl::parse(url).unwrap())
        };
        assert_eq!(of("flux-system", "flux-system", "ssh://git@example.com/fleet"), Access::own());
        for (namespace, name, url) in [
            ("flux-system", "flux-system", "ssh://git@example.com/private"),
            ("flux-system", "other", "ssh://git@example.com/fleet"),
            ("team", "flux-system", "ssh://git@example.com/fleet"),
        ] {
            assert_eq!(of(namespace, name, url), Access::default(), "{namespace}/{name} {url}");
        }
    }

    #[test]
    fn only_the_kustomization_of_the_roots_name_is_the_roots_owner() {
        let is_root = |policy: &Policy, kind, namespace: &str, name: &str| {
            policy.is_root_owner(&OwnerName::new(kind, namespace, name))
        };
        let (policy, kind) = (policy(), &kustomization::KIND);
        assert!(is_root(&policy, kind, "flux-system", "flux-system"));
        assert!(!is_root(&policy, kind, "flux-system", "other") && !is_root(&policy, kind, "team", "flux-system"));
        assert!(!is_root(&policy, &crate::helm_release::KIND, "flux-system", "flux-system"));
        assert!(!is_root(&Policy::default(), kind, "flux-system", "flux-system"));
    }

    #[test]
    fn submodules_and_bases_use_the_set_up_of_the_person_only_where_the_root_names_them() {
        let url = RepositoryUrl::parse("ssh://git@example.com/fleet").unwrap();
        let submodules =
            |namespace: &str| policy().of_submodules(&SourceName::new(git::KIND, namespace, "flux-system"), &url);
        assert_eq!(
            submodules("flux-system"),
            Access { setup: Setup::Own, ..Access::default() },
            "and no more than that"
        );
        assert_eq!(submodules("team"), Access::default());
        let of_owner = |namespace: &str, is_root: bool| {
            let content = Artifact { is_root, ..Artifact::nothing() };
            policy().of_owner(&OwnerName::new(&kustomization::KIND, namespace, "o"), &content)
        };
        assert_eq!(of_owner("flux-system", true), Access { setup: Setup::Own, ..Access::default() });
        for (namespace, is_root) in [("flux-system", false), ("team", true), ("team", false)] {
            assert_eq!(of_owner(namespace, is_root), Access::default(), "{namespace} {is_root}");
        }
    }

    #[test]
    fn a_repository_on_this_machine_is_opened_to_those_beside_the_root_alone() {
        let url = RepositoryUrl::parse("file:///srv/fleet").unwrap();
        let root = Some(Root { name: NamespacedName::new("flux-system", "flux-system"), url });
        let access = Access { local: LocalAccess::Only(Vec::new()), ..Access::default() };
        let policy = Policy { root, access, ..Policy::default() };
        let local = |namespace: &str| {
            let content = Artifact { is_root: true, ..Artifact::nothing() };
            policy.of_owner(&OwnerName::new(&kustomization::KIND, namespace, "o"), &content).local
        };
        assert_eq!(local("flux-system"), LocalAccess::Only(vec!["/srv/fleet".into()]));
        assert_eq!(local("team"), LocalAccess::Only(Vec::new()));
    }

    #[test]
    fn references_to_other_namespaces_are_denied_where_they_are_blocked() {
        let check = |policy: &Policy, spec| {
            let owner = owner("team", spec);
            policy.check(&owner.name, &owner.settings.unwrap())
        };
        let blocked = Policy { no_cross_namespace_refs: true, ..Policy::default() };
        for (spec, at) in [
            (
                json!({ "sourceRef": { "kind": "GitRepository", "name": "s", "namespace": "flux-system" } }),
                "flux-system/s",
            ),
            (json!({ "dependsOn": [{ "name": "b" }, { "name": "c", "namespace": "other" }] }), "other/c"),
        ] {
            let denied = check(&blocked, spec.clone()).unwrap_err().to_string();
            assert_eq!(denied, format!("can't access '{at}', cross-namespace references have been blocked"));
            assert_eq!(check(&Policy::default(), spec), Ok(()));
        }
        let own = json!({ "sourceRef": { "kind": "GitRepository", "name": "s", "namespace": "team" }, "dependsOn": [{ "name": "b" }] });
        assert_eq!(check(&blocked, own), Ok(()));
    }

    #[test]
    fn the_root_goes_before_those_beside_it_and_they_before_all_others() {
        let first = Some(NamespacedName::new("flux-system", "a"));
        let policy = Policy { first, ..Policy::default() };
        let of = |policy: &Policy, namespace: &str, name: &str| {
            let mut owner = owner(namespace, json!({}));
            owner.name.name = name.to_owned();
            policy.complete(&mut owner);
            owner.precedence
        };
        assert_eq!(of(&policy, "flux-system", "a"), Precedence::Root);
        assert_eq!(of(&policy, "flux-system", "b"), Precedence::Platform);
        assert_eq!(of(&policy, "team", "a"), Precedence::Tenant);
        assert_eq!(of(&Policy::default(), "flux-system", "a"), Precedence::Tenant, "nobody said which it is");
        assert!(Precedence::Root < Precedence::Platform && Precedence::Platform < Precedence::Tenant);
    }

    #[test]
    fn an_address_that_one_namespace_may_reach_is_no_other_ones() {
        let networks = BTreeMap::from([("red".to_owned(), vec!["127.0.0.1".parse().unwrap()])]);
        let policy = Policy { networks, ..policy() };
        let may = |access: Access| access.network.allows("127.0.0.1".parse().unwrap());
        let url = RepositoryUrl::parse("https://127.0.0.1/x").unwrap();
        let source = |namespace: &str| SourceName::new(git::KIND, namespace, "s");
        let owner = |namespace: &str| OwnerName::new(&kustomization::KIND, namespace, "o");
        for (namespace, is_red) in [("red", true), ("blue", false)] {
            assert_eq!(may(policy.of_tenant(namespace)), is_red);
            assert_eq!(may(policy.of_source(&source(namespace), &url)), is_red);
            assert_eq!(may(policy.of_submodules(&source(namespace), &url)), is_red);
            assert_eq!(may(policy.of_owner(&owner(namespace), &Artifact::nothing())), is_red);
        }
    }

    #[test]
    fn several_namespaces_with_the_rights_of_the_agents_are_told_of_once() {
        let mut unnamed = Unnamed::default();
        assert_eq!(unnamed.see(&owner("flux-system", json!({}))), None);
        assert_eq!(unnamed.see(&owner("flux-system", json!({}))), None);
        assert_eq!(unnamed.see(&owner("team", json!({ "serviceAccountName": "deployer" }))), None);
        let said = unnamed.see(&owner("team", json!({}))).unwrap();
        assert!(said.contains("flux-system and team") && said.contains("--default-service-account"), "{said}");
        assert_eq!(unnamed.see(&owner("third", json!({}))), None);
        let mut unnamed = Unnamed::default();
        let elsewhere = json!({ "kubeConfig": { "secretRef": { "name": "there" } } });
        assert_eq!(unnamed.see(&owner("flux-system", json!({}))), None);
        assert_eq!(unnamed.see(&owner("team", elsewhere)), None, "what is brought elsewhere has no rights here");
    }

    #[test]
    fn a_tenant_is_not_told_what_others_have() {
        let first = Some(NamespacedName::new("flux-system", "flux-system"));
        let locked = Policy { no_cross_namespace_refs: true, first, ..Policy::default() };
        assert!(locked.tells_of_all("flux-system") && !locked.tells_of_all("team"));
        assert!(Policy::default().tells_of_all("team"));
    }

    #[test]
    fn a_flux_instance_acts_for_the_platform_and_may_ask_for_tenants_to_be_kept_apart() {
        let instance = |cluster: Value| {
            let spec = json!({ "distribution": { "version": "2.x", "registry": "r" }, "cluster": cluster });
            let object = json!({ "metadata": { "name": "flux", "namespace": "flux-system" }, "spec": spec });
            serde_json::from_value::<FluxInstance>(object).unwrap().read(None).0
        };
        let locked = |account: &str| Policy {
            no_cross_namespace_refs: true,
            default_service_account: Some(account.into()),
            ..Policy::default()
        };
        let mut owner = instance(json!({}));
        Policy::default().complete(&mut owner);
        assert_eq!(owner.account, None);
        locked("default").complete(&mut owner);
        assert_eq!(owner.account, Some(Account::service_account("flux-system", "kustomize-controller")));
        let asks = instance(json!({ "multitenant": true }));
        let check = |policy: &Policy| policy.check(&asks.name, asks.settings.as_ref().unwrap());
        assert_eq!(check(&locked("default")), Ok(()));
        for policy in [Policy::default(), locked("other")] {
            let denied = check(&policy).unwrap_err().to_string();
            assert!(denied.ends_with("--no-cross-namespace-refs and --default-service-account=default"), "{denied}");
        }
    }

    #[test]
    fn the_default_account_is_for_those_that_name_none() {
        let policy = Policy { default_service_account: Some("default".into()), ..Policy::default() };
        for (spec, account) in [
            (json!({}), "default"),
            (json!({ "serviceAccountName": "" }), "default"),
            (json!({ "serviceAccountName": "deployer" }), "deployer"),
        ] {
            let mut owner = owner("team", spec);
            policy.complete(&mut owner);
            assert_eq!(owner.account, Some(Account::service_account("team", account)));
        }
    }
}
