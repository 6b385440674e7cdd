//! What agents need of a control plane that runs none of its own: it is brought, missed by name, and can be taken away again.

use std::path::Path;
use std::process::Stdio;

use crate::program::fleet::Fleet;
use crate::program::{Running, cowherd, eventually};

/// What the agents of `cowherd up` cannot do without, and `deploy/` brings as well.
const NEEDED: [&str; 4] = [
    "namespace flux-system",
    "crd kustomizations.kustomize.toolkit.fluxcd.io",
    "clusterrole cowherd-delivery",
    "clusterrolebinding cowherd-applier",
];

fn is_there(running: &Running, object: &str) -> bool {
    running.kubectl(["get"].into_iter().chain(object.split(' '))).status.success()
}

#[test]
fn what_was_brought_for_agents_goes_again_from_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let deploy = deploy.to_str().unwrap();
    running.kubectl_ok(["apply", "--server-side", "--kustomize", deploy]);
    assert!(NEEDED.iter().all(|object| is_there(&running, object)));
    // It waits until all is gone. What goes with the Namespace may be gone before it is named.
    running.kubectl_ok(["delete", "--kustomize", deploy, "--ignore-not-found", "--timeout", "60s"]);
    assert!(!NEEDED.iter().any(|object| is_there(&running, object)));
    running.kubectl_ok(["apply", "--server-side", "--kustomize", deploy]);
}

#[test]
fn what_agents_of_its_own_worked_with_stays_while_they_do_not_run() {
    let Fleet { running, directory, .. } = Fleet::start();
    running.stop();
    let running = Running::start(directory.path(), ["server"]);
    for object in NEEDED {
        let output = running.kubectl(["delete"].into_iter().chain(object.split(' ')));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("may not be deleted"), "{object}: {said}");
    }
}

#[test]
fn an_agent_on_an_empty_cluster_names_what_is_missing_or_brings_it() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let agent = |words: &[&str]| {
        let mut agent = cowherd(directory.path());
        agent.args(["agent", "--data-dir", "agent", "--kubeconfig"]).arg(running.kubeconfig()).args(words);
        agent
    };
    let lacks = |words: &str| {
        let output = agent(&[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words) && said.contains("start once with --install-crds"), "{said}");
    };
    lacks("the cluster has no gitrepositories.source.toolkit.fluxcd.io");
    let mut working = agent(&["--install-crds"]).stderr(Stdio::null()).spawn().unwrap();
    eventually("it leads", || {
        let lease = running.kubectl(["get", "lease", "cowherd-agent", "-n", "flux-system"]);
        if lease.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&lease.stderr).into_owned()) }
    });
    working.kill().unwrap();
    working.wait().unwrap();
    running.kubectl_ok(["delete", "namespace", "flux-system"]);
    lacks("the cluster has no namespace flux-system");
}
