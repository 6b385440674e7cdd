//! What is allowed to those who write resources into the cluster, and what to the person who runs the program.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::Args;
use cowherd_gitops::{DecryptionKeys, NamespacedName, Policy};
use cowherd_source::{Access, Block, BlockError, LocalAccess, Network, RepositoryUrl, StorageLimits};
use serde::{Deserialize, Serialize};

use crate::bootstrap::{ROOT, Root};
use crate::followed::write_whole;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
const HEADING: &str = "What tenants may";

/// Flags that say what resources in the cluster may, as Flux's controllers have them where they have them.
#[derive(Args, Clone, Debug, Default)]
pub struct Tenancy {
    /// Another local repository, or a directory of them, that a GitRepository or a base may name
    #[arg(help_heading = HEADING, long = "local-repository", value_name = "PATH")]
    local_repositories: Vec<PathBuf>,
    /// Addresses of this machine, its link or its cloud that sources, bases and charts may be fetched from; after a namespace and
    /// `=`, on the word of that one alone
    #[arg(help_heading = HEADING, long = "allow-network", value_name = "[NAMESPACE=]CIDR", value_delimiter = ',')]
    networks: Vec<Allowed>,
    /// Refuse kustomizations that name bases or charts outside of their repository
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_remote_bases: Option<bool>,
    /// Refuse references to resources of other namespaces
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_cross_namespace_refs: Option<bool>,
    /// The ServiceAccount on whose behalf Kustomizations act that name none; an empty name for the agents' own
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    default_service_account: Option<String>,
    /// Let kubeconfigs that a kubeConfig of a Kustomization or a HelmRelease names skip the verification of a server, for tests
    #[arg(help_heading = HEADING, long)]
    insecure_kubeconfig_tls: bool,
    /// The Secret in flux-system whose age keys (*.agekey) decrypt for Kustomizations with decryption that name none of their own
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    sops_age_secret: Option<String>,
    /// How much is kept on disk for their sources, in all; the root's own repository is not counted [default: 16Gi]
    #[arg(help_heading = HEADING, long, value_name = "SIZE", value_parser = size)]
    max_storage: Option<u64>,
    /// The same for the sources of one namespace [default: 4Gi]
    #[arg(help_heading = HEADING, long, value_name = "SIZE", value_parser = size)]
    max_storage_per_namespace: Option<u64>,
}

/// Addresses that may be connected to on somebody's word.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowed {
    /// Whose; anybody's where none is named.
    namespace: Option<String>,
    block: Block,
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, block) =
            text.split_once('=').map_or((None, text), |(namespace, block)| (Some(namespace), block));
        let is_name = |name: &str| !name.is_empty() && cowherd_apply::is_path_segment(name);
        match namespace.filter(|name| !is_name(name)) {
            Some(name) => Err(format!("{name:?} is no name of a namespace; write it like team-a=10.0.0.0/8")),
            None => {
                let block = block.parse().map_err(|error: BlockError| error.to_string())?;
                Ok(Self { namespace: namespace.map(str::to_owned), block })
            }
        }
    }
}

/// A size in bytes, as Kubernetes writes it: 512Mi, 16Gi.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        "Ti" => 40,
        _ => return Err("must be a size such as 512Mi or 16Gi".to_owned()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "must be a size such as 512Mi or 16Gi".to_owned())
}

/// What a data directory remembers of the flags that deny something: nothing becomes open because a later start does not
/// say them again. Those that allow something are not remembered.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Denied {
    no_remote_bases: bool,
    no_cross_namespace_refs: bool,
    default_service_account: String,
}

