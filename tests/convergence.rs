//! A commit becomes a running system, and the system is exactly what the commit says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually, succeeded};
use serde_json::Value;

/// The objects that `kubectl kustomize` makes of a directory, as kind/namespace/name.
fn described(directory: &Path) -> BTreeSet<String> {
    let yaml = succeeded(Command::new("kubectl").arg("kustomize").arg(directory).output().unwrap());
    let documents = yaml
        .split("\n---\n")
        .map(|document| cowherd_yaml::parse_documents(document.as_bytes(), &Default::default()).unwrap());
    documents.flatten().map(|document| id(&document.value)).collect()
}

fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{}/{}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"])
    )
}

/// The objects of the cluster that a Kustomization applied.
fn applied(running: &Running, name: &str) -> BTreeSet<String> {
    let kinds = "configmaps,deployments,services,namespaces,serviceaccounts";
    let list = running.get(&format!("{kinds} -A -l kustomize.toolkit.fluxcd.io/name={name}"));
    list["items"].as_array().unwrap().iter().map(id).collect()
}

fn quickstart(directory: &Path) -> Repository {
    let repository = Repository::new(directory.join("repository"));
    repository.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"), "examples");
    repository.commit("[prod/nginx] deploy nginx-1.21.0");
    repository
}

#[test]
fn the_quickstart_converges_and_says_what_to_do_next() {
    let directory = tempfile::tempdir().unwrap();
    let repository = quickstart(directory.path());
    let output = cowherd(&repository.path)
        .args(["up", ".", "--path", "examples/quickstart", "--once", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for word in ["apps-dev", "apps-staging", "apps-prod", "infrastructure", "kubeconfig", "8 Pods wait for a node"] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    let kubeconfig = repository.path.join(".cowherd/kubeconfig");
    let mode = std::os::unix::fs::PermissionsExt::mode(&kubeconfig.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_cluster_is_exactly_what_the_commits_describe() {
    let directory = tempfile::tempdir().unwrap();
    let repository = quickstart(directory.path());
    let running =
        Running::start(directory.path(), ["up", repository.path.to_str().unwrap(), "--path", "examples/quickstart"]);
    let apps = repository.path.join("examples/quickstart/apps");
    let converged = |commit: &str| {
        for environment in ["dev", "staging", "prod"] {
            let name = format!("apps-{environment}");
            running.wait_for_ready(&name, "True", commit);
            let described = described(&apps.join(environment));
            eventually(&format!("{name} is what {commit} describes"), || {
                let applied = applied(&running, &name);
                if applied == described { Ok(()) } else { Err(format!("{applied:?} and not {described:?}")) }
            });
        }
    };
    converged(repository.git(["rev-parse", "HEAD"]).trim());
    let replicas = running.get("deployment nginx -n prod")["spec"]["replicas"].clone();
    assert_eq!(replicas, 5);

    repository.write(
        "examples/quickstart/apps/base/nginx/account.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: nginx\n",
    );
    let base = "examples/quickstart/apps/base/nginx/kustomization.yaml";
    let with = std::fs::read_to_string(repository.path.join(base)).unwrap();
    repository.write(base, &with.replace("  - service.yaml\n", "  - service.yaml\n  - account.yaml\n"));
    converged(&repository.commit("[nginx] add an account"));

    repository.write(base, &with.replace("  - service.yaml\n", ""));
    converged(&repository.commit("[nginx] remove the service and the account"));

    let pages = "examples/quickstart/apps/base/nginx/index.html";
    repository.write(pages, "<p>changed</p>\n");
    converged(&repository.commit("[nginx] change the page, and with it the name of its ConfigMap"));
}
