//! What a cluster does not serve, and how that is told: a Kubernetes cluster on which neither cowherd nor Flux has ever been
//! (kube-apiserver answers who asks for a group that it does not serve with 404 in plain text), and kinds in other versions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use crate::program::cowherd;
use crate::program::repository::Repository;

/// Serves until the program ends.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream))));
    address
}

/// Answers one request: of its own kinds, there are no objects.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut some = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&some[..count]),
        }
    }
    let line = String::from_utf8_lossy(&request);
    let (status, of, body) = match line.contains("/events?") {
        true => ("200 OK", "application/json", r#"{"kind":"EventList","apiVersion":"v1","metadata":{},"items":[]}"#),
        false => ("404 Not Found", "text/plain; charset=utf-8", "404 page not found\n"),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {of}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes())
}

fn kubeconfig(directory: &Path, address: SocketAddr) {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: a, user: {{}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n"
    );
    std::fs::write(directory.join("kubeconfig"), text).unwrap();
}

#[test]
fn each_command_says_that_the_cluster_does_not_know_the_kind() {
    let directory = tempfile::tempdir().unwrap();
    kubeconfig(directory.path(), serve());
    for (line, said) in [
        ("get", "the cluster knows none of Flux's kinds"),
        ("get all -A", "the cluster knows none of Flux's kinds"),
        ("get hr", "the cluster does not know the kind HelmRelease"),
        ("get ks -w", "the cluster does not know the kind Kustomization"),
        ("tree x", "the cluster does not know the kind Kustomization"),
        ("reconcile ks x", "the cluster does not know the kind Kustomization"),
        ("suspend ks x", "the cluster does not know the kind Kustomization"),
        ("resume hr x", "the cluster does not know the kind HelmRelease"),
        ("events --for ks/x", "the cluster does not know the kind Kustomization"),
        ("trace ks/x", "the cluster does not know the kind Kustomization"),
        ("history x", "the cluster does not know the kind Kustomization"),
        ("diff", "the cluster does not know the kind Kustomization"),
    ] {
        let words = line.split(' ').chain(["--kubeconfig", "kubeconfig"]);
        let output = cowherd(directory.path()).args(words).env_remove("COWHERD_DATA_DIR").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{line}: {text}");
        assert!(text.contains("cowherd agent --install-crds") && !text.contains("page not found"), "{line}: {text}");
    }
}

#[test]
fn kinds_in_versions_that_are_not_served_are_told_with_those_that_are() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "");
    let objects = [
        ("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", "kustomize.toolkit.fluxcd.io/v1"),
        ("batch/v1beta1", "CronJob", "batch/v1"),
        ("v1", "Deployment", "apps/v1"),
        ("extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
    ];
    for (api_version, kind, _) in objects {
        let object = format!(
            "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: one, namespace: default}}\nspec: {{}}\n"
        );
        repository.write(&format!("app/{kind}.yaml"), &object);
    }
    repository.commit("versions that nobody serves");
    let words = ["up", "fleet", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"];
    let output = cowherd(directory.path()).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for (api_version, kind, served) in objects {
        let told = format!(
            "the cluster serves the kind \"{kind}\" as {served}, not as {api_version}; write apiVersion: {served}"
        );
        assert!(said.contains(&told), "{told}: {said}");
    }
}
