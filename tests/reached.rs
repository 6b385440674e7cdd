//! How others reach the API: by which names, and what kubeconfigs call it.

use crate::program::Running;

#[test]
fn the_certificate_and_the_kubeconfig_carry_the_names_that_people_give() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["--tls-san", "prod.example.com", "--tls-san", "192.0.2.10", "--name", "prod"];
    let running = Running::start(directory.path(), ["server"].iter().chain(&names));
    assert_eq!(running.kubectl_ok(["config", "current-context"]).trim(), "prod");
    for name in ["prod.example.com", "192.0.2.10", "localhost", "kubernetes.default.svc"] {
        running.kubectl_ok(["get", "namespaces", "--context", "prod", "--tls-server-name", name]);
    }
    let refused = running.kubectl(["get", "namespaces", "--tls-server-name", "other.example.com"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("certificate is valid for"), "{said}");
}

#[test]
fn a_name_that_is_none_is_a_wrong_command_line() {
    let directory = tempfile::tempdir().unwrap();
    for (flag, value, told) in [
        ("--tls-san", "https://prod:6443", "neither an IP address nor a DNS name"),
        ("--name", "two words", "must be letters, digits"),
    ] {
        let output = crate::program::cowherd(directory.path()).args(["server", flag, value]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(told), "{said}");
    }
}
