//! Kustomizations and HelmReleases whose objects are in another cluster, which a kubeconfig in a Secret leads to: a second server is that
//! cluster, and what can go wrong with one goes wrong.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cowherd_gitserver::Flaw;
use cowherd_gitserver::files::Server;
use serde_json::{Value, json};

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually, succeeded};

/// What names the kubeconfig of the spoke.
const TO_SPOKE: &str = "kubeConfig:\n  secretRef:\n    name: spoke";

/// A cluster that follows a repository, and another one that its Kustomizations are brought to.
struct Hub {
    repository: Repository,
    running: Running,
    spoke: Running,
    // Goes last, when nobody writes into it any more.
    directory: tempfile::TempDir,
}

impl Hub {
    /// The Kustomization `app` brings the ConfigMap `red` with the value `1` to the spoke, and `other`, which is applied here, the ConfigMap
    /// `other`.
    fn start() -> Self {
        let hub = Self::prepare();
        hub.repository.kustomization("app", "./app", TO_SPOKE).config_map("app/red.yaml", "red", "1");
        hub.repository.commit("begin");
        hub.add_secret("spoke", &hub.kubeconfig());
        hub.running.wait_for_ready("app", "True", "");
        hub
    }

    /// Both clusters, without a Kustomization for the spoke.
    fn prepare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("fleet"));
        repository.kustomization("other", "./other", "").config_map("other/map.yaml", "other", "1");
        let commit = repository.commit("the hub");
        std::fs::create_dir(directory.path().join("spoke")).unwrap();
        let spoke = Running::start(&directory.path().join("spoke"), ["server"]);
        let flags = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1/32"];
        let running = Running::start(directory.path(), flags);
        running.wait_for_ready("other", "True", &commit);
        Self { repository, running, spoke, directory }
    }

    /// The kubeconfig of the spoke's admin.
    fn kubeconfig(&self) -> Value {
        kubeconfig(&self.spoke)
    }

    /// A Secret with a kubeconfig, or another one in its place.
    fn add_secret(&self, name: &str, kubeconfig: &Value) {
        let data = json!({ "value": BASE64_STANDARD.encode(kubeconfig.to_string()) });
        let metadata = json!({ "name": name, "namespace": "flux-system" });
        self.apply(&json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data }));
    }

    fn apply(&self, object: &Value) {
        apply(&self.running, self.directory.path(), object);
    }

    /// Waits until `app` is not ready, for these words.
    fn wait_until_failed(&self, words: &[&str]) {
        self.running.wait_for_condition("kustomization app", "False", words);
    }

    /// A change of what is applied here still arrives, at once.
    fn others_are_well(&self, value: &str) {
        let began = Instant::now();
        self.repository.config_map("other/map.yaml", "other", value);
        self.repository.commit(&format!("other is {value}"));
        self.running.wait_for_value("other", value);
        assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    }
}

fn kubeconfig(of: &Running) -> Value {
    let view = of.kubectl_ok(["config", "view", "--raw", "--flatten", "-o", "json"]);
    serde_json::from_str(&view).unwrap()
}

