//! Looks at the API without starting kubectl: who waits looks often, and must not take the time that the program needs.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kinds that are waited for, with where they are served.
const SERVED: [(&str, &str); 9] = [
    ("kustomization", "kustomize.toolkit.fluxcd.io/v1"),
    ("helmrelease", "helm.toolkit.fluxcd.io/v2"),
    ("gitrepository", "source.toolkit.fluxcd.io/v1"),
    ("ocirepository", "source.toolkit.fluxcd.io/v1"),
    ("helmrepository", "source.toolkit.fluxcd.io/v1"),
    ("helmchart", "source.toolkit.fluxcd.io/v1"),
    ("bucket", "source.toolkit.fluxcd.io/v1"),
    ("resourceset", "fluxcd.controlplane.io/v1"),
    ("resourcesetinputprovider", "fluxcd.controlplane.io/v1"),
];

/// The way to an API, made anew where it failed: the program may have been started again.
#[derive(Default)]
pub struct Api(Mutex<Option<(Runtime, Client)>>);

impl Api {
    /// What is answered to a request for a path; nothing where it fails.
    pub fn text(&self, kubeconfig: &Path, path: &str) -> Option<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = connect(kubeconfig);
        }
        let (runtime, client) = kept.as_ref()?;
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match runtime.block_on(client.request_text(request)) {
            Ok(answer) => Some(answer),
            Err(kube::Error::Api(_)) => None,
            Err(_) => {
                *kept = None;
                None
            }
        }
    }

    /// An object, or a list; null where there is none.
    pub fn get(&self, kubeconfig: &Path, path: &str) -> Value {
        let text = self.text(kubeconfig, path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

fn connect(kubeconfig: &Path) -> Option<(Runtime, Client)> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let client = runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).ok()?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.ok()?;
        config.connect_timeout = Some(PATIENCE);
        config.read_timeout = Some(PATIENCE);
        Client::try_from(config).ok()
    })?;
    Some((runtime, client))
}

/// Where an object of `flux-system` is served, given as `kubectl get` takes its kind and its name; nothing where that is not known here.
pub fn path(object: &str) -> Option<String> {
    let (kind, name) = object.split_once([' ', '/']).filter(|(_, name)| !name.contains([' ', '/']))?;
    let (kind, version) = SERVED.into_iter().find(|(one, _)| *one == kind)?;
    let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
    Some(format!("/apis/{version}/namespaces/flux-system/{plural}/{name}"))
}