impl Denied {
    /// What the data directory remembers; nothing is denied by a new one.
    fn read(data_dir: &Path) -> Result<Self> {
        let file = file(data_dir);
        match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand {}; remove it and say all flags again", file.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("tenancy.json")
}

impl Tenancy {
    /// Denies what an earlier start on the data directory denied, unless a flag says otherwise now. The flags that were taken
    /// from there.
    ///
    /// # Errors
    /// When what is remembered cannot be read: then it is not known what is denied.
    pub fn recall(&mut self, data_dir: &Path) -> Result<Vec<String>> {
        let before = Denied::read(data_dir)?;
        let mut taken = Vec::new();
        if self.no_remote_bases.is_none() && before.no_remote_bases {
            self.no_remote_bases = Some(true);
            taken.push("--no-remote-bases".to_owned());
        }
        if self.no_cross_namespace_refs.is_none() && before.no_cross_namespace_refs {
            self.no_cross_namespace_refs = Some(true);
            taken.push("--no-cross-namespace-refs".to_owned());
        }
        if self.default_service_account.is_none() && !before.default_service_account.is_empty() {
            taken.push(format!("--default-service-account={}", before.default_service_account));
            self.default_service_account = Some(before.default_service_account);
        }
        Ok(taken)
    }

    /// Has the data directory remember what is denied.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember(&self, data_dir: &Path) -> Result<()> {
        let now = Denied {
            no_remote_bases: self.no_remote_bases(),
            no_cross_namespace_refs: self.no_cross_namespace_refs.unwrap_or_default(),
            default_service_account: self.default_service_account().unwrap_or_default().to_owned(),
        };
        if now == Denied::read(data_dir)? { Ok(()) } else { write_whole(&file(data_dir), &now) }
    }

    /// The account for those that name none, as the control plane of a data directory was started; empty where there is none.
    ///
    /// # Errors
    /// When what is remembered cannot be read.
    pub fn default_account_in(data_dir: &Path) -> Result<String> {
        Ok(Denied::read(data_dir)?.default_service_account)
    }

    /// Whether what is outside of a repository is refused.
    pub fn no_remote_bases(&self) -> bool {
        self.no_remote_bases.unwrap_or_default()
    }

    /// The account on whose behalf Kustomizations act that name none, if there is one.
    pub fn default_service_account(&self) -> Option<&str> {
        self.default_service_account.as_deref().filter(|name| !name.is_empty())
    }

    /// The Secret with keys for all, if there is one.
    fn sops_age_secret(&self) -> Option<&str> {
        self.sops_age_secret.as_deref().filter(|name| !name.is_empty())
    }

    fn storage(&self) -> StorageLimits {
        let StorageLimits { total, per_namespace } = StorageLimits::default();
        StorageLimits {
            total: self.max_storage.unwrap_or(total),
            per_namespace: self.max_storage_per_namespace.unwrap_or(per_namespace),
        }
    }

    /// The addresses that are said for a namespace, or for all.
    fn networks_of(&self, namespace: Option<&str>) -> Vec<Block> {
        let said = self.networks.iter().filter(|one| one.namespace.as_deref() == namespace);
        said.map(|one| one.block).collect()
    }

