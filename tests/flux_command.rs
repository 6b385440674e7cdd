//! The `flux` command (2.9.5) against the API: the requests that it was seen to make, with what it reads of their answers.
//!
//! They were recorded between the real command and a control plane of `cowherd up`; docs/from-flux.md says which commands those were and how
//! they ended. Nothing of it needs the command itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// How it asks for objects, for their metadata alone, and for lists that are its own types of Kubernetes'.
const OBJECT: &str = "application/json, */*";
const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                        application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const BUILT_IN: &str = "application/vnd.kubernetes.protobuf,application/json";

/// The API, with kubectl in between, which only adds who asks.
struct Api {
    proxy: Child,
    address: String,
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

/// An answer.
struct Answer {
    status: u16,
    media_type: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        assert!(self.status < 300, "{}: {}", self.status, text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.media_type, text()))
    }
}

impl Api {
    fn of(running: &Running) -> Self {
        let mut proxy = Command::new("kubectl");
        proxy.args(["proxy", "--port", "0", "--kubeconfig"]).arg(running.kubeconfig());
        let mut proxy = proxy.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { proxy, address }
    }

    /// A request as the command makes it: which field manager it is follows from its name.
    fn send(&self, method: &str, path: &str, accept: &str, content: Option<(&str, &Value)>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (media_type, body) = content.map_or(("", String::new()), |(of, body)| (of, body.to_string()));
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nUser-Agent: flux/v0.0.0 (linux/amd64) kubernetes/$Format\r\nAccept: \
             {accept}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, accept: &str, content: Option<(&str, &Value)>) -> Answer {
        let mut answer = Vec::new();
        self.send(method, path, accept, content).read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| line.to_lowercase().strip_prefix("content-type: ").map(str::to_owned);
        let media_type = head.lines().find_map(field).unwrap_or_default();
        Answer { status, media_type, body: answer[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, OBJECT, None).json()
    }

    fn items(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().unwrap().clone()
    }

    fn merge(&self, path: &str, patch: &Value) -> Value {
        self.ask("PATCH", path, OBJECT, Some(("application/merge-patch+json", patch))).json()
    }

    /// What `flux reconcile` does: annotates, and waits until that is handled and the object is Current, as kstatus has it.
    fn reconcile(&self, path: &str, annotations: &[&str]) -> Value {
        let metadata = self.ask("GET", path, METADATA, None).json();
        assert_eq!(metadata["kind"], "PartialObjectMetadata", "{metadata}");
        let before = self.get(path)["status"]["lastHandledReconcileAt"].clone();
        let at = format!("2026-11-30T22:30:35.{:09}Z", std::process::id());
        let asked: serde_json::Map<_, _> =
            annotations.iter().map(|one| ((*one).to_owned(), at.clone().into())).collect();
        self.merge(path, &json!({ "metadata": { "annotations": asked } }));
        eventually(&format!("{path} is reconciled"), || {
            let object = self.get(path);
            let handled = &object["status"]["lastHandledReconcileAt"];
            if *handled != before && is_current(&object) { Ok(()) } else { Err(object["status"].to_string()) }
        });
        let object = self.get(path);
        assert_eq!(object["status"]["lastHandledReconcileAt"], at.as_str());
        object
    }

    /// What `flux suspend` and `flux resume` do: look an object up by its name, write the field, and wait.
    fn suspend_and_resume(&self, list: &str, name: &str) {
        let found = self.items(&format!("{list}?fieldSelector=metadata.name%3D{name}"));
        assert_eq!(found.len(), 1, "{found:?}");
        let path = format!("{list}/{name}");
        let suspended = self.merge(&path, &json!({ "spec": { "suspend": true } }));
        assert_eq!(suspended["spec"]["suspend"], true);
        // Nobody puts it back, although Git says otherwise.
        std::thread::sleep(Duration::from_secs(2));
        let still = self.get(&path);
        assert_eq!(still["spec"]["suspend"], true, "{still}");
        let managers = still["metadata"]["managedFields"].as_array().unwrap();
        assert!(managers.iter().any(|one| one["manager"] == "flux"), "{managers:?}");
        self.merge(&path, &json!({ "spec": { "suspend": null } }));
        eventually(&format!("{path} is ready again"), || {
            let object = self.get(&path);
            if is_ready(&object) { Ok(()) } else { Err(object.to_string()) }
        });
    }
}

fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|one| one["type"] == kind).unwrap_or_default()
}

/// Whether an object is Current, as kstatus computes it, and the command waits for it.
fn is_current(object: &Value) -> bool {
    let has = |kind: &str| condition(object, kind)["status"] == "True";
    let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    seen && has("Ready") && !has("Reconciling") && !has("Stalled") && object["metadata"]["deletionTimestamp"].is_null()
}

