//! What others name in the cluster: it is fetched on their account alone, and who waits for it holds up nobody else.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cowherd_source::Network;
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, kustomization};

/// A server that accepts connections and never says anything.
struct Silent {
    address: SocketAddr,
    /// How many connections are open.
    open: Arc<AtomicUsize>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let count = open.clone();
        std::thread::spawn(move || {
            for mut peer in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let count = count.clone();
                std::thread::spawn(move || {
                    // Until the other side closes, which may be a reset.
                    let _ = std::io::copy(&mut peer.by_ref(), &mut std::io::sink());
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// A cluster whose tenants may have 127.0.0.1 connected to, for that is where the tests' servers are.
async fn world() -> World {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access.network = Network::Others(vec!["127.0.0.1".parse().unwrap()]);
    world.start_agents();
    world
}

async fn git_repository(world: &World, namespace: &str, name: &str, spec: Value) {
    let object = json!({ "metadata": { "name": name, "namespace": namespace }, "spec": spec });
    world.create("source.toolkit.fluxcd.io/v1", "GitRepository", object).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_on_this_machine_is_not_fetched_and_the_flag_is_named() {
    let world = World::new().await;
    let silent = Silent::start();
    for (name, url) in [
        ("web", format!("http://{}/x", silent.address)),
        ("shell", "ssh://git@127.0.0.1/x".to_owned()),
        ("keyless", "ssh://git@git.example.com/x".to_owned()),
    ] {
        git_repository(&world, "apps", name, json!({ "interval": "1h", "url": url })).await;
    }
    let message = async |name: &str, text: &str| {
        world
            .until(&format!("{name} says {text}"), async || {
                let found =
                    world.get("source.toolkit.fluxcd.io/v1", "GitRepository", Some("apps"), name).await.unwrap();
                let ready = &found["status"]["conditions"][0];
                match ready["message"].as_str() {
                    Some(message) if message.contains(text) && ready["status"] == "False" => {
                        Ok(ready["reason"].clone())
                    }
                    _ => Err(ready.to_string()),
                }
            })
            .await
    };
    for name in ["web", "shell"] {
        assert_eq!(message(name, "--allow-network 127.0.0.1").await, "AccessDenied");
    }
    assert_eq!(message("keyless", "identity and known_hosts").await, "AuthenticationFailed");
    assert_eq!(silent.open(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_repositories_of_a_silent_server_hold_up_no_other_and_end_when_they_are_deleted() {
    let world = world().await;
    let silent = Silent::start();
    let url = format!("http://{}/x", silent.address);
    for number in 0..600 {
        let namespace = if number % 2 == 0 { "other" } else { FLUX };
        let spec = json!({ "interval": "1h", "timeout": "600s", "url": url });
        git_repository(&world, namespace, &format!("silent-{number}"), spec).await;
    }
    world.until("some are being fetched", async || if silent.open() > 4 { Ok(()) } else { Err(silent.open()) }).await;
    world.repository.write("app/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    world.repository.write("app/a.yaml", &config_map("apps", "a", "2"));
    let second = world.repository.commit("second");
    world.ready("app", &second).await;
    assert!(silent.open() <= 64, "{} connections are open", silent.open());
    for namespace in ["other", FLUX] {
        let repositories = world.api("source.toolkit.fluxcd.io/v1", "GitRepository", Some(namespace));
        for number in (0..600).filter(|number| (number % 2 == 0) == (namespace == "other")) {
            repositories.delete(&format!("silent-{number}"), &Default::default()).await.unwrap();
        }
    }
    world
        .until("all connections are closed", async || if silent.open() == 0 { Ok(()) } else { Err(silent.open()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bases_hold_up_no_other_and_not_the_commit_that_takes_them_away() {
    let world = world().await;
    let silent = Silent::start();
    let base = format!("resources: ['http://{}/base.git//app?timeout=600s']\n", silent.address);
    for number in 0..24 {
        world.repository.write(&format!("slow-{number}/kustomization.yaml"), &base);
    }
    world.repository.write("quick/a.yaml", &config_map("apps", "quick", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for number in 0..24 {
        world.add(kustomization(&format!("slow-{number}"), &format!("./slow-{number}"), json!({}))).await;
    }
    world.until("some are being fetched", async || if silent.open() > 2 { Ok(()) } else { Err(silent.open()) }).await;
    world.add(kustomization("quick", "./quick", json!({}))).await;
    world.ready("quick", &first).await;
    for number in 0..24 {
        world.repository.write(&format!("slow-{number}/kustomization.yaml"), "resources: [a.yaml]\n");
        let map = config_map("apps", &format!("slow-{number}"), "1");
        world.repository.write(&format!("slow-{number}/a.yaml"), &map);
    }
    let second = world.repository.commit("second");
    for number in 0..24 {
        world.ready(&format!("slow-{number}"), &second).await;
    }
    world
        .until("all connections are closed", async || if silent.open() == 0 { Ok(()) } else { Err(silent.open()) })
        .await;
}

/// Lets the account `deployer` of the namespace of Kustomizations do what an apply takes with ConfigMaps of `apps`.
async fn grant(world: &World) {
    let rbac = "rbac.authorization.k8s.io/v1";
    let rule = json!({ "apiGroups": [""], "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"] });
    let name = json!({ "name": "deployer", "namespace": "apps" });
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": "deployer", "namespace": FLUX } })).await;
    world.create(rbac, "Role", json!({ "metadata": name, "rules": [rule] })).await;
    let binding = json!({ "metadata": name,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer" },
        "subjects": [{ "kind": "ServiceAccount", "name": "deployer", "namespace": FLUX }] });
    world.create(rbac, "RoleBinding", binding).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_with_an_account_does_what_that_may_and_no_more() {
    let world = World::new().await;
    grant(&world).await;
    world.repository.write("app/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({ "serviceAccountName": "deployer" }))).await;
    world.ready("app", &first).await;
    world.repository.remove("app/a.yaml");
    world.repository.write("app/c.yaml", &config_map("apps", "c", "1"));
    let second = world.repository.commit("second");
    world.ready("app", &second).await;
    assert_eq!(world.value("apps", "a").await, None, "it is pruned with the rights of the account");
    world.repository.write("app/b.yaml", &config_map("other", "b", "1"));
    world.repository.commit("third");
    let message = world.failed("app", "ReconciliationFailed", "ConfigMap/other/b").await;
    assert!(message.contains("system:serviceaccount:flux-system:deployer"), "{message}");
    assert_eq!(world.value("other", "b").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_tells_nothing_of_what_the_account_may_not_read() {
    let world = World::new().await;
    grant(&world).await;
    world.create("v1", "Secret", json!({ "metadata": { "name": "there", "namespace": FLUX } })).await;
    world.repository.write("app/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    for name in ["there", "absent"] {
        let check = json!({ "apiVersion": "v1", "kind": "Secret", "name": name, "namespace": FLUX });
        let spec = json!({ "serviceAccountName": "deployer", "healthChecks": [check] });
        world.add(kustomization(name, "./app", spec)).await;
        let message = world.failed(name, "HealthCheckFailed", "spec.healthChecks: ").await;
        assert!(message.contains(&format!("Secret/{FLUX}/{name}")) && message.contains("forbidden"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_without_an_account_acts_for_the_default_one_of_its_namespace() {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.default_service_account = Some("deployer".to_owned());
    world.start_agents();
    grant(&world).await;
    for (name, namespace) in [("allowed", "apps"), ("denied", "other")] {
        world.repository.write(&format!("{name}/a.yaml"), &config_map(namespace, name, "1"));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["allowed", "denied"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
    }
    world.ready("allowed", &first).await;
    let message = world.failed("denied", "ReconciliationFailed", "ConfigMap/other/denied").await;
    assert!(message.contains("system:serviceaccount:flux-system:deployer"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn references_to_other_namespaces_are_refused_where_they_are_blocked() {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.no_cross_namespace_refs = true;
    world.start_agents();
    world.repository.write("app/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    let source = json!({ "sourceRef": { "kind": "GitRepository", "name": "theirs", "namespace": "other" } });
    world.add(kustomization("source", "./app", source)).await;
    world.add(kustomization("needs", "./app", json!({ "dependsOn": [{ "name": "x", "namespace": "other" }] }))).await;
    world.add(kustomization("own", "./app", json!({}))).await;
    world.failed("source", "AccessDenied", "can't access 'other/theirs', cross-namespace references").await;
    world.failed("needs", "AccessDenied", "can't access 'other/x', cross-namespace references").await;
    world.ready("own", &first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_namespaces_without_accounts_are_told_of() {
    let world = World::new().await;
    world.add(kustomization("one", "./app", json!({}))).await;
    let mut other = kustomization("two", "./app", json!({}));
    other["metadata"]["namespace"] = "apps".into();
    world.add(other).await;
    world
        .until("an event says so", async || {
            let events = world.api("v1", "Event", None).list(&Default::default()).await.unwrap();
            let told = events.items.iter().filter(|event| event.data["reason"] == "NoServiceAccount").count();
            if told == 1 { Ok(()) } else { Err(told) }
        })
        .await;
}