    /// The policy of agents that follow `root`, if somebody named one.
    pub fn policy(&self, root: Option<&Root>) -> Result<Policy> {
        let named = |root: &Root| {
            let url = RepositoryUrl::parse(&root.followed.url)
                .with_context(|| format!("cannot follow {}", root.followed.url))?;
            anyhow::Ok(cowherd_gitops::Root { name: NamespacedName::new(ROOT, ROOT), url })
        };
        Ok(Policy {
            access: Access {
                network: Network::Others(self.networks_of(None)),
                local: LocalAccess::Only(self.local_repositories.clone()),
                ..Access::default()
            },
            networks: {
                let named = self.networks.iter().filter_map(|one| one.namespace.clone());
                named.map(|namespace| (namespace.clone(), self.networks_of(Some(&namespace)))).collect()
            },
            root: root.map(named).transpose()?,
            first: Some(NamespacedName::new(ROOT, ROOT)),
            no_cross_namespace_refs: self.no_cross_namespace_refs.unwrap_or_default(),
            default_service_account: self.default_service_account().map(str::to_owned),
            insecure_kubeconfig_tls: self.insecure_kubeconfig_tls,
            decryption: DecryptionKeys {
                secret: self.sops_age_secret().map(|name| NamespacedName::new(ROOT, name)),
                ..DecryptionKeys::default()
            },
            storage: self.storage(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        tenancy: Tenancy,
    }

    fn start(data_dir: &Path, flags: &[&str]) -> (Tenancy, Vec<String>) {
        let mut line = Line::parse_from([&["up"], flags].concat());
        let taken = line.tenancy.recall(data_dir).unwrap();
        line.tenancy.remember(data_dir).unwrap();
        (line.tenancy, taken)
    }

    #[test]
    fn what_was_denied_stays_denied_until_it_is_allowed() {
        let data_dir = tempfile::tempdir().unwrap();
        let all = ["--no-remote-bases", "--no-cross-namespace-refs", "--default-service-account=default"];
        assert!(start(data_dir.path(), &all).1.is_empty());
        let (tenancy, taken) = start(data_dir.path(), &[]);
        assert_eq!(taken, all);
        assert!(tenancy.no_remote_bases() && tenancy.policy(None).unwrap().no_cross_namespace_refs);
        assert_eq!(tenancy.default_service_account(), Some("default"));
        let (tenancy, taken) = start(data_dir.path(), &["--no-remote-bases=false", "--default-service-account="]);
        assert_eq!(taken, ["--no-cross-namespace-refs"]);
        assert!(!tenancy.no_remote_bases() && tenancy.default_service_account().is_none());
        assert_eq!(start(data_dir.path(), &[]).1, ["--no-cross-namespace-refs"]);
    }

    #[test]
    fn a_network_is_for_all_or_for_one_namespace() {
        let parsed =
            |flag: &str| Line::try_parse_from(["up", flag]).map(|line| line.tenancy).map_err(|error| error.to_string());
        let policy = parsed("--allow-network=127.0.0.1,red=10.0.0.0/8,red=::1").unwrap().policy(None).unwrap();
        assert_eq!(policy.access.network, Network::Others(vec!["127.0.0.1".parse().unwrap()]));
        let red = ["10.0.0.0/8", "::1"].map(|block| block.parse().unwrap());
        assert_eq!(policy.networks, std::collections::BTreeMap::from([("red".to_owned(), red.to_vec())]));
        for (flag, said) in [
            ("--allow-network=red=ten", "\"ten\" is"),
            ("--allow-network==::1", "\"\" is no name of a namespace"),
            ("--allow-network=a/b=::1", "is no name of a namespace; write it like team-a=10.0.0.0/8"),
        ] {
            let told = parsed(flag).unwrap_err();
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn sizes_are_written_as_kubernetes_writes_them() {
        let storage = |flags: &[&str]| {
            let line = Line::try_parse_from([&["up"], flags].concat()).map_err(|error| error.to_string());
            line.map(|line| line.tenancy.policy(None).unwrap().storage)
        };
        assert_eq!(storage(&[]), Ok(StorageLimits::default()));
        let said = storage(&["--max-storage=2Ti", "--max-storage-per-namespace=512Mi"]);
        assert_eq!(said, Ok(StorageLimits { total: 2 << 40, per_namespace: 512 << 20 }));
        for wrong in ["0", "16G", "Gi", "-1", "99999999999Ti", "1.5Gi"] {
            let flag = format!("--max-storage={wrong}");
            assert!(storage(&[&flag]).unwrap_err().contains("such as 512Mi"), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_understood_starts_nothing() {
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::write(data_dir.path().join("tenancy.json"), "{").unwrap();
        let error = Tenancy::default().recall(data_dir.path()).unwrap_err();
        assert!(format!("{error:#}").contains("tenancy.json"), "{error:#}");
    }
}
