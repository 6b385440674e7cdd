//! By what it is known which cluster a command works on, for whoever reads that something is wrong with it.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cowherd_apiserver::pki::good_until;
use cowherd_controlplane::DataDir;
use cowherd_text::shell;
use jiff::{Timestamp, Unit};
use kube::config::{AuthInfo, Kubeconfig};

use super::data_dir::{default_data_dir, found_kubeconfig, kubeconfig_path};
use super::{KUBECONFIG, kubectl};
use crate::followed::Followed;

/// What says which cluster is meant: the first of these that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The kubeconfig that a flag names.
    Flag(PathBuf),
    /// The data directory that a flag or the environment names.
    DataDir {
        /// The data directory.
        path: PathBuf,
        /// The flag, or the variable.
        by: &'static str,
    },
    /// The kubeconfigs that `KUBECONFIG` names.
    Variable,
    /// The data directory of where one stands.
    Here(PathBuf),
    /// The kubeconfig that kubectl takes where nothing names another.
    Home(PathBuf),
    /// Nothing: it can only be the cluster in which the program runs as a Pod.
    Nothing,
}

impl Named {
    /// The kubeconfigs, of which the first counts that has something.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Flag(file) | Self::Home(file) => vec![file.clone()],
            Self::DataDir { path, .. } | Self::Here(path) => vec![kubeconfig_path(path)],
            Self::Variable => kubectl::files(),
            Self::Nothing => Vec::new(),
        }
    }

    /// What says so, for people, behind a file: `which KUBECONFIG names`.
    fn words(&self) -> String {
        match self {
            Self::Flag(_) => "which --kubeconfig names".to_owned(),
            Self::DataDir { by, .. } => format!("in the data directory that {by} names"),
            Self::Variable => format!("which {KUBECONFIG} names"),
            Self::Here(_) => "of the control plane of where you stand".to_owned(),
            Self::Home(_) => "which counts where nothing names another".to_owned(),
            Self::Nothing => String::new(),
        }
    }
}

/// Which clusters a command can be told to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Those of kubeconfigs, and control planes by their data directories.
    All,
    /// Those of kubeconfigs alone, to which agents come: a control plane of `cowherd up` has its own.
    Kubeconfigs,
}

impl Choice {
    /// What to do where none is named.
    pub fn name_one(self) -> &'static str {
        match self {
            Self::All => {
                "start a control plane here with `cowherd up`, or name a cluster with --data-dir or --kubeconfig"
            }
            Self::Kubeconfigs => "name it with --kubeconfig FILE, or with KUBECONFIG as for kubectl",
        }
    }

    /// How one of cowherd's own is started.
    pub fn start(self) -> &'static str {
        match self {
            Self::All => "cowherd up --data-dir DIR",
            Self::Kubeconfigs => "cowherd server --data-dir DIR",
        }
    }

    /// The flags that name another one.
    fn flags(self) -> &'static str {
        match self {
            Self::All => "--data-dir DIR, --kubeconfig FILE",
            Self::Kubeconfigs => "--kubeconfig FILE",
        }
    }
}

/// A cluster, and by what it is known that it is the one that is meant.
#[derive(Clone, Debug)]
pub struct Origin {
    named: Named,
    /// Which others could be meant.
    choice: Choice,
    /// Where its API is; nothing where no kubeconfig says so.
    address: String,
    /// Whether the kubeconfig says by which name its server is to be known, whatever the address is.
    says_a_server_name: bool,
    /// The context.
    context: String,
    /// The kubeconfig that has the context.
    file: Option<PathBuf>,
    /// What is shown to log in, and where it lies, if it is a certificate.
    certificate: Option<(PathBuf, Vec<u8>)>,
}

impl Origin {
    /// What the kubeconfigs say of a context, or of the one that they have as the current one.
    pub fn find(named: Named, context: Option<&str>, choice: Choice) -> Self {
        let all: Vec<(PathBuf, Kubeconfig)> = named
            .files()
            .into_iter()
            .filter_map(|file| Some((file.clone(), Kubeconfig::read_from(file).ok()?)))
            .collect();
        let current = || all.iter().find_map(|(_, one)| one.current_context.clone());
        let context = context.map(str::to_owned).or_else(current).unwrap_or_default();
        let mut contexts = all.iter().flat_map(|(file, one)| one.contexts.iter().map(move |found| (file, found)));
        let found = contexts.find(|(_, one)| one.name == context);
        let cluster = found.and_then(|(_, one)| Some(one.context.as_ref()?.cluster.clone())).unwrap_or_default();
        let mut clusters = all.iter().flat_map(|(_, one)| &one.clusters).filter(|one| one.name == cluster);
        let cluster = clusters.next().and_then(|one| one.cluster.as_ref());
        let address = cluster.and_then(|one| one.server.clone()).unwrap_or_default();
        let says_a_server_name = cluster.is_some_and(|one| one.tls_server_name.is_some());
        let file = found.map(|(file, _)| file.clone()).or_else(|| named.files().into_iter().next());
        let user = found.and_then(|(_, one)| one.context.as_ref()?.user.clone()).unwrap_or_default();
        let mut users = all.iter().flat_map(|(file, one)| one.auth_infos.iter().map(move |found| (file, found)));
        let user = users.find(|(_, one)| one.name == user);
        let certificate = user.and_then(|(file, user)| certificate(file, user.auth_info.as_ref()?));
        Self { named, choice, address, says_a_server_name, context, file, certificate }
    }

