//! The metrics that Flux's Grafana dashboards ask for, as `fluxcd/flux2-monitoring-example` at 7ab65dc has them: each metric that a
//! query names is there, with each label that the query, or a table made of it, takes of it.
//!
//! Prometheus itself adds `namespace`, `pod` and `endpoint`, which name whom it asked, and calls what the program says under one of these
//! names `exported_namespace` and so on. `container_memory_working_set_bytes` is the kubelet's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// Dashboard, metric, and the labels that are taken of it with a value that is there.
type Asked = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What the queries of the dashboards ask for.
const ASKED: [Asked; 28] = [
    ("cluster", "gotk_resource_info", &[("customresource_kind", "Kustomization"), ("ready", "True"), ("name", "app")]),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "Kustomization"), ("ready", "False"), ("name", "bad")]),
    (
        "cluster",
        "gotk_resource_info",
        &[("customresource_kind", "Kustomization"), ("exported_namespace", "flux-system")],
    ),
    (
        "cluster",
        "gotk_resource_info",
        &[("customresource_kind", "Kustomization"), ("suspended", "true"), ("name", "idle")],
    ),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "Kustomization"), ("source_name", "fleet")]),
    ("cluster", "gotk_resource_info", &[("customresource_group", "kustomize.toolkit.fluxcd.io")]),
    ("cluster", "gotk_resource_info", &[("customresource_version", "v1"), ("customresource_kind", "GitRepository")]),
    (
        "cluster",
        "gotk_resource_info",
        &[("customresource_kind", "GitRepository"), ("ready", "True"), ("url", "file://")],
    ),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "GitRepository"), ("revision", "main@sha1:")]),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "HelmRepository"), ("suspended", "true")]),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "HelmRelease"), ("chart_source_name", "charts")]),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "OCIRepository"), ("suspended", "true")]),
    ("cluster", "gotk_resource_info", &[("customresource_kind", "Bucket"), ("bucket_name", "things")]),
    (
        "cluster",
        "gotk_reconcile_duration_seconds_sum",
        &[("kind", "Kustomization"), ("name", "app"), ("namespace", "flux-system")],
    ),
    (
        "cluster",
        "gotk_reconcile_duration_seconds_count",
        &[("kind", "GitRepository"), ("name", "fleet"), ("namespace", "flux-system")],
    ),
    ("control-plane", "go_info", &[]),
    ("control-plane", "go_memstats_alloc_bytes", &[]),
    ("control-plane", "process_cpu_seconds_total", &[]),
    ("control-plane", "rest_client_requests_total", &[("code", "200")]),
    ("control-plane", "workqueue_longest_running_processor_seconds", &[("name", "kustomization")]),
    ("control-plane", "workqueue_work_duration_seconds_count", &[("name", "kustomization")]),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "kustomization"), ("result", "error")]),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "gitrepository"), ("result", "error")]),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "ocirepository"), ("result", "error")]),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "helmrepository"), ("result", "error")]),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "bucket"), ("result", "error")]),
    (
        "control-plane",
        "controller_runtime_reconcile_time_seconds_bucket",
        &[("controller", "helmrelease"), ("le", "0.005")],
    ),
    ("control-plane", "controller_runtime_reconcile_total", &[("controller", "helmchart"), ("result", "error")]),
];

/// What the cluster is asked to hold beside the Kustomizations of the repository.
const OBJECTS: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {interval: 1h, url: 'https://someone:secret-token@charts.example.com/?sig=secret-token', suspend: true}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: images, namespace: flux-system}
spec: {interval: 1h, url: 'oci://registry.example.com/images', suspend: true}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: things, namespace: flux-system}
spec: {interval: 1h, endpoint: s3.example.com, bucketName: things, suspend: true}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: flux-system}
spec: {interval: 1h, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat, namespace: flux-system}
spec: {type: generic, address: 'https://chat.example.com/secret-token'}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: all, namespace: flux-system}
spec: {providerRef: {name: chat}, suspend: true, eventSources: [{kind: Kustomization, name: '*'}]}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: flux-system}
stringData: {token: secret-token}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: hook, namespace: flux-system}
spec: {type: generic, secretRef: {name: token}, resources: [{kind: GitRepository, name: fleet}]}
";

