//! The built program tells a service of what happens to a Kustomization, and takes a webhook.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cowherd_gitserver::listener::Listener;

use crate::program::fleet::repository;
use crate::program::{Running, eventually};

/// What a repository describes: a service that is told of Kustomizations, and who may ask for a look at the repository.
fn described(service: &Listener) -> String {
    let group = "apiVersion: notification.toolkit.fluxcd.io";
    let metadata = |name: &str| format!("metadata: {{name: {name}, namespace: flux-system}}");
    format!(
        "apiVersion: v1\nkind: Secret\n{}\nstringData: {{token: hunter2}}\n\
         ---\n{group}/v1beta3\nkind: Provider\n{}\nspec: {{type: generic-hmac, address: {}, secretRef: {{name: token}}}}\n\
         ---\n{group}/v1beta2\nkind: Alert\n{}\nspec: {{providerRef: {{name: chat}}, summary: test, eventSources: [{{kind: \
         Kustomization, name: '*'}}]}}\n\
         ---\n{group}/v1\nkind: Receiver\n{}\nspec: {{type: generic, secretRef: {{name: token}}, resources: [{{kind: GitRepository, \
         name: flux-system}}]}}\n",
        metadata("token"),
        metadata("chat"),
        service.url("hook"),
        metadata("chat"),
        metadata("push"),
    )
}

/// A free port; nobody takes it in so short a time.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Calls a webhook; the status of the answer.
fn call(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_service_is_told_and_a_webhook_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let (service, port) = (Listener::start(), free_port());
    let fleet = repository(&directory.path().join("fleet"));
    fleet.write("cluster/notifications.yaml", &described(&service));
    let first = fleet.commit("begin");
    let receiver = format!("--receiver-addr=127.0.0.1:{port}");
    let running =
        Running::start(directory.path(), ["up", "fleet", "--path", "cluster", "--allow-network=127.0.0.1", &receiver]);
    running.wait_for_ready("app", "True", &first);
    eventually("the service is told of the ConfigMap", || {
        let told = service.told();
        let is_told = told.iter().any(|told| {
            let text = String::from_utf8_lossy(&told.body);
            text.contains("ConfigMap/default/red created") && text.contains("\"summary\":\"test\"")
        });
        if is_told { Ok(()) } else { Err(format!("{told:?}")) }
    });
    assert!(service.told().iter().all(|told| told.headers["x-signature"].starts_with("sha256=")));

    eventually("the Receiver takes webhooks", || {
        let seen = running.get("receiver push -n flux-system");
        let path = seen["status"]["webhookPath"].as_str().unwrap_or_default().to_owned();
        match path.is_empty() {
            true => Err(seen.to_string()),
            false if call(port, &path) == "200" => Ok(()),
            false => Err(format!("{path} is not taken")),
        }
    });
    assert_eq!(call(port, "/hook/none"), "404");
    let listed = running.cowherd_ok(["get", "receivers"]);
    assert!(listed.contains("push") && listed.contains("Receiver initialized for path: /hook/"), "{listed}");
    let all = running.cowherd_ok(["get", "all"]);
    assert!(all.contains("alert/chat") && all.contains("provider/chat"), "{all}");
    running.cowherd_ok(["reconcile", "receiver", "push"]);
    let refused = running.cowherd(["reconcile", "alert", "chat"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is nothing to reconcile of it"));
}