/// The same, as `flux create` and `flux resume` have it: with the generation of the condition.
fn is_ready(object: &Value) -> bool {
    is_current(object) && condition(object, "Ready")["observedGeneration"] == object["metadata"]["generation"]
}

const SOURCES: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system";
const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";
const RELEASES: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases";
const NOTIFICATION: &str = "/apis/notification.toolkit.fluxcd.io";
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

const OBJECTS: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: flux-system}
spec: {interval: 10m, targetNamespace: default, chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: flux-system}}}}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: flux-system}
stringData: {token: abc}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: hook, namespace: flux-system}
spec: {type: generic, secretRef: {name: token}, resources: [{kind: GitRepository, name: flux-system}]}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat, namespace: flux-system}
spec: {type: generic, address: 'https://chat.example.com'}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: all, namespace: flux-system}
spec: {providerRef: {name: chat}, eventSources: [{kind: HelmRelease, name: none}]}
";

/// A cluster with an object of each kind that takes no server.
struct World {
    api: Api,
    running: Running,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").config_map("app/red.yaml", "red", "1");
    repository.kustomization("failing", "./nowhere", "").write("cluster/more.yaml", OBJECTS);
    repository.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}-map\"}\n";
    repository.write("chart/templates/map.yaml", template);
    repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", "");
    running.wait_for_condition("helmrelease web", "True", &[]);
    running.wait_for_condition("receiver hook", "True", &[]);
    World { api: Api::of(&running), running, _directory: directory }
}

#[test]
fn get_tree_trace_stats_and_export_find_what_they_read() {
    let World { api, running, _directory } = world();
    // get, stats, export: lists of one namespace and of all of them.
    for (list, name) in [
        ("/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations", "app"),
        ("/apis/source.toolkit.fluxcd.io/v1/gitrepositories", "flux-system"),
        ("/apis/source.toolkit.fluxcd.io/v1/helmcharts", "flux-system-web"),
        ("/apis/helm.toolkit.fluxcd.io/v2/helmreleases", "web"),
        ("/apis/notification.toolkit.fluxcd.io/v1/receivers", "hook"),
    ] {
        let object = api.items(list).into_iter().find(|one| one["metadata"]["name"] == name).unwrap();
        assert!(is_ready(&object), "{object}");
        assert!(condition(&object, "Ready")["message"].as_str().is_some_and(|message| !message.is_empty()));
        let (version, plural) = list.trim_start_matches("/apis/").rsplit_once('/').unwrap();
        assert_eq!(api.get(&format!("/apis/{version}/namespaces/flux-system/{plural}/{name}"))["spec"], object["spec"]);
    }
    let revision = api.get(&format!("{SOURCES}/gitrepositories/flux-system"))["status"]["artifact"]["revision"].clone();
    assert!(revision.as_str().unwrap().starts_with("main@sha1:"), "{revision}");
    assert_eq!(api.get(&format!("{KUSTOMIZATIONS}/app"))["status"]["lastAppliedRevision"], revision);
    // The three without a status, or of no kind that is served: nothing of that is an error.
    for list in ["v1beta3/providers", "v1beta3/alerts"] {
        assert_eq!(api.items(&format!("{NOTIFICATION}/{list}")).len(), 1);
    }
    for list in ["buckets", "ocirepositories", "helmrepositories", "externalartifacts"] {
        assert!(api.items(&format!("{SOURCES}/{list}")).is_empty());
    }
    let selected =
        api.items(&format!("{KUSTOMIZATIONS}?labelSelector=kustomize.toolkit.fluxcd.io%2Fname%3Dflux-system"));
    assert_eq!(selected.len(), 2, "{selected:?}");
    let missing = api.ask("GET", "/apis/nothing.toolkit.fluxcd.io/v1", "application/json", None);
    assert_eq!(missing.status, 404);

    // tree: ids of the inventory, and Helm's own record of a release.
    let root = api.get(&format!("{KUSTOMIZATIONS}/flux-system"));
    let entries = root["status"]["inventory"]["entries"].as_array().unwrap();
    let has = |id: &str| entries.iter().any(|entry| entry["id"] == id && entry["v"].is_string());
    assert!(has("flux-system_app_kustomize.toolkit.fluxcd.io_Kustomization"), "{entries:?}");
    assert!(
        has("flux-system_token__Secret") && has("flux-system_web_helm.toolkit.fluxcd.io_HelmRelease"),
        "{entries:?}"
    );
    let release = api.get(&format!("{RELEASES}/web"));
    let (storage, latest) = (&release["status"]["storageNamespace"], &release["status"]["history"][0]);
    let name = format!("sh.helm.release.v1.{}.v{}", latest["name"].as_str().unwrap(), latest["version"]);
    let secret = api.get(&format!("/api/v1/namespaces/{}/secrets/{name}", storage.as_str().unwrap()));
    let once = BASE64_STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let twice = BASE64_STANDARD.decode(once).unwrap();
    let mut record = String::new();
    GzDecoder::new(&*twice).read_to_string(&mut record).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert!(record["manifest"].as_str().unwrap().contains("name: default-web-map"), "{record}");

    // trace: labels that lead to who applied it, and its source.
    for (object, label, owner) in [("red", "kustomize", "app"), ("default-web-map", "helm", "web")] {
        let labels = api.get(&format!("/api/v1/namespaces/default/configmaps/{object}"))["metadata"]["labels"].clone();
        assert_eq!(labels[format!("{label}.toolkit.fluxcd.io/name")], owner);
        assert_eq!(labels[format!("{label}.toolkit.fluxcd.io/namespace")], "flux-system");
    }
    assert_eq!(release["status"]["helmChart"], "flux-system/flux-system-web");

    // events: by kind, and by kind and name, in parts of 500.
    let events = "/api/v1/namespaces/flux-system/events";
    let of_app =
        format!("{events}?fieldSelector=involvedObject.kind%3DKustomization%2CinvolvedObject.name%3Dapp&limit=500");
    let of_app = api.items(&of_app);
    let is_of_app =
        |event: &Value| event["involvedObject"]["kind"] == "Kustomization" && event["involvedObject"]["name"] == "app";
    assert!(!of_app.is_empty() && of_app.iter().all(is_of_app), "{of_app:?}");
    let is_whole =
        |event: &Value| ["reason", "message", "type", "lastTimestamp"].iter().all(|field| event[*field].is_string());
    assert!(of_app.iter().all(is_whole), "{of_app:?}");
    let of_kind = api.items(&format!("{events}?fieldSelector=involvedObject.kind%3DKustomization&limit=500"));
    assert!(of_kind.len() > of_app.len(), "{of_kind:?}");
    assert_eq!(api.get("/api/v1/events?limit=500")["kind"], "EventList");
    drop((api, running));
}

