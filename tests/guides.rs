//! What the guides of docs/ tell people to do works, command by command.

use std::path::Path;
use std::process::Command;

use crate::program::fleet::{self};
use crate::program::{Running, eventually, succeeded};

/// The blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let begin = format!("```{language}\n");
    let blocks = text.split(begin.as_str()).skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block));
    blocks.map(str::to_owned).collect()
}

/// The commands that a page tells to type, in their order.
fn commands(page: &str) -> Vec<String> {
    let blocks = blocks(page, "console");
    blocks
        .iter()
        .flat_map(|block| block.lines())
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect()
}

/// Types the commands into one shell, in a directory, as the admin of a control plane; ends at the first that fails.
fn type_all(running: &Running, directory: &Path, commands: &[String]) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_cowherd")).parent().unwrap().display().to_string();
    // A command that is to fail is marked as one; `set -e` does not see it.
    let script: String = commands
        .iter()
        .map(|command| match command.strip_prefix("! ") {
            Some(refused) => format!("if {refused}; then echo 'did not fail: {refused}'; exit 1; fi\n"),
            None => format!("{command}\n"),
        })
        .collect();
    let mut bash = Command::new("bash");
    bash.args(["-e", "-x", "-c", &script]).current_dir(directory).env("KUBECONFIG", running.kubeconfig());
    bash.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()));
    let output = bash.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn people_get_the_rights_that_the_guide_gives_them() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let manifests = blocks("rbac.md", "yaml");
    let [people, role] = &manifests[..] else { panic!("{manifests:?}") };
    repository.write("cluster/people.yaml", people).write("cluster/role.yaml", role);
    let pipeline = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: pipeline, namespace: people}\n---\napiVersion: \
                    rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: pipeline, namespace: \
                    flux-system}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: \
                    reconciles}\nsubjects:\n- {kind: ServiceAccount, name: pipeline, namespace: people}\n";
    let first = repository.write("cluster/pipeline.yaml", pipeline).commit("people");
    let path = repository.path.to_str().unwrap();
    let running = Running::start(directory.path(), ["up", path, "--path", "cluster"]);
    running.wait_for_ready("flux-system", "True", &first);
    // The roles that others are part of are made of them a moment later.
    eventually("view has the agents' resources", || {
        let view = running.get("clusterrole view")["rules"].to_string();
        if view.contains("kustomize.toolkit.fluxcd.io") { Ok(()) } else { Err(view) }
    });
    let typed = commands("rbac.md");
    assert!(typed.len() > 10, "{typed:?}");
    let said = type_all(&running, directory.path(), &typed);
    assert!(said.contains("system:serviceaccount:people:ada"), "{said}");

    let token = running.kubectl_ok(["create", "token", "pipeline", "--namespace", "people"]);
    let kubeconfig = directory.path().join("pipeline.kubeconfig");
    std::fs::copy(directory.path().join("ada.kubeconfig"), &kubeconfig).unwrap();
    let set = ["config", "set-credentials", "ada", "--token", token.trim()];
    let kubectl = Command::new("kubectl").arg("--kubeconfig").arg(&kubeconfig).args(set).output().unwrap();
    succeeded(kubectl);
    let mut reconcile = crate::program::cowherd(directory.path());
    reconcile.args(["reconcile", "source", "git", "flux-system", "--kubeconfig"]).arg(&kubeconfig);
    succeeded(reconcile.output().unwrap());
}
