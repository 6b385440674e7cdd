//! A commit becomes a running system, and the system is exactly what the commit says.

use std::collections::BTreeSet;
use std::ffi::OsStr;
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

/// Checks that the content of the objects is what kustomize makes, nothing more and nothing less: applying it as
/// the same manager would change nothing but the labels that say who applied it.
fn check_content(running: &Running, name: &str, directory: &Path) {
    let manager = "--field-manager=kustomize-controller";
    let planned = running.kubectl_ok(
        ["apply", "--server-side", "--force-conflicts", "--dry-run=server", manager, "-o", "json", "-k"]
            .map(OsStr::new)
            .into_iter()
            .chain([directory.as_os_str()]),
    );
    let planned: Value = serde_json::from_str(&planned).unwrap();
    for planned in planned["items"].as_array().unwrap() {
        let metadata = &planned["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = text(&planned["kind"]);
        let live = running.get(&format!("{kind} {} -n {}", text(&metadata["name"]), text(&metadata["namespace"])));
        assert_eq!(content(live, name), content(planned.clone(), name), "{kind} {}", metadata["name"]);
    }
}

/// An object without its status and what the API and the Kustomization keep in its metadata.
fn content(mut object: Value, name: &str) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.remove("status");
    let metadata = fields["metadata"].as_object_mut().unwrap();
    for bookkeeping in ["managedFields", "resourceVersion", "generation"] {
        metadata.remove(bookkeeping);
    }
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        if let Some(owner) = labels.remove("kustomize.toolkit.fluxcd.io/name") {
            assert_eq!(owner, name);
        }
        labels.remove("kustomize.toolkit.fluxcd.io/namespace");
    }
    object
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
    for word in ["apps-dev", "apps-staging", "apps-prod", "infrastructure", "cowherd up", "8 Pods wait for a node"] {
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
            check_content(&running, &name, &apps.join(environment));
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
