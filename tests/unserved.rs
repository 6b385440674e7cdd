//! A Kubernetes cluster on which neither cowherd nor Flux has ever been: kube-apiserver answers who asks for a group that it does
//! not serve with 404 in plain text.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use crate::program::cowherd;

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