fn apply(to: &Running, directory: &Path, object: &Value) {
    let file = directory.join("object.json");
    std::fs::write(&file, object.to_string()).unwrap();
    to.kubectl_ok(["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()]);
}

/// Waits until a cluster has no such ConfigMap.
fn wait_until_gone(running: &Running, config_map: &str) {
    eventually(&format!("{config_map} is gone"), || match running.value(config_map) {
        seen if seen.is_empty() => Ok(()),
        seen => Err(seen),
    });
}

/// Changes an object of the hub, given as `kubectl` takes it.
fn patch(running: &Running, object: &str, patch: &str) {
    let words = ["patch", "-n", "flux-system", "--type", "merge", "-p", patch];
    running.kubectl_ok(words.into_iter().chain(object.split(' ')));
}

#[test]
fn what_a_kustomization_has_in_another_cluster_is_applied_kept_and_pruned_there_and_nowhere_else() {
    let hub = Hub::start();
    assert_eq!((hub.spoke.value("red"), hub.running.value("red")), ("1".to_owned(), String::new()));

    // What is changed there by hand becomes again what the repository says.
    let patched = |value: &str| {
        let patch = format!("{{\"data\":{{\"value\":{value:?}}}}}");
        hub.spoke.kubectl_ok(["patch", "configmap", "red", "-n", "default", "-p", &patch]);
    };
    patched("by hand");
    hub.spoke.wait_for_value("red", "1");
    hub.spoke.kubectl_ok(["delete", "configmap", "red", "-n", "default"]);
    hub.spoke.wait_for_value("red", "1");

    // An object of the same name that is applied here is another one.
    hub.repository.config_map("other/red.yaml", "red", "here").config_map("app/blue.yaml", "blue", "1");
    let commit = hub.repository.commit("red here, too");
    hub.running.wait_for_ready("app", "True", &commit);
    hub.running.wait_for_ready("other", "True", &commit);
    assert_eq!((hub.spoke.value("red"), hub.running.value("red")), ("1".to_owned(), "here".to_owned()));
    assert_eq!((hub.spoke.value("blue"), hub.running.value("blue")), ("1".to_owned(), String::new()));
    let conditions = hub.running.get("kustomizations -n flux-system").to_string();
    assert!(!conditions.contains("SharedObjects"), "{conditions}");

    hub.repository.remove("app/red.yaml");
    let commit = hub.repository.commit("without red there");
    hub.running.wait_for_ready("app", "True", &commit);
    wait_until_gone(&hub.spoke, "red");
    assert_eq!(hub.running.value("red"), "here");

    // Health is that of the other cluster: there nothing makes a StatefulSet ready.
    let set = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  selector: {matchLabels: {a: \
               b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: web, image: web}]}\n";
    hub.repository.write("app/web.yaml", set);
    hub.repository.kustomization("app", "./app", &format!("{TO_SPOKE}\nwait: true\ntimeout: 3s"));
    hub.repository.commit("web");
    hub.wait_until_failed(&["health check failed", "Deployment/default/web"]);
    hub.repository.remove("app/web.yaml").kustomization("app", "./app", TO_SPOKE);
    let commit = hub.repository.commit("without web");
    hub.running.wait_for_ready("app", "True", &commit);

    // With the Kustomization all goes that it has there.
    hub.repository.remove("cluster/app.yaml");
    hub.repository.commit("without the Kustomization");
    wait_until_gone(&hub.spoke, "blue");
    eventually("the Kustomization is gone", || {
        let found = hub.running.kubectl(["get", "kustomization", "app", "-n", "flux-system"]);
        if found.status.success() { Err("it is there".to_owned()) } else { Ok(()) }
    });
}

#[test]
fn a_kubeconfig_that_is_of_no_use_is_told_by_name_and_tried_again_once_it_is_another_one() {
    let hub = Hub::start();
    let good = hub.kubeconfig();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut kubeconfig = good.clone();
        change(&mut kubeconfig);
        kubeconfig
    };
    let user = |value: Value| changed(&|config: &mut Value| config["users"][0]["user"] = value.clone());
    let cluster = |field: &str, value: Value| {
        changed(&|config: &mut Value| config["clusters"][0]["cluster"][field] = value.clone())
    };
    let marker = hub.directory.path().join("was-run");
    let exec = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "touch",
        "args": [marker.to_str().unwrap()], "interactiveMode": "Never" } });
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap().cert.pem();
    let nobody = json!({ "token": "hunter2" });
    // Servers that have something else than the spoke has: a certificate of before, one of somebody else, files.
    let server = |flaw: Flaw| Server::start_tls_with(hub.directory.path(), flaw);
    let (expired, misnamed, files) = (server(Flaw::Expired), server(Flaw::OtherNames), server(Flaw::Unknown));
    let at = |server: &Server| {
        let mut kubeconfig = cluster("server", json!(server.url("")));
        let authority = BASE64_STANDARD.encode(server.certificate.as_ref().unwrap());
        kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"] = authority.into();
        kubeconfig
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut insecure = cluster("insecure-skip-tls-verify", json!(true));
    insecure["clusters"][0]["cluster"].as_object_mut().unwrap().remove("certificate-authority-data");
    let cases: Vec<(Value, &[&str])> = vec![
        (user(exec), &["spec.kubeConfig: the Secret flux-system/spoke", "user.exec, which is refused"]),
        (user(json!({ "tokenFile": "/etc/hostname" })), &["user.tokenFile, which is refused"]),
        (cluster("certificate-authority", json!("/etc/ssl")), &["cluster.certificate-authority, which is refused"]),
        (cluster("proxy-url", json!("http://127.0.0.1:1")), &["cluster.proxy-url, which is refused"]),
        (insecure, &["insecure-skip-tls-verify: true, which is refused", "--insecure-kubeconfig-tls"]),
        (
            cluster("certificate-authority-data", json!(BASE64_STANDARD.encode(&stranger))),
            &["is not reached: ", "certificate-authority-data of the kubeconfig"],
        ),
        (user(nobody), &["does not accept the credentials of the Secret flux-system/spoke"]),
        (cluster("server", json!(format!("https://{closed}"))), &["is not reached: no connection comes about"]),
        (cluster("server", json!("https://169.254.169.254")), &["169.254.169.254, where manifests must not"]),
        (cluster("server", json!("https://[::1]:6443")), &["::1, where manifests must not", "--allow-network ::1"]),
        (at(&expired), &["is not reached: its certificate expired on 2020-12-31", "renew it"]),
        (at(&misnamed), &["is not reached: its certificate is for other.example.com", "tls-server-name"]),
        (at(&files), &["is not reached: what answers there is no Kubernetes API"]),
        (json!({ "clusters": [] }), &["the kubeconfig is wrong: current-context is missing"]),
        (json!("x".repeat(300 * 1024)), &["the kubeconfig is larger than 256 KiB"]),
    ];
    for (kubeconfig, words) in &cases {
        hub.add_secret("spoke", kubeconfig);
        hub.wait_until_failed(words);
        let seen = hub.running.get("kustomization app -n flux-system").to_string();
        assert!(!seen.contains("hunter2"), "{seen}");
    }
    assert!(!marker.exists(), "no command was run");
    hub.others_are_well("2");
    assert_eq!(hub.spoke.value("red"), "1", "what is there stays as it was");

    // It goes on as soon as the kubeconfig is good, without waiting for the interval.
    hub.repository.config_map("app/red.yaml", "red", "2");
    let commit = hub.repository.commit("red is 2");
    hub.add_secret("spoke", &good);
    hub.running.wait_for_ready("app", "True", &commit);
    assert_eq!(hub.spoke.value("red"), "2");

    hub.running.kubectl_ok(["delete", "secret", "spoke", "-n", "flux-system"]);
    hub.wait_until_failed(&["spec.kubeConfig: there is no Secret flux-system/spoke; make it"]);
    assert_eq!(hub.spoke.value("red"), "2");
    hub.add_secret("spoke", &good);
    hub.running.wait_for_ready("app", "True", &commit);
    let said = hub.running.said();
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_cluster_that_is_gone_or_hangs_costs_those_alone_that_are_brought_there() {
    let hub = Hub::start();
    let address = hub.spoke.address();
    // One that takes connections and says nothing, for more owners than are applied at the same time.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hanging = hub.kubeconfig();
    hanging["clusters"][0]["cluster"]["server"] = format!("https://{}", silent.local_addr().unwrap()).into();
    hub.add_secret("hanging", &hanging);
    for number in 0..40 {
        let name = format!("hanging-{number}");
        hub.repository.kustomization(&name, "./app", "kubeConfig:\n  secretRef:\n    name: hanging");
    }
    hub.repository.commit("forty that hang");
    hub.running.wait_for_condition("kustomization hanging-39", "False", &["is not reached: "]);
    hub.others_are_well("2");
    hub.repository.config_map("other/more.yaml", "more", "1");
    hub.repository.commit("more");
    hub.running.wait_for_value("more", "1");
    let began = Instant::now();
    hub.repository.remove("other/more.yaml");
    hub.repository.commit("no more");
    wait_until_gone(&hub.running, "more");
    assert!(began.elapsed() < Duration::from_secs(8), "what goes waits for nobody elsewhere: {:?}", began.elapsed());
    // Nor does it hold up what is brought to other clusters.
    hub.repository.config_map("app/red.yaml", "red", "2");
    hub.repository.commit("red is 2");
    hub.spoke.wait_for_value("red", "2");
    for number in 0..40 {
        hub.repository.remove(&format!("cluster/hanging-{number}.yaml"));
    }
    hub.repository.commit("without those that hang");

    // It is gone for a moment.
    let Hub { spoke, running, .. } = hub;
    let data_dir = spoke.kill();
    let mut server = cowherd(data_dir.parent().unwrap());
    server.arg("server");
    let spoke = Running::listening(server, &data_dir, &address);
    spoke.kubectl_ok(["delete", "configmap", "red", "-n", "default"]);
    spoke.wait_for_value("red", "2");
    running.wait_for_ready("app", "True", "");
}

#[test]
fn what_is_in_a_cluster_that_is_gone_is_pruned_once_it_is_back_or_left_when_that_is_said() {
    let hub = Hub::start();
    hub.repository.kustomization("left", "./left", TO_SPOKE).config_map("left/left.yaml", "left", "1");
    hub.repository.commit("another one");
    hub.spoke.wait_for_value("left", "1");
    hub.running.wait_for_ready("left", "True", "");
    let address = hub.spoke.address();
    let Hub { repository, running, spoke, directory } = hub;
    let data_dir = spoke.kill();

    repository.remove("cluster/app.yaml").remove("cluster/left.yaml");
    repository.commit("without both");
    for name in ["app", "left"] {
        let words =
            ["pruning for deleted resource failed", "Its objects (1) are in that cluster", "deletionPolicy: Orphan"];
        running.wait_for_condition(&format!("kustomization {name}"), "False", &words);
    }
    patch(&running, "kustomization left", r#"{"spec":{"deletionPolicy":"Orphan"}}"#);
    let is_gone = |name: &str| {
        eventually(&format!("{name} is gone"), || {
            let found = running.kubectl(["get", "kustomization", name, "-n", "flux-system"]);
            if found.status.success() { Err("it is there".to_owned()) } else { Ok(()) }
        });
    };
    is_gone("left");
    let mut server = cowherd(&directory.path().join("spoke"));
    server.arg("server");
    let spoke = Running::listening(server, &data_dir, &address);
    wait_until_gone(&spoke, "red");
    is_gone("app");
    assert_eq!(spoke.value("left"), "1", "it was let go of");
}

#[test]
fn what_another_cluster_has_stays_there_when_the_kubeconfig_leads_elsewhere() {
    let hub = Hub::start();
    let second = hub.directory.path().join("second");
    std::fs::create_dir(&second).unwrap();
    let second = Running::start(&second, ["server"]);
    hub.add_secret("spoke", &kubeconfig(&second));
    second.wait_for_value("red", "1");
    hub.running.wait_for_warning(
        "Kustomization/app",
        &["another cluster", "stays in the former one (1)", "ConfigMap/default/red"],
    );
    // The same cluster by another name of its server is the same cluster.
    hub.running.wait_for_ready("app", "True", "");
    let mut renamed = kubeconfig(&second);
    let server = format!("https://localhost:{}", second.address().rsplit_once(':').unwrap().1);
    renamed["clusters"][0]["cluster"]["server"] = server.into();
    renamed["clusters"][0]["cluster"]["tls-server-name"] = "127.0.0.1".into();
    hub.add_secret("spoke", &renamed);
    hub.repository.remove("app/red.yaml").config_map("app/blue.yaml", "blue", "1");
    hub.repository.config_map("app/green.yaml", "green", "1");
    hub.repository.commit("blue and green instead of red");
    second.wait_for_value("blue", "1");
    eventually("red waits for approval or is gone", || {
        let ready = hub.running.get("kustomization app -n flux-system")["status"]["inventory"].to_string();
        if ready.contains("default_red__ConfigMap") || second.value("red").is_empty() { Ok(()) } else { Err(ready) }
    });
    assert_eq!(hub.spoke.value("red"), "1");
}

#[test]
fn an_account_that_is_named_is_one_of_the_other_cluster() {
    let hub = Hub::prepare();
    let spoke = |object: Value| apply(&hub.spoke, hub.directory.path(), &object);
    let to_spoke = format!("{TO_SPOKE}\nserviceAccountName: deployer");
    hub.repository.kustomization("app", "./app", &to_spoke).config_map("app/red.yaml", "red", "1");
    let commit = hub.repository.commit("for an account");
    hub.add_secret("spoke", &hub.kubeconfig());
    // What it may here means nothing there.
    hub.running.kubectl_ok(["create", "serviceaccount", "deployer", "-n", "flux-system"]);
    let user = "system:serviceaccount:flux-system:deployer";
    let bind = ["create", "clusterrolebinding", "deployer", "--clusterrole", "cluster-admin", "--user", user];
    hub.running.kubectl_ok(bind);
    hub.wait_until_failed(&[user, "cannot patch resource \"configmaps\""]);
    spoke(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "flux-system" } }));
    spoke(
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "deployer", "namespace": "flux-system" } }),
    );
    hub.spoke.kubectl_ok(["create", "role", "maps", "-n", "default", "--verb", "*", "--resource", "configmaps"]);
    hub.spoke.kubectl_ok([
        "create",
        "rolebinding",
        "maps",
        "-n",
        "default",
        "--role",
        "maps",
        "--serviceaccount",
        "flux-system:deployer",
    ]);
    hub.running.wait_for_ready("app", "True", &commit);
    assert_eq!(hub.spoke.value("red"), "1");

    // Nobody there may watch all ConfigMaps for it, and that is said.
    let word = "reconcile.fluxcd.io/requestedAt=now";
    hub.running.kubectl_ok(["annotate", "kustomization", "app", "-n", "flux-system", word]);
    eventually("it is said that drift is not seen", || {
        let conditions = hub.running.get("kustomization app -n flux-system")["status"]["conditions"].to_string();
        if conditions.contains("DriftUnseen") { Ok(()) } else { Err(conditions) }
    });
    // Without the account nobody may prune there any more, so what there is stays, and the Kustomization goes.
    hub.spoke.kubectl_ok(["delete", "serviceaccount", "deployer", "-n", "flux-system"]);
    hub.spoke.kubectl_ok(["create", "clusterrole", "accounts", "--verb", "get", "--resource", "serviceaccounts"]);
    hub.spoke.kubectl_ok(["create", "clusterrolebinding", "accounts", "--clusterrole", "accounts", "--user", user]);
    hub.repository.remove("cluster/app.yaml");
    hub.repository.commit("without it");
    hub.running.wait_for_warning(
        "Kustomization/app",
        &["unable to prune objects", "does not exist any more", "ConfigMap/default/red"],
    );
    assert_eq!(hub.spoke.value("red"), "1");
}