    /// Which clusters the command could be told of.
    pub fn choice(&self) -> Choice {
        self.choice
    }

    /// Whether the kubeconfig says by which name its server is to be known (`tls-server-name`).
    pub fn says_a_server_name(&self) -> bool {
        self.says_a_server_name
    }

    /// That the certificate which is shown to log in was good until a day that is over, if it is so.
    pub fn outlived(&self) -> Option<String> {
        let (file, pem) = self.certificate.as_ref()?;
        let (until, now) = (good_until(pem)?, Timestamp::now().round(Unit::Second).ok()?);
        (until < now).then(|| {
            format!(
                "the client certificate in {} was good until {until}, and it is {now} by the clock here",
                file.display()
            )
        })
    }

    /// What was asked: `asked: https://127.0.0.1:6443, the context cowherd of /data/kubeconfig, which KUBECONFIG names`.
    pub fn asked(&self) -> String {
        let Some(file) = &self.file else { return "asked: the cluster that this Pod runs in".to_owned() };
        let address = if self.address.is_empty() { "no address" } else { &self.address };
        format!("asked: {address}, the context {:?} of {}, {}", self.context, file.display(), self.named.words())
    }

    /// The data directory in which the kubeconfig lies, if it is one of a control plane.
    fn data_dir(&self) -> Option<&Path> {
        let file = self.file.as_ref()?;
        let home = file.parent()?;
        (*file == kubeconfig_path(home) && DataDir::holds_state(home)).then_some(home)
    }

    /// The command that starts the control plane, where it is one whose data directory is known.
    pub fn start(&self) -> Option<String> {
        let data_dir = self.data_dir()?;
        let follows = Followed::written(data_dir, true).is_ok_and(|followed| followed.is_some());
        Some(if follows { up(data_dir) } else { format!("cowherd server --data-dir {}", shell::path(data_dir)) })
    }

    /// Where the kubeconfig of the control plane may be that is meant: ` (that of where you stand is …)`.
    pub fn kubeconfig_of_plane(&self) -> String {
        match self.here() {
            Some(home) => format!(" (that of where you stand is {})", kubeconfig_path(&home).display()),
            None => " (the file kubeconfig of its data directory)".to_owned(),
        }
    }

    /// What whoever gets an empty answer may have overlooked: that another control plane is where they stand.
    pub fn doubt(&self) -> Option<String> {
        let is_elsewhere = matches!(self.named, Named::Variable) && self.here().is_some();
        is_elsewhere.then(|| {
            format!("  {}{}", self.asked(), self.another().map_or_else(String::new, |another| format!("\n  {another}")))
        })
    }

    /// The data directory of where one stands, if it has another kubeconfig than the one that is meant.
    fn here(&self) -> Option<PathBuf> {
        let found = found_kubeconfig().ok().flatten()?;
        let is_same = |file: &PathBuf| {
            file.canonicalize().is_ok_and(|file| found.canonicalize().is_ok_and(|found| file == found))
        };
        let home = found.parent()?.to_owned();
        (!self.file.as_ref().is_some_and(is_same)).then_some(home)
    }

    /// How another one is meant. Nothing where a flag said which.
    pub fn another(&self) -> Option<String> {
        let here = self.here().filter(|_| self.choice == Choice::All).map(|here| shell::path(&here));
        let flags = self.choice.flags();
        match (&self.named, here) {
            (Named::Flag(_) | Named::DataDir { .. }, _) => None,
            (Named::Variable, Some(here)) => {
                Some(format!("to ask the control plane of where you stand: unset {KUBECONFIG}, or --data-dir {here}"))
            }
            (Named::Variable, None) => {
                Some(format!("to ask another: unset {KUBECONFIG}, or {flags}, or --context NAME of the same"))
            }
            (Named::Home(_) | Named::Nothing, _) if self.choice == Choice::Kubeconfigs => {
                Some(format!("to ask another: {flags}, or --context NAME of the same"))
            }
            (Named::Home(_) | Named::Nothing, _) => Some(format!(
                "to ask another: {flags}, or --context NAME of the same; no control plane is where you stand (`cowherd up` \
                 starts one)"
            )),
            (Named::Here(_), _) => Some(format!("to ask another: {flags}")),
        }
    }
}

/// The certificate by which a user of a kubeconfig logs in, and where it lies.
fn certificate(kubeconfig: &Path, user: &AuthInfo) -> Option<(PathBuf, Vec<u8>)> {
    match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) => Some((kubeconfig.to_owned(), BASE64_STANDARD.decode(data).ok()?)),
        (None, Some(file)) => Some((file.into(), std::fs::read(file).ok()?)),
        (None, None) => None,
    }
}

/// The command that starts the control plane of a data directory: a plain one where it is the one of where one stands.
pub fn up(data_dir: &Path) -> String {
    if default_data_dir().is_ok_and(|default| data_dir == default) {
        "cowherd up".to_owned()
    } else {
        format!("cowherd up --data-dir {}", shell::path(data_dir))
    }
}