/// An agent, killed when the value goes.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What the agent says to Prometheus; nothing while it does not answer.
fn scrape(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    String::from_utf8(answer).ok()
}

/// Whether the text has a sample of the metric with these labels. A value may go on behind what is given of it.
fn has(text: &str, metric: &str, labels: &[(&str, &str)]) -> bool {
    let is_of = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let label = |line: &str, (name, value): &(&str, &str)| {
        let exact = format!("{name}=\"{value}");
        [format!("{{{exact}"), format!(",{exact}")].iter().any(|word| line.contains(word))
    };
    text.lines().filter(is_of).any(|line| labels.iter().all(|one| label(line, one)))
}

fn kustomization(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec:\n  interval: 1h\n  path: {path}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: \
         fleet}}\n{more}---\n"
    )
}

fn follow(repository: &Repository) -> String {
    let source = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: \
         flux-system}}\nspec: {{interval: 1h, url: 'file://{}', ref: {{branch: main}}}}\n---\n",
        repository.path.display()
    );
    source
        + &kustomization("app", "app", "")
        + &kustomization("bad", "nowhere", "")
        + &kustomization("idle", "app", "  suspend: true\n")
        + OBJECTS
}

fn start(directory: &Path, running: &Running, repository: &Repository, port: u16) -> Agent {
    let mut agent = cowherd(directory);
    agent.args(["agent", "--data-dir", "agent", "--install-crds", "--local-repository"]).arg(&repository.path);
    agent.arg("--kubeconfig").arg(running.kubeconfig()).args(["--metrics-bind-address", &format!("127.0.0.1:{port}")]);
    Agent(agent.stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn whatever_the_dashboards_of_flux_ask_for_is_told_until_it_is_gone_and_no_secret_is() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let repository = Repository::new(directory.path().join("fleet"));
    repository.config_map("app/map.yaml", "app", "1");
    repository.commit("begin");
    let port = port();
    let _agent = start(directory.path(), &running, &repository, port);
    eventually("it answers and has brought the definitions", || {
        let crd = running.kubectl(["get", "crd", "receivers.notification.toolkit.fluxcd.io"]);
        if crd.status.success() && scrape(port).is_some() { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let file = directory.path().join("follow.yaml");
    std::fs::write(&file, follow(&repository)).unwrap();
    eventually("the objects are taken", || {
        let applied = running.kubectl(["apply", "--server-side", "-f", file.to_str().unwrap()]);
        if applied.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&applied.stderr).into_owned()) }
    });
    running.wait_for_ready("app", "True", "");
    running.wait_for_ready("bad", "False", "");

    eventually("all that is asked for is told", || {
        let text = scrape(port).unwrap_or_default();
        let missing: Vec<_> = ASKED.iter().filter(|(_, metric, labels)| !has(&text, metric, labels)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} of {text}")) }
    });
    let kinds = ["Alert", "Provider", "Receiver", "HelmChart"];
    eventually("so are the other kinds", || {
        let text = scrape(port).unwrap_or_default();
        let missing: Vec<_> =
            kinds.iter().filter(|kind| !has(&text, "gotk_resource_info", &[("customresource_kind", kind)])).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} of {text}")) }
    });
    let text = scrape(port).unwrap();
    assert!(!text.contains("secret-token") && !text.contains("/hook/"), "{text}");

    running.kubectl_ok(["delete", "-n", "flux-system", "kustomization/bad", "bucket/things", "alert/all"]);
    eventually("nothing is told of what is gone", || {
        let text = scrape(port).unwrap_or_default();
        let told: Vec<_> = text
            .lines()
            .filter(|line| {
                line.starts_with("gotk_") && ["\"bad\"", "\"things\"", "\"all\""].iter().any(|name| line.contains(name))
            })
            .collect();
        if told.is_empty() { Ok(()) } else { Err(told.join("\n")) }
    });
}