#[test]
fn watches_begin_with_what_is_there() {
    let World { api, running, _directory } = world();
    for (path, kind) in [(KUSTOMIZATIONS, "Kustomization"), ("/api/v1/namespaces/flux-system/events", "Event")] {
        let stream = api.send("GET", &format!("{path}?watch=true"), OBJECT, None);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let lines = BufReader::new(stream).lines().map_while(Result::ok).skip_while(|line| !line.is_empty()).skip(1);
        let first: Value = lines.filter_map(|line| serde_json::from_str(&line).ok()).find(Value::is_object).unwrap();
        assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("ADDED"), &json!(kind)), "{first}");
    }
    drop((api, running));
}

#[test]
fn reconcile_suspend_and_resume_see_that_they_were_heard() {
    let World { api, running, _directory } = world();
    let hr = format!("{RELEASES}/web");
    for path in [
        format!("{SOURCES}/gitrepositories/flux-system"),
        format!("{SOURCES}/helmcharts/flux-system-web"),
        format!("{KUSTOMIZATIONS}/app"),
        format!("{NOTIFICATION}/v1/namespaces/flux-system/receivers/hook"),
    ] {
        api.reconcile(&path, &[REQUESTED]);
    }
    let before = api.get(&hr)["status"]["history"][0]["version"].as_i64().unwrap();
    let release = api.reconcile(&hr, &[REQUESTED, "reconcile.fluxcd.io/forceAt", "reconcile.fluxcd.io/resetAt"]);
    let status = &release["status"];
    assert_eq!(status["history"][0]["version"].as_i64(), Some(before + 1), "{status}");
    for field in ["lastHandledForceAt", "lastHandledResetAt"] {
        assert_eq!(status[field], status["lastHandledReconcileAt"], "{status}");
    }
    // What fails is waited for until the command gives up, as with Flux: it is neither Current nor Stalled.
    let failing = format!("{KUSTOMIZATIONS}/failing");
    api.merge(&failing, &json!({ "metadata": { "annotations": { REQUESTED: "now" } } }));
    eventually("the request is handled, and it fails again", || {
        let object = api.get(&failing);
        let is_handled = object["status"]["lastHandledReconcileAt"] == "now";
        let fails =
            condition(&object, "Ready")["status"] == "False" && condition(&object, "Stalled")["status"] != "True";
        if is_handled && fails { Ok(()) } else { Err(object.to_string()) }
    });

    api.suspend_and_resume(KUSTOMIZATIONS, "app");
    api.suspend_and_resume(RELEASES, "web");
    api.suspend_and_resume(&format!("{SOURCES}/gitrepositories"), "flux-system");
    api.suspend_and_resume(&format!("{NOTIFICATION}/v1/namespaces/flux-system/receivers"), "hook");
    let alert = format!("{NOTIFICATION}/v1beta3/namespaces/flux-system/alerts/all");
    assert_eq!(api.merge(&alert, &json!({ "spec": { "suspend": true } }))["spec"]["suspend"], true);
    drop((api, running));
}

