//! `cowherd version`: of the program, and of the cluster.

use serde_json::Value;

use crate::program::cowherd;
use crate::program::fleet::Fleet;

#[test]
fn version_is_that_of_the_program_and_of_the_cluster() {
    let fleet = Fleet::start();
    let own = concat!("Client Version: v", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(fleet.running.cowherd_ok(["version", "--client"]), own);
    let both = fleet.running.cowherd_ok(["version"]);
    let server: Value = serde_json::from_str(&fleet.running.kubectl_ok(["version", "-o", "json"])).unwrap();
    let server = &server["serverVersion"];
    assert_eq!(both, format!("{own}Server Version: {}\n", server["gitVersion"].as_str().unwrap()));
    let structured: Value = serde_json::from_str(&fleet.running.cowherd_ok(["version", "-o", "json"])).unwrap();
    assert_eq!(structured["serverVersion"]["gitVersion"], server["gitVersion"]);
    let nowhere = tempfile::tempdir().unwrap();
    let output = cowherd(nowhere.path()).arg("version").env("HOME", nowhere.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout), (Some(0), own.as_bytes().to_vec()), "what can be told is told");
    assert!(said.contains("no version of a cluster") && said.contains("start a control plane here"), "{said}");
    // One that is named and does not answer is a failure only where a flag names it.
    let kubeconfig = fleet.running.kubeconfig();
    let Fleet { running, directory, .. } = fleet;
    running.stop();
    let named = |words: &[&str]| {
        let mut command = cowherd(nowhere.path());
        let output = command.arg("version").args(words).env("KUBECONFIG", &kubeconfig).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.stdout == own.as_bytes() && said.contains("the cluster does not answer"), "{words:?}: {said}");
        (output.status.code().unwrap(), said)
    };
    let (status, said) = named(&[]);
    assert!(status == 0 && said.contains("which KUBECONFIG names"), "{said}");
    for flag in [["--kubeconfig", kubeconfig.to_str().unwrap()], ["--context", "cowherd"]] {
        assert_eq!(named(&flag).0, 1, "{flag:?}");
    }
    drop(directory);
}