/// Runs helm against a cluster.
fn helm(running: &Running, words: &[&str]) -> String {
    let mut command = Command::new("helm");
    command.args(words).arg("--kubeconfig").arg(running.kubeconfig()).env("HOME", &running.data_dir);
    succeeded(command.output().unwrap())
}

#[test]
fn a_release_is_made_looked_after_and_uninstalled_in_another_cluster() {
    let hub = Hub::prepare();
    hub.add_secret("spoke", &hub.kubeconfig());
    apply(
        &hub.spoke,
        hub.directory.path(),
        &json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "seen", "namespace": "default" }, "data": { "value": "there" } }),
    );
    let chart = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  value: {{ (lookup \"v1\" \
                    \"ConfigMap\" \"default\" \"seen\").data.value | quote }}\n";
    hub.repository.write("charts/web/Chart.yaml", chart).write("charts/web/templates/map.yaml", template);
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec:\n  \
                   interval: 10m\n  releaseName: web\n  targetNamespace: default\n  storageNamespace: records\n  driftDetection: {mode: enabled}\n  kubeConfig: {secretRef: {name: spoke}}\n  chart:\n    \
                   spec:\n      chart: ./charts/web\n      sourceRef: {kind: GitRepository, name: flux-system}\n";
    hub.spoke.kubectl_ok(["create", "namespace", "records"]);
    hub.repository.write("cluster/web.yaml", release).commit("a release");
    hub.running.wait_for_condition("helmrelease web", "True", &["Helm install succeeded"]);
    assert_eq!((hub.spoke.value("web"), hub.running.value("web")), ("there".to_owned(), String::new()));
    assert!(helm(&hub.spoke, &["list", "-n", "records"]).contains("web-0.1.0"));
    assert!(!helm(&hub.running, &["list", "-A"]).contains("web-0.1.0"));

    hub.spoke.kubectl_ok(["delete", "configmap", "web", "-n", "default"]);
    hub.spoke.wait_for_value("web", "there");

    hub.repository.remove("cluster/web.yaml").commit("without the release");
    wait_until_gone(&hub.spoke, "web");
    eventually("Helm has no record of it", || {
        let records = helm(&hub.spoke, &["list", "-n", "records"]);
        if records.contains("web-0.1.0") { Err(records) } else { Ok(()) }
    });
}

#[test]
fn an_account_of_this_cluster_shows_itself_to_one_that_trusts_its_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path().join("spoke");
    std::fs::create_dir(&there).unwrap();
    // Both grow from one state, and so have one key for tokens, as a cluster has that trusts the issuer of another one.
    let spoke = Running::start(&there, ["server"]);
    spoke.kubectl_ok(["create", "namespace", "flux-system"]);
    spoke.kubectl_ok(["create", "serviceaccount", "hub", "-n", "flux-system"]);
    spoke.stop();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(there.join("data/state.redb"), data.join("state.redb")).unwrap();
    let spoke = Running::start(&there, ["server"]);

    let repository = Repository::new(directory.path().join("fleet"));
    let to_spoke = "kubeConfig:\n  configMapRef:\n    name: spoke";
    repository.kustomization("app", "./app", to_spoke).config_map("app/red.yaml", "red", "1");
    let commit = repository.commit("for the spoke");
    let flags = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1/32"];
    let running = Running::start(directory.path(), flags);
    let name = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "spoke", "namespace": "flux-system" }, "data": data });
    let authority = std::fs::read_to_string(there.join("data/pki/ca.crt")).unwrap();
    let mut said =
        json!({ "provider": "aws", "address": spoke.address(), "ca.crt": authority, "serviceAccountName": "hub" });
    running.wait_for_ready("app", "False", "spec.kubeConfig: there is no ConfigMap flux-system/spoke");
    apply(&running, directory.path(), &name(said.clone()));
    running.wait_for_ready("app", "False", "its provider \"aws\" is not supported");
    said["provider"] = "generic".into();
    apply(&running, directory.path(), &name(said.clone()));
    running.wait_for_ready("app", "False", "does not accept the credentials of the ConfigMap flux-system/spoke");
    said["audiences"] = "https://kubernetes.default.svc.cluster.local\n".into();
    apply(&running, directory.path(), &name(said));
    running.wait_for_ready("app", "False", "User \"system:serviceaccount:flux-system:hub\" cannot");
    let user = "system:serviceaccount:flux-system:hub";
    spoke.kubectl_ok(["create", "clusterrolebinding", "hub", "--clusterrole", "cluster-admin", "--user", user]);
    running.wait_for_ready("app", "True", &commit);
    assert_eq!((spoke.value("red"), running.value("red")), ("1".to_owned(), String::new()));
    spoke.kubectl_ok(["delete", "configmap", "red", "-n", "default"]);
    spoke.wait_for_value("red", "1");
}

#[test]
fn two_that_describe_an_object_of_one_cluster_are_told_so_and_neither_deletes_it_while_the_other_does() {
    let hub = Hub::start();
    hub.add_secret("again", &hub.kubeconfig());
    let again = "kubeConfig:\n  secretRef:\n    name: again";
    hub.repository.kustomization("second", "./second", again).config_map("second/red.yaml", "red", "2");
    hub.repository.config_map("second/blue.yaml", "blue", "1");
    let commit = hub.repository.commit("red twice, by two Secrets");
    hub.running.wait_for_ready("second", "True", &commit);
    hub.running.wait_for_warning("Kustomization/second", &["ConfigMap/default/red is as flux-system/app describes it"]);
    assert_eq!(hub.spoke.value("red"), "1", "that of the older one is there");

    let uid = hub.spoke.uid("configmap red -n default");
    hub.repository.remove("app/red.yaml").config_map("app/green.yaml", "green", "1");
    let commit = hub.repository.commit("red once");
    hub.running.wait_for_ready("app", "True", &commit);
    hub.spoke.wait_for_value("red", "2");
    assert_eq!(hub.spoke.uid("configmap red -n default"), uid, "it was never gone");
}