#[test]
fn diff_changes_nothing_and_create_and_delete_do() {
    let World { api, running, _directory } = world();
    let path = "/api/v1/namespaces/default/configmaps/red";
    let before = api.get(path);
    let labels =
        json!({ "kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" });
    let applied = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "value": "2" },
        "metadata": { "creationTimestamp": null, "name": "red", "namespace": "default", "labels": labels } });
    let dry = format!("{path}?dryRun=All&fieldManager=kustomize-controller&force=true");
    let seen = api.ask("PATCH", &dry, OBJECT, Some(("application/apply-patch+yaml", &applied))).json();
    assert_eq!((&seen["data"]["value"], &before["data"]["value"]), (&json!("2"), &json!("1")));
    assert_eq!(api.get(path)["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);

    let made = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "creationTimestamp": null, "name": "made", "namespace": "flux-system" },
        "spec": { "interval": "5m0s", "path": "./app", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "flux-system" },
            "targetNamespace": "flux-system" } });
    assert_eq!(api.ask("GET", &format!("{KUSTOMIZATIONS}/made"), OBJECT, None).status, 404);
    api.ask("POST", KUSTOMIZATIONS, OBJECT, Some(("application/json", &made))).json();
    eventually("what was made is ready", || {
        let object = api.get(&format!("{KUSTOMIZATIONS}/made"));
        if is_ready(&object) { Ok(()) } else { Err(object.to_string()) }
    });
    assert_eq!(api.get("/api/v1/namespaces/flux-system/configmaps/red")["data"]["value"], "1");
    api.ask("DELETE", &format!("{KUSTOMIZATIONS}/made"), OBJECT, None).json();
    eventually("what it applied is gone with it", || {
        let left = api.ask("GET", "/api/v1/namespaces/flux-system/configmaps/red", OBJECT, None);
        if left.status == 404 { Ok(()) } else { Err(left.status.to_string()) }
    });
    drop((api, running));
}

#[test]
fn check_finds_the_definitions_and_in_a_cluster_the_agents() {
    let World { api, running, _directory } = world();
    let selector = "labelSelector=app.kubernetes.io%2Fpart-of%3Dflux";
    let definitions = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions?{selector}");
    let found = api.ask("GET", &definitions, OBJECT, None).json();
    let found = found["items"].as_array().unwrap();
    let is_stored =
        |one: &&Value| one["status"]["storedVersions"].as_array().is_some_and(|versions| !versions.is_empty());
    let names: Vec<_> = found.iter().filter(is_stored).filter_map(|one| one["metadata"]["name"].as_str()).collect();
    assert!(names.contains(&"kustomizations.kustomize.toolkit.fluxcd.io") && names.len() == found.len(), "{names:?}");
    let one = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitrepositories.source.toolkit.fluxcd.io";
    let metadata = api.ask("GET", one, METADATA, None).json();
    let labels = &metadata["metadata"]["labels"];
    // `flux install` and `flux bootstrap` ask before they put Flux in its place, since it is managed by something else.
    assert_eq!(labels["app.kubernetes.io/managed-by"], "cowherd", "{labels}");
    assert!(labels["app.kubernetes.io/version"].as_str().unwrap().starts_with("cowherd-"), "{labels}");
    // This control plane is the program itself: there is no controller in it, and none is made up.
    let deployments = format!("/apis/apps/v1/namespaces/flux-system/deployments?{selector}");
    let none = api.ask("GET", &deployments, BUILT_IN, None);
    assert_eq!(none.status, 200);
    assert!(api.items(&deployments).is_empty());
    drop((api, running));

    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(directory.path(), ["server"]);
    let mut install = cowherd(directory.path());
    install.args(["install", "--image", "registry.example.com/team/cowherd:1.2", "--timeout", "1s", "--kubeconfig"]);
    // No node runs them, which it says.
    install.arg(server.kubeconfig()).output().unwrap();
    let api = Api::of(&server);
    let found = api.items(&deployments);
    assert_eq!(found.len(), 1, "{found:?}");
    let container = &found[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example.com/team/cowherd:1.2");
    // `flux logs` reads lines that are objects.
    assert!(container["args"].as_array().unwrap().contains(&json!("--log-encoding=json")), "{container}");
    drop((api, server));
}
